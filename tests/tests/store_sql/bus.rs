//! The bus of PostgreSQL: from process to process, over a connection that breaks, and no longer than
//! somebody watches. The other databases have none.

use session_runtime::store::{Notice, Store as _};
use tests::{Watched, eventually, proxy::Proxy};

use crate::support::*;

/// Returns the number of connections that listen.
async fn listeners(url: &str) -> i64 {
    let pool = sqlx::PgPool::connect(url).await.expect("a server");
    let listening = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    let count = sqlx::query_scalar(listening).fetch_one(&pool).await.expect("a count");
    pool.close().await;
    count
}

#[test]
fn a_notice_reaches_another_process() {
    wait(async {
        let url = Kind::Postgres.fresh("bus_processes");
        let (one, another) = (connect(&url).await, connect(&url).await);
        let mut watched = Watched::of(&one).await;
        for _ in 0..8 {
            watched.hears_from(&another).await;
        }
    });
}

#[test]
fn who_watches_over_a_connection_that_breaks_looks_at_everything_and_hears_on() {
    wait(async {
        let url = Kind::Postgres.fresh("bus_cut");
        let proxy = Proxy::start(([127, 0, 0, 1], Kind::Postgres.port()).into()).await;
        let behind = connect(&Kind::Postgres.through(&url, proxy.address().port())).await;
        let before = connect(&url).await;
        let mut watched = Watched::of(&behind).await;
        proxy.cut();
        watched.looks_at_everything().await;
        watched.hears_from(&before).await;
    });
}

#[test]
fn all_watches_of_a_store_take_one_connection_and_the_last_one_frees_it() {
    wait(async {
        let url = Kind::Postgres.fresh("bus_watches");
        let store = connect(&url).await;
        assert_eq!(listeners(&url).await, 0, "nobody watches");
        let (first, mut second) = (Watched::of(&store).await, Watched::of(&store).await);
        assert_eq!(listeners(&url).await, 1);
        drop(first);
        second.hears_from(&store).await;
        drop(second);
        eventually("the connection is closed", async || listeners(&url).await == 0).await;
        Watched::of(&store).await.hears_from(&store).await;
    });
}

#[test]
fn a_watch_ends_with_its_store() {
    wait(async {
        let url = Kind::Postgres.fresh("bus_ends");
        let store = connect(&url).await;
        let mut watch = store.watch().expect("a bus");
        drop(store);
        while watch.next().await.is_some() {}
    });
}

#[test]
fn behind_a_pooler_that_lends_a_connection_for_a_transaction_there_is_no_bus() {
    wait(async {
        let url = Kind::Postgres.fresh("bus_lent");
        let store = connect(&format!("{url}?statement_cache=0")).await;
        assert!(store.watch().is_none());
        store.publish(&Notice::Everything).await.expect("others may listen");
    });
}

#[test]
fn other_databases_have_no_bus() {
    wait(async {
        for kind in [Kind::MariaDb, Kind::Sqlite] {
            let store = connect(&kind.fresh("bus_none")).await;
            assert!(store.watch().is_none(), "{kind:?}");
            store.publish(&Notice::Everything).await.expect("nothing to do");
        }
    });
}
