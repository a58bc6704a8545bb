//! Tests of the in-memory store when it is full: the sessions that go, those that stay, and
//! refusals.

use super::*;
use crate::repository::Repository as _;
use crate::store::{InsertOutcome, Store};

#[test]
fn records_that_are_over_go_first() {
    let store = MemoryStore::with_limit(3);
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(IDLE - 2), None));
    let _ = ok(store.insert_capped(&key(3), anonymous(IDLE - 1), None));
    // Less than a minute after the last look through the shard: only the limit makes it look.
    assert_eq!(ok(store.insert_capped(&key(4), anonymous(IDLE), None)), InsertOutcome::inserted());
    assert_eq!(ok(store.load(&key(1))), None);
    assert!(ok(store.list_live(&shop(), &principal("ada"), at(0))).is_empty());
    assert_eq!(store.len(), 3);
}

#[test]
fn then_the_least_recently_seen_anonymous_session() {
    let store = MemoryStore::with_limit(3);
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(1), None));
    let _ = ok(store.insert_capped(&key(3), anonymous(2), None));
    let _ = ok(store.commit(&key(2), &touch(3)));
    assert_eq!(ok(store.insert_capped(&key(4), anonymous(4), None)), InsertOutcome::inserted());
    assert_eq!(ok(store.load(&key(3))), None, "seen longest ago");
    for number in [1, 2, 4] {
        assert!(ok(store.load(&key(number))).is_some(), "{number} stays");
    }
}

#[test]
fn a_sixteenth_goes_at_once_and_no_more_of_those_seen_at_the_same_time() {
    let store = MemoryStore::with_limit(160);
    for number in 0..160 {
        let _ = ok(store.insert_capped(&key(number), anonymous(number / 100), None));
    }
    let _ = ok(store.insert_capped(&key(160), anonymous(5), None));
    assert_eq!(store.len(), 160 - 10 + 1);
    assert!((100..=160).all(|number| ok(store.load(&key(number))).is_some()));
}

#[test]
fn a_session_with_a_principal_never_goes() {
    let store = MemoryStore::with_limit(2);
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(0), None));
    assert_eq!(ok(store.commit(&key(2), &becomes(1, Some("bob")))), committed(2));
    let error = answer(store.insert_capped(&key(3), owned(2, "eve"), None))
        .expect_err("both have an owner");
    let message = error.to_string();
    assert!(message.contains("full") && message.contains("with_limit"), "{message}");
    assert_eq!(store.len(), 2);
    assert!(ok(store.list_live(&shop(), &principal("eve"), at(2))).is_empty());
    // Room comes with a log-out, with expiry, and with an owner who leaves.
    assert_eq!(ok(store.commit(&key(2), &becomes(3, None))), committed(3));
    assert_eq!(ok(store.insert_capped(&key(3), owned(4, "eve"), None)), InsertOutcome::inserted());
    assert_eq!(ok(store.load(&key(2))), None);
    assert!(ok(store.remove(&key(1), None)));
    assert_eq!(ok(store.insert_capped(&key(4), anonymous(4), None)), InsertOutcome::inserted());
}

#[test]
fn what_expired_is_not_counted_among_those_that_could_go() {
    let store = MemoryStore::with_limit(1);
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    assert_eq!(ok(store.sweep(at(IDLE), 1)), 1);
    assert_eq!(
        ok(store.insert_capped(&key(2), owned(IDLE, "ada"), None)),
        InsertOutcome::inserted()
    );
    // Nobody is left to go; the anonymous session that was swept is none.
    assert!(answer(store.insert_capped(&key(3), anonymous(IDLE + 1), None)).is_err());
    assert!(ok(store.load(&key(2))).is_some());
}

#[test]
fn an_existing_key_evicts_nobody() {
    let store = MemoryStore::with_limit(2);
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(0), None));
    assert_eq!(ok(store.insert_capped(&key(1), anonymous(1), None)), InsertOutcome::Exists);
    assert_eq!(store.len(), 2);
}

#[test]
fn room_is_found_in_any_shard() {
    // Sixty-four shards; all sessions but one have an owner.
    let store = MemoryStore::with_limit(65_536);
    for number in 0..65_535 {
        let _ = ok(store.insert_capped(&key(number), owned(0, "ada"), None));
    }
    let _ = ok(store.insert_capped(&key(65_535), anonymous(0), None));
    assert_eq!(store.len(), 65_536);
    assert_eq!(
        ok(store.insert_capped(&key(65_536), owned(1, "bob"), None)),
        InsertOutcome::inserted()
    );
    assert_eq!(ok(store.load(&key(65_535))), None);
    assert!(answer(store.insert_capped(&key(65_537), anonymous(1), None)).is_err());
    assert_eq!(store.len(), 65_536);
}

#[test]
fn a_store_for_no_session_takes_none() {
    let store = MemoryStore::with_limit(0);
    assert!(answer(store.insert_capped(&key(1), anonymous(0), None)).is_err());
    assert!(store.is_empty());
}
