//! Commits, log-ins and endings that run at the same time, in many thousand random orders of their
//! steps: a store in memory that waits once before each operation, and a scheduler that lets one
//! step of anybody's happen at a time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod model;

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    clock::Timestamp,
    repository::Repository,
    store::{
        Cap, Check, Commit, CommitOutcome, Cursor, Facts, FieldValue, InsertOutcome, KeyId,
        Lifetime, MemoryStore, Meta, Namespace, OnMaxSessions, Op, Order, Page, PrincipalKey,
        Properties, Record, Selector, Store, StoreFuture, StoreKey, SweepCursor, Swept, Written,
    },
};

const SCHEDULES: u64 = 20_000;
const CHECK: Check = Check::from_bytes([1; 16]);
const KEY_ID: KeyId = KeyId::from_bytes([1; 4]);

/// A store whose operations wait once before they happen, at one moment each.
#[derive(Clone, Default)]
struct Paced(MemoryStore);

async fn step() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

impl Store for Paced {
    fn properties(&self) -> Properties {
        Store::properties(&self.0)
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(async move {
            step().await;
            Store::load(&self.0, key).await
        })
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            step().await;
            Store::insert(&self.0, key, record).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            step().await;
            self.0.replace(key, version, record).await
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        StoreFuture::new(async move {
            step().await;
            self.0.remove(key, version).await
        })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        StoreFuture::new(async move {
            step().await;
            Store::list(&self.0, namespace, principal, order, after, limit).await
        })
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        StoreFuture::new(async move {
            step().await;
            self.0.count(namespace, principal).await
        })
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        Store::sweep(&self.0, before, after, limit)
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        Store::probe(&self.0)
    }
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Lets the tasks happen step by step, each time one of them by chance.
fn interleave(random: &mut Random, mut tasks: Vec<Task<'_>>) {
    let mut context = Context::from_waker(Waker::noop());
    let mut steps = 0;
    while !tasks.is_empty() {
        let next = random.below(tasks.len());
        if tasks[next].as_mut().poll(&mut context).is_ready() {
            drop(tasks.swap_remove(next));
        }
        steps += 1;
        assert!(steps < 1_000_000, "they keep each other from getting on");
    }
}

/// Returns what is there at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Runs a case in many orders of its steps, each with a store of its own.
fn in_many_orders(case: impl Fn(&mut Random, &Paced)) {
    for seed in 1..=SCHEDULES {
        let store = Paced(MemoryStore::with_limit(64));
        case(&mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), &store);
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + millis)
}

fn key(number: u8) -> StoreKey {
    StoreKey { namespace: Namespace::new("shop"), selector: Selector::from_bytes([number; 16]) }
}

fn ada() -> PrincipalKey {
    PrincipalKey::new("\"ada\"")
}

fn record(millis: u64) -> Record {
    let lifetime = Lifetime {
        idle_millis: Some(1_800_000),
        absolute_until: at(43_200_000),
        persistent: false,
    };
    Record::new(Meta::new(CHECK, KEY_ID, at(millis), lifetime))
}

fn owned(millis: u64) -> Record {
    let mut record = record(millis);
    record.meta.set_principal(Some(ada()), at(millis));
    record
}

fn touch(millis: u64) -> Commit {
    Commit::touch(at(millis), CHECK, KEY_ID)
}

fn add(millis: u64) -> Commit {
    let add = Op::Add { field: "n".into(), by: 1, min: 0, max: 1000 };
    Commit { ops: vec![add], ..touch(millis) }
}

fn log_in(millis: u64, cap: Option<Cap>) -> Commit {
    Commit { principal: Some(Some(ada())), cap, ..touch(millis) }
}

/// Optional, as it is wherever it is passed.
#[allow(clippy::unnecessary_wraps)]
const fn cap(sessions: u32, on_max: OnMaxSessions) -> Option<Cap> {
    Some(Cap::new(sessions, on_max))
}

fn live(store: &Paced) -> Vec<Selector> {
    let namespace = Namespace::new("shop");
    let listed = now(Repository::list_live(store, &namespace, &ada(), at(1000))).unwrap();
    let mut live: Vec<_> = listed.into_iter().map(|session| session.selector).collect();
    live.sort();
    live
}

fn put(store: &Paced, number: u8, record: Record) {
    let inserted = now(Repository::insert_capped(store, &key(number), record, None)).unwrap();
    assert_eq!(inserted, InsertOutcome::inserted());
}

fn load(store: &Paced, number: u8) -> Option<Arc<Record>> {
    now(Store::load(store, &key(number))).unwrap()
}

#[test]
fn every_addition_counts_and_use_moves_only_forward() {
    in_many_orders(|random, store| {
        put(store, 1, record(0));
        let latest = 1 + random.below(50) as u64;
        let keys = [key(1)];
        let tasks = (0..4).map(|number| {
            let commit = if number == 3 { touch(latest) } else { add(number) };
            // Half of them have loaded the record before.
            let loaded = load(store, 1).filter(|_| number % 2 == 0);
            let (commit, key) = (Commit { loaded, ..commit }, &keys[0]);
            Box::pin(async move {
                let outcome = Repository::commit(store, key, &commit).await.unwrap();
                assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
            }) as Task<'_>
        });
        interleave(random, tasks.collect());
        let record = load(store, 1).unwrap();
        assert_eq!(record.get("n"), Some(&FieldValue::Int(3)));
        assert_eq!(record.meta.last_seen, at(latest.max(2)));
    });
}

#[test]
fn parallel_log_ins_leave_what_the_cap_allows_whatever_their_clocks_say() {
    in_many_orders(|random, store| {
        put(store, 100, owned(10));
        // One machine's clock is behind, another's ahead; and several are of one millisecond.
        let times = [5, 20, 20, 300_000, 1].map(|time| time + random.below(2) as u64);
        let keys: Vec<_> = (1..=5).map(key).collect();
        put(store, 5, record(0));
        let ended = std::cell::RefCell::new(Vec::new());
        let tasks = keys.iter().zip(times).map(|(key, time)| {
            let (ended, cap) = (&ended, cap(2, OnMaxSessions::EndOldest));
            Box::pin(async move {
                let outcome = if key.selector == Selector::from_bytes([5; 16]) {
                    match Repository::commit(store, key, &log_in(time, cap)).await.unwrap() {
                        CommitOutcome::Committed { ended, .. } => ended,
                        other => panic!("{other:?}"),
                    }
                } else {
                    match Repository::insert_capped(store, key, owned(time), cap).await.unwrap() {
                        InsertOutcome::Inserted { ended } => ended,
                        other => panic!("{other:?}"),
                    }
                };
                ended.borrow_mut().extend(outcome);
            }) as Task<'_>
        });
        interleave(random, tasks.collect());
        let live = live(store);
        assert_eq!(live.len(), 2);
        let mut ended = ended.into_inner();
        ended.sort();
        assert_eq!(ended.len(), 4, "{ended:?}");
        ended.dedup();
        assert_eq!(ended.len(), 4, "each gave way to one log-in");
        assert!(live.iter().all(|selector| !ended.contains(selector)));
    });
}

#[test]
fn log_ins_that_count_too_few_of_each_other_still_leave_what_the_cap_allows() {
    in_many_orders(|random, store| {
        let times: Vec<u64> = (0..4).map(|_| 1 + random.below(4) as u64).collect();
        let keys: Vec<_> = (1..=4).map(key).collect();
        let tasks = keys.iter().zip(times).map(|(key, time)| {
            let cap = cap(1, OnMaxSessions::EndOldest);
            Box::pin(async move {
                drop(Repository::insert_capped(store, key, owned(time), cap).await.unwrap());
            }) as Task<'_>
        });
        interleave(random, tasks.collect());
        assert_eq!(live(store).len(), 1);
    });
}

#[test]
fn parallel_log_ins_at_a_large_cap_end_as_many_as_come_and_the_oldest() {
    in_many_orders(|random, store| {
        // More than one step of a log-in looks at.
        for number in 1..=34 {
            put(store, number, owned(u64::from(number)));
        }
        let keys: Vec<_> = [100, 101, 20].map(key).into();
        let tasks = keys.iter().map(|key| {
            let (time, cap) = (50 + random.below(3) as u64, cap(34, OnMaxSessions::EndOldest));
            Box::pin(async move {
                // One of them is a session of the principal already.
                if load(store, 20).is_some() && key.selector == Selector::from_bytes([20; 16]) {
                    drop(Repository::commit(store, key, &log_in(time, cap)).await.unwrap());
                } else {
                    drop(Repository::insert_capped(store, key, owned(time), cap).await.unwrap());
                }
            }) as Task<'_>
        });
        let tasks = tasks.collect();
        interleave(random, tasks);
        let live = live(store);
        assert_eq!(live.len(), 34);
        let ended = [1, 2].map(|number| key(number).selector);
        assert!(!live.iter().any(|selector| ended.contains(selector)), "{live:?}");
    });
}

#[test]
fn a_log_in_beside_an_eviction_stays() {
    in_many_orders(|random, store| {
        for (number, time) in [(1, 10), (2, 20)] {
            put(store, number, owned(time));
        }
        let (first, third) = (key(1), key(3));
        let again = std::cell::Cell::new(None);
        let cap = cap(2, OnMaxSessions::EndOldest);
        let tasks: Vec<Task<'_>> = vec![
            Box::pin(async {
                let outcome = Repository::commit(store, &first, &log_in(30, cap)).await.unwrap();
                again.set(Some(matches!(outcome, CommitOutcome::Committed { .. })));
            }),
            Box::pin(async {
                drop(Repository::insert_capped(store, &third, owned(31), cap).await.unwrap());
            }),
        ];
        interleave(random, tasks);
        let took_place = again.get().unwrap();
        let other = if took_place { 1 } else { 2 };
        assert_eq!(live(store), [key(other).selector, third.selector], "again: {took_place}");
    });
}

#[test]
fn of_two_log_ins_for_one_place_one_is_refused() {
    in_many_orders(|random, store| {
        put(store, 100, owned(10));
        let keys = [key(1), key(2)];
        put(store, 2, record(0));
        let let_in = std::cell::Cell::new(0);
        let cap = cap(2, OnMaxSessions::RefuseNew);
        let tasks: Vec<Task<'_>> = vec![
            Box::pin(async {
                let outcome =
                    Repository::insert_capped(store, &keys[0], owned(20), cap).await.unwrap();
                let_in.set(let_in.get() + usize::from(outcome == InsertOutcome::inserted()));
            }),
            Box::pin(async {
                let outcome = Repository::commit(store, &keys[1], &log_in(20, cap)).await.unwrap();
                let took_place = matches!(outcome, CommitOutcome::Committed { .. });
                let_in.set(let_in.get() + usize::from(took_place));
            }),
        ];
        interleave(random, tasks);
        assert_eq!((let_in.get(), live(store).len()), (1, 2));
        assert_eq!(
            store.0.len(),
            live(store).len()
                + usize::from(
                    load(store, 2).is_some_and(|record| record.meta.principal.is_none(),)
                ),
            "the lease was released"
        );
    });
}

#[test]
fn the_end_of_all_sessions_ends_those_that_are_written_to_meanwhile() {
    in_many_orders(|random, store| {
        for number in 1..=3 {
            put(store, number, owned(u64::from(number)));
        }
        let (keys, namespace, who) = ([key(1), key(2)], Namespace::new("shop"), ada());
        let tasks: Vec<Task<'_>> = vec![
            Box::pin(async { drop(Repository::commit(store, &keys[0], &add(9)).await.unwrap()) }),
            Box::pin(async { drop(Repository::commit(store, &keys[1], &log_in(9, None)).await) }),
            Box::pin(async {
                let ended = Repository::end_all(store, &namespace, &who, None).await.unwrap();
                assert_eq!(ended, 3);
            }),
        ];
        interleave(random, tasks);
        assert!(live(store).is_empty());
    });
}

#[test]
fn a_commit_that_was_overtaken_by_the_end_creates_nothing() {
    in_many_orders(|random, store| {
        put(store, 1, owned(0));
        let keys = [key(1)];
        let loaded = load(store, 1);
        let commit = Commit { loaded, ..add(1) };
        let tasks: Vec<Task<'_>> = vec![
            Box::pin(async { drop(Repository::commit(store, &keys[0], &commit).await.unwrap()) }),
            Box::pin(async { drop(Repository::commit(store, &keys[0], &add(2)).await.unwrap()) }),
            Box::pin(async { assert!(store.remove(&keys[0], None).await.unwrap()) }),
        ];
        interleave(random, tasks);
        assert_eq!(load(store, 1), None);
    });
}
