//! Sweeping: in batches, beside others, and by the expiry that the last commit left.

use session_runtime::store::{Lifetime, SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;

use crate::support::*;

fn a_sweep_goes_in_batches_and_several_share_the_work(kind: Kind) {
    let url = kind.fresh("swept");
    wait(async {
        let store = connect(&url).await;
        // One row by the store, the others like it by the database.
        store.insert_capped(&key(0), record(), None).await.expect("an insert");
        let selector = |number: &str| match kind {
            Kind::Postgres => format!("lpad(to_hex({number}), 32, '0')"),
            Kind::MariaDb => format!("lpad(lower(hex({number})), 32, '0')"),
            Kind::Sqlite => format!("printf('%032x', {number})"),
        };
        let copied = "version, principal, logged_in_at, logged_in_version, last_seen_at,
            expires_at, fixed_part, fields";
        let fill = format!(
            "INSERT INTO http_session (namespace, selector, {copied})
             WITH RECURSIVE numbers (n) AS
                (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2999)
             SELECT namespace, {}, {copied} FROM http_session, numbers",
            selector("n")
        );
        let lift = "SET max_recursive_iterations = 100000; ";
        let lift = if kind == Kind::MariaDb { lift } else { "" };
        kind.sql("swept", &format!("{lift}{fill}"));
        // One is kept alive, one lives shorter.
        let mut touched = commit([]);
        touched.now = at(IDLE - 1);
        store.commit(&key(5), &touched).await.expect("a touch");
        let mut shorter = commit([]);
        shorter.lifetime =
            Some(Lifetime { idle_millis: Some(10), absolute_until: at(IDLE), persistent: false });
        store.commit(&key(6), &shorter).await.expect("a commit");
        assert_eq!(store.sweep(at(10), 1000).await.expect("a sweep"), 0);
        assert_eq!(store.sweep(at(11), 1000).await.expect("a sweep"), 1);
        assert_eq!(store.sweep(at(IDLE), 0).await.expect("a sweep"), 0);
        assert_eq!(store.sweep(at(IDLE), 300).await.expect("a sweep"), 300);
        // More than one batch, from four processes' stores.
        let mut stores = Vec::new();
        for _ in 0..4 {
            // All of them first: to these sweeps, a session that a start tries is long expired.
            stores.push(connect(&url).await);
        }
        let sweep =
            |store: SqlStore| tokio::spawn(async move { store.sweep(at(IDLE), 1500).await });
        let sweeps: Vec<_> = stores.into_iter().map(sweep).collect();
        let mut swept = 0;
        for sweep in sweeps {
            swept += sweep.await.expect("a sweep that ends").expect("a sweep");
        }
        // Two may have stepped back from the same rows.
        swept += store.sweep(at(IDLE), 10_000).await.expect("a sweep");
        assert_eq!(swept, 2998 - 300);
        assert!(store.load(&key(5)).await.expect("a load").is_some());
        assert_eq!(kind.sql("swept", "SELECT count(*) FROM http_session").trim(), "1");
    });
}

on_each! { a_sweep_goes_in_batches_and_several_share_the_work }
