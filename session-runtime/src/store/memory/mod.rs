//! The store in this process's memory: sharded maps of records, an index by principal, and a limit
//! on the number of records. It owns where records lie and which records go when there are too
//! many. It compares versions, and time comes from the caller.

mod by_namespace;
mod hasher;
mod index;
mod records;
mod shard;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use self::{
    index::{Index, lock},
    shard::Shard,
};
use super::{
    Cursor, Namespace, Order, Page, Part, PrincipalKey, Properties, Record, Selector, Store,
    StoreFuture, StoreKey, Written,
};
use crate::clock::Timestamp;

/// The most shards that a store has; a power of two.
const SHARDS: usize = 64;
/// The default interval between two looks through a shard.
const SCAN_EVERY: Duration = Duration::from_secs(60);
/// A store with a lower limit has fewer shards, so that "least recently seen" is exact in a small
/// one and nearly so in a large one.
const SESSIONS_PER_SHARD: usize = 1024;

/// Sessions in this process's memory.
///
/// For tests, and for services of one process whose sessions may end with the process. Clones share
/// the sessions, so a test can keep a clone of the store that a layer writes to.
///
/// **Limit.** The default is 1,000,000 sessions; [`with_limit`](Self::with_limit) sets another
/// limit. At the limit, a new session takes the place of expired sessions. If no session is
/// expired, the store evicts a sixteenth of the anonymous sessions in one of its parts, the least
/// recently seen first. A session with a principal is never evicted: if there is nothing else to
/// remove, the new session is refused with a [`StoreError`](super::StoreError), which the client sees as 503.
///
/// **Expiry.** No task runs in the background. Expired records are removed by later inserts and
/// commits, at most once a minute in each part of the store (or as often as
/// [`with_limit_and_scan`](Self::with_limit_and_scan) sets), when the limit is reached, and by
/// [`sweep`](Store::sweep). The time is that of the insert or commit, so an injected clock drives
/// expiry too; layers that share a store should share a clock.
#[derive(Clone)]
pub struct MemoryStore(Arc<Shared>);

struct Shared {
    limit: usize,
    /// The interval between two looks through a shard for expired records.
    scan_every: Duration,
    /// The number of records. It is raised before a record is put in, so the limit holds at every
    /// moment.
    len: AtomicUsize,
    shards: Box<[Mutex<Shard>]>,
    index: Index,
}

impl MemoryStore {
    /// Makes a store that holds up to `sessions` sessions.
    #[must_use]
    pub fn with_limit(sessions: usize) -> Self {
        Self::with_limit_and_scan(sessions, SCAN_EVERY)
    }

    /// Makes a store that holds up to `sessions` sessions and looks for expired ones at the
    /// interval `scan_every`. A long interval costs less; a short interval frees memory sooner. The
    /// runtime never accepts an expired session, however long its record is still there.
    #[must_use]
    pub fn with_limit_and_scan(sessions: usize, scan_every: Duration) -> Self {
        let shards = (sessions / SESSIONS_PER_SHARD).next_power_of_two().min(SHARDS);
        Self(Arc::new(Shared {
            limit: sessions,
            scan_every,
            len: AtomicUsize::new(0),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            index: Index::default(),
        }))
    }

    /// Returns the number of sessions in the store, including expired ones that are not yet
    /// removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len.load(Ordering::Relaxed)
    }

    /// Returns the numbers of principals and of their sessions in the index.
    #[cfg(test)]
    pub(super) fn index_counts(&self) -> (usize, usize) {
        self.0.index.counts()
    }

    /// Returns whether the store holds no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for MemoryStore {
    /// Makes a store that holds up to 1,000,000 sessions.
    fn default() -> Self {
        Self::with_limit(1_000_000)
    }
}

impl fmt::Debug for MemoryStore {
    /// Prints counts only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Selectors are random or hashed by us, so any one byte spreads them evenly.
    fn position(&self, selector: Selector) -> usize {
        usize::from(selector.0[0]) & (self.shards.len() - 1)
    }

    fn shard(&self, selector: Selector) -> MutexGuard<'_, Shard> {
        lock(&self.shards[self.position(selector)])
    }

    fn insert(&self, key: &StoreKey, record: Arc<Record>) -> Written {
        let now = record.meta.last_seen;
        loop {
            let mut shard = self.shard(key.selector);
            self.release(shard.sweep_in_passing(now, self.scan_every, &self.index));
            if shard.records.get(key).is_some() {
                return Written::Not;
            }
            if self.reserve() {
                let of_principal = shard.put(key, record, &self.index) as u64;
                return Written::Stored { of_principal };
            }
            // Room may be made in any shard, and only one shard is ever locked at a time.
            drop(shard);
            if !self.make_room(self.position(key.selector), now) {
                return Written::Full;
            }
        }
    }

    /// Changes a record under the lock, if there is one and `change` says that it has.
    fn change(
        &self,
        key: &StoreKey,
        log_in: bool,
        change: impl FnOnce(&mut Arc<Record>) -> bool,
    ) -> Written {
        let mut shard = self.shard(key.selector);
        let Some((now, of_principal)) = shard.change(key, log_in, change, &self.index) else {
            return Written::Not;
        };
        self.release(shard.sweep_in_passing(now, self.scan_every, &self.index));
        Written::Stored { of_principal: of_principal as u64 }
    }

    /// Returns the sessions of a principal, page by page. The index is read first and then each
    /// record, so that a session may have gone to another place or to somebody else meanwhile.
    fn list(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Page {
        let log_ins = self.index.log_ins(namespace, principal, order, after, limit);
        let next = log_ins.last().filter(|_| log_ins.len() == limit).copied();
        let mut part = Part::new(order, next);
        for log_in in log_ins {
            let key = StoreKey { namespace: namespace.clone(), selector: log_in.selector };
            let record = self.shard(key.selector).records.get(&key).cloned();
            let is_theirs = |it: &Arc<Record>| it.meta.principal.as_ref() == Some(principal);
            if let Some(record) = record.filter(is_theirs) {
                part.push(key.selector, record);
            }
        }
        part.into_page()
    }

    /// Removes a record if `matches` accepts it under the lock. Returns whether it did.
    fn remove(&self, key: &StoreKey, matches: impl FnOnce(&Record) -> bool) -> bool {
        let mut shard = self.shard(key.selector);
        let removed = shard.remove(key, matches, &self.index);
        self.release(usize::from(removed));
        removed
    }

    /// Makes room for at least one record, in the shard at `start` if possible. Returns whether
    /// there is room now.
    fn make_room(&self, start: usize, now: Timestamp) -> bool {
        let around = || {
            let (before, after) = self.shards.split_at(start);
            after.iter().chain(before).map(lock)
        };
        let removed = around()
            .map(|mut shard| shard.remove_expired(now, usize::MAX, &self.index))
            .chain(around().map(|mut shard| shard.evict_anonymous()))
            .find(|removed| *removed > 0)
            .unwrap_or(0);
        self.release(removed);
        removed > 0
    }

    fn reserve(&self) -> bool {
        self.len
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |len| {
                (len < self.limit).then_some(len + 1)
            })
            .is_ok()
    }

    fn release(&self, places: usize) {
        // All shards share the count: writing it makes every other processor read it again.
        if places > 0 {
            self.len.fetch_sub(places, Ordering::Relaxed);
        }
    }
}

impl Store for MemoryStore {
    fn properties(&self) -> Properties {
        Properties::IN_PROCESS
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::ready(Ok(self.0.shard(key.selector).records.get(key).cloned()))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::ready(Ok(self.0.insert(key, record)))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::ready(Ok(self.0.change(key, true, |there| {
            let is_that = there.meta.revision == version;
            if is_that {
                let last_seen = there.meta.last_seen;
                *there = record;
                if there.meta.last_seen < last_seen {
                    Arc::make_mut(there).meta.last_seen = last_seen;
                }
            }
            is_that
        })))
    }

    fn change(
        &self,
        key: &StoreKey,
        log_in: bool,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> Option<Written> {
        // Whoever still reads the old record keeps it.
        Some(self.0.change(key, log_in, |there| change(Arc::make_mut(there))))
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        let touched = self.0.change(key, false, |there| {
            if there.meta.last_seen < last_seen {
                Arc::make_mut(there).meta.last_seen = last_seen;
            }
            true
        });
        let _ = clean_after;
        StoreFuture::ready(Ok(touched != Written::Not))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        let is_that = |record: &Record| version.is_none_or(|it| it == record.meta.revision);
        StoreFuture::ready(Ok(self.0.remove(key, is_that)))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        StoreFuture::ready(Ok(self.0.list(namespace, principal, order, after, limit)))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        StoreFuture::ready(Ok(self.0.index.count(namespace, principal)))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        let mut removed = 0;
        for shard in &self.0.shards {
            removed += lock(shard).remove_expired(now, limit - removed, &self.0.index);
        }
        self.0.release(removed);
        StoreFuture::ready(Ok(removed as u64))
    }
}
