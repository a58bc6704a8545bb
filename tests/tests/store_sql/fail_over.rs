//! A database that only reads for a while, as the replica does that a pool has found in the place of
//! the primary: what begins then goes on to read only. And a server that ends the connections that a
//! pool has.

use session_runtime::store::{SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::backend::mariadb::MariaDb;

use crate::support::*;

const CONNECTIONS: u64 = 10;

/// Fills the pool with connections that begin now.
async fn read_a_lot(store: &SqlStore) {
    let loads = (0..20 * CONNECTIONS).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.load(&key(0)).await.expect("a load").expect("is there") })
    });
    for load in loads.collect::<Vec<_>>() {
        load.await.expect("a session");
    }
}

/// `read_only` lets connections that begin later read only, or not, and ends the others.
async fn writes_again_at_once(url: &str, read_only: impl Fn(bool)) {
    let store = connect(url).await;
    store.insert_capped(&key(0), owned("ada"), None).await.expect("an insert");
    read_only(true);
    read_a_lot(&store).await;
    let refused = store.insert_capped(&key(1), record(), None).await.expect_err("it only reads");
    assert!(!refused.is_unreachable(), "what only reads is there: loads must go on");
    let told = refused.to_string();
    assert!(told.to_lowercase().contains("read") && told.contains("code 25006"), "{told}");
    // A write has closed what was there.
    read_a_lot(&store).await;
    read_only(false);
    let inserts = (1..=100).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.insert_capped(&key(number), owned("ada"), None).await })
    });
    for insert in inserts.collect::<Vec<_>>() {
        insert.await.expect("a task").expect("an insert");
    }
    let ada = session_runtime::store::PrincipalKey::new("ada");
    assert_eq!(store.list_live(&shop(), &ada, at(1)).await.expect("a list").len(), 101);
}

#[test]
fn a_postgresql_that_was_a_replica_is_written_again_at_once() {
    let url = Kind::Postgres.fresh("fail_over");
    wait(writes_again_at_once(&url, |is_read_only| {
        let set =
            format!("ALTER DATABASE fail_over SET default_transaction_read_only = {is_read_only}");
        postgres().sql("postgres", &set);
        if is_read_only {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = 'fail_over' AND pid <> pg_backend_pid()";
            postgres().sql("postgres", end);
        }
    }));
}

#[test]
fn a_mariadb_that_was_a_replica_is_written_again_at_once() {
    // Of its own, since that is a setting of the whole server.
    let server = MariaDb::start();
    let url = server.database("fail_over");
    wait(writes_again_at_once(&url, |is_read_only| {
        let set = format!(
            "SET SESSION tx_read_only = 0; SET GLOBAL tx_read_only = {}",
            u8::from(is_read_only)
        );
        server.sql("mysql", &set);
        if is_read_only {
            let others = "SELECT id FROM information_schema.processlist WHERE db = 'fail_over'";
            for id in server.sql("mysql", others).lines() {
                server.sql("mysql", &format!("KILL {id}"));
            }
        }
    }));
}

#[test]
fn a_mariadb_with_the_option_read_only_is_written_again_at_once() {
    let server = MariaDb::start();
    let _ = server.database("option");
    // The one who may do everything may write, too.
    server.sql("mysql", "CREATE USER app@'%'; GRANT ALL ON option.* TO app@'%'");
    wait(async {
        let store = connect(&server.url("app", "option")).await;
        server.sql("mysql", "SET GLOBAL read_only = 1");
        let told = store.insert_capped(&key(1), record(), None).await.expect_err("it only reads");
        assert!(told.to_string().contains("--read-only"), "{told}");
        let told =
            SqlStore::connect(&server.url("app", "option")).await.expect_err("it only reads");
        assert!(told.to_string().contains("--read-only"), "{told}");
        server.sql("mysql", "SET GLOBAL read_only = 0");
        store.insert_capped(&key(1), record(), None).await.expect("an insert");
    });
}

/// Every write is made, and made once: a second one would find the session there already.
#[test]
fn a_write_on_connections_that_postgresql_has_ended_is_made_on_others() {
    let url = Kind::Postgres.fresh("ended");
    wait(async {
        let store = connect(&url).await;
        store.insert_capped(&key(0), owned("ada"), None).await.expect("an insert");
        for round in 1..=5 {
            read_a_lot(&store).await;
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = 'ended' AND pid <> pg_backend_pid()";
            postgres().sql("postgres", end);
            let inserts = (1..=2 * CONNECTIONS).map(|number| {
                let (store, key) = (store.clone(), key(100 * round + number));
                tokio::spawn(async move { store.insert_capped(&key, record(), None).await })
            });
            for insert in inserts.collect::<Vec<_>>() {
                let outcome = insert.await.expect("a task").expect("an insert");
                assert_eq!(outcome, session_runtime::store::InsertOutcome::inserted());
            }
        }
    });
}
