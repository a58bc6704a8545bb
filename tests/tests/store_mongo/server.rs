//! The server dies, hangs or is not there; requests are dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use session_runtime::store::{FieldValue, InsertOutcome, MongoStore, Op, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::{
    backend::{free_port, mongo::Mongo},
    given_up,
};

use crate::support::{Own, ada, at, is_committed, key, log_in, record, touch};

/// The driver by itself waits for half a minute; a store for less than two seconds, which may seem
/// longer on a machine that is busy.
const IN_TIME: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_crash_of_the_server() {
    const ROUNDS: i64 = 50;
    let mut server = Mongo::start();
    let store = MongoStore::connect(&server.url()).await.expect("connects");
    for number in 1..=3 {
        let outcome = store.insert_capped(&key(number), record(), None).await.expect("inserts");
        assert_eq!(outcome, InsertOutcome::inserted());
    }
    assert!(is_committed(&store.commit(&key(3), &log_in(1)).await.expect("commits")));
    for _ in 0..ROUNDS {
        let mut commit = touch(1);
        commit.ops.push(Op::Add { field: "n".into(), by: 1, min: 0, max: i64::MAX });
        assert!(is_committed(&store.commit(&key(1), &commit).await.expect("commits")));
    }
    assert!(store.remove(&key(2), None).await.expect("deletes"));
    server.restart();
    // A client that was not there before: the other one's monitor may not have noticed yet.
    let store = MongoStore::connect(&server.url()).await.expect("connects");
    let loaded = store.load(&key(1)).await.expect("loads").expect("was acknowledged");
    assert_eq!(loaded.get("n"), Some(&FieldValue::Int(ROUNDS)));
    assert_eq!(store.load(&key(2)).await.expect("loads"), None, "it was ended");
    let listed = store.list_live(&key(3).namespace, &ada(), at(1)).await.expect("lists");
    assert_eq!(listed.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_operations_give_their_answers_to_nobody_else() {
    const DROPPED: u64 = 250;
    let own = Own::new().await;
    for number in 1..=8 {
        let mut mine = record();
        mine.set("mine", FieldValue::Bytes(Bytes::from(vec![number; 100])));
        own.insert(number, mine).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (1..=4_u8)
        .map(|number| {
            let (store, stop) = (own.store.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut loads = 0;
                while !stop.load(Ordering::Relaxed) {
                    let record = store.load(&key(number)).await.expect("loads").expect("is there");
                    let mine = FieldValue::Bytes(Bytes::from(vec![number; 100]));
                    assert_eq!(record.get("mine"), Some(&mine));
                    loads += 1;
                }
                loads
            })
        })
        .collect();
    let (mut begun, mut dropped) = (0, 0);
    while dropped < DROPPED {
        let round = begun;
        begun += 1;
        assert!(begun < 20 * DROPPED, "{dropped} of {begun} were dropped");
        let number = 5 + u8::try_from(round % 4).expect("small");
        let mut commit = touch(1);
        commit.ops.push(Op::Add { field: "n".into(), by: 1, min: 0, max: i64::MAX });
        // From "not sent yet" to "answered already".
        let polls = u32::try_from(round / 4 % 10).expect("small");
        let work = async {
            if round % 2 == 0 {
                let _ = own.store.load(&key(number)).await.expect("loads");
            } else {
                assert!(is_committed(&own.commit(number, &commit).await));
            }
        };
        dropped += u64::from(given_up(polls, work).await);
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.expect("each read its own record") > 0);
    }
    // Those that were dropped applied whole or not at all.
    for number in 5..=8 {
        let record = own.load(number).await.expect("is there");
        let added = match record.get("n") {
            Some(FieldValue::Int(added)) => u64::try_from(*added).expect("only added to"),
            _ => 0,
        };
        assert_eq!(record.meta.revision, 1 + added);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_in_time_that_says_where_and_no_password() {
    let port = free_port();
    let url = format!("mongodb://ada:hunter2@127.0.0.1:{port}/shop");
    let start = Instant::now();
    let error = MongoStore::connect(&url).await.expect_err("nobody listens");
    assert!(start.elapsed() < IN_TIME, "{:?}", start.elapsed());
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(&port.to_string()) && shown.contains("connect"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_url_that_will_not_do_is_an_error_that_says_so_and_no_password() {
    let wrong = [
        ("mongodb://ada:hunter2@127.0.0.1:99999/shop", "not valid"),
        ("mongodb://ada:hunter2:x@127.0.0.1/shop", "not valid"),
        ("redis://ada:hunter2@127.0.0.1/shop", "not valid"),
        ("mongodb://ada:hunter2@127.0.0.1", "names no database"),
    ];
    for (url, expected) in wrong {
        let error = MongoStore::connect(url).await.expect_err("a wrong URL");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let store = MongoStore::connect(&Mongo::shared().url()).await.expect("connects");
    assert_eq!(format!("{store:?}"), "MongoStore(\"shop.sessions\")");
}

#[tokio::test]
async fn a_server_that_dies_is_an_error_in_time_and_no_missing_session() {
    let mut server = Mongo::start();
    let store = MongoStore::connect(&server.url()).await.expect("connects");
    let outcome = store.insert_capped(&key(1), record(), None).await.expect("inserts");
    assert_eq!(outcome, InsertOutcome::inserted());
    server.kill();
    let start = Instant::now();
    let error = store.load(&key(1)).await.expect_err("the server is gone").to_string();
    assert!(error.contains("load a session") && error.contains("shop.sessions"), "{error}");
    assert!(start.elapsed() < IN_TIME, "{:?}", start.elapsed());
}
