//! A server that dies: what was acknowledged is there afterwards, and the same store goes on.

use std::{
    io::{BufRead, BufReader},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use session_runtime::store::{CommitOutcome, FieldValue, SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::{
    PATIENCE,
    backend::{mariadb::MariaDb, postgres::Postgres, sql::Server},
};

use crate::support::*;

/// Commits from several tasks until the server is gone; the revision that was acknowledged last.
async fn commit_until_it_breaks(store: &SqlStore, kill: impl FnOnce() + Send + 'static) -> u64 {
    store.insert_capped(&key(1), record(), None).await.expect("an insert");
    let acknowledged = Arc::new(Mutex::new(1));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                while let Ok(outcome) = store.commit(&key(1), &commit([add("visits")])).await {
                    let CommitOutcome::Committed { revision, .. } = outcome else {
                        panic!("{outcome:?}")
                    };
                    let mut last = acknowledged.lock().expect("no panic under the lock");
                    *last = revision.max(*last);
                }
            })
        })
        .collect();
    // In the middle of it: not before some were acknowledged.
    while *acknowledged.lock().expect("no panic under the lock") < 100 {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(kill).await.expect("the server is killed");
    for task in tasks {
        task.await.expect("a task that ends");
    }
    *acknowledged.lock().expect("no panic under the lock")
}

/// What is there now; the first load may still find the server starting.
async fn kept(store: &SqlStore) -> u64 {
    let start = Instant::now();
    loop {
        match store.load(&key(1)).await {
            Ok(record) => {
                let record = record.expect("a session");
                let visits = record.meta.revision.cast_signed() - 1;
                assert_eq!(record.get("visits"), Some(&FieldValue::Int(visits)));
                return record.meta.revision;
            }
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
    }
}

fn a_server_keeps_what_it_acknowledged<S: Server>(name: &str) {
    let mut server = S::durable();
    server.create("crash");
    let url = server.url_at("crash", server.address());
    wait(async {
        let store = connect(&url).await;
        let (order, orders) = std::sync::mpsc::channel();
        let killer = thread::spawn(move || {
            orders.recv().expect("the order");
            server.kill();
            server
        });
        let done = commit_until_it_breaks(&store, move || order.send(()).expect("a killer")).await;
        let mut server = killer.join().expect("the server");
        let error = store.load(&key(1)).await.expect_err("the server is down");
        assert!(error.to_string().starts_with(&format!("{name} at 127.0.0.1:")), "{error}");
        server.restart();
        let kept = kept(&store).await;
        assert!(kept >= done, "{done} was acknowledged, {kept} is there");
        let outcome = store.commit(&key(1), &commit([add("visits")])).await.expect("it goes on");
        assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");

        // Started again while nobody looks: every connection of the pool is broken, and no load
        // shows it.
        let loads: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.load(&key(1)).await.expect("a load") })
            })
            .collect();
        for load in loads {
            load.await.expect("a load that ends");
        }
        server.restart();
        assert!(store.load(&key(1)).await.expect("a load").is_some());
    });
}

#[test]
fn postgres_keeps_what_it_acknowledged() {
    a_server_keeps_what_it_acknowledged::<Postgres>("PostgreSQL");
}

#[test]
fn mariadb_keeps_what_it_acknowledged() {
    a_server_keeps_what_it_acknowledged::<MariaDb>("MySQL");
}

#[test]
fn sqlite_keeps_what_it_acknowledged() {
    if let Some(url) = in_child() {
        wait(async {
            let store = connect(&url).await;
            store.insert_capped(&key(1), record(), None).await.expect("an insert");
            loop {
                let outcome = store.commit(&key(1), &commit([add("visits")])).await;
                let Ok(CommitOutcome::Committed { revision, .. }) = outcome else {
                    panic!("{outcome:?}")
                };
                println!("acknowledged {revision}");
            }
        });
    }
    let url = Kind::Sqlite.fresh("crash");
    let mut child = child("crash::sqlite_keeps_what_it_acknowledged", &url);
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let mut done = 0;
    for line in output.lines() {
        let line = line.expect("text");
        let Some((_, revision)) = line.rsplit_once("acknowledged ") else { continue };
        done = revision.parse().expect("a number");
        if done == 40 {
            child.kill().expect("SIGKILL");
        }
    }
    child.wait().expect("it ends");
    assert!(done >= 40);
    let kept = wait(async { kept(&connect(&url).await).await });
    assert!(kept >= done, "{done} was acknowledged, {kept} is there");
}
