//! Tests of the in-memory store: its answer to each operation, and the removal of expired records.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::repository::Repository as _;
use crate::store::{InsertOutcome, Properties, Store};

fn listed(store: &MemoryStore, name: &str, millis: u64) -> Vec<Selector> {
    let sessions = ok(store.list_live(&shop(), &principal(name), at(millis)));
    sessions.iter().map(|session| session.selector).collect()
}

#[test]
fn it_is_neither_shared_nor_durable() {
    assert_eq!(MemoryStore::default().properties(), Properties::IN_PROCESS);
}

#[test]
fn an_inserted_record_is_loaded_as_it_was() {
    let store = MemoryStore::default();
    let mut record = owned(0, "ada");
    record.set("cart", bytes("[]"));
    assert_eq!(ok(store.load(&key(1))), None);
    assert_eq!(ok(store.insert_capped(&key(1), record.clone(), None)), InsertOutcome::inserted());
    assert_eq!(ok(store.load(&key(1))).as_deref(), Some(&record));
    assert_eq!(ok(store.load(&key(2))), None);
    assert_eq!((store.len(), store.is_empty()), (1, false));
}

#[test]
fn an_insert_never_overwrites() {
    let store = MemoryStore::default();
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    assert_eq!(ok(store.insert_capped(&key(1), owned(0, "bob"), None)), InsertOutcome::Exists);
    assert_eq!(ok(store.load(&key(1))).as_deref(), Some(&owned(0, "ada")));
    assert_eq!(store.len(), 1);
    assert_eq!(listed(&store, "ada", 0), [selector(1)]);
    assert!(listed(&store, "bob", 0).is_empty());
}

#[test]
fn a_commit_never_creates() {
    let store = MemoryStore::default();
    assert_eq!(ok(store.commit(&key(1), &ops(0, [add("n", 1)]))), CommitOutcome::Gone);
    assert!(store.is_empty());
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    assert!(ok(store.remove(&key(1), None)));
    assert_eq!(ok(store.commit(&key(1), &touch(1))), CommitOutcome::Gone);
    assert!(store.is_empty());
}

#[test]
fn delete_is_idempotent_and_takes_the_record_off_the_index() {
    let store = MemoryStore::default();
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    assert!(ok(store.remove(&key(1), None)));
    assert!(!ok(store.remove(&key(1), None)));
    assert!(listed(&store, "ada", 0).is_empty());
    assert_eq!(store.len(), 0);
}

#[test]
fn the_index_keeps_nothing_of_what_is_gone() {
    let store = MemoryStore::default();
    for number in 1..=4 {
        let _ = ok(store.insert_capped(&key(number), owned(0, "ada"), None));
    }
    assert_eq!(store.index_counts(), (1, 4));
    assert_eq!(ok(store.commit(&key(1), &becomes(1, Some("bob")))), committed(2));
    assert_eq!(store.index_counts(), (2, 4), "a change of principal moves the entry");
    let superseded = Commit { check: check(9), ..becomes(1, Some("eve")) };
    assert_eq!(ok(store.commit(&key(1), &superseded)), CommitOutcome::Superseded);
    assert_eq!(store.index_counts(), (2, 4), "a commit that does not apply leaves none behind");
    assert_eq!(ok(store.commit(&key(1), &becomes(1, None))), committed(3));
    assert_eq!(store.index_counts(), (1, 3), "nobody has no entry");
    assert!(ok(store.remove(&key(2), None)));
    assert_eq!(store.index_counts(), (1, 2), "delete");
    assert_eq!(ok(store.end_all(&shop(), &principal("ada"), Some(selector(3)))), 1);
    assert_eq!(store.index_counts(), (1, 1), "delete_all");
    assert_eq!(ok(store.sweep(at(IDLE), None, 1)).removed, 1);
    assert_eq!(ok(store.sweep(at(IDLE + 1), None, 1)).removed, 1);
    assert_eq!((store.len(), store.index_counts()), (0, (0, 0)), "sweep");
}

#[test]
fn delete_all_spares_one_session_and_other_people() {
    let store = MemoryStore::default();
    for number in 1..=3 {
        let _ = ok(store.insert_capped(&key(number), owned(0, "ada"), None));
    }
    let _ = ok(store.insert_capped(&key(4), owned(0, "bob"), None));
    assert_eq!(ok(store.end_all(&shop(), &principal("ada"), Some(selector(2)))), 2);
    assert_eq!(listed(&store, "ada", 0), [selector(2)]);
    assert_eq!(ok(store.end_all(&shop(), &principal("ada"), None)), 1);
    assert_eq!(ok(store.end_all(&shop(), &principal("ada"), None)), 0);
    assert_eq!(listed(&store, "bob", 0), [selector(4)]);
    assert_eq!(store.len(), 1);
}

#[test]
fn a_sweep_removes_what_is_over_up_to_its_limit() {
    let store = MemoryStore::default();
    for number in 0..10 {
        let _ = ok(store.insert_capped(&key(number), owned(0, "ada"), None));
    }
    let _ = ok(store.insert_capped(&key(10), owned(MINUTE, "ada"), None));
    assert_eq!(ok(store.sweep(at(IDLE - 1), None, 100)).removed, 0);
    assert_eq!(ok(store.sweep(at(IDLE), None, 4)).removed, 4);
    assert_eq!(ok(store.sweep(at(IDLE), None, 100)).removed, 6);
    assert_eq!(ok(store.sweep(at(IDLE), None, 100)).removed, 0);
    assert_eq!(store.len(), 1);
    assert_eq!(listed(&store, "ada", IDLE), [selector(10)]);
}

#[test]
fn a_sweep_knows_of_a_lifetime_that_a_commit_made_shorter() {
    let store = MemoryStore::default();
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    let short = Lifetime { absolute_until: at(10), ..lifetime() };
    let _ = ok(store.commit(&key(1), &Commit { lifetime: Some(short), ..touch(1) }));
    assert_eq!(ok(store.sweep(at(10), None, 1)).removed, 1);
}

#[test]
fn writes_in_passing_drop_what_is_over_once_a_minute() {
    // One shard, so that every write passes by every record.
    let store = MemoryStore::with_limit(100);
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(1), None));
    let _ = ok(store.insert_capped(&key(3), anonymous(IDLE), None));
    assert_eq!(store.len(), 2, "the insert at the end of the first one removed it");
    assert_eq!(ok(store.commit(&key(3), &touch(IDLE + MINUTE - 1))), committed(1));
    assert_eq!(store.len(), 2, "less than a minute later nothing is looked through");
    assert_eq!(ok(store.commit(&key(3), &touch(IDLE + MINUTE))), committed(1));
    assert_eq!(store.len(), 1);
    let _ = ok(store.insert_capped(&key(4), anonymous(3 * IDLE), None));
    assert_eq!(store.len(), 1, "an insert looks, too");
}

#[test]
fn how_often_writes_in_passing_look_can_be_set() {
    let store = MemoryStore::with_limit_and_scan(100, Duration::from_millis(10));
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    let _ = ok(store.insert_capped(&key(2), anonymous(IDLE - 1), None));
    assert_eq!(store.len(), 2);
    let _ = ok(store.insert_capped(&key(3), anonymous(IDLE + 8), None));
    assert_eq!(store.len(), 3, "nine milliseconds later nothing is looked through");
    let _ = ok(store.insert_capped(&key(4), anonymous(IDLE + 9), None));
    assert_eq!(store.len(), 3, "ten milliseconds later it is");
}

#[test]
fn clones_and_arcs_share_the_sessions() {
    let store = MemoryStore::default();
    let clone = Arc::new(store.clone());
    let _ = ok(clone.insert_capped(&key(1), anonymous(0), None));
    assert_eq!(store.len(), 1);
    assert!(ok(store.remove(&key(1), None)));
    assert_eq!(ok(clone.load(&key(1))), None);
}

#[test]
fn it_prints_counts_only() {
    let store = MemoryStore::with_limit(7);
    let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
    assert_eq!(format!("{store:?}"), "MemoryStore { len: 1, limit: 7, .. }");
}
