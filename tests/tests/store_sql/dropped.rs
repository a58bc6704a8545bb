//! Operations that are given up half way: a thousand of them on a few connections, while others see
//! to it that each gets the answer to its own question, and that nothing stays locked or open.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, FieldValue, PrincipalKey, SqlStore, Store},
};

use crate::support::*;

const SESSIONS: u64 = 16;
const DROPPED: u64 = 1000;

/// A small generator: the points of time differ, and the test needs nothing better.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

async fn give_up(store: &SqlStore, state: &mut u64) -> bool {
    let number = next(state) % SESSIONS;
    let cap = Some(Cap { sessions: 100, on_max: OnMaxSessions::EndOldest });
    let who = format!("user {number}");
    let principal = PrincipalKey::new(&who);
    let after = Duration::from_micros(next(state) % 3000);
    let key = key(number);
    let touch = commit([add("visits")]);
    let log_in = log_in(&who, cap, []);
    match next(state) % 5 {
        0 => tokio::time::timeout(after, store.load(&key)).await.is_err(),
        1 => tokio::time::timeout(after, store.commit(&key, &touch)).await.is_err(),
        2 => tokio::time::timeout(after, store.commit(&key, &log_in)).await.is_err(),
        3 => tokio::time::timeout(after, store.insert(&key, owned("x"), cap)).await.is_err(),
        _ => {
            let namespace = shop();
            let list = store.list(&namespace, &principal, at(1));
            tokio::time::timeout(after, list).await.is_err()
        }
    }
}

fn no_answer_reaches_another_request(kind: Kind) {
    let url = kind.fresh("dropped");
    wait(async {
        let store = SqlStore::builder().max_connections(4).connect(&url).await.expect("a store");
        for number in 0..SESSIONS {
            let mut record = record();
            record.set("who", FieldValue::Int(number.cast_signed()));
            store.insert(&key(number), record, None).await.expect("an insert");
        }
        let store = Arc::new(store);
        let mut tasks = Vec::new();
        for task in 0..4 {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                let mut state = task;
                let mut given_up = 0;
                for _ in 0..DROPPED / 4 {
                    given_up += u64::from(give_up(&store, &mut state).await);
                }
                given_up
            }));
        }
        let verified = tokio::spawn({
            let store = Arc::clone(&store);
            async move {
                for round in 0..400 {
                    let number = round % SESSIONS;
                    let record = store.load(&key(number)).await.expect("a load");
                    let who = record.expect("a session").get("who").cloned();
                    assert_eq!(who, Some(FieldValue::Int(number.cast_signed())));
                }
            }
        });
        let mut given_up = 0;
        for task in tasks {
            given_up += task.await.expect("a task that ends");
        }
        verified.await.expect("each load got its own record");
        assert!(given_up > DROPPED / 20, "only {given_up} were given up: not much of a test");
        // Nothing is locked: each session can be changed, and each principal logs in.
        for number in 0..SESSIONS {
            let cap = Some(Cap { sessions: 1, on_max: OnMaxSessions::EndOldest });
            let log_in = log_in(&format!("user {number}"), cap, [add("visits")]);
            store.commit(&key(number), &log_in).await.expect("a commit");
        }
    });
    let open = match kind {
        Kind::Postgres => {
            "SELECT count(*) FROM pg_stat_activity
              WHERE datname = 'dropped' AND state LIKE 'idle in transaction%'"
        }
        Kind::MariaDb => {
            "SELECT count(*) FROM information_schema.innodb_trx
               JOIN information_schema.processlist ON id = trx_mysql_thread_id
              WHERE db = 'dropped'"
        }
        Kind::Sqlite => return,
    };
    // A server may take a moment to find out that a client is gone.
    let start = Instant::now();
    while kind.sql("dropped", open).trim() != "0" {
        assert!(start.elapsed() < Duration::from_secs(10), "transactions are open");
    }
}

on_each! { no_answer_reaches_another_request }
