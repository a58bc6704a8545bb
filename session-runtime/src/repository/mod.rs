//! Between the engine and the stores: the one way in which a commit is made of loads and swaps, caps,
//! the deadline of every operation, and the sweep. Knows nothing of sessions beyond their records.

mod cap;
pub(crate) mod deadline;
mod lease;
mod principal;
mod swap;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use swap::pause;

use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Properties,
        Record, RecordStore, Selector, Store, StoreFuture, StoreKey,
    },
};

/// Returns the record under `key` as it is now, whether or not the store is a cache.
fn load_latest<'a>(
    store: &'a dyn RecordStore,
    key: &'a StoreKey,
) -> StoreFuture<'a, Option<Arc<Record>>> {
    store.reload(key).unwrap_or_else(|| store.load(key))
}

impl<S: RecordStore> Store for S {
    fn properties(&self) -> Properties {
        RecordStore::properties(self)
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        RecordStore::load(self, key)
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        RecordStore::reload(self, key)
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        cap::insert(self, key, record, cap)
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        cap::commit(self, key, commit)
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        self.remove(key, None)
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        principal::list(self, namespace, principal, now)
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        principal::end_all(self, namespace, principal, except)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        RecordStore::sweep(self, now, limit)
    }
}
