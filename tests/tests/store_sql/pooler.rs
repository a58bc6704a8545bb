//! Poolers between the program and PostgreSQL. The one that Debian 12 has does not keep apart what its
//! clients prepare, as no PgBouncer did before 1.21.

use session_runtime::store::SqlStore;
use session_runtime::testing::conformance::Repository as _;
use tests::backend::pgbouncer::PgBouncer;

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
