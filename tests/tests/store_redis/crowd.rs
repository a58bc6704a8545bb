//! Many at once: log-ins under a cap over separate connections, log-ins whose process is no more,
//! and requests that are dropped half-way.

use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use session_runtime::store::{
    CommitOutcome, FieldValue, InsertOutcome, Namespace, Op, PrincipalKey, RedisStore, Selector,
    Store, StoreKey,
};
use session_runtime::testing::conformance::Repository as _;
use tests::{
    backend::redis::{Cluster, Redis},
    proxy::Proxy,
};
use tokio::sync::Barrier;

use crate::support::{
    END_OLDEST, REFUSE_NEW, add, at, bytes, cap, cluster, commit, connect, entries, entry,
    index_of, key, log_in, on_its_own_thread, owned, record,
};

/// The selectors of a principal's sessions whose records are there.
async fn live(store: &impl Store, keys: &[StoreKey], who: &str) -> Vec<Selector> {
    let mut live = Vec::new();
    for key in keys {
        let record = store.load(key).await.expect("a load");
        if record.is_some_and(|it| it.meta.principal == Some(PrincipalKey::new(who))) {
            live.push(key.selector);
        }
    }
    live
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_connections_with_a_cap_of_three_leave_three() {
    let url = Redis::shared().url();
    for round in 0..5 {
        let namespace = format!("eight-{round}");
        let keys: Vec<StoreKey> = (0..24).map(|number| key(&namespace, number)).collect();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (url, keys) = (url.clone(), keys.clone());
                tokio::spawn(async move {
                    let store = connect(&url).await;
                    let mut ended = Vec::new();
                    for (number, key) in keys.iter().enumerate().skip(task).step_by(8) {
                        let log_in = owned(number as u64, "ada");
                        match store
                            .insert_capped(key, log_in, Some(cap(3, END_OLDEST)))
                            .await
                            .expect("a log-in")
                        {
                            InsertOutcome::Inserted { ended: some } => ended.extend(some),
                            other => panic!("{other:?}"),
                        }
                    }
                    ended
                })
            })
            .collect();
        let mut ended = Vec::new();
        for task in tasks {
            ended.extend(task.await.expect("a task"));
        }
        let store = connect(&url).await;
        assert_eq!(live(&store, &keys, "ada").await.len(), 3, "round {round}");
        let (namespace, ada) = (Namespace::new(&namespace), PrincipalKey::new("ada"));
        let listed = store.list_live(&namespace, &ada, at(99)).await.expect("a list");
        assert_eq!(listed.len(), 3, "round {round}");
        // Each gave way once, to one log-in.
        assert_eq!(ended.len(), 21);
        assert_eq!(ended.into_iter().collect::<HashSet<_>>().len(), 21);
    }
}

/// Starts log-ins under a cap of three in a process that dies when the log-ins have sent `bytes`.
/// Returns which sessions they were of, and whether the process died before all were done.
async fn interrupted(server: SocketAddr, round: u64, bytes: usize) -> (Vec<StoreKey>, bool) {
    let proxy = Proxy::start(server).await;
    let process =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let process = process.expect("a runtime");
    let url = format!("redis://{}", proxy.address());
    let store = process.spawn(async move { connect(&url).await }).await.expect("a store");
    proxy.die_after(bytes);
    let keys: Vec<StoreKey> = (0..6).map(|number| key("torn", round * 100 + number)).collect();
    let log_ins: Vec<_> = keys
        .iter()
        .cloned()
        .enumerate()
        .map(|(number, key)| {
            let store = store.clone();
            process.spawn(async move {
                let millis = round * 100 + number as u64;
                if number % 2 == 0 {
                    let _ = store
                        .insert_capped(&key, owned(millis, "ada"), Some(cap(3, END_OLDEST)))
                        .await;
                } else {
                    let _ = store.insert_capped(&key, record(millis), None).await;
                    let log_in = log_in(millis, "ada", Some(cap(3, END_OLDEST)));
                    let _ = store.commit(&key, &log_in).await;
                }
            })
        })
        .collect();
    let all = async {
        for log_in in log_ins {
            log_in.await.expect("a log-in");
        }
    };
    let died = tokio::select! {
        () = proxy.dead() => true,
        () = all => false,
    };
    process.shutdown_background();
    (keys, died)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_during_log_ins_leaves_what_the_next_log_in_puts_right() {
    /// A process lives so much longer than the one before it. A log-in has 2,000 bytes and more.
    const LONGER: usize = 1200;
    let server = Redis::shared();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
    let store = connect(&server.url()).await;
    let mut keys = Vec::new();
    let (mut torn, mut bytes, mut passes) = (0, 0, 0);
    for round in 0.. {
        let (some, died) = interrupted(address, round, bytes).await;
        keys.extend(some);
        let before = live(&store, &keys, "ada").await.len();
        torn += usize::from(before > 3);
        let own = key("torn", round * 100 + 99);
        let millis = round * 100 + 99;
        store
            .insert_capped(&own, owned(millis, "ada"), Some(cap(3, END_OLDEST)))
            .await
            .expect("a log-in");
        keys.push(own.clone());
        let now = live(&store, &keys, "ada").await;
        assert!(now.len() <= 3 && now.contains(&own.selector), "round {round}: {now:?}");
        let listed = store.list_live(&own.namespace, &PrincipalKey::new("ada"), at(millis)).await;
        let listed: HashSet<_> =
            listed.expect("a list").into_iter().map(|session| session.selector).collect();
        assert_eq!(listed, now.iter().copied().collect(), "round {round}");
        bytes += LONGER;
        if !died {
            // Whether a process dies between a log-in and what it has to end depends on how the
            // log-ins interleave: again, at other places.
            if torn > 0 {
                break;
            }
            passes += 1;
            bytes = passes * LONGER / 3;
        }
        // Those that ended long ago are not looked at again, or the test gets slower and slower.
        let recent = keys.len().saturating_sub(50);
        let old: Vec<StoreKey> = keys.drain(..recent).collect();
        keys.extend(old.into_iter().filter(|key| now.contains(&key.selector)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_log_ins_at_once_under_a_cap_of_three_leave_three() {
    let url = Redis::shared().url();
    for round in 0..5 {
        let mut stores = Vec::new();
        for _ in 0..16 {
            stores.push(connect(&url).await);
        }
        sixteen_log_ins(stores, &format!("sixteen-{round}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_log_ins_at_once_on_a_cluster_leave_three() {
    let held = cluster().await;
    let url = on_its_own_thread(|| Cluster::shared().url()).await;
    for round in 0..5 {
        // Two connections: a cluster's takes long to make.
        let two = [connect(&url).await, connect(&url).await];
        let stores = (0..16).map(|number| two[number % 2].clone()).collect();
        sixteen_log_ins(stores, &format!("sixteen-{round}")).await;
    }
    drop(held);
}

/// One principal logs in by all stores at the same time.
async fn sixteen_log_ins(stores: Vec<RedisStore>, namespace: &str) {
    let keys: Vec<StoreKey> = (0..16).map(|number| key(namespace, number)).collect();
    let start = Arc::new(Barrier::new(16));
    let log_ins: Vec<_> = keys
        .iter()
        .cloned()
        .zip(&stores)
        .map(|(key, store)| {
            let (store, start) = (store.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                store.insert_capped(&key, owned(0, "ada"), Some(cap(3, END_OLDEST))).await
            })
        })
        .collect();
    for log_in in log_ins {
        log_in.await.expect("a task").expect("a log-in");
    }
    assert_eq!(live(&stores[0], &keys, "ada").await.len(), 3, "{namespace}");
    let (namespace, ada) = (Namespace::new(namespace), PrincipalKey::new("ada"));
    let listed = stores[0].list_live(&namespace, &ada, at(1)).await.expect("a list");
    assert_eq!(listed.len(), 3);
}

#[tokio::test]
async fn an_entry_without_a_session_takes_no_place() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let first = key("shop", 1);
    store.insert_capped(&first, owned(0, "ada"), None).await.expect("an insert");
    let index = index_of(&server);
    let (ghost, ada) = (key("shop", 7), PrincipalKey::new("ada"));
    for (age, left) in [(0, 2), (3600, 1)] {
        let of_ghost = entry(&ghost, 1, age);
        let _ = server.ask(&["ZADD", &index, "0", &of_ghost]);
        let second = key("shop", 2 + age);
        let inserted =
            store.insert_capped(&second, owned(1, "ada"), Some(cap(2, REFUSE_NEW))).await;
        assert_eq!(inserted.expect("an insert"), InsertOutcome::inserted());
        let third =
            store.insert_capped(&key("shop", 9), owned(2, "ada"), Some(cap(2, REFUSE_NEW))).await;
        assert_eq!(third.expect("an insert"), InsertOutcome::Full);
        assert!(store.remove(&second, None).await.expect("a deletion"));
        assert_eq!(store.list_live(&first.namespace, &ada, at(2)).await.expect("a list").len(), 1);
        // Its record may still be on its way, or not any more.
        assert_eq!(entries(&server).len(), left, "{age} s old");
        let _ = server.ask(&["ZREM", &index, &of_ghost]);
    }
}

#[tokio::test]
async fn a_log_in_whose_session_cannot_be_written_leaves_no_entry() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let (first, foreign) = (key("shop", 1), key("shop", 2));
    store.insert_capped(&first, owned(0, "ada"), None).await.expect("an insert");
    let _ = server.ask(&["SET", &format!("session:{foreign}"), "nothing of ours"]);
    let taken = store.insert_capped(&foreign, owned(1, "ada"), None).await.expect("an answer");
    assert_eq!(taken, InsertOutcome::Exists);
    store.commit(&foreign, &log_in(2, "ada", None)).await.expect_err("the key is taken");
    let left = entries(&server);
    assert!(left.len() == 1 && left[0].contains(&first.selector.to_string()), "{left:?}");
}

#[tokio::test]
async fn entries_without_sessions_do_not_gather() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    store.insert_capped(&key("shop", 0), owned(0, "ada"), None).await.expect("an insert");
    let index = index_of(&server);
    for number in 1..500 {
        let _ = server.ask(&["ZADD", &index, "0", &entry(&key("gone", number), 0, 3600)]);
    }
    for number in 1..400 {
        let key = key("shop", number);
        store.insert_capped(&key, owned(number, "ada"), None).await.expect("an insert");
        store.remove(&key, None).await.expect("a deletion");
    }
    let left = entries(&server).len();
    assert!(left <= 40, "{left} entries are left");
    assert_eq!(
        store.load(&key("shop", 0)).await.expect("a load").as_deref(),
        Some(&owned(0, "ada"))
    );
    let listed = store.list_live(&Namespace::new("shop"), &PrincipalKey::new("ada"), at(1)).await;
    assert_eq!(listed.expect("a list").len(), 1);
}

/// Polls a future so many times, then drops it.
async fn drop_after<F: Future>(future: F, polls: u64) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn dropped_requests_give_nobody_anothers_answer(
    store: Arc<impl Store>,
    namespace: &'static str,
) {
    const SESSIONS: u64 = 16;
    for number in 0..SESSIONS {
        let mut session = record(0);
        session.set("who", bytes(&number.to_string()));
        store.insert_capped(&key(namespace, number), session, None).await.expect("an insert");
    }
    let sent = Arc::new(AtomicU64::new(0));
    let droppers: Vec<_> = (0..4)
        .map(|task| {
            let (store, sent) = (Arc::clone(&store), Arc::clone(&sent));
            tokio::spawn(async move {
                for turn in 0..250 {
                    let key = key(namespace, (turn * 7 + task) % SESSIONS);
                    if turn % 2 == 0 {
                        drop_after(store.load(&key), turn % 5 + 1).await;
                    } else {
                        sent.fetch_add(1, Ordering::SeqCst);
                        drop_after(store.commit(&key, &commit(1, [add(1)])), turn % 7 + 1).await;
                    }
                }
            })
        })
        .collect();
    let watchers: Vec<_> = (0..SESSIONS)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let (key, mut own) = (key(namespace, number), 0);
                for turn in 0..100 {
                    let found = store.load(&key).await.expect("a load").expect("a session");
                    assert_eq!(found.get("who"), Some(&bytes(&number.to_string())));
                    if turn % 4 == 0 {
                        own += 1;
                        let mine = Op::Set { field: "mine".into(), value: FieldValue::Int(own) };
                        let outcome = store.commit(&key, &commit(1, [mine])).await;
                        assert!(matches!(outcome, Ok(CommitOutcome::Committed { .. })));
                    }
                    let found = store.load(&key).await.expect("a load").expect("a session");
                    assert_eq!(found.get("mine"), Some(&FieldValue::Int(own)));
                }
            })
        })
        .collect();
    for task in droppers.into_iter().chain(watchers) {
        task.await.expect("a task");
    }
    let mut total = 0;
    for number in 0..SESSIONS {
        let found = store.load(&key(namespace, number)).await.expect("a load").expect("a session");
        let Some(FieldValue::Int(count)) = found.get("n").cloned() else { continue };
        total += u64::try_from(count).expect("a count");
    }
    let sent = sent.load(Ordering::SeqCst);
    assert!(total <= sent, "{total} additions of {sent}");
    assert!(total > 0, "every commit was dropped before it was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_on_one_server() {
    let store: RedisStore = connect(&Redis::shared().url()).await;
    dropped_requests_give_nobody_anothers_answer(Arc::new(store), "dropped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_on_a_cluster() {
    dropped_requests_give_nobody_anothers_answer(Arc::new(cluster().await), "dropped").await;
}
