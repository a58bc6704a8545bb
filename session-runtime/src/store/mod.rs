//! Where sessions are kept: the [`Store`] trait, its requests and its answers. Stores see opaque
//! field values and check values; they know nothing of HTTP, tokens, keys or the session type.
//! [`MemoryStore`] is the reference.

mod apply;
mod cached;
mod commit;
#[cfg(feature = "embedded")]
mod embedded;
mod encoding;
#[cfg(feature = "file")]
mod file;
mod future;
pub(crate) mod hex;
mod id;
pub(crate) mod layout;
mod memory;
#[cfg(feature = "mongodb")]
mod mongo;
pub(crate) mod op;
mod open;
mod record;
mod records;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "mongodb", feature = "redis"))]
mod run_to_completion;
pub(crate) mod session_id;
#[cfg(feature = "_sql")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))))]
mod sql;
#[cfg(test)]
mod tests;
mod vec_map;

use std::sync::Arc;

pub use cached::CachedStore;
pub use commit::{Commit, CommitOutcome, InsertOutcome};
#[cfg(feature = "embedded")]
pub use embedded::EmbeddedStore;
#[cfg(feature = "file")]
pub use file::FileStore;
pub(crate) use future::Answer;
pub use future::{StoreError, StoreFuture};
pub(crate) use id::equal;
pub use id::{Check, KeyId, Namespace, PrincipalKey, Selector, StoreKey};
pub use memory::MemoryStore;
#[cfg(feature = "mongodb")]
pub use mongo::MongoStore;
pub(crate) use op::OnMaxSessions;
pub use op::{
    Again, Cap, Change, Expected, FieldName, FieldValue, Lifetime, Op, Refusal, Rotation,
};
pub use open::open;
pub(crate) use record::Standing;
pub use record::{Meta, Previous, Record};
pub(crate) use records::Part;
pub use records::{Cursor, Order, Page, RecordStore, Written};
#[cfg(feature = "redis")]
pub use redis::RedisStore;
#[cfg(feature = "_sql")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))))]
pub use sql::{SqlPool, SqlStore, SqlStoreBuilder};

use crate::clock::Timestamp;

/// One live session of a principal, as [`Store::list`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The session's selector.
    pub selector: Selector,
    /// The time at which the session was created.
    pub created: Timestamp,
    /// The time at which the session's principal logged in.
    pub logged_in: Timestamp,
    /// The time at which the session was last used, up to the touch throttle.
    pub last_seen: Timestamp,
}

impl Listed {
    /// Makes the list entry of a session from its selector and the fixed part of its record.
    #[must_use]
    pub fn new(selector: Selector, meta: &Meta) -> Self {
        let Meta { created, last_seen, .. } = *meta;
        Self { selector, created, logged_in: meta.logged_in.unwrap_or(created), last_seen }
    }
}

/// The properties of a store that the runtime needs to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Properties {
    /// True if other processes see the same records.
    pub shared: bool,
    /// True if records outlive this process.
    pub durable: bool,
    /// True if commits are cheaper when they carry the record that was [loaded](Commit::loaded).
    pub wants_loaded: bool,
}

impl Properties {
    /// A store in this process's memory: neither shared nor durable.
    pub const IN_PROCESS: Self = Self { shared: false, durable: false, wants_loaded: false };
    /// A store that survives a restart, on one machine.
    pub const DURABLE: Self = Self { durable: true, wants_loaded: true, ..Self::IN_PROCESS };
    /// A store that many processes use, and that survives a restart.
    pub const SHARED: Self = Self { shared: true, ..Self::DURABLE };
}

/// A place that keeps sessions. Implement [`RecordStore`] for a store of your own: the library makes a
/// `Store` of it.
///
/// Every store obeys these rules:
///
/// 1. [`commit`](Self::commit) never creates a record. If the record is missing, or expired at
///    `commit.now`, the outcome is [`CommitOutcome::Gone`].
/// 2. A commit applies whole or not at all, atomically with its preconditions, as
///    [`Record::apply`] does. Commits on one record are serialised.
/// 3. [`insert`](Self::insert) never overwrites a record.
/// 4. The principal index holds at least every live record of a principal: an entry is added before
///    its record and removed after it.
/// 5. [`load`](Self::load) may return an expired record, or none in its place: the runtime checks
///    every record that it gets.
/// 6. An operation whose future is dropped has happened whole or not at all.
/// 7. With a [`Cap`], an insert or a commit that gives a session to a principal counts that
///    principal's *other* live sessions (at the time of the insert or commit). If there are fewer
///    than `cap.sessions`, the cap has no effect. Otherwise `RefuseNew` answers `Full` and
///    changes nothing, and `EndOldest` removes those with the earliest log-ins (of two in the same
///    millisecond, the smaller selector) until one fewer than `cap.sessions` are left. Parallel
///    log-ins of one principal, in whatever processes, leave no more than `cap.sessions`; a log-in
///    that is dropped half-way may leave more until the principal's next log-in.
///    What does not apply for another reason too (`Exists`, `Gone`, `Superseded`, `Conflict`) ends
///    nothing, and may give either answer.
pub trait Store: Send + Sync + 'static {
    /// Returns the properties of this store.
    fn properties(&self) -> Properties;

    /// Returns the record under `key`, if there is one.
    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>>;

    /// Reads the record under `key` as it is now, if [`load`](Self::load) may return an older one,
    /// as a cache does. Returns `None` if `load` always returns the present record. The runtime
    /// calls this before it turns away a credential or a session because of the record that `load`
    /// returned, and where an old answer would not be true.
    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        let _ = key;
        None
    }

    /// Stores a new record; an existing record stays as it is. `cap` has an effect only if the
    /// record has a principal.
    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome>;

    /// Applies a commit to an existing record. Returns what became of the commit.
    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome>;

    /// Removes a record. Returns whether there was one. Idempotent.
    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool>;

    /// Returns the sessions of a principal that are live at `now`, the newest first.
    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>>;

    /// Removes every session of a principal except `except`. Returns how many it removed.
    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64>;

    /// Removes up to `limit` records that are expired at `now`. Returns how many it removed.
    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64>;
}

/// Returns the record under `key` as it is now, whether or not the store is a cache.
pub(crate) fn load_latest<'a>(
    store: &'a (impl Store + ?Sized),
    key: &'a StoreKey,
) -> StoreFuture<'a, Option<Arc<Record>>> {
    store.reload(key).unwrap_or_else(|| store.load(key))
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn properties(&self) -> Properties {
        (**self).properties()
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        (**self).load(key)
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        (**self).reload(key)
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        (**self).insert(key, record, cap)
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        (**self).commit(key, commit)
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        (**self).delete(key)
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        (**self).list(namespace, principal, now)
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        (**self).delete_all(namespace, principal, except)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        (**self).sweep(now, limit)
    }
}
