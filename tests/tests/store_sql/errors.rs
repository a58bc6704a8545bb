//! What a user is told when something is wrong: where, what, what to do, and never a password or a
//! value.

use session_runtime::store::{SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;

use crate::support::*;

const PASSWORD: &str = "hunter2secret";

/// All that an error says, its causes and their debugging form included.
fn told(error: &session_runtime::store::StoreError) -> String {
    let mut all = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        all = format!("{all} {error} {error:?}");
        cause = error.source();
    }
    assert!(!all.contains(PASSWORD), "{all}");
    all
}

async fn refused(url: &str) -> String {
    told(&SqlStore::connect(url).await.expect_err("no store"))
}

#[test]
fn no_error_quotes_the_password() {
    wait(async {
        for url in [
            format!("postgres://app:{PASSWORD}@127.0.0.1:notaport/app"),
            format!("postgres://app:{PASSWORD}#{PASSWORD}@127.0.0.1/app"),
            format!("postgres://app:1/{PASSWORD}@127.0.0.1/app"),
            format!("mysql://app:1/{PASSWORD}@127.0.0.1/app"),
            format!("mysql://app:{PASSWORD}?{PASSWORD}@127.0.0.1/app"),
            format!("postgres://app:{PASSWORD}@127.0.0.1/app?sslmode={PASSWORD}"),
            format!("sqlite:/dev/null/{}/x", "missing"),
            format!("sqlite:file.sqlite?mode={PASSWORD}"),
            format!("oracle://app:{PASSWORD}@127.0.0.1/app"),
            PASSWORD.to_owned(),
        ] {
            refused(&url).await;
        }
        // A server that answers: the user is not known, and the password is wrong.
        let postgres = postgres();
        postgres.sql("postgres", "CREATE ROLE limited LOGIN");
        let port = mariadb().port();
        mariadb().sql("mysql", "CREATE USER wrong@'%' IDENTIFIED BY 'right'");
        let url = format!("mysql://wrong:{PASSWORD}@127.0.0.1:{port}/mysql");
        let error = refused(&url).await;
        assert!(error.contains(&format!("MySQL at 127.0.0.1:{port}, mysql")), "{error}");
        let port = postgres.port();
        let url = format!("postgres://nobody:{PASSWORD}@127.0.0.1:{port}/postgres");
        let error = refused(&url).await;
        assert!(error.contains(&format!("PostgreSQL at 127.0.0.1:{port}, postgres")), "{error}");
        assert!(error.contains("nobody") && error.contains("does not exist"), "{error}");
    });
}

#[test]
fn a_server_that_is_down_is_named() {
    wait(async {
        let port = tests::backend::free_port();
        for scheme in ["postgres", "mysql"] {
            let url = format!("{scheme}://app:{PASSWORD}@127.0.0.1:{port}/app");
            let error = refused(&url).await;
            assert!(error.contains(&format!("127.0.0.1:{port}, app")), "{error}");
        }
    });
}

fn a_missing_table_says_what_to_do(kind: Kind) {
    let url = kind.fresh("missing");
    wait(async {
        let error = SqlStore::builder().without_migration().connect(&url).await;
        let error = told(&error.expect_err("no tables"));
        assert!(error.contains("version 0") && error.contains("schema_sql"), "{error}");
        let store = connect(&url).await;
        kind.sql("missing", "DROP TABLE http_session");
        let error = told(&store.load(&key(1)).await.expect_err("no table"));
        assert!(error.contains("table `http_session`"), "{error}");
    });
}

fn a_row_that_was_tampered_with_is_an_error_without_its_values(kind: Kind) {
    let url = kind.fresh("tampered");
    wait(async {
        let store = connect(&url).await;
        store.insert_capped(&key(1), record(), None).await.expect("an insert");
        let fields = format!("UPDATE http_session SET fields = '[\"{PASSWORD}\"]'");
        kind.sql("tampered", &fields);
        let error = told(&store.load(&key(1)).await.expect_err("no record"));
        assert!(error.contains("the column `fields`"), "{error}");
        kind.sql("tampered", "UPDATE http_session SET fields = '{\"%6\": 1}'");
        told(&store.load(&key(1)).await.expect_err("no name"));
    });
}

on_each! {
    a_missing_table_says_what_to_do
    a_row_that_was_tampered_with_is_an_error_without_its_values
}
