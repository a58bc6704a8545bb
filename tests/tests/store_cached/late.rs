//! What is seen at once, and what late: here, and in other processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    clock::Clock,
    policy::OnMaxSessions,
    store::{Cap, CommitOutcome, FieldValue, InsertOutcome, MemoryStore, Rotation, Store},
};
use tests::{Fault, Verb, spy};

use crate::support::{
    ALMOST, FOREVER, KEY_ID, MAX_AGE, Setup, ada, add_one, begin, check, committed, key, load,
    log_in, number, record, touch,
};

#[tokio::test]
async fn a_change_costs_one_call_and_is_seen_at_once() {
    let setup = Setup::new();
    setup.insert(1).await;
    assert_eq!(number(&setup.store).await, Some(0));
    setup.take_calls();
    for round in 1..=3 {
        let mut commit = add_one(&setup);
        commit.loaded = load(&setup.store, 1).await;
        let outcome = setup.store.commit(&key(1), &commit).await.expect("commits");
        assert!(committed(&outcome));
        assert_eq!(setup.take_calls(), ["replace"]);
        assert_eq!(number(&setup.store.clone()).await, Some(round));
        assert_eq!(number(&setup.store).await, Some(round));
        assert_eq!(setup.take_calls(), ["load"], "the second one is a hit");
    }
    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    assert_eq!(setup.take_calls(), ["remove"]);
    assert_eq!(load(&setup.store, 1).await, None);
}

#[tokio::test]
async fn a_change_is_seen_at_once_also_if_its_copy_cannot_be_removed() {
    let setup = Setup::new();
    for number in 1..=4 {
        setup.insert(number).await;
    }
    for number in 2..=4 {
        let outcome = setup.store.commit(&key(number), &log_in(&setup)).await.expect("commits");
        assert!(committed(&outcome));
    }
    for number in 1..=4 {
        assert!(load(&setup.store, number).await.is_some());
    }
    // Past what is remembered of the inserts.
    setup.clock.advance(MAX_AGE * 2);
    for number in 1..=4 {
        assert!(load(&setup.store, number).await.is_some());
    }
    setup.fast.fault(Verb::Remove, Fault::Down);
    let outcome = setup.store.commit(&key(1), &add_one(&setup)).await.expect("commits");
    assert!(committed(&outcome));
    // Past the pause after the failure, so that the copies are looked at again.
    setup.clock.advance(Duration::from_secs(2));
    assert_eq!(number(&setup.store).await, Some(1));

    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    let except = Some(key(2).selector);
    let ended = setup.store.end_all(&key(1).namespace, &ada(), except).await;
    assert_eq!(ended.expect("deletes"), 2);
    setup.clock.advance(Duration::from_secs(2));
    for number in [1, 3, 4] {
        assert_eq!(load(&setup.store, number).await, None, "{number}");
    }
    assert!(load(&setup.store, 2).await.is_some());
    // The copies are there: a process that has not ended the sessions itself sees them.
    assert!(load(&setup.other(&setup.fast), 3).await.is_some());
}

#[tokio::test]
async fn those_that_give_way_to_a_log_in_are_gone_at_once() {
    let setup = Setup::new();
    let cap = Some(Cap::new(1, OnMaxSessions::EndOldest));
    for number in 1..=3 {
        setup.insert(number).await;
    }
    let mut first = log_in(&setup);
    first.cap = cap;
    assert!(committed(&setup.store.commit(&key(1), &first).await.expect("commits")));
    assert!(load(&setup.store, 1).await.is_some());
    setup.fast.fault(Verb::Remove, Fault::Down);
    let mut second = log_in(&setup);
    second.cap = cap;
    let outcome = setup.store.commit(&key(2), &second).await.expect("commits");
    let CommitOutcome::Committed { ended, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(ended, [key(1).selector]);
    setup.clock.advance(Duration::from_secs(2));
    assert_eq!(load(&setup.store, 1).await, None);

    assert!(load(&setup.store, 2).await.is_some());
    let mut third = record(&setup.clock);
    third.meta.set_principal(Some(ada()), setup.clock.now());
    let outcome = setup.store.insert_capped(&key(4), third, cap).await.expect("inserts");
    assert_eq!(outcome, InsertOutcome::Inserted { ended: vec![key(2).selector] });
    setup.clock.advance(Duration::from_secs(2));
    assert_eq!(load(&setup.store, 2).await, None);
}

#[tokio::test]
async fn a_late_copy_of_an_ended_session_is_not_believed_here_and_not_for_long_elsewhere() {
    let setup = Setup::new();
    setup.insert(1).await;
    let elsewhere = setup.other(&setup.fast);
    for late_copy_is_ours in [true, false] {
        if !late_copy_is_ours {
            setup.clock.advance(MAX_AGE * 2);
            setup.insert(1).await;
        }
        let read_at = setup.clock.now();
        // A load has read the record, and is about to put its copy in …
        setup.fast.fault(Verb::Insert, Fault::Slow(Duration::from_millis(20)));
        let reader = if late_copy_is_ours { &setup.store } else { &elsewhere };
        let at = key(1);
        let mut late = reader.load(&at);
        begin(&mut late).await;
        // … when the session ends; then it goes on.
        setup.clock.advance(Duration::from_secs(1));
        assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
        assert!(late.await.expect("loads").is_some());
        setup.fast.heal(Verb::Insert);

        assert_eq!(load(&setup.store, 1).await, None);
        assert!(load(&elsewhere, 1).await.is_some(), "the copy is there");
        setup.clock.set(read_at.saturating_add(ALMOST));
        assert_eq!(load(&setup.store, 1).await, None);
        assert!(load(&elsewhere, 1).await.is_some());
        setup.clock.advance(Duration::from_millis(1));
        assert_eq!(load(&elsewhere, 1).await, None);
        assert_eq!(load(&setup.store, 1).await, None);
    }
}

#[tokio::test]
async fn another_process_sees_a_log_out_late_by_the_age_of_its_copy_at_most() {
    let setup = Setup::new();
    let elsewhere = setup.other(&spy(MemoryStore::default()));
    setup.insert(1).await;
    assert!(load(&elsewhere, 1).await.is_some());
    setup.clock.advance(Duration::from_secs(3));
    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    // What it reads meanwhile does not make the copy younger.
    for _ in 0..2 {
        assert!(load(&elsewhere, 1).await.is_some());
        setup.clock.advance(Duration::from_millis(999));
    }
    assert!(load(&elsewhere, 1).await.is_some());
    setup.clock.advance(Duration::from_millis(2));
    assert_eq!(load(&elsewhere, 1).await, None);
}

#[tokio::test]
async fn with_a_shared_fast_store_the_others_see_it_at_once() {
    let setup = Setup::new();
    let elsewhere = setup.other(&setup.fast);
    for number in 1..=3 {
        setup.insert(number).await;
    }
    for number in 2..=3 {
        let outcome = setup.store.commit(&key(number), &log_in(&setup)).await.expect("commits");
        assert!(committed(&outcome));
    }
    for number in 1..=3 {
        assert!(load(&elsewhere, number).await.is_some());
    }
    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    let ended = setup.store.end_all(&key(1).namespace, &ada(), Some(key(2).selector)).await;
    assert_eq!(ended.expect("deletes"), 1);
    assert_eq!(load(&elsewhere, 1).await, None);
    assert!(load(&elsewhere, 2).await.is_some());
    assert_eq!(load(&elsewhere, 3).await, None);
}

#[tokio::test]
async fn copies_of_another_process_count_if_they_have_seen_our_changes() {
    let setup = Setup::new();
    let elsewhere = setup.other(&setup.fast);
    setup.insert(1).await;
    let outcome = setup.store.commit(&key(1), &add_one(&setup)).await.expect("commits");
    assert!(committed(&outcome));
    // After an insert here, only copies of our own count for a while.
    setup.clock.advance(MAX_AGE * 2);
    let outcome = setup.store.commit(&key(1), &add_one(&setup)).await.expect("commits");
    assert!(committed(&outcome));
    assert_eq!(number(&elsewhere).await, Some(2));
    setup.take_calls();
    assert_eq!(number(&setup.store).await, Some(2));
    assert_eq!(setup.take_calls(), [""; 0]);
}

#[tokio::test]
async fn nothing_is_committed_on_the_strength_of_an_old_copy() {
    let setup = Setup::new();
    let elsewhere = setup.other(&spy(MemoryStore::default()));
    setup.insert(1).await;
    setup.insert(2).await;
    assert!(load(&elsewhere, 1).await.is_some());
    assert!(load(&elsewhere, 2).await.is_some());
    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    let mut rotate = touch(&setup);
    rotate.rotation = Some(Rotation { check: check(2), key_id: KEY_ID, grace_until: None });
    assert!(committed(&setup.store.commit(&key(2), &rotate).await.expect("commits")));
    // The answer also tells the cache that its copy was old.
    let outcome = elsewhere.commit(&key(1), &add_one(&setup)).await.expect("answers");
    assert_eq!(outcome, CommitOutcome::Gone);
    assert_eq!(load(&elsewhere, 1).await, None);
    let outcome = elsewhere.commit(&key(2), &add_one(&setup)).await.expect("answers");
    assert_eq!(outcome, CommitOutcome::Superseded);
    let record = load(&elsewhere, 2).await.expect("is there");
    assert_eq!(record.meta.check, check(2));
}

#[tokio::test]
async fn a_reload_gives_what_the_durable_store_has_and_renews_the_copy() {
    let setup = Setup::new();
    let elsewhere = setup.other(&spy(MemoryStore::default()));
    setup.insert(1).await;
    assert_eq!(number(&elsewhere).await, Some(0));
    assert!(committed(&setup.store.commit(&key(1), &add_one(&setup)).await.expect("commits")));
    assert_eq!(number(&elsewhere).await, Some(0));
    let reloaded =
        elsewhere.reload(&key(1)).expect("a cache").await.expect("loads").expect("is there");
    assert_eq!(reloaded.get("n"), Some(&FieldValue::Int(1)));
    assert_eq!(number(&elsewhere).await, Some(1));
}

#[tokio::test]
async fn a_change_that_was_dropped_or_failed_half_way_may_have_happened() {
    let setup = Setup::new();
    for number in 1..=3 {
        setup.insert(number).await;
        assert!(load(&setup.store, number).await.is_some());
    }
    let (one, two) = (key(1), key(2));
    // The change takes place, and its answer never comes.
    setup.durable.fault(Verb::Replace, FOREVER);
    let commit = add_one(&setup);
    let mut lost = setup.store.commit(&one, &commit);
    begin(&mut lost).await;
    setup.durable.heal(Verb::Replace);
    assert!(committed(&setup.durable.commit(&one, &commit).await.expect("commits")));
    drop(lost);
    assert_eq!(number(&setup.store).await, Some(1));

    setup.durable.fault(Verb::Remove, FOREVER);
    let mut lost = setup.store.remove(&two, None);
    begin(&mut lost).await;
    setup.durable.heal(Verb::Remove);
    assert!(setup.durable.remove(&two, None).await.expect("deletes"));
    drop(lost);
    assert_eq!(load(&setup.store, 2).await, None);

    setup.durable.fault(Verb::Remove, Fault::Down);
    assert!(setup.store.remove(&key(3), None).await.is_err());
    setup.take_calls();
    assert!(load(&setup.store, 3).await.is_some());
    assert_eq!(setup.take_calls(), ["load"], "the copy does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_race_of_loads_and_changes_nobody_here_sees_anything_late() {
    const ROUNDS: i64 = 300;
    let setup = Setup::new();
    // Gives the loads something to wait for between their read and their copy.
    setup.fast.fault(Verb::Insert, Fault::Slow(Duration::from_millis(1)));
    setup.insert(1).await;
    let answered = Arc::new(AtomicI64::new(0));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, answered) = (setup.store.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut before = 0;
                while before < ROUNDS {
                    before = answered.load(Ordering::SeqCst);
                    let seen = number(&store).await.expect("not deleted");
                    assert!(seen >= before, "{seen}, but {before} was answered");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 1..=ROUNDS {
        assert!(committed(&setup.store.commit(&key(1), &add_one(&setup)).await.expect("commits")));
        answered.store(round, Ordering::SeqCst);
        assert_eq!(number(&setup.store).await, Some(round));
    }
    for reader in readers {
        reader.await.expect("no reader saw anything late");
    }
    assert!(setup.store.remove(&key(1), None).await.expect("deletes"));
    for _ in 0..10 {
        assert_eq!(load(&setup.store, 1).await, None);
        tokio::task::yield_now().await;
    }
}
