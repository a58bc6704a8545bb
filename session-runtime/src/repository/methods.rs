//! The repository's operations as methods of every store, for tests and for the suites.

use std::{sync::Arc, time::Duration};

use super::{Listed, cap, principal};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Namespace, PrincipalKey, Record, Selector,
        Store, StoreFuture, StoreKey, load_latest,
    },
};

/// The operations on sessions that are made of the operations of a store. Every store has them.
pub trait Repository: Store {
    /// Returns the record under `key` as it is now, whether or not the store is a cache.
    fn load_latest<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>>;

    /// Stores a new record; a record that is there stays as it is. `cap` has an effect only if the
    /// record has a principal.
    fn insert_capped<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome>;

    /// Applies a commit to a record that is there, whole or not at all, as [`Record::apply`] does.
    ///
    /// With a [`Cap`], a log-in counts the principal's *other* live sessions that did not begin before
    /// [`Cap::not_before`]. If there are fewer than `cap.sessions`, the cap has no effect. Otherwise
    /// `RefuseNew` answers `Full` and changes nothing, and `EndOldest` removes those with the earliest
    /// log-ins (of two in the same millisecond, the smaller selector) until one fewer than
    /// `cap.sessions` are left, at most 32.
    /// A log-in that is dropped half-way may leave more, until the principal's next log-in. What
    /// does not apply for another reason (`Exists`, `Gone`, `Superseded`, `Conflict`) ends nothing.
    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome>;

    /// Returns the sessions of a principal that are live at `now`, the latest log-in first.
    fn list_live<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>>;

    /// Removes every session of a principal except `except`. Returns how many were removed.
    fn end_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64>;
}

impl<S: Store> Repository for S {
    fn load_latest<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        load_latest(self, key)
    }

    fn insert_capped<'a>(
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

    fn list_live<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        principal::list(self, namespace, principal, now)
    }

    fn end_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        let ending = principal::end_all(self, namespace, principal, except, Duration::MAX, &|_| ());
        ending.map(|ended| ended.sessions)
    }
}

/// Removes sessions of a principal until the time is up. Returns whether none is left.
pub(crate) fn end_all_within<'a>(
    store: &'a dyn Store,
    namespace: &'a Namespace,
    principal: &'a PrincipalKey,
    time: Duration,
) -> StoreFuture<'a, bool> {
    principal::end_all(store, namespace, principal, None, time, &|_| ()).map(|ended| ended.is_done)
}
