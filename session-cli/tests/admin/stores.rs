//! `check` and `sweep`, and that the tool creates nothing.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::json;
use session_runtime::{
    clock::Timestamp,
    store::{
        self, Check, KeyId, Lifetime, Meta, Namespace, Record, Selector, Store as _, StoreKey,
    },
};
use tests::backend::{postgres::Postgres, redis::Redis};

use crate::support::{App, admin, on, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_works_is_healthy_and_one_that_is_down_is_not() {
    let mut redis = Redis::volatile();
    let url = &redis.url();
    let well = run(on(url, &["check", "--json"]));
    assert_eq!(well.code, 0, "{well:?}");
    let facts = well.json();
    assert_eq!((&facts["store"], &facts["healthy"]), (&json!("redis"), &json!(true)));
    assert_eq!((&facts["shared"], &facts["evicts"]), (&json!(true), &json!(false)));
    assert!(facts["check_milliseconds"].is_number(), "{facts}");
    // The server is on this machine.
    let skew = facts["skew_milliseconds"].as_i64().expect("a number");
    assert!(skew.abs() < 60_000, "{facts}");
    redis.kill();
    let down = run(on(url, &["check", "--json"]));
    assert_eq!(down.code, 1, "{down:?}");
    assert_eq!(down.json()["healthy"], json!(false));
    assert!(down.json()["error"].is_string(), "{down:?}");
    assert_eq!(run(on(url, &["list", "ada"])).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tool_makes_no_tables_and_says_which_version_is_missing() {
    let server = Postgres::start();
    let url = &server.database("empty");
    let empty = run(on(url, &["check"]));
    assert_eq!(empty.code, 1, "{empty:?}");
    assert!(empty.out.contains("the tables have version 0"), "{empty:?}");
    let tables =
        "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'http_session%'";
    assert_eq!(server.sql("empty", tables).trim(), "0");
    App::on(url).await;
    let made = run(on(url, &["check"]));
    assert_eq!(made.code, 0, "{made:?}");
    let elsewhere = run(on(url, &["check", "--table", "other"]));
    assert_eq!(elsewhere.code, 1, "{elsewhere:?}");
}

#[test]
fn a_mistyped_path_is_no_empty_store() {
    let folder = tempfile::tempdir().expect("a folder");
    for scheme in ["file", "embedded", "sqlite"] {
        let path = folder.path().join(scheme);
        let url = format!("{scheme}:{}", path.display());
        let ran = run(on(&url, &["list", "ada"]));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("there is no store at"), "{ran:?}");
        assert!(!path.exists(), "{scheme}");
    }
    let unknown = run(on("http://host", &["check"]));
    assert!(unknown.out.contains("no URL of a store"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_what_expired_before_the_slack_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &format!("sqlite:{}", folder.path().join("sessions").display());
    let store = store::open(url).await.expect("it opens");
    let now = SystemTime::now();
    let key = |number: u16| {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        StoreKey { namespace: Namespace::new("shop"), selector: Selector::from_bytes(bytes) }
    };
    let put = async |number, until: SystemTime| {
        let absolute_until = Timestamp::from(until);
        let lifetime = Lifetime { idle_millis: None, absolute_until, persistent: false };
        let created = Timestamp::from(now - Duration::from_hours(1));
        let (check, key_id) = (Check::from_bytes([1; 16]), KeyId::from_bytes([1; 4]));
        let record = Record::new(Meta::new(check, key_id, created, lifetime));
        store.insert(&key(number), Arc::new(record)).await.expect("it is stored");
    };
    // More than one step removes.
    for number in 0..1001 {
        put(number, now - Duration::from_mins(10)).await;
    }
    put(2000, now - Duration::from_mins(1)).await;
    put(2001, now + Duration::from_mins(10)).await;
    assert_eq!(run(on(url, &["sweep", "--json"])).json(), json!({"removed": 1001}));
    for number in [2000, 2001] {
        assert!(store.load(&key(number)).await.expect("an answer").is_some(), "{number}");
    }
    assert_eq!(run(on(url, &["sweep"])).out, "0 expired sessions removed\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_is_read_while_no_application_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = &format!("embedded:{}", folder.path().join("sessions").display());
    let app = App::on(url).await;
    let (_, id) = app.log_in("ada", "phone").await;
    let busy = run(on(url, &["list", "ada"]));
    assert_eq!(busy.code, 2, "{busy:?}");
    drop(app);
    let mut ran = run(on(url, &["list", "ada"]));
    tests::eventually_blocking("the application lets go of the store", || {
        ran = run(on(url, &["list", "ada"]));
        ran.code == 0
    });
    assert!(ran.out.contains(&id), "{ran:?}");
}

#[test]
fn the_url_may_be_on_the_command_line() {
    let ran = run(admin(&["check", "--store", "memory:", "--json"]));
    assert_eq!(ran.json()["durable"], json!(false), "{ran:?}");
}
