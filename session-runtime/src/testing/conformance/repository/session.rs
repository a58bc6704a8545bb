//! The repository's operations on the store under test, and sessions whose expected state is kept
//! beside the store. It knows no rule but that of [`Record::apply`].

use crate::{
    clock::Timestamp,
    repository::{Listed, Repository as _},
    store::{
        Cap, Commit, CommitOutcome, FieldValue, InsertOutcome, Op, PrincipalKey, Record, Selector,
        StoreKey,
    },
    testing::conformance::{
        fixture::{Fixture, answer, broken},
        make::{self, in_order},
        show,
    },
};

impl Fixture {
    pub(super) async fn insert(
        &self,
        key: &StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> InsertOutcome {
        answer("insert", self.store.insert_capped(key, record, cap)).await
    }

    pub(super) async fn commit(&self, key: &StoreKey, commit: &Commit) -> CommitOutcome {
        in_order(answer("commit", self.store.commit(key, commit)).await)
    }

    pub(super) async fn list(&self, who: &PrincipalKey, now: Timestamp) -> Vec<Listed> {
        answer("list", self.store.list_live(&self.namespace, who, now)).await
    }

    /// Returns the selectors of the sessions that `list` returns.
    pub(super) async fn listed(&self, who: &PrincipalKey, now: Timestamp) -> Vec<Selector> {
        let mut listed: Vec<Selector> =
            self.list(who, now).await.iter().map(|session| session.selector).collect();
        listed.sort();
        listed
    }

    pub(super) async fn end_all(&self, who: &PrincipalKey, except: Option<Selector>) -> u64 {
        answer("end_all", self.store.end_all(&self.namespace, who, except)).await
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

    /// Commits, which must apply without a rotation, and checks the whole record.
    pub(super) async fn applies(&mut self, commit: &Commit) {
        let revision = self.record.meta.revision + u64::from(!commit.is_touch());
        self.commit(commit, CommitOutcome::committed(revision, false)).await;
    }

    /// Commits these ops now, which must apply.
    pub(super) async fn apply(&mut self, ops: impl Into<Vec<Op>>) {
        self.applies(&make::commit(self.fixture.at(0), ops)).await;
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
