//! Poolers between the program and PostgreSQL. The one that Debian 12 has does not keep apart what its
//! clients prepare, as no PgBouncer did before 1.21.

use std::{sync::Arc, time::Duration};

use session_runtime::store::{FieldValue, SqlStore, Store, Written};
use session_runtime::testing::conformance::Repository as _;
use tests::backend::pgbouncer::PgBouncer;

use sqlx::Connection as _;

use crate::support::*;

async fn refusal(url: &str) -> String {
    SqlStore::connect(url).await.expect_err("statements would be mixed up").to_string()
}

#[test]
fn a_pooler_that_mixes_up_statements_is_refused() {
    let _ = Kind::Postgres.fresh("mixed_up");
    let pooler = PgBouncer::start(postgres(), "transaction");
    wait(async {
        // By the statement that shows on two connections, or by the first that is in the way of another.
        for _ in 0..3 {
            let told = refusal(&pooler.url("mixed_up")).await;
            assert!(told.contains("PgBouncer") && told.contains("1.21"), "{told}");
        }
    });
}

#[test]
fn a_pooler_that_lends_connections_for_a_session_is_none_of_them() {
    let _ = Kind::Postgres.fresh("lent");
    let pooler = PgBouncer::start(postgres(), "session");
    wait(async {
        for number in 0..3 {
            let store = connect(&pooler.url("lent")).await;
            store.insert_capped(&key(number), owned("ada"), None).await.expect("an insert");
        }
    });
}

#[test]
fn behind_a_pooler_for_a_session_the_time_of_a_statement_is_limited() {
    let url = Kind::Postgres.fresh("lent_for_long");
    let pooler = PgBouncer::start(postgres(), "session");
    wait(async {
        let builder = SqlStore::builder().statement_timeout(Duration::from_millis(200));
        let store = builder.connect(&pooler.url("lent_for_long")).await.expect("a store");
        let pool = sqlx::PgPool::connect(&url).await.expect("a pool");
        let mut lock = pool.begin().await.expect("a transaction");
        let text = "LOCK TABLE http_session IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(text).execute(&mut *lock).await.expect("a lock");
        let told = store.load(&key(1)).await.expect_err("it is locked").to_string();
        assert!(told.contains("code 55P03"), "{told}");
        lock.rollback().await.expect("the end of it");
        assert!(store.load(&key(1)).await.expect("a load").is_none());
    });
}

/// The record of a session that no other session has.
fn of(number: u64, version: u64) -> session_runtime::store::Record {
    let mut record = owned(&format!("user {number}"));
    record.meta.revision = version;
    record.set("who", FieldValue::Int(number.cast_signed()));
    record
}

#[test]
fn without_a_statement_cache_a_pooler_may_lend_connections_for_a_transaction() {
    const CLIENTS: u64 = 24;
    let url = Kind::Postgres.fresh("lent_shortly");
    let pooler = PgBouncer::start(postgres(), "transaction");
    wait(async {
        let through = pooler.url("lent_shortly");
        let mut stores = Vec::new();
        for _ in 0..2 {
            stores
                .push(connect(&format!("{through}?statement_cache=0&statement_timeout=1s")).await);
        }
        // More clients than the pooler has connections, so that each gets now one, now another.
        let clients = (0..CLIENTS).map(|number| {
            let store = stores[usize::from(number.is_multiple_of(2))].clone();
            tokio::spawn(async move {
                let key = key(number);
                let inserted = store.insert(&key, Arc::new(of(number, 1))).await;
                assert_eq!(inserted.expect("an insert"), Written::Stored { of_principal: 1 });
                for version in 2..12 {
                    let record = Arc::new(of(number, version));
                    let replaced = store.replace(&key, version - 1, record).await;
                    assert!(matches!(replaced.expect("an answer"), Written::Stored { .. }));
                    let there = store.load(&key).await.expect("a load").expect("a session");
                    assert_eq!(*there, of(number, version));
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("its own answers");
        }
        // Who gives up leaves no transaction behind.
        let key_1 = key(1);
        for polls in 1..12 {
            let touch = stores[0].touch(&key_1, at(1), at(IDLE));
            tests::given_up(polls, touch).await;
        }
        for number in 0..CLIENTS {
            assert!(stores[1].remove(&key(number), None).await.expect("a removal"));
        }
        // Statements that take too long are ended, and nobody else's are limited.
        let pool = sqlx::PgPool::connect(&url).await.expect("a pool");
        let mut lock = pool.begin().await.expect("a transaction");
        let text = "LOCK TABLE http_session IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(text).execute(&mut *lock).await.expect("a lock");
        let told = stores[0].load(&key(1)).await.expect_err("it is locked").to_string();
        assert!(told.contains("code 55P03"), "{told}");
        lock.rollback().await.expect("the end of it");
        for _ in 0..30 {
            let options: sqlx::postgres::PgConnectOptions = through.parse().expect("a URL");
            let options = options.extra_float_digits(None);
            let mut other = sqlx::PgConnection::connect_with(&options).await.expect("a connection");
            let limit = sqlx::raw_sql("SHOW statement_timeout").fetch_one(&mut other).await;
            let limit: String = sqlx::Row::get(&limit.expect("a limit"), 0);
            assert_eq!(limit, "0");
        }
    });
    // Nothing stays prepared, and no transaction open.
    let open = "SELECT count(*) FROM pg_stat_activity
          WHERE datname = 'lent_shortly' AND state LIKE 'idle in transaction%'";
    tests::eventually_blocking("no transaction is open", || {
        postgres().sql("postgres", open).trim() == "0"
    });
}
