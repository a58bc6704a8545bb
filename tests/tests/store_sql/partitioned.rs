//! The partitioned table of the guide's page about sizing: the suites on the table that its statements
//! make, without a migration.

use std::sync::OnceLock;

use session_runtime::store::SqlStore;

use crate::support::*;

const PAGE: &str = include_str!("../../../docs/sizing.md");

/// Returns the URL of a database with the table of the page.
fn database() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let url = postgres().database("partitioned");
        let (_, statements) = PAGE.split_once("\n```sql\n").expect("the statements");
        postgres().sql("partitioned", statements.split("```").next().expect("their end"));
        format!("{url}?migrate=no")
    })
}

async fn store() -> SqlStore {
    SqlStore::connect(database()).await.expect("the table is the store's")
}

tests::conformance!(store, sealed);

#[tokio::test]
async fn the_sessions_are_spread_over_the_parts() {
    let _ = store().await;
    let parts = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'http_session'::regclass";
    assert_eq!(postgres().sql("partitioned", parts).trim(), "16");
}
