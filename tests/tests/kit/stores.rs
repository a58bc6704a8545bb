//! The stores that count and fail: which calls they count, and what each fault does to the caller
//! and to the store below.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use session_runtime::{
    clock::Timestamp,
    store::{
        CachedStore, Check, KeyId, Lifetime, MemoryStore, Meta, Namespace, Order, PrincipalKey,
        Properties, Record, Selector, Store, StoreFuture, StoreKey, Written,
    },
    testing::{CountingStore, FailingStore, Fault, Verb},
};

type Failing = FailingStore<MemoryStore>;

const AT: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn key() -> StoreKey {
    StoreKey { namespace: Namespace::new("shop"), selector: Selector::from_bytes([1; 16]) }
}

fn record() -> std::sync::Arc<Record> {
    let lifetime = Lifetime {
        idle_millis: None,
        absolute_until: AT.saturating_add(Duration::from_secs(3600)),
        persistent: false,
    };
    let (check, key) = (Check::from_bytes([1; 16]), KeyId::from_bytes([7; 4]));
    std::sync::Arc::new(Record::new(Meta::new(check, key, AT, lifetime)))
}

fn failing() -> Failing {
    FailingStore::new(MemoryStore::default())
}

fn poll<T: Unpin>(future: &mut StoreFuture<'_, T>) -> Poll<bool> {
    let polled = Pin::new(future).poll(&mut Context::from_waker(Waker::noop()));
    polled.map(|answer| answer.is_ok())
}

#[tokio::test]
async fn every_verb_is_counted_in_its_order() {
    let store = CountingStore::new(failing());
    let (key, who) = (key(), PrincipalKey::new("\"ann\""));
    let changed = store.change(&key, false, &mut |_| panic!("nothing is changed in place"));
    assert_eq!(changed, None);
    store.insert(&key, record()).await.expect("memory");
    store.load(&key).await.expect("memory");
    store.replace(&key, record().meta.revision, record()).await.expect("memory");
    store.touch(&key, AT, AT).await.expect("memory");
    store.list(&key.namespace, &who, Order::Newest, None, 9).await.expect("memory");
    store.count(&key.namespace, &who).await.expect("memory");
    store.sweep(AT, None, 9).await.expect("memory");
    store.remove(&key, None).await.expect("memory");
    assert!(store.reload(&key).is_none(), "a memory is no cache");
    assert_eq!(store.clone().calls(Verb::Load), 1, "a clone shares the notes");
    let all = ["insert", "load", "replace", "touch", "list", "count", "sweep", "remove"];
    assert_eq!(store.take_calls(), all);
    assert_eq!((store.calls(Verb::Load), store.take_calls()), (0, Vec::new()));
}

#[tokio::test]
async fn a_reload_of_a_cache_is_counted_and_can_fail() {
    let cached = CachedStore::new(MemoryStore::default(), MemoryStore::default());
    let store = CountingStore::new(FailingStore::new(cached));
    let key = key();
    assert!(store.reload(&key).expect("a cache").await.is_ok());
    store.fault(Verb::Reload, Fault::Down);
    assert!(store.reload(&key).expect("a cache").await.is_err());
    assert_eq!(store.take_calls(), ["reload", "reload"]);
}

#[tokio::test]
async fn a_verb_that_is_down_fails_until_it_is_healed_and_no_other_does() {
    let (store, key) = (failing(), key());
    store.fault(Verb::Insert, Fault::Down);
    assert!(store.insert(&key, record()).await.is_err());
    assert!(store.insert(&key, record()).await.is_err());
    assert_eq!(store.load(&key).await.expect("no fault"), None, "the inner store was not asked");
    store.heal(Verb::Insert);
    let written = store.insert(&key, record()).await.expect("healed");
    assert!(matches!(written, Written::Stored { .. }));
    store.fault_all(Fault::Down);
    assert!(store.load(&key).await.is_err() && store.remove(&key, None).await.is_err());
    store.heal_all();
    assert!(store.load(&key).await.expect("healed").is_some());
}

#[tokio::test]
async fn the_nth_call_fails_and_those_around_it_do_not() {
    let (store, key) = (failing(), key());
    store.fail_nth(Verb::Load, 2);
    store.fail_nth(Verb::Load, 3);
    let mut answered = Vec::new();
    for _ in 0..5 {
        assert!(store.touch(&key, AT, AT).await.is_ok(), "another verb");
        answered.push(store.load(&key).await.is_ok());
    }
    assert_eq!(answered, [true, false, false, true, true]);
    store.fail_nth(Verb::Load, 1);
    store.heal(Verb::Load);
    assert!(store.load(&key).await.is_ok());
}

#[tokio::test]
async fn work_whose_answer_is_lost_is_done() {
    let (store, key) = (failing(), key());
    store.fault(Verb::Insert, Fault::AnswerLost);
    assert!(store.insert(&key, record()).await.is_err());
    assert!(store.load(&key).await.expect("no fault").is_some());
}

#[tokio::test]
async fn a_slow_verb_answers_after_its_time() {
    let (store, key) = (failing(), key());
    store.fault(Verb::Load, Fault::Slow(Duration::from_millis(1)));
    let mut slow = store.load(&key);
    assert_eq!(poll(&mut slow), Poll::Pending);
    assert!(slow.await.is_ok());
    store.fault(Verb::Load, Fault::Slow(Duration::from_secs(3600)));
    let limit = Duration::from_millis(20);
    assert!(tokio::time::timeout(limit, store.load(&key)).await.is_err(), "an hour");
}

#[tokio::test]
async fn a_store_that_is_cut_off_answers_once_it_is_healed() {
    let (store, key) = (failing(), key());
    store.partition();
    let (mut load, mut insert) = (store.load(&key), store.insert(&key, record()));
    let (waiting, dropped) = (poll(&mut load), poll(&mut insert));
    assert_eq!((waiting, dropped), (Poll::Pending, Poll::Pending));
    drop(insert);
    store.fault(Verb::Count, Fault::Down);
    assert_eq!(poll(&mut load), Poll::Pending, "of another verb");
    store.heal_all();
    assert_eq!(load.await.expect("healed"), None, "what was dropped has not happened");
}

#[test]
fn a_store_passes_for_another_kind() {
    let store = CountingStore::new(failing());
    assert!(!store.properties().durable);
    store.pretend(Properties::SHARED);
    assert!(store.properties().durable && store.properties().shared);
}
