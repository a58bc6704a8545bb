//! The in-memory store under parallel threads: nothing lost, no limit passed, and the index of
//! principals complete at every moment.

use std::{
    collections::BTreeSet,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::*;
use crate::repository::Repository as _;
use crate::store::{InsertOutcome, Store};

const PEOPLE: [&str; 3] = ["ada", "bob", "eve"];
const SESSIONS: u64 = 48;

/// A small generator: the same sequence of operations in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn person(&mut self) -> &'static str {
        PEOPLE[usize::try_from(self.below(3)).expect("less than 3")]
    }
}

/// The sessions of a principal by the records alone.
fn by_records(store: &MemoryStore, name: &str) -> BTreeSet<Selector> {
    let owner = Some(principal(name));
    (0..SESSIONS)
        .filter(|number| {
            ok(store.load(&key(*number))).is_some_and(|record| record.meta.principal == owner)
        })
        .map(selector)
        .collect()
}

/// The sessions of a principal by the index.
fn by_index(store: &MemoryStore, name: &str) -> BTreeSet<Selector> {
    let sessions = ok(store.list_live(&shop(), &principal(name), at(0)));
    sessions.iter().map(|session| session.selector).collect()
}

/// Stops the other threads also when an assertion fails: a scope waits for all of them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn parallel_commits_lose_nothing() {
    let store = MemoryStore::default();
    let _ = ok(store.insert_capped(&key(1), anonymous(0), None));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let loaded = ok(store.load(&key(1)));
                    let outcome = ok(store.commit(&key(1), &ops(0, [add("n", 1)])));
                    assert!(matches!(outcome, CommitOutcome::Committed { .. }));
                    drop(loaded);
                }
            });
        }
    });
    let record = ok(store.load(&key(1))).expect("never removed");
    assert_eq!(record.get("n"), Some(&FieldValue::Int(4000)));
    assert_eq!(record.meta.revision, 4001);
}

#[test]
fn of_parallel_inserts_under_one_key_one_wins() {
    for round in 0..200 {
        let store = MemoryStore::default();
        let barrier = Barrier::new(3);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let insert = |name: &'static str| {
                let (store, barrier) = (&store, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    ok(store.insert_capped(&key(round), owned(0, name), None))
                })
            };
            let threads = PEOPLE.map(insert);
            threads.map(|thread| thread.join().expect("no panic in a store")).into()
        });
        let winners = outcomes.iter().filter(|it| **it == InsertOutcome::inserted()).count();
        assert_eq!((winners, store.len()), (1, 1));
        let listed = PEOPLE.map(|name| by_index(&store, name).len());
        assert_eq!(listed.iter().sum::<usize>(), 1);
    }
}

#[test]
fn after_a_race_of_everything_the_index_equals_the_records() {
    let store = MemoryStore::default();
    thread::scope(|scope| {
        for thread in 1..=4_u64 {
            let store = &store;
            scope.spawn(move || {
                let mut random = Random(thread.wrapping_mul(0x2545_f491_4f6c_dd1d));
                for _ in 0..5000 {
                    let key = key(random.below(SESSIONS));
                    let name = random.person();
                    match random.below(10) {
                        0..4 => drop(ok(store.commit(&key, &becomes(0, Some(name))))),
                        4 => drop(ok(store.commit(&key, &becomes(0, None)))),
                        5 => drop(ok(store.insert_capped(&key, anonymous(0), None))),
                        6..8 => drop(ok(store.insert_capped(&key, owned(0, name), None))),
                        8 => drop(ok(store.remove(&key, None))),
                        _ => {
                            let except = (random.below(2) == 0).then_some(key.selector);
                            ok(store.end_all(&shop(), &principal(name), except));
                        }
                    }
                }
            });
        }
    });
    for name in PEOPLE {
        assert_eq!(by_index(&store, name), by_records(&store, name), "{name}");
        ok(store.end_all(&shop(), &principal(name), None));
        assert!(by_records(&store, name).is_empty());
    }
    let anonymous = (0..SESSIONS).filter(|number| ok(store.load(&key(*number))).is_some()).count();
    assert_eq!(store.len(), anonymous);
}

#[test]
fn delete_all_leaves_nothing_that_was_there_before_it() {
    let store = MemoryStore::default();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // Traffic of the same principal on other sessions, and of others on all shards.
        scope.spawn(|| {
            let mut random = Random(7);
            while !stop.load(Ordering::Relaxed) {
                let other = key(1000 + random.below(SESSIONS));
                let _ = ok(store.insert_capped(&other, anonymous(0), None));
                let _ = ok(store.commit(&other, &becomes(0, Some(random.person()))));
                let _ = ok(store.remove(&other, None));
            }
        });
        let _stop = Stop(&stop);
        for _ in 0..500 {
            for number in 0..4 {
                let _ = ok(store.insert_capped(&key(number), anonymous(0), None));
                let _ = ok(store.commit(&key(number), &becomes(0, Some("ada"))));
            }
            ok(store.end_all(&shop(), &principal("ada"), Some(selector(3))));
            for number in 0..3 {
                assert_eq!(ok(store.load(&key(number))), None);
            }
            assert!(ok(store.remove(&key(3), None)), "the exception stays");
        }
    });
}

#[test]
fn delete_all_spares_a_session_that_went_to_somebody_else() {
    let store = MemoryStore::default();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                ok(store.end_all(&shop(), &principal("ada"), None));
            }
        });
        let _stop = Stop(&stop);
        for _ in 0..20_000 {
            let _ = ok(store.insert_capped(&key(1), owned(0, "ada"), None));
            if ok(store.commit(&key(1), &becomes(0, Some("bob")))) == committed(2) {
                assert!(ok(store.remove(&key(1), None)), "it was bob's");
            }
        }
    });
}

#[test]
fn the_limit_holds_at_every_moment() {
    let store = MemoryStore::with_limit(64);
    thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..2000 {
                    let new = key(thread * 10_000 + number);
                    let outcome = answer(store.insert_capped(&new, anonymous(number), None));
                    assert_eq!(outcome.ok(), Some(InsertOutcome::inserted()));
                    assert!(store.len() <= 64, "{}", store.len());
                }
            });
        }
    });
}
