//! Sweeping: in batches, beside others, and by the expiry that the last commit left.

use session_runtime::store::{Lifetime, SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;

use sqlx::postgres::PgPoolOptions;
use tests::eventually;

use crate::support::*;

/// Puts so many sessions into a database, which expire at `expiry`: one by the store, the others like
/// it by the database, from the number `n` = 1 on.
async fn fill(kind: Kind, database: &str, store: &SqlStore, rows: u64, expiry: &str) {
    store.insert_capped(&key(0), record(), None).await.expect("an insert");
    let selector = match kind {
        Kind::Postgres => "lpad(to_hex(n), 32, '0')",
        Kind::MariaDb => "lpad(lower(hex(n)), 32, '0')",
        Kind::Sqlite => "printf('%032x', n)",
    };
    let copied = "version, principal, logged_in_at, logged_in_version, last_seen_at, fixed_part, \
                  fields";
    let fill = format!(
        "INSERT INTO http_session (namespace, selector, expires_at, sweep_after, {copied})
         WITH RECURSIVE numbers (n) AS
            (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
         SELECT namespace, {selector}, {expiry}, {expiry}, {copied} FROM http_session, numbers",
        rows - 1
    );
    let lift = "SET max_recursive_iterations = 100000; ";
    let lift = if kind == Kind::MariaDb { lift } else { "" };
    kind.sql(database, &format!("{lift}{fill}"));
}

/// Sweeps until nothing is left. Returns the number of sessions that it removed.
async fn all_steps(store: SqlStore) -> u64 {
    let (mut removed, mut after) = (0, None);
    loop {
        let swept = store.sweep(at(IDLE), after, 1500).await.expect("a sweep");
        removed += swept.removed;
        after = swept.next;
        if after.is_none() {
            return removed;
        }
    }
}

fn a_sweep_goes_in_batches_and_several_share_the_work(kind: Kind) {
    let url = kind.fresh("swept");
    wait(async {
        let store = connect(&url).await;
        fill(kind, "swept", &store, 3_000, "expires_at").await;
        // One is kept alive, one lives shorter.
        let mut touched = commit([]);
        touched.now = at(IDLE - 1);
        store.commit(&key(5), &touched).await.expect("a touch");
        let mut shorter = commit([]);
        shorter.lifetime =
            Some(Lifetime { idle_millis: Some(10), absolute_until: at(IDLE), persistent: false });
        store.commit(&key(6), &shorter).await.expect("a commit");
        assert_eq!(store.sweep(at(10), None, 1000).await.expect("a sweep").removed, 0);
        assert_eq!(store.sweep(at(11), None, 1000).await.expect("a sweep").removed, 1);
        assert_eq!(store.sweep(at(IDLE), None, 0).await.expect("a sweep").removed, 0);
        // The one that is kept alive may be among those that a step looks at.
        let first = store.sweep(at(IDLE), None, 300).await.expect("a sweep").removed;
        assert!((299..=300).contains(&first), "{first}");
        // More than one batch, from four processes' stores.
        let mut stores = Vec::new();
        for _ in 0..4 {
            // All of them first: to these sweeps, a session that a start tries is long expired.
            stores.push(connect(&url).await);
        }
        let sweep = |store: SqlStore| tokio::spawn(all_steps(store));
        let sweeps: Vec<_> = stores.into_iter().map(sweep).collect();
        let mut swept = 0;
        for sweep in sweeps {
            swept += sweep.await.expect("a sweep that ends");
        }
        // Two may have stepped back from the same rows.
        swept += all_steps(store.clone()).await;
        assert_eq!(first + swept, 2998);
        assert!(store.load(&key(5)).await.expect("a load").is_some());
        assert_eq!(kind.sql("swept", "SELECT count(*) FROM http_session").trim(), "1");
    });
}

on_each! { a_sweep_goes_in_batches_and_several_share_the_work }

/// As `pg_dump` has one: the server keeps every row that was deleted since, in the indexes, too.
#[test]
fn under_an_old_snapshot_a_step_passes_over_nothing_that_was_swept() {
    const ROWS: u64 = 100_000;
    let (kind, database) = (Kind::Postgres, "swept_under_a_snapshot");
    let url = kind.fresh(database);
    wait(async {
        let store = connect(&url).await;
        // Ten in each millisecond.
        fill(kind, database, &store, ROWS, "expires_at - n / 10").await;
        let pool = PgPoolOptions::new().connect(&url).await.expect("a connection");
        let mut dump = pool.begin().await.expect("a transaction");
        let run = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
        sqlx::query(run).execute(&mut *dump).await.expect("a level");
        let count = "SELECT count(*) FROM http_session";
        let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut *dump).await.expect("a count");
        let looks = || {
            let looks = "SELECT idx_tup_read FROM pg_stat_user_indexes
                         WHERE indexrelname = 'http_session_sweep'";
            kind.sql(database, looks).trim().parse::<u64>().expect("a number")
        };
        let before = looks();
        assert_eq!(all_steps(store.clone()).await, ROWS);
        let of_dump: i64 = sqlx::query_scalar(count).fetch_one(&mut *dump).await.expect("a count");
        assert_eq!((seen, of_dump), (100_000, 100_000), "the dump sees all of them still");
        // The server counts with a delay; it counts the looks with the rows.
        eventually("the server has counted", || {
            let deleted = "SELECT n_tup_del FROM pg_stat_user_tables
                           WHERE relname = 'http_session'";
            let deleted = kind.sql(database, deleted).trim().parse::<u64>();
            async move { deleted.is_ok_and(|deleted| deleted >= ROWS) }
        })
        .await;
        let looks = looks() - before;
        // Each row is found once, and removed once, with those at the same place.
        assert!(looks < 3 * ROWS, "{looks} entries of the index for {ROWS} rows");
    });
}
