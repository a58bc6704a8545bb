//! The start of every test: the store under test, a namespace of the test's own, the time, and
//! sessions whose expected state is kept beside the store. A broken rule becomes a panic here, with
//! the request, the expected answer and the actual answer.

use std::{future::Future, sync::Arc, time::SystemTime};

use super::{
    make::{Credential, in_order, later, lifetime, random},
    show,
};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, FieldValue, InsertOutcome, Listed, Meta, Namespace, Op,
        PrincipalKey, Record, Selector, Store, StoreError, StoreKey,
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

    pub(super) async fn insert(
        &self,
        key: &StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> InsertOutcome {
        answer("insert", self.store.insert(key, record, cap)).await
    }

    /// Inserts a record, which must succeed. Returns the record's key.
    pub(super) async fn put(&self, record: Record) -> StoreKey {
        let key = self.key();
        self.put_at(&key, record).await;
        key
    }

    pub(super) async fn put_at(&self, key: &StoreKey, record: Record) {
        let outcome = self.insert(key, record, None).await;
        equal("`insert` stores a new record", &InsertOutcome::inserted(), &outcome);
    }

    pub(super) async fn commit(&self, key: &StoreKey, commit: &Commit) -> CommitOutcome {
        in_order(answer("commit", self.store.commit(key, commit)).await)
    }

    pub(super) async fn delete(&self, key: &StoreKey) -> bool {
        answer("delete", self.store.delete(key)).await
    }

    pub(super) async fn list(&self, who: &PrincipalKey, now: Timestamp) -> Vec<Listed> {
        answer("list", self.store.list(&self.namespace, who, now)).await
    }

    /// Returns the selectors of the sessions that `list` returns.
    pub(super) async fn listed(&self, who: &PrincipalKey, now: Timestamp) -> Vec<Selector> {
        let mut listed: Vec<Selector> =
            self.list(who, now).await.iter().map(|session| session.selector).collect();
        listed.sort();
        listed
    }

    pub(super) async fn delete_all(&self, who: &PrincipalKey, except: Option<Selector>) -> u64 {
        answer("delete_all", self.store.delete_all(&self.namespace, who, except)).await
    }

    pub(super) async fn sweep(&self, now: Timestamp, limit: usize) -> u64 {
        answer("sweep", self.store.sweep(now, limit)).await
    }

    /// Checks the record that the store has under a key.
    pub(super) async fn holds(&self, rule: &str, key: &StoreKey, expected: Option<&Record>) {
        let found = self.load(key).await;
        if found.as_deref() != expected {
            let differences = show::differences(expected, found.as_deref());
            broken(rule, &format!("the record under the key is not what it must be:{differences}"));
        }
    }

    /// Stores an anonymous session with these fields, and follows it.
    pub(super) async fn session(
        &self,
        rule: &'static str,
        fields: &[(&str, FieldValue)],
    ) -> Followed {
        let mut record = self.record(0);
        for (field, value) in fields {
            record.set((*field).to_owned(), value.clone());
        }
        self.follow(rule, record).await
    }

    /// Stores a record, and follows it.
    pub(super) async fn follow(&self, rule: &'static str, record: Record) -> Followed {
        let key = self.put(record.clone()).await;
        self.holds("what was inserted is loaded back", &key, Some(&record)).await;
        Followed { fixture: self.clone(), key, rule, record, with_loaded: false }
    }
}

pub(super) fn fresh_namespace(prefix: &str) -> Namespace {
    Namespace::new(&format!("{prefix}-{:032x}", u128::from_be_bytes(random())))
}

/// A session whose expected record is kept beside the store, by [`Record::apply`].
pub(super) struct Followed {
    pub(super) fixture: Fixture,
    pub(super) key: StoreKey,
    /// The rule under test.
    rule: &'static str,
    pub(super) record: Record,
    /// True if commits carry the record that was loaded.
    pub(super) with_loaded: bool,
}

impl Followed {
    /// Commits, and checks the outcome, then the whole record.
    pub(super) async fn commit(&mut self, commit: &Commit, expected: CommitOutcome) {
        let mut commit = commit.clone();
        if self.with_loaded {
            commit.loaded = self.fixture.load(&self.key).await;
        }
        let commit = &commit;
        let before = self.record.clone();
        let reference = in_order(self.record.apply(commit));
        let outcome = self.fixture.commit(&self.key, commit).await;
        let asked = show::commit(commit);
        if outcome != expected {
            broken(self.rule, &format!("{asked}\n  expected {expected:?}\n  found    {outcome:?}"));
        }
        // Caps concern other records, which the reference does not know of.
        if commit.cap.is_none() && reference != expected {
            broken(self.rule, &format!("{asked}\n  `Record::apply` itself gives {reference:?}"));
        }
        if !matches!(expected, CommitOutcome::Committed { .. }) {
            self.record = before;
        }
        let found = self.fixture.load(&self.key).await;
        if found.as_deref() != Some(&self.record) {
            let differences = show::differences(Some(&self.record), found.as_deref());
            broken(self.rule, &format!("{asked}\n  leaves a record that differs:{differences}"));
        }
    }

    /// Commits these ops now, which must apply.
    pub(super) async fn apply(&mut self, ops: impl Into<Vec<Op>>) {
        let commit = super::make::commit(self.fixture.at(0), ops);
        let revision = self.record.meta.revision + 1;
        self.commit(&commit, CommitOutcome::committed(revision, false)).await;
    }

    /// Checks that the fields are these and no others.
    pub(super) fn has(&self, fields: &[(&str, FieldValue)]) {
        let mut expected = Record::new(self.record.meta.clone());
        for (field, value) in fields {
            expected.set((*field).to_owned(), value.clone());
        }
        // The store was compared with this record after the last commit.
        let differences = show::differences(Some(&expected), Some(&self.record));
        if !differences.is_empty() {
            broken(self.rule, &format!("the fields are not what they must be:{differences}"));
        }
    }
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
    panic!("a rule of `Store` is broken: {rule}\n  {found}\n")
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
