//! The embedded store: conformance, and what is its own. Shared syncs, reopening, the lock on the
//! file, expiry, what is in the file; kills, a full disk and transactions are in the files below.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod disk;
mod kills;
mod support;
mod transact;

use std::{
    future::Future,
    os::unix::fs::PermissionsExt,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    KeyRing,
    clock::Timestamp,
    policy::OnMaxSessions,
    store::{
        Cap, Check, Commit, CommitOutcome, EmbeddedStore, FieldValue, InsertOutcome, Lifetime, Op,
        Properties, Store,
    },
};
use support::{
    MINUTE, ada, add, at, directory, in_child, is_child, key, namespace, open, record, record_of,
    touch,
};
use tests::{Client, Server, app::Setup};

mod conformance {
    use session_runtime::store::EmbeddedStore;

    async fn embedded() -> EmbeddedStore {
        let directory = super::support::directory();
        // The name goes with the directory, the open file stays.
        super::support::open(directory.path())
    }

    tests::conformance!(embedded, sealed);
    tests::hot!(embedded);
}

#[tokio::test]
async fn it_is_durable_and_of_one_machine() {
    let directory = directory();
    assert_eq!(open(directory.path()).properties(), Properties::DURABLE);
}

#[tokio::test]
async fn changes_that_come_together_share_a_sync() {
    let directory = directory();
    let store = open(directory.path());
    for number in 0..64 {
        store.insert_capped(&key(number), record(0), None).await.unwrap();
    }
    let before = store.syncs();
    for number in 0..64 {
        store.commit(&key(number), &touch(1)).await.unwrap();
    }
    assert_eq!(store.syncs() - before, 64, "alone, each has a sync of its own");

    let before = store.syncs();
    for _ in 0..20 {
        let tasks: Vec<_> = (0..64)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move { store.commit(&key(number), &add(1)).await.unwrap() })
            })
            .collect();
        for task in tasks {
            assert!(matches!(task.await.unwrap(), CommitOutcome::Committed { .. }));
        }
    }
    let syncs = store.syncs() - before;
    assert!(syncs <= 20 * 64 / 4, "1280 commits of 64 tasks took {syncs} syncs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_of_one_batch_see_each_other() {
    let directory = directory();
    let store = open(directory.path());
    store.insert_capped(&key(1), record(0), None).await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(&key(1), &add(1)).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let record = store.load(&key(1)).await.unwrap().unwrap();
    assert_eq!((record.get("n"), record.meta.revision), (Some(&FieldValue::Int(200)), 201));
}

#[tokio::test]
async fn what_changes_nothing_is_not_written() {
    let directory = directory();
    let store = open(directory.path());
    store.insert_capped(&key(1), record(0), None).await.unwrap();
    let before = store.syncs();
    assert_eq!(store.insert_capped(&key(1), record(0), None).await.unwrap(), InsertOutcome::Exists);
    assert_eq!(store.commit(&key(2), &touch(1)).await.unwrap(), CommitOutcome::Gone);
    let mut former = touch(1);
    former.check = Check::from_bytes([9; 16]);
    assert_eq!(store.commit(&key(1), &former).await.unwrap(), CommitOutcome::Superseded);
    assert!(!store.remove(&key(2), None).await.unwrap());
    assert_eq!(store.sweep(at(0), None, 1000).await.unwrap().removed, 0);
    assert_eq!(store.end_all(&namespace(), &ada(), None).await.unwrap(), 0);
    assert_eq!(store.syncs(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_log_ins_end_up_with_the_cap() {
    let directory = directory();
    let store = open(directory.path());
    let mut base = 0;
    for on_max in [OnMaxSessions::EndOldest, OnMaxSessions::RefuseNew] {
        let cap = Some(Cap::new(3, on_max));
        let tasks: Vec<_> = (base..base + 32)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    // Half of them are new, the others were there anonymously.
                    if number % 2 == 0 {
                        store.insert_capped(&key(number), record_of(0, &ada()), cap).await.unwrap();
                    } else {
                        store.insert_capped(&key(number), record(0), None).await.unwrap();
                        let principal = Some(Some(ada()));
                        let mut log_in = touch(1);
                        (log_in.principal, log_in.cap) = (principal, cap);
                        store.commit(&key(number), &log_in).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            store.list_live(&namespace(), &ada(), at(2)).await.unwrap().len(),
            3,
            "{on_max:?}"
        );
        base += 32;
    }
}

#[tokio::test]
async fn sessions_outlive_the_store() {
    let directory = directory();
    let large = FieldValue::Bytes(vec![7; 5 << 20].into());
    let mut loaded = Vec::new();
    {
        let store = open(directory.path());
        let mut with_large = record_of(0, &ada());
        with_large.set("large", large.clone());
        store.insert_capped(&key(1), with_large, None).await.unwrap();
        store.insert_capped(&key(2), record(0), None).await.unwrap();
        store.commit(&key(2), &add(i64::MAX)).await.unwrap();
        store.insert_capped(&key(3), record(0), None).await.unwrap();
        store.remove(&key(3), None).await.unwrap();
        for number in [1, 2] {
            loaded.push(store.load(&key(number)).await.unwrap().unwrap());
        }
    }
    for _ in 0..3 {
        let store = open(directory.path());
        for (number, before) in [1, 2].into_iter().zip(&loaded) {
            assert_eq!(store.load(&key(number)).await.unwrap().as_ref(), Some(before));
        }
        assert_eq!(store.load(&key(3)).await.unwrap(), None);
        assert_eq!(loaded[0].get("large"), Some(&large));
        assert_eq!(store.list_live(&namespace(), &ada(), at(0)).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_is_queued_happens_although_nobody_waits() {
    const SESSIONS: u64 = 50;
    let directory = directory();
    for round in 0..20 {
        let store = open(directory.path());
        let keys = (0..SESSIONS).map(|number| key(round * SESSIONS + number));
        let keys: Vec<_> = keys.collect();
        for key in &keys {
            store.insert_capped(key, record(0), None).await.unwrap();
        }
        for key in &keys {
            let commit = add(1);
            let clone = store.clone();
            let mut future = pin!(clone.commit(key, &commit));
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending | Poll::Ready(Ok(_))));
        }
        // The last clone: it returns when the queue is written and the file is closed.
        drop(store);
        let store = open(directory.path());
        for key in &keys {
            let record = store.load(key).await.unwrap().unwrap();
            assert_eq!(record.get("n"), Some(&FieldValue::Int(1)));
        }
    }
}

#[tokio::test]
async fn a_sweep_passes_over_what_use_has_kept_alive() {
    let directory = directory();
    let store = open(directory.path());
    // More than one slice of a sweep, all due at the same time by what was said when they began.
    for number in 0..700 {
        store.insert_capped(&key(number), record(0), None).await.unwrap();
    }
    for number in 0..690 {
        store.commit(&key(number), &touch(20 * MINUTE)).await.unwrap();
    }
    let now = at(40 * MINUTE);
    assert_eq!(store.sweep(now, None, 0).await.unwrap().removed, 0);
    assert_eq!(store.sweep(now, None, 3).await.unwrap().removed, 3);
    assert_eq!(store.sweep(now, None, 1000).await.unwrap().removed, 7);
    let before = store.syncs();
    assert_eq!(store.sweep(now, None, 1000).await.unwrap().removed, 0);
    assert_eq!(store.syncs(), before, "what is alive was looked at once, not at every sweep");
    for number in 0..690 {
        assert!(store.load(&key(number)).await.unwrap().is_some());
    }
    assert_eq!(store.sweep(at(50 * MINUTE), None, 1000).await.unwrap().removed, 690);
    assert_eq!(store.load(&key(0)).await.unwrap(), None);
}

#[tokio::test]
async fn a_sweep_keeps_up_with_ends_that_come_sooner_and_ends_that_never_come() {
    let directory = directory();
    let store = open(directory.path());
    store.insert_capped(&key(1), record_of(0, &ada()), None).await.unwrap();
    let mut commit = touch(1);
    commit.lifetime = Some(Lifetime {
        idle_millis: Some(MINUTE),
        absolute_until: Timestamp::MAX,
        persistent: false,
    });
    store.commit(&key(1), &commit).await.unwrap();
    let mut never = record(0);
    never.meta.lifetime.idle_millis = None;
    never.meta.lifetime.absolute_until = Timestamp::MAX;
    store.insert_capped(&key(2), never, None).await.unwrap();
    assert_eq!(store.sweep(at(MINUTE), None, 10).await.unwrap().removed, 0);
    assert_eq!(store.sweep(at(MINUTE + 1), None, 10).await.unwrap().removed, 1);
    assert_eq!(store.list_live(&namespace(), &ada(), at(0)).await.unwrap(), []);
    let last = Timestamp::from_millis(u64::MAX - 1);
    assert_eq!(store.sweep(last, None, 10).await.unwrap().removed, 0);
    assert_eq!(store.sweep(Timestamp::MAX, None, 10).await.unwrap().removed, 1);
}

#[test]
fn a_second_process_is_refused() {
    const NAME: &str = "a_second_process_is_refused";
    if let Some(path) = is_child(NAME) {
        let refused = EmbeddedStore::open(&path).unwrap_err().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
        assert!(refused.contains("open already, in another process"), "{refused}");
        return;
    }
    let directory = directory();
    let path = directory.path().join("sessions.redb");
    let store = EmbeddedStore::open(&path).unwrap();
    let output = in_child(NAME, &path, None).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // Nor twice in one process.
    assert!(EmbeddedStore::open(&path).is_err());
    drop(store);
    EmbeddedStore::open(&path).unwrap();
}

#[test]
fn only_its_user_can_read_what_it_makes() {
    let directory = directory();
    let path = directory.path().join("a/b/sessions.redb");
    let _store = EmbeddedStore::open(&path).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&directory.path().join("a/b")), 0o700);
    assert_eq!(mode(&directory.path().join("a")), 0o700);
    let files = std::fs::read_dir(directory.path().join("a/b")).unwrap().count();
    assert_eq!(files, 1, "nothing is left over from making it");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let directory = directory();
    for (name, content, told) in [
        ("text", "Dear diary, ".repeat(1000), "is no session store"),
        ("empty", String::new(), "is empty"),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, &content).unwrap();
        let refused = EmbeddedStore::open(&path).unwrap_err().to_string();
        assert!(refused.contains(told) && refused.contains(path.to_str().unwrap()), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    let refused = EmbeddedStore::open(directory.path()).unwrap_err().to_string();
    assert!(refused.contains(directory.path().to_str().unwrap()), "{refused}");
}

#[tokio::test]
async fn the_file_holds_nothing_that_opens_a_session() {
    let directory = directory();
    let store = Arc::new(open(directory.path()));
    let keys = KeyRing::generate().unwrap();
    let setup = Setup { encrypt: true, ..Setup::new(store.clone(), keys) };
    let server = Server::start(setup.router().unwrap()).await;
    let client = Client::new(&server);
    client.post("/theme/chartreuse").await;
    client.post("/login/ada").await;
    client.post("/note/secretkey/mauve").await;
    assert_eq!(client.get("/user").await.body, "ada");
    let token = client.cookie("app").expect("a cookie");
    let file = std::fs::read(directory.path().join("sessions.redb")).unwrap();
    let holds = |bytes: &[u8]| file.windows(bytes.len()).any(|window| window == bytes);
    // The public name of the session is there, so the search finds what there is.
    let id = client.get("/id").await.body;
    let selector: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(holds(&selector));
    assert!(!holds(token.as_bytes()));
    let token = support::from_base64url(&token);
    let (selector_in_token, verifier, tag) = (&token[6..22], &token[22..38], &token[38..54]);
    assert_eq!(selector_in_token, selector);
    assert!(!holds(verifier) && !holds(&verifier[..8]));
    assert!(!holds(tag) && !holds(&tag[..8]));
    for text in ["chartreuse", "mauve"] {
        assert!(!holds(text.as_bytes()), "{text}");
    }
}

#[tokio::test]
async fn an_op_list_that_fails_leaves_the_batch_alone() {
    let directory = directory();
    let store = open(directory.path());
    store.insert_capped(&key(1), record(0), None).await.unwrap();
    let fails = || {
        let mut commit = touch(1);
        let unset = Op::Set { field: "x".into(), value: FieldValue::Int(1) };
        let add = Op::Add { field: "n".into(), by: 1, min: 5, max: 9 };
        commit.ops = vec![unset, add];
        commit
    };
    let (works, fails): (Commit, Commit) = (add(1), fails());
    let key = key(1);
    let (first, second, third) = tokio::join!(
        store.commit(&key, &works),
        store.commit(&key, &fails),
        store.commit(&key, &works)
    );
    assert!(matches!(first.unwrap(), CommitOutcome::Committed { revision: 2, .. }));
    assert!(matches!(second.unwrap(), CommitOutcome::Refused { .. }));
    assert!(matches!(third.unwrap(), CommitOutcome::Committed { revision: 3, .. }));
    assert_eq!(store.load(&key).await.unwrap().unwrap().get("x"), None);
}
