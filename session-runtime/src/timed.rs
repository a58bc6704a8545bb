//! A store under a deadline: every operation ends in time, and its failure is an [`Error`] that
//! says which operation it was.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Timestamp,
    error::{Error, Kind},
    event,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Record,
        Selector, Store, StoreFuture, StoreKey,
    },
    sweep::{self, Schedule},
};

/// Clones share the store and its schedule.
#[derive(Clone)]
pub(crate) struct TimedStore {
    store: Arc<dyn Store>,
    load_deadline: Duration,
    commit_deadline: Duration,
    schedule: Arc<Schedule>,
}

impl TimedStore {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        load_deadline: Duration,
        commit_deadline: Duration,
    ) -> Self {
        Self { store, load_deadline, commit_deadline, schedule: Arc::default() }
    }

    /// How long an operation may take: those that only read have a deadline of their own.
    fn deadline(&self, operation: &str) -> Duration {
        if matches!(operation, "load" | "list") { self.load_deadline } else { self.commit_deadline }
    }

    async fn within<T: Unpin>(
        &self,
        operation: &'static str,
        answer: StoreFuture<'_, T>,
    ) -> Result<T, Error> {
        // A store that answers at once needs no timer, and so no runtime.
        let answer = if answer.is_ready() {
            answer.await
        } else {
            let after = self.deadline(operation);
            tokio::time::timeout(after, answer)
                .await
                .map_err(|_| Error::new(Kind::Deadline { operation, after }))?
        };
        answer.map_err(|source| Error::new(Kind::Store { operation, source }))
    }

    pub(crate) async fn load(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, Error> {
        self.within("load", self.store.load(key)).await
    }

    /// What `load` should have given, if the store says that it may have given something older.
    pub(crate) async fn reload(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, Error> {
        self.within("load", self.store.reload(key)).await
    }

    pub(crate) async fn insert(
        &self,
        key: &StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, Error> {
        let now = record.meta.last_seen;
        let outcome = self.within("insert", self.store.insert(key, record, cap)).await;
        if self.schedule.is_due(now)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(self.clone().sweep(now));
        }
        outcome
    }

    /// Removes what is over at `now`, in steps, until nothing is left or the store fails.
    async fn sweep(self, now: Timestamp) {
        for _ in 0..sweep::STEPS {
            match self.within("sweep", self.store.sweep(now, sweep::STEP)).await {
                Ok(removed) if removed < sweep::STEP as u64 => return,
                Ok(_) => {}
                Err(error) => return event::sweep_failed(&error),
            }
        }
    }

    pub(crate) async fn commit(
        &self,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<CommitOutcome, Error> {
        self.within("commit", self.store.commit(key, commit)).await
    }

    pub(crate) async fn delete(&self, key: &StoreKey) -> Result<bool, Error> {
        self.within("delete", self.store.delete(key)).await
    }

    pub(crate) async fn list(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Listed>, Error> {
        self.within("list", self.store.list(namespace, principal, now)).await
    }

    pub(crate) async fn delete_all(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        except: Option<Selector>,
    ) -> Result<u64, Error> {
        self.within("delete_all", self.store.delete_all(namespace, principal, except)).await
    }
}
