//! The start of every test: the store under test, a namespace of the test's own, the time, and what
//! the tests of both suites ask of a store. A broken rule becomes a panic here, with the expected
//! answer and the actual answer.

use std::{future::Future, sync::Arc, time::SystemTime};

use super::{
    make::{Credential, later, lifetime, random},
    show,
};
use crate::{
    clock::Timestamp,
    store::{
        Facts, Meta, Namespace, PrincipalKey, Record, Selector, Store, StoreError, StoreKey,
        SweepCursor, Swept, Written,
    },
};

/// The store under test, and a namespace that nobody else uses.
#[derive(Clone)]
pub struct Fixture {
    pub(super) store: Arc<dyn Store>,
    pub(super) namespace: Namespace,
    start: Timestamp,
}

impl std::fmt::Debug for Fixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fixture").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Fixture {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        // The system's time, since servers may have clocks of their own to clean up by.
        let start = Timestamp::from(SystemTime::now());
        Self { store, namespace: fresh_namespace("conformance"), start }
    }

    /// Returns the same store with another namespace.
    pub(super) fn within(&self, namespace: Namespace) -> Self {
        Self { namespace, ..self.clone() }
    }

    /// Returns the same store with a namespace that nobody has used.
    pub(super) fn fresh(&self) -> Self {
        self.within(fresh_namespace("conformance"))
    }

    /// Returns the same store and namespace for a test that starts at another time.
    pub(super) fn from(&self, start: Timestamp) -> Self {
        Self { start, ..self.clone() }
    }

    /// Returns the time `millis` after the start of the test.
    pub(super) fn at(&self, millis: u64) -> Timestamp {
        later(self.start, millis)
    }

    /// Returns the key of a session that nobody else uses.
    pub(super) fn key(&self) -> StoreKey {
        self.key_of(Selector::from_bytes(random()))
    }

    pub(super) fn key_of(&self, selector: Selector) -> StoreKey {
        StoreKey { namespace: self.namespace.clone(), selector }
    }

    /// Makes an anonymous record without fields, created `millis` after the start.
    pub(super) fn record(&self, millis: u64) -> Record {
        let (now, credential) = (self.at(millis), Credential::FIRST);
        Record::new(Meta::new(credential.check(), credential.key_id(), now, lifetime(now)))
    }

    /// Makes the same record for a principal who logs in at its creation.
    pub(super) fn owned(&self, millis: u64, who: &PrincipalKey) -> Record {
        let mut record = self.record(millis);
        record.meta.set_principal(Some(who.clone()), self.at(millis));
        record
    }

    pub(super) async fn load(&self, key: &StoreKey) -> Option<Arc<Record>> {
        answer("load", self.store.load(key)).await
    }

    /// Inserts a record, which must succeed. Returns the record's key.
    pub(super) async fn put(&self, record: Record) -> StoreKey {
        let key = self.key();
        self.put_at(&key, record).await;
        key
    }

    pub(super) async fn put_at(&self, key: &StoreKey, record: Record) {
        let written = answer("insert", self.store.insert(key, Arc::new(record))).await;
        let so = matches!(written, Written::Stored { .. });
        holds("`insert` stores a new record", so, || format!("it answered {written:?}"));
    }

    pub(super) async fn remove(&self, key: &StoreKey) -> bool {
        answer("remove", self.store.remove(key, None)).await
    }

    /// Makes one step of a sweep.
    pub(super) async fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> Swept {
        answer("sweep", self.store.sweep(before, after, limit)).await
    }

    pub(super) async fn probe(&self) -> Facts {
        answer("probe", self.store.probe()).await
    }

    /// Checks the record that the store has under a key.
    pub(super) async fn holds(&self, rule: &str, key: &StoreKey, expected: Option<&Record>) {
        let found = self.load(key).await;
        if found.as_deref() != expected {
            let differences = show::differences(expected, found.as_deref());
            broken(rule, &format!("the record under the key is not what it must be:{differences}"));
        }
    }
}

pub(super) fn fresh_namespace(prefix: &str) -> Namespace {
    Namespace::new(&format!("{prefix}-{:032x}", u128::from_be_bytes(random())))
}

/// Returns the answer of a store, which must not be an error.
pub(super) async fn answer<T>(
    operation: &str,
    future: impl Future<Output = Result<T, StoreError>>,
) -> T {
    future.await.unwrap_or_else(|error| panic!("`{operation}` failed: {error:?}"))
}

/// Fails the test because a rule does not hold.
pub(super) fn broken(rule: &str, found: &str) -> ! {
    panic!("a rule is broken: {rule}\n  {found}\n")
}

/// Fails the test unless the condition holds.
pub(super) fn holds(rule: &str, so: bool, otherwise: impl FnOnce() -> String) {
    if !so {
        broken(rule, &otherwise());
    }
}

/// Fails the test unless both values are equal.
pub(super) fn equal<T: PartialEq + std::fmt::Debug>(rule: &str, expected: &T, found: &T) {
    holds(rule, expected == found, || format!("expected {expected:?}\n  found    {found:?}"));
}
