//! That a change is stored once it is answered, on a server that keeps changes back until somebody
//! commits them.

use session_runtime::store::{SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;
use sqlx::mysql::MySqlPoolOptions;
use tests::backend::mariadb::MariaDb;

use crate::support::*;

#[test]
fn a_store_that_connects_by_itself_stores_whatever_the_server_does_by_default() {
    let server = MariaDb::start();
    let url = server.database("held_back");
    server.sql("held_back", "SET GLOBAL autocommit = 0");
    wait(async {
        let store = connect(&url).await;
        store.insert_capped(&key(1), owned("ada"), None).await.expect("an insert");
        store.insert_capped(&key(2), record(), None).await.expect("an insert");
        store.commit(&key(1), &commit([add("visits")])).await.expect("a commit");
        assert!(store.remove(&key(2), None).await.expect("a delete"));
        let stored = "SELECT selector, version FROM http_session";
        let stored = server.sql("held_back", stored);
        assert_eq!(stored, format!("{}\t2\n", key(1).selector));
    });
}

#[test]
fn a_pool_that_would_store_nothing_is_refused() {
    let url = Kind::MariaDb.fresh("refused");
    wait(async {
        connect(&url).await;
        let pool = MySqlPoolOptions::new().after_connect(|connection, _| {
            let set = sqlx::raw_sql("SET autocommit = 0");
            Box::pin(async move { set.execute(connection).await.map(drop) })
        });
        let pool = pool.connect(&url).await.expect("a pool");
        for opened in [
            SqlStore::builder().open(pool.clone()).await.map(drop),
            SqlStore::builder().without_migration().open(pool.clone()).await.map(drop),
            SqlStore::new(pool).migrate().await,
        ] {
            let error = opened.expect_err("nothing would be stored").to_string();
            assert!(error.contains("autocommit = 0"), "{error}");
        }
    });
}
