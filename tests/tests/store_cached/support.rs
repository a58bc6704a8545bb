//! What the tests of the cached store share: a store with spies in it, records and commits.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    clock::{Clock, ManualClock},
    store::{
        CachedStore, Check, Commit, CommitOutcome, FieldValue, InsertOutcome, KeyId, Lifetime,
        MemoryStore, Meta, Namespace, Op, PrincipalKey, Record, Selector, Store, StoreKey,
    },
};
use tests::{Fault, Spy, Verb, spy};

pub(crate) type Watched = CachedStore<Spy<MemoryStore>, Spy<MemoryStore>>;

pub(crate) const MAX_AGE: Duration = Duration::from_secs(5);
/// The largest age below that.
pub(crate) const ALMOST: Duration = Duration::from_millis(4_999);
/// Longer than any of these tests.
pub(crate) const FOREVER: Fault = Fault::Slow(Duration::from_secs(3600));

/// A cached store with spies on both of its stores, and the clock that copies age by.
pub(crate) struct Setup {
    pub(crate) fast: Spy<MemoryStore>,
    pub(crate) durable: Spy<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Watched,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let [fast, durable] = [(), ()].map(|()| spy(MemoryStore::default()));
        let clock = Arc::new(ManualClock::default());
        let store = CachedStore::new(fast.clone(), durable.clone())
            .max_age(MAX_AGE)
            .patience(Duration::from_millis(50))
            .clock(Arc::clone(&clock));
        Self { fast, durable, clock, store }
    }

    /// Another process: the same durable store and clock, nothing else in common but perhaps the
    /// fast store.
    pub(crate) fn other(&self, fast: &Spy<MemoryStore>) -> Watched {
        CachedStore::new(fast.clone(), self.durable.clone())
            .max_age(MAX_AGE)
            .clock(Arc::clone(&self.clock))
    }

    pub(crate) async fn insert(&self, number: u8) {
        let outcome = self.store.insert_capped(&key(number), record(&self.clock), None).await;
        assert_eq!(outcome.expect("inserts"), InsertOutcome::inserted());
    }

    /// What the durable store was asked for since the last time.
    pub(crate) fn take_calls(&self) -> Vec<Verb> {
        self.durable.take_calls()
    }
}

pub(crate) fn key(number: u8) -> StoreKey {
    StoreKey { namespace: Namespace::new("shop"), selector: Selector::from_bytes([number; 16]) }
}

pub(crate) fn check(number: u8) -> Check {
    Check::from_bytes([number; 16])
}

pub(crate) const KEY_ID: KeyId = KeyId::from_bytes([7; 4]);

pub(crate) fn record(clock: &ManualClock) -> Record {
    let lifetime = Lifetime {
        idle_millis: Some(1_800_000),
        absolute_until: clock.now().saturating_add(Duration::from_secs(43_200)),
        persistent: false,
    };
    Record::new(Meta::new(check(1), KEY_ID, clock.now(), lifetime))
}

pub(crate) fn ada() -> PrincipalKey {
    PrincipalKey::new("\"ada\"")
}

pub(crate) fn touch(setup: &Setup) -> Commit {
    Commit::touch(setup.clock.now(), check(1), KEY_ID)
}

pub(crate) fn add_one(setup: &Setup) -> Commit {
    let mut commit = touch(setup);
    commit.ops.push(Op::Add { field: "n".into(), by: 1, min: 0, max: i64::MAX });
    commit
}

pub(crate) fn log_in(setup: &Setup) -> Commit {
    let mut commit = touch(setup);
    commit.principal = Some(Some(ada()));
    commit
}

pub(crate) async fn load(store: &impl Store, number: u8) -> Option<Arc<Record>> {
    store.load(&key(number)).await.expect("loads")
}

pub(crate) async fn number(store: &impl Store) -> Option<i64> {
    match load(store, 1).await?.get("n") {
        None => Some(0),
        Some(FieldValue::Int(number)) => Some(*number),
        Some(other) => panic!("{other:?}"),
    }
}

pub(crate) fn committed(outcome: &CommitOutcome) -> bool {
    matches!(outcome, CommitOutcome::Committed { .. })
}

/// Polls a future once, and leaves it where it waits.
pub(crate) async fn begin<F: Future + Unpin>(future: &mut F) {
    let waits = poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await;
    assert!(waits, "it had nothing to wait for");
}
