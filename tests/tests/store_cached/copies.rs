//! When a copy counts, what it costs, and what a fast store that fails costs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    clock::{Clock, ManualClock, Timestamp},
    store::{CachedStore, FieldValue, InsertOutcome, MemoryStore, Selector, Store, StoreKey},
};
use tests::{Fault, Log, Verb};

use crate::support::{
    ALMOST, FOREVER, MAX_AGE, Setup, ada, add_one, begin, committed, key, load, number, record,
};

#[tokio::test]
async fn a_hit_costs_the_durable_store_nothing_and_is_the_whole_record() {
    let setup = Setup::new();
    let mut whole = record(&setup.clock);
    whole.meta.set_principal(Some(ada()), setup.clock.now());
    whole.meta.revision = u64::MAX;
    whole.meta.lifetime.absolute_until = Timestamp::MAX;
    whole.set("a.$\0ü", FieldValue::Bytes(vec![0, 255, b'"'].into()));
    whole.set("", FieldValue::Int(i64::MIN));
    whole.set("roles", FieldValue::Set([b"x".as_slice().into(), b"".as_slice().into()].into()));
    let outcome = setup.store.insert_capped(&key(1), whole.clone(), None).await.expect("inserts");
    assert_eq!(outcome, InsertOutcome::inserted());
    assert_eq!(load(&setup.store, 1).await.as_deref(), Some(&whole));
    assert_eq!(setup.take_calls(), ["insert", "load"]);
    for _ in 0..3 {
        assert_eq!(load(&setup.store, 1).await.as_deref(), Some(&whole));
    }
    assert_eq!(setup.take_calls(), [""; 0]);
    // Its age counts from the read, not from the last use.
    setup.clock.advance(MAX_AGE);
    assert_eq!(load(&setup.store, 1).await.as_deref(), Some(&whole));
    assert_eq!(setup.take_calls(), ["load"]);
    assert_eq!(load(&setup.store, 1).await.as_deref(), Some(&whole));
    assert_eq!(setup.take_calls(), [""; 0]);
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_every_time() {
    let setup = Setup::new();
    for _ in 0..2 {
        assert_eq!(load(&setup.store, 1).await, None);
        assert_eq!(setup.take_calls(), ["load"]);
    }
}

#[tokio::test]
async fn the_age_of_a_copy_counts_from_before_its_read() {
    let setup = Setup::new();
    setup.insert(1).await;
    setup.durable.fault(Verb::Load, Fault::Slow(Duration::from_millis(1)));
    let at = key(1);
    let mut reading = setup.store.load(&at);
    begin(&mut reading).await;
    setup.clock.advance(Duration::from_millis(1));
    assert!(reading.await.expect("loads").is_some());
    setup.take_calls();
    setup.clock.advance(ALMOST);
    assert!(load(&setup.store, 1).await.is_some());
    assert_eq!(setup.take_calls(), ["load"]);
}

#[tokio::test]
async fn a_fast_store_that_fails_costs_an_event_a_second_and_no_error() {
    // Told from those of the tests beside this one by the time that nobody else waits.
    let log = Log::of_this_thread();
    let warnings = || log.text().matches("no answer within 51ms").count();
    assert_eq!(warnings(), 0);
    let mut setup = Setup::new();
    setup.store = setup.store.patience(Duration::from_millis(51));
    for operation in [Verb::Load, Verb::Insert, Verb::Remove, Verb::Sweep] {
        setup.fast.fault(operation, FOREVER);
    }
    setup.insert(1).await;
    for round in 1..=3 {
        assert!(committed(&setup.store.commit(&key(1), &add_one(&setup)).await.expect("commits")));
        assert_eq!(number(&setup.store).await, Some(round));
    }
    assert_eq!(setup.store.sweep(Timestamp::default(), None, 10).await.expect("sweeps").removed, 0);
    assert_eq!(warnings(), 1);
    let calls = setup.fast.take_calls();
    assert!(!calls.contains(&Verb::Load), "no load tries it: {calls:?}");
    setup.clock.advance(Duration::from_secs(1));
    assert_eq!(number(&setup.store).await, Some(3));
    assert_eq!(setup.fast.take_calls(), ["load"]);
    assert_eq!(warnings(), 2);
    for operation in [Verb::Load, Verb::Insert, Verb::Remove, Verb::Sweep] {
        setup.fast.heal(operation);
    }
    setup.clock.advance(Duration::from_secs(1));
    assert_eq!(number(&setup.store).await, Some(3));
    setup.take_calls();
    assert_eq!(number(&setup.store).await, Some(3));
    assert_eq!(setup.take_calls(), [""; 0], "it works again");
    assert_eq!(warnings(), 2);
}

#[tokio::test]
async fn a_fast_store_that_hangs_costs_its_patience_once_a_second() {
    let setup = Setup::new();
    for operation in [Verb::Load, Verb::Insert, Verb::Remove] {
        setup.fast.fault(operation, FOREVER);
    }
    setup.insert(1).await;
    setup.fast.take_calls();
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(number(&setup.store).await, Some(0));
    }
    assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
    assert_eq!(setup.fast.take_calls(), ["load"], "one load of the hundred waits");
    assert!(committed(&setup.store.commit(&key(1), &add_one(&setup)).await.expect("commits")));
    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    assert_eq!(load(&setup.store, 1).await, None);
    assert_eq!(setup.fast.take_calls(), ["remove", "remove"], "each change tells it, once");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_copy_from_a_clock_that_is_ahead_waits_until_its_age_is_known() {
    let setup = Setup::new();
    setup.insert(1).await;
    let now = setup.clock.now();
    setup.clock.advance(Duration::from_secs(60));
    assert!(load(&setup.store, 1).await.is_some());
    setup.clock.set(now);
    setup.take_calls();
    assert!(load(&setup.store, 1).await.is_some());
    assert_eq!(setup.take_calls(), ["load"]);
}

#[tokio::test]
async fn more_changes_than_are_remembered_make_no_copy_count() {
    let setup = Setup::new();
    setup.insert(1).await;
    setup.insert(2).await;
    assert!(load(&setup.store, 1).await.is_some());
    assert!(load(&setup.store, 2).await.is_some());
    setup.fast.fault(Verb::Remove, Fault::Down);
    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    for number in 0..100_000_u128 {
        let selector = Selector::from_bytes(number.to_be_bytes());
        setup.store.remove(&StoreKey { selector, ..key(1) }, None).await.expect("deletes");
    }
    setup.fast.heal(Verb::Remove);
    setup.clock.advance(Duration::from_secs(2));
    assert_eq!(load(&setup.store, 1).await, None);
    setup.take_calls();
    assert!(load(&setup.store, 2).await.is_some());
    assert!(load(&setup.store, 2).await.is_some());
    assert_eq!(setup.take_calls(), ["load"], "what was read since then counts");
}

#[tokio::test]
async fn one_store_can_be_both() {
    let both = MemoryStore::default();
    let clock = Arc::new(ManualClock::default());
    let store = CachedStore::new(both.clone(), both.clone()).clock(Arc::clone(&clock));
    let mut owned = record(&clock);
    owned.meta.set_principal(Some(ada()), clock.now());
    let outcome = store.insert_capped(&key(1), owned, None).await.expect("inserts");
    assert_eq!(outcome, InsertOutcome::inserted());
    assert_eq!(load(&store, 1).await, load(&both, 1).await);
    assert_eq!(both.len(), 2, "the record and its copy");
    let listed = store.list_live(&key(1).namespace, &ada(), clock.now()).await.expect("lists");
    assert_eq!(listed.len(), 1, "a copy is nobody's session");
    clock.advance(MAX_AGE);
    let limit = usize::MAX;
    assert_eq!(store.sweep(clock.now(), None, limit).await.expect("sweeps").removed, 1);
    assert_eq!(both.len(), 1);
    assert!(load(&store, 1).await.is_some());
}
