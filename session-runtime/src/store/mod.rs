//! Where sessions are kept: the [`Store`] trait and its answers. A store keeps records and compares
//! versions; it knows nothing of HTTP, tokens, keys, session types, ops or caps.
//! [`MemoryStore`] is the reference.

mod apply;
mod at_start;
mod bus;
mod cached;
mod commit;
#[cfg(feature = "embedded")]
mod embedded;
pub(crate) mod encoding;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod feed;
#[cfg(feature = "file")]
mod file;
mod future;
pub(crate) mod hex;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "redis"))]
mod home;
mod id;
pub(crate) mod layout;
mod lazy;
mod memory;
#[cfg(feature = "mongodb")]
mod mongo;
pub(crate) mod op;
mod open;
mod page;
mod record;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "mongodb", feature = "redis"))]
mod run_to_completion;
pub(crate) mod session_id;
#[cfg(feature = "_sql")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))))]
mod sql;
mod swept;
#[cfg(test)]
mod tests;
mod vec_map;

use std::sync::Arc;

pub use at_start::check;
pub use bus::{Bus, Notice, Watch};
pub use cached::CachedStore;
pub use commit::{Commit, CommitOutcome, InsertOutcome, Unpresented};
#[cfg(feature = "embedded")]
pub use embedded::EmbeddedStore;
#[cfg(feature = "file")]
pub use file::FileStore;
pub(crate) use future::Answer;
pub use future::{StoreError, StoreFuture};
pub(crate) use id::equal;
pub use id::{Check, KeyId, Namespace, PrincipalKey, Selector, StoreKey};
pub use lazy::LazyStore;
pub use memory::MemoryStore;
#[cfg(feature = "mongodb")]
pub use mongo::MongoStore;
pub(crate) use op::OnMaxSessions;
pub use op::{
    Again, Cap, Change, Expected, FieldName, FieldValue, Lifetime, Op, Refusal, Rotation,
};
pub use open::{open, open_lazy};
pub(crate) use page::Part;
pub use page::{Cursor, Order, Page};
pub use record::{Meta, Previous, Record};
pub(crate) use record::{Standing, field_sizes, note_former};
#[cfg(feature = "redis")]
pub use redis::RedisStore;
#[cfg(feature = "_sql")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))))]
pub use sql::{SqlPool, SqlStore, SqlStoreBuilder};
pub use swept::{SweepCursor, Swept};

use crate::clock::Timestamp;

/// The outcome of an insert or a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Written {
    /// The record is stored.
    Stored {
        /// The number of sessions that the record's principal has, this one included: at least
        /// those that are live. A session whose log-in has moved may be counted at both places. 0 if
        /// the record has no principal; a write that has changed neither the principal nor the time
        /// of the log-in may count none.
        of_principal: u64,
    },
    /// Nothing is stored. An insert: there is a record under that key. A replacement: there is
    /// none, or its version is another.
    Not,
    /// Nothing is stored: there is no room.
    Full,
}

/// The properties of a store that the runtime needs to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub struct Properties {
    /// True if other processes see the same records.
    pub shared: bool,
    /// True if records outlive this process.
    pub durable: bool,
    /// True if the store may remove records before they expire, to make room. A session that is
    /// removed early logs somebody out; the note of a session that has ended must not be.
    pub evicts: bool,
    /// True if commits are cheaper when they carry the record that was [loaded](Commit::loaded).
    pub wants_loaded: bool,
}

impl Properties {
    /// A store in this process's memory: neither shared nor durable.
    pub const IN_PROCESS: Self =
        Self { shared: false, durable: false, evicts: false, wants_loaded: false };
    /// A store that survives a restart, on one machine.
    pub const DURABLE: Self = Self { durable: true, wants_loaded: true, ..Self::IN_PROCESS };
    /// A store that many processes use, and that survives a restart.
    pub const SHARED: Self = Self { shared: true, ..Self::DURABLE };
}

/// The answer of a store that is asked now ([`Store::probe`]), beside what it was at start
/// ([`Properties`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The present time by the clock of the store's server; `None` for a store in this process or on
    /// this machine, whose clock is this machine's.
    pub time: Option<Timestamp>,
}

impl Facts {
    /// The facts of a store in this process or on this machine.
    pub const HERE: Self = Self { time: None };

    /// Makes the facts of a server whose clock shows `time`.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self { time: Some(time) }
    }
}

/// The use of a store's pool of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolUse {
    /// The connections that an operation has at this moment.
    pub in_use: u32,
    /// The connections that are open and that no operation has.
    pub idle: u32,
    /// The most connections that the pool opens. When all of them are in use, further operations wait.
    pub most: u32,
}

impl PoolUse {
    /// Makes the use of a pool.
    #[must_use]
    pub const fn new(in_use: u32, idle: u32, most: u32) -> Self {
        Self { in_use, idle, most }
    }
}

/// A place that keeps records under keys, each with a version ([`Meta::revision`]).
///
/// The library decides above every store, in one way for all of them, which changes a commit makes,
/// who wins, and which sessions of a principal give way. A store obeys these rules:
///
/// 1. Only [`insert`](Self::insert) creates, and never overwrites; [`replace`](Self::replace)
///    overwrites, and never creates. Writes to one record are serialised.
/// 2. A read that begins after a write was answered shows that write, whichever process asks,
///    unless the store is a cache ([`reload`](Self::reload)).
/// 3. [`load`](Self::load) may return an expired record, or none in its place: what it returns is
///    checked.
/// 4. [`list`](Self::list) has at least every live session of a principal: where the index is apart
///    from the records, an entry is added before its record and removed after it.
/// 5. Of two writes that give sessions to one principal, at least one counts both
///    ([`Written::Stored`]).
/// 6. An operation whose future is dropped has happened whole or not at all; entries of an index may
///    stay.
/// 7. A write without an answer is an error. It is sent again only if it surely was not carried
///    out, or if twice is the same as once.
pub trait Store: Send + Sync + 'static {
    /// Returns the properties of this store.
    fn properties(&self) -> Properties;

    /// Returns the name of this kind of store in metrics and traces, for example `postgresql`. By
    /// default, it is the name of the type.
    fn name(&self) -> &'static str {
        let path = std::any::type_name::<Self>().split('<').next().unwrap_or_default();
        path.rsplit("::").next().unwrap_or_default()
    }

    /// Returns the use of the store's pool of connections, if the store has one. Asked at the end of
    /// each operation that an [observer](crate::observe::Observer) sees, so that it must not wait.
    fn pool(&self) -> Option<PoolUse> {
        None
    }

    /// Returns the record under `key`, if there is one.
    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>>;

    /// Loads the record under `key` as it is now, if [`load`](Self::load) may return an older one,
    /// as a cache does. Returns `None` if `load` always returns the present record.
    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        let _ = key;
        None
    }

    /// Stores a new record; a record that is there stays as it is.
    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written>;

    /// Puts `record` in the place of the record under `key`, if that has this version. Never
    /// creates. Of the two records' `last_seen`, the later stays.
    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written>;

    /// Changes the record under `key` where it is, if this store has its records in this process's
    /// memory and lets nobody else look meanwhile. `change` returns whether it has changed the
    /// record; if it has not, the outcome is [`Written::Not`], as it is if there is no record. Only a
    /// change that says `log_in` gives the session to another principal, or begins a new log-in.
    /// Returns `None` if the store cannot do that: then a record is replaced.
    fn change(
        &self,
        key: &StoreKey,
        log_in: bool,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> Option<Written> {
        let _ = (key, log_in, change);
        None
    }

    /// Moves the time at which the record under `key` was last used on to `last_seen`, and its expiry
    /// with it, to `clean_after`, from which on the store may remove the record. The version stays.
    /// Never creates, and no time goes back. Returns whether there is such a record.
    ///
    /// By default the record is replaced by itself with another time. A store that can change the
    /// time alone need not send the record.
    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        let _ = clean_after;
        StoreFuture::new(async move {
            loop {
                let Some(there) = load_latest(self, key).await? else { return Ok(false) };
                if there.meta.last_seen >= last_seen {
                    return Ok(true);
                }
                let (mut record, version) = (Record::clone(&there), there.meta.revision);
                record.meta.last_seen = last_seen;
                if let Written::Stored { .. } = self.replace(key, version, Arc::new(record)).await?
                {
                    return Ok(true);
                }
            }
        })
    }

    /// Removes the record under `key`; with a version, only if the record has that version. Returns
    /// whether it did.
    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool>;

    /// Returns up to `limit` sessions of a principal, those after `after` in the order. The list has
    /// at least those that are live.
    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page>;

    /// Returns the number of sessions of a principal, at least of those that are live: as
    /// [`Written::Stored`] does after a log-in.
    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64>;

    /// Removes up to `limit` records that are expired at `before`: a step of a sweep. Returns the
    /// number of those records, and the place at which the next step begins, if records are left.
    ///
    /// `after` is the place that the step before has returned, and `None` for the first step. A store
    /// that finds the first expired record at no cost need not look at `after`. A store whose server
    /// removes expired records by itself returns `Swept::default()`.
    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept>;

    /// Asks the store's server now. If the store is [shared](Properties::shared), the runtime asks at
    /// start and about once a minute, to go by the server's clock, which is one for all processes. A
    /// store in this process or on this machine returns [`Facts::HERE`].
    fn probe(&self) -> StoreFuture<'_, Facts>;

    /// Passes a notice on to everybody who [watches](Self::watch) the same records, in other processes
    /// too. Waits for no watcher. The runtime publishes when it has ended or evicted a session, when a
    /// session has another principal, and when all sessions of a type have ended. A rotation is not
    /// published. A store without a bus, as by default, does nothing.
    ///
    /// A request never waits for this, and a failure is no error of the request: a notice may get
    /// lost.
    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        let _ = notice;
        StoreFuture::ready(Ok(()))
    }

    /// Watches what is [published](Self::publish) from now on, by this process and others. Returns
    /// `None` if there is no bus, as by default, or none yet, as with a store that is not open: then
    /// only asking for the records tells. Called in a Tokio runtime; a store with a server listens
    /// there for as long as somebody watches.
    ///
    /// A notice says no more than that a record may have changed. Ask for the record by
    /// [`reload`](Self::reload), if that is there: a cache may still have the old one.
    fn watch(&self) -> Option<Watch> {
        None
    }
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

    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn pool(&self) -> Option<PoolUse> {
        (**self).pool()
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        (**self).load(key)
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        (**self).reload(key)
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        (**self).insert(key, record)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        (**self).replace(key, version, record)
    }

    fn change(
        &self,
        key: &StoreKey,
        log_in: bool,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> Option<Written> {
        (**self).change(key, log_in, change)
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        (**self).touch(key, last_seen, clean_after)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        (**self).remove(key, version)
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        (**self).list(namespace, principal, order, after, limit)
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        (**self).count(namespace, principal)
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        (**self).sweep(before, after, limit)
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        (**self).probe()
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        (**self).publish(notice)
    }

    fn watch(&self) -> Option<Watch> {
        (**self).watch()
    }
}
