//! The trait of stores that keep records and compare versions, and its answers. Such a store knows
//! nothing of ops, credentials or caps: [`crate::repository`] makes commits of its parts.

use std::sync::Arc;

use super::{Namespace, PrincipalKey, Properties, Record, Selector, StoreFuture, StoreKey};
use crate::clock::Timestamp;

/// What became of an insert or a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Written {
    /// The record is stored.
    Stored {
        /// The number of sessions that the record's principal has, this one included: at least
        /// those that are live. 0 if the record has no principal, or if the write has not changed
        /// the principal or the time of the log-in.
        of_principal: u64,
    },
    /// Nothing is stored. An insert: there is a record under that key. A replacement: there is
    /// none, or its version is another.
    Not,
    /// Nothing is stored: there is no room.
    Full,
}

/// The order of a list, by log-in time and, of two in the same millisecond, by selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The earliest log-in first.
    Oldest,
    /// The latest log-in first.
    Newest,
}

/// A place in a list: after the session with this log-in time and selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Cursor {
    /// When the principal logged in.
    pub logged_in: Timestamp,
    /// The session's selector.
    pub selector: Selector,
}

impl Cursor {
    /// Makes the place of a session in the list of its principal.
    #[must_use]
    pub const fn new(logged_in: Timestamp, selector: Selector) -> Self {
        Self { logged_in, selector }
    }

    /// Returns the place of a session in the list of its principal.
    #[must_use]
    pub fn of(selector: Selector, record: &Record) -> Self {
        let logged_in = record.meta.logged_in.unwrap_or(record.meta.created);
        Self { logged_in, selector }
    }
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The sessions, in the order that was asked for. There may be fewer than the limit, even none,
    /// before the list ends.
    pub sessions: Vec<(Selector, Arc<Record>)>,
    /// Sessions of the principal whose records do not read back: nobody can use them, and whoever
    /// ends all sessions of the principal ends them, too.
    pub unreadable: Vec<Selector>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<Cursor>,
}

impl Page {
    /// Makes a part of a list.
    #[must_use]
    pub const fn new(sessions: Vec<(Selector, Arc<Record>)>, next: Option<Cursor>) -> Self {
        Self { sessions, unreadable: Vec::new(), next }
    }
}

/// The part of a list that an index has given: the log-ins in their order, before their records are
/// read. Knows where a session belongs whose principal has logged in to it between the two.
pub(crate) struct Part {
    order: Order,
    next: Option<Cursor>,
    sessions: Vec<(Cursor, Arc<Record>)>,
}

impl Part {
    /// Begins a part that goes on at `next`.
    pub(super) const fn new(order: Order, next: Option<Cursor>) -> Self {
        Self { order, next, sessions: Vec::new() }
    }

    /// Adds a session that the index has named, by its record. One that was logged in to since the
    /// index was read is listed at its new place, or by a later part; it must not be missing from
    /// all of them.
    pub(super) fn push(&mut self, selector: Selector, record: Arc<Record>) {
        let now = Cursor::of(selector, &record);
        let is_later = self.next.is_some_and(|next| match self.order {
            Order::Oldest => now > next,
            Order::Newest => now < next,
        });
        if !is_later && self.sessions.iter().all(|(there, _)| *there != now) {
            self.sessions.push((now, record));
        }
    }

    /// Returns the sessions in their order.
    pub(super) fn into_page(mut self) -> Page {
        self.sessions.sort_by(|(a, _), (b, _)| match self.order {
            Order::Oldest => a.cmp(b),
            Order::Newest => b.cmp(a),
        });
        let sessions = self.sessions.into_iter().map(|(at, record)| (at.selector, record));
        Page::new(sessions.collect(), self.next)
    }
}

/// A place that keeps records under keys, each with a version
/// ([`Meta::revision`](super::Meta::revision)).
pub trait RecordStore: Send + Sync + 'static {
    /// Returns the properties of this store.
    fn properties(&self) -> Properties;

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

    /// Removes up to `limit` records that are expired at `now`. Returns how many it removed.
    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64>;
}
