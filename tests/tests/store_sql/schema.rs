//! How the tables come to be: by many at once, by hand, elsewhere; and what becomes of a table that
//! a newer program has changed.

use std::time::Duration;

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, SqlStore, Store},
};

use crate::support::*;

const STARTS: usize = 8;

fn many_that_start_at_once_all_come_up(kind: Kind) {
    let url = kind.fresh("starts");
    let threads: Vec<_> = (0..STARTS as u64)
        .map(|number| {
            let url = url.clone();
            std::thread::spawn(move || {
                wait(async {
                    let store = connect(&url).await;
                    store.insert_capped(&key(number), record(), None).await.expect("an insert");
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a store");
    }
    assert_eq!(kind.sql("starts", "SELECT count(*) FROM http_session").trim(), "8");
    assert_eq!(kind.sql("starts", "SELECT version FROM http_session_schema").trim(), "3");
}

fn a_newer_schema_is_refused(kind: Kind) {
    let url = kind.fresh("newer");
    wait(async {
        connect(&url).await;
        kind.sql("newer", "INSERT INTO http_session_schema (version) VALUES (4)");
        for builder in [SqlStore::builder(), SqlStore::builder().without_migration()] {
            let error = builder.connect(&url).await.expect_err("another program's").to_string();
            assert!(error.contains("version 4") && error.contains("newer release"), "{error}");
        }
    });
}

fn a_schema_that_was_never_released_is_refused(kind: Kind) {
    let url = kind.fresh("older");
    wait(async {
        connect(&url).await;
        kind.sql("older", "UPDATE http_session_schema SET version = 1");
        for builder in [SqlStore::builder(), SqlStore::builder().without_migration()] {
            let error = builder.connect(&url).await.expect_err("another layout").to_string();
            assert!(error.contains("version 1") && error.contains("drop them"), "{error}");
        }
    });
}

fn the_statements_can_be_run_by_hand(kind: Kind) {
    let url = kind.fresh("by_hand");
    wait(async {
        // Of a store that is connected elsewhere: the statements depend on the names only.
        let elsewhere = connect(&shared(kind, "suite")).await;
        let statements = elsewhere.schema_sql(0);
        assert_eq!(elsewhere.schema_sql(3), "", "nothing comes after the latest version");
        kind.sql("by_hand", &statements);
        let store = SqlStore::builder().without_migration().connect(&url).await.expect("a store");
        store.insert_capped(&key(1), record(), None).await.expect("an insert");
        assert!(store.load(&key(1)).await.expect("a load").is_some());
    });
}

#[test]
fn a_role_without_the_right_to_create_works_on_tables_that_are_there() {
    let url = Kind::Postgres.fresh("rights");
    let name = "rights";
    wait(async { connect(&url).await });
    let grant = "CREATE ROLE clerk LOGIN; REVOKE CREATE ON SCHEMA public FROM public;
        GRANT SELECT, INSERT, UPDATE, DELETE ON http_session, http_session_schema TO clerk";
    postgres().sql(name, grant);
    let maria = Kind::MariaDb.fresh(name);
    wait(async { connect(&maria).await });
    let grant = "CREATE USER clerk@'%';
        GRANT SELECT, INSERT, UPDATE, DELETE ON rights.http_session TO clerk@'%';
        GRANT SELECT, INSERT, UPDATE, DELETE ON rights.http_session_schema TO clerk@'%'";
    mariadb().sql(name, grant);
    for url in [postgres().url("clerk", name), mariadb().url("clerk", name)] {
        wait(async {
            let store = connect(&url).await;
            let cap = Cap::new(1, OnMaxSessions::EndOldest);
            for number in 0..2 {
                let outcome = store.insert_capped(&key(number), owned("ada"), Some(cap)).await;
                outcome.expect("an insert");
            }
            store.commit(&key(1), &commit([set("a", "1")])).await.expect("a commit");
            assert_eq!(store.sweep(at(100 * IDLE), None, 10).await.expect("a sweep").removed, 1);
            let error = SqlStore::builder().table("other").connect(&url).await;
            let error = error.expect_err("no right").to_string();
            assert!(error.contains("denied") && error.contains("lists the rights"), "{error}");
        });
    }
}

fn tables_may_have_other_names(kind: Kind) {
    let url = kind.fresh("names");
    wait(async {
        let first = SqlStore::builder().table("order").connect(&url).await.expect("a store");
        let second = SqlStore::builder().table("Web_Session2").connect(&url).await;
        let second = second.expect("a store");
        first.insert_capped(&key(1), record(), None).await.expect("an insert");
        assert!(second.load(&key(1)).await.expect("a load").is_none());
        let long = "a234567890123456789012345678901234567890";
        SqlStore::builder().table(long).connect(&url).await.expect("a store");
        let too_long = format!("{long}1");
        for name in ["", "1st", "a b", "a\"b", "a`b", "a;b", "a.b", "é", "a\0", &too_long] {
            for builder in
                [SqlStore::builder().table(name), SqlStore::builder().schema(name.to_owned() + "'")]
            {
                let error = builder.connect(&url).await.expect_err("no name").to_string();
                assert!(error.contains("ASCII letters"), "{error}");
            }
        }
    });
}

fn tables_may_be_in_another_schema(kind: Kind) {
    let url = kind.fresh("placed");
    let make = match kind {
        Kind::Postgres => "CREATE SCHEMA elsewhere",
        Kind::MariaDb => "CREATE DATABASE elsewhere",
        // Attached databases belong to a connection; this one is always there.
        Kind::Sqlite => "SELECT 1",
    };
    kind.sql("placed", make);
    let schema = if kind == Kind::Sqlite { "main" } else { "elsewhere" };
    wait(async {
        // A table of that name where the connection is is not taken for it.
        if kind != Kind::Sqlite {
            connect(&url).await;
        }
        let there = SqlStore::builder().schema(schema).connect(&url).await.expect("a store");
        there.insert_capped(&key(1), owned("ada"), None).await.expect("an insert");
        assert!(there.schema_sql(0).contains(schema));
        let again = SqlStore::builder().schema(schema).connect(&url).await.expect("a store");
        assert!(again.load(&key(1)).await.expect("a load").is_some());
        let count = format!("SELECT count(*) FROM {schema}.http_session");
        assert_eq!(kind.sql("placed", &count).trim(), "1");
        if kind != Kind::Sqlite {
            assert_eq!(kind.sql("placed", "SELECT count(*) FROM http_session").trim(), "0");
        }
    });
}

on_each! {
    many_that_start_at_once_all_come_up
    a_newer_schema_is_refused
    a_schema_that_was_never_released_is_refused
    the_statements_can_be_run_by_hand
    tables_may_have_other_names
    tables_may_be_in_another_schema
}

#[test]
fn a_new_file_is_private_and_durable() {
    let url = Kind::Sqlite.fresh("private");
    wait(async {
        let store = connect(&url).await;
        store.insert_capped(&key(1), record(), None).await.expect("an insert");
        for suffix in ["", "-wal", "-shm"] {
            use std::os::unix::fs::PermissionsExt;

            let path = format!("{}{suffix}", place("private").display());
            let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{path}");
        }
        assert_eq!(Kind::Sqlite.sql("private", "PRAGMA journal_mode").trim(), "wal");
    });
}

#[test]
fn a_database_in_memory_has_one_connection_and_is_not_durable() {
    wait(async {
        let store = connect("sqlite::memory:").await;
        assert!(!store.properties().durable && !store.properties().shared);
        store.insert_capped(&key(1), record(), None).await.expect("an insert");
        for micros in 0..50 {
            let (key, commit) = (key(1), commit([add("visits")]));
            let committed = store.commit(&key, &commit);
            let _ = tokio::time::timeout(Duration::from_micros(10 * micros), committed).await;
        }
        assert!(store.load(&key(1)).await.expect("a load").is_some());
        let shared = connect(&Kind::Sqlite.fresh("properties")).await;
        assert!(shared.properties().durable && shared.properties().shared);
    });
}
