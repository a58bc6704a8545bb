//! Operations that are given up half way: a thousand of them on a few connections, while others see
//! to it that each gets the answer to its own question, and that nothing stays locked or open.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, FieldValue, PrincipalKey, SqlStore, Store},
};
use tests::{eventually_blocking, given_up};

use crate::support::*;

const SESSIONS: u64 = 16;
const TASKS: u64 = 4;
/// Of each task.
const DROPPED: u64 = 250;

/// A small generator: what is dropped differs, and where, and the test needs nothing better.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

async fn give_up(store: &SqlStore, state: &mut u64) -> bool {
    let number = next(state) % SESSIONS;
    let cap = Some(Cap::new(100, OnMaxSessions::EndOldest));
    let who = format!("user {number}");
    let principal = PrincipalKey::new(&who);
    // At each of the places where an operation waits for the server; some have fewer.
    let polls = 1 + u32::try_from(next(state) % 6).expect("less than 6");
    let key = key(number);
    let touch = commit([add("visits")]);
    let log_in = log_in(&who, cap, []);
    match next(state) % 5 {
        0 => given_up(polls, store.load(&key)).await,
        1 => given_up(polls, store.commit(&key, &touch)).await,
        2 => given_up(polls, store.commit(&key, &log_in)).await,
        3 => given_up(polls, store.insert_capped(&key, owned("x"), cap)).await,
        _ => given_up(polls, store.list_live(&shop(), &principal, at(1))).await,
    }
}

fn no_answer_reaches_another_request(kind: Kind) {
    let url = kind.fresh("dropped");
    wait(async {
        let store = SqlStore::builder().max_connections(4).connect(&url).await.expect("a store");
        for number in 0..SESSIONS {
            let mut record = record();
            record.set("who", FieldValue::Int(number.cast_signed()));
            store.insert_capped(&key(number), record, None).await.expect("an insert");
        }
        let store = Arc::new(store);
        let mut tasks = Vec::new();
        for task in 0..TASKS {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                let (mut state, mut begun, mut dropped) = (task, 0, 0);
                while dropped < DROPPED {
                    begun += 1;
                    assert!(begun < 20 * DROPPED, "{dropped} of {begun} were given up");
                    dropped += u64::from(give_up(&store, &mut state).await);
                }
            }));
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let verified = tokio::spawn({
            let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
            async move {
                for number in (0..SESSIONS).cycle() {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let record = store.load(&key(number)).await.expect("a load");
                    let who = record.expect("a session").get("who").cloned();
                    assert_eq!(who, Some(FieldValue::Int(number.cast_signed())));
                }
            }
        });
        for task in tasks {
            task.await.expect("a task that ends");
        }
        is_over.store(true, Ordering::Relaxed);
        verified.await.expect("each load got its own record");
        // Nothing is locked: each session can be changed, and each principal logs in.
        for number in 0..SESSIONS {
            let cap = Some(Cap::new(1, OnMaxSessions::EndOldest));
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
    eventually_blocking("no transaction is open", || kind.sql("dropped", open).trim() == "0");
}

on_each! { no_answer_reaches_another_request }
