//! The store in this process's memory: sharded maps of records, an index by principal, and limits on
//! the number and the size of the records. It owns where records lie and which records go when there
//! are too many. It compares versions, and time comes from the caller.

mod by_namespace;
mod hasher;
mod index;
mod records;
mod room;
mod shard;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use self::{
    index::{Index, lock},
    records::Held,
    room::{Room, Taken, weight},
    shard::{Changed, EVICTED_PART, Shard},
};
use super::{
    Bus, Cursor, Facts, Meta, Namespace, Notice, Order, Page, Part, PrincipalKey, Properties,
    Record, Selector, Store, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written,
};
use crate::clock::Timestamp;

/// The most shards that a store has; a power of two.
const SHARDS: usize = 64;
/// The default interval between two looks through a shard.
const SCAN_EVERY: Duration = Duration::from_secs(60);
/// A store with a lower limit has fewer shards, so that "least recently seen" is exact in a small
/// one and nearly so in a large one.
const SESSIONS_PER_SHARD: usize = 1024;
/// The default limit on the bytes: a kibibyte for each session of the default limit.
const MAX_BYTES: usize = 1 << 30;

/// Sessions in this process's memory.
///
/// For tests, and for services of one process whose sessions may end with the process. Clones share
/// the sessions, so a test can keep a clone of the store that a layer writes to.
///
/// **Limits.** The default is 1,000,000 sessions ([`with_limit`](Self::with_limit)) that take about
/// 1 GiB in all ([`max_bytes`](Self::max_bytes)). At a limit, a session that is new, or that grows,
/// takes the place of expired sessions. If no session is expired, the store evicts a sixteenth of the
/// anonymous sessions in one of its parts, the least recently seen first. If there are none, a session
/// with a principal takes the place of the earliest log-ins, at least one and up to a sixteenth, of
/// the principal that has the most sessions. So one account can fill the store with its own sessions
/// only, and no anonymous session ever takes the place of a user's. A principal's only session is never
/// evicted, nor is a note of an ended session: if there is nothing else to remove, the new session is
/// refused with a [`StoreError`](super::StoreError), which the client sees as 503.
///
/// **Expiry.** The store has no task of its own. Expired records are removed by later inserts and
/// commits, at most once a minute in each part of the store (or as often as
/// [`with_limit_and_scan`](Self::with_limit_and_scan) sets), when the limit is reached, and by
/// [`sweep`](Store::sweep). The time is that of the insert or commit, so an injected clock drives
/// expiry too; layers that share a store should share a clock.
#[derive(Clone)]
pub struct MemoryStore(Arc<Shared>);

struct Shared {
    room: Room,
    /// The interval between two looks through a shard for expired records.
    scan_every: Duration,
    shards: Box<[Mutex<Shard>]>,
    index: Index,
    bus: Bus,
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
            room: Room::new(sessions, MAX_BYTES),
            scan_every,
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            index: Index::default(),
            bus: Bus::new(),
        }))
    }

    /// Sets the limit on the memory that the sessions take, about 1 GiB by default. What a session
    /// takes is estimated: its fields, and some 500 bytes. Clones share the limit.
    ///
    /// ```
    /// # use session_runtime::store::MemoryStore;
    /// let store = MemoryStore::with_limit(100_000).max_bytes(256 << 20);
    /// ```
    #[must_use]
    pub fn max_bytes(self, bytes: usize) -> Self {
        self.0.room.set_max_bytes(bytes);
        self
    }

    /// Returns the number of sessions in the store, including expired ones that are not yet
    /// removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.room.records()
    }

    /// Returns about how many bytes the sessions take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.0.room.bytes()
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
    /// Makes a store that holds up to 1,000,000 sessions of about 1 GiB in all.
    fn default() -> Self {
        Self::with_limit(1_000_000)
    }
}

impl fmt::Debug for MemoryStore {
    /// Prints counts only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("limit", &self.0.room.max_records())
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
        let (now, bytes) = (record.meta.last_seen, weight(&record));
        loop {
            let mut shard = self.shard(key.selector);
            self.room.release(shard.sweep_in_passing(now, self.scan_every, &self.index));
            if shard.records.get(key).is_some() {
                return Written::Not;
            }
            if self.room.take(Taken::one(bytes)) {
                let of_principal = shard.put(key, record, bytes, &self.index) as u64;
                return Written::Stored { of_principal };
            }
            // Room may be made in any shard, and only one shard is ever locked at a time.
            drop(shard);
            if !self.make_room(key, Taken::one(bytes), &record.meta) {
                return Written::Full;
            }
        }
    }

    fn replace(&self, key: &StoreKey, version: u64, record: Arc<Record>) -> Written {
        let bytes = weight(&record);
        loop {
            let mut shard = self.shard(key.selector);
            let there = shard.records.get(key).filter(|it| it.record.meta.revision == version);
            let Some(Held { bytes: before, .. }) = there else { return Written::Not };
            let more = Taken::bytes(bytes.saturating_sub(*before));
            if self.room.take(more) {
                let put = |there: &mut Arc<Record>| {
                    let last_seen = there.meta.last_seen;
                    *there = record;
                    if there.meta.last_seen < last_seen {
                        Arc::make_mut(there).meta.last_seen = last_seen;
                    }
                    true
                };
                let Some(changed) = shard.change(key, true, put, &self.index) else {
                    self.room.release(more);
                    return Written::Not;
                };
                // What it takes in addition was taken before.
                self.room.changed(changed.before.max(changed.after), changed.after);
                return self.stored(&mut shard, &changed);
            }
            drop(shard);
            if !self.make_room(key, more, &record.meta) {
                return Written::Full;
            }
        }
    }

    /// Changes a record under the lock, if there is one and `change` says that it has. Only
    /// a record that grows by more than is kept free for that can pass the limit; until there is
    /// room again, records are replaced.
    fn change(
        &self,
        key: &StoreKey,
        log_in: bool,
        change: impl FnOnce(&mut Arc<Record>) -> bool,
    ) -> Written {
        let mut shard = self.shard(key.selector);
        let Some(changed) = shard.change(key, log_in, change, &self.index) else {
            return Written::Not;
        };
        self.room.changed(changed.before, changed.after);
        self.stored(&mut shard, &changed)
    }

    fn stored(&self, shard: &mut Shard, changed: &Changed) -> Written {
        let now = changed.last_seen;
        self.room.release(shard.sweep_in_passing(now, self.scan_every, &self.index));
        Written::Stored { of_principal: changed.of_principal as u64 }
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
            let record = self.get(&key);
            let is_theirs = |it: &Arc<Record>| it.meta.principal.as_ref() == Some(principal);
            if let Some(record) = record.filter(is_theirs) {
                part.push(key.selector, record);
            }
        }
        part.into_page()
    }

    fn get(&self, key: &StoreKey) -> Option<Arc<Record>> {
        self.shard(key.selector).records.get(key).map(|held| Arc::clone(&held.record))
    }

    /// Removes a record if `matches` accepts it under the lock. Returns whether it did.
    fn remove(&self, key: &StoreKey, matches: impl FnOnce(&Record) -> bool) -> bool {
        let removed = self.shard(key.selector).remove(key, matches, &self.index);
        self.room.release(removed);
        removed.records > 0
    }

    /// Makes some of the room that the session under `key` needs, near that session if possible.
    /// Returns whether it has made any.
    fn make_room(&self, key: &StoreKey, needed: Taken, meta: &Meta) -> bool {
        if !self.room.could_hold(needed) {
            return false;
        }
        let around = || {
            let (before, after) = self.shards.split_at(self.position(key.selector));
            after.iter().chain(before).map(lock)
        };
        let of_the_largest = || self.evict_of_the_largest(key.selector);
        let removed = around()
            .map(|mut shard| shard.remove_expired(meta.last_seen, usize::MAX, &self.index))
            .chain(around().map(|mut shard| shard.evict_anonymous(key.selector)))
            .chain(meta.principal.iter().map(|_| of_the_largest()))
            .find(|removed| removed.records > 0)
            .unwrap_or_default();
        self.room.release(removed);
        removed.records > 0
    }

    /// Evicts the earliest log-ins of the principal that has the most sessions, if that has several.
    /// Returns what was evicted.
    fn evict_of_the_largest(&self, except: Selector) -> Taken {
        let mut evicted = Taken::default();
        let Some((namespace, principal, sessions)) = self.index.largest() else { return evicted };
        let quota = (sessions / EVICTED_PART).max(1);
        let oldest = self.index.log_ins(
            &namespace,
            &principal,
            Order::Oldest,
            None,
            quota.saturating_add(1),
        );
        for log_in in oldest.into_iter().filter(|it| it.selector != except).take(quota) {
            let key = StoreKey { namespace: namespace.clone(), selector: log_in.selector };
            let is_that = |record: &Record| {
                record.meta.principal.as_ref() == Some(&principal)
                    && Cursor::of(key.selector, record) == log_in
            };
            evicted += self.shard(key.selector).remove(&key, is_that, &self.index);
        }
        evicted
    }
}

impl Store for MemoryStore {
    fn properties(&self) -> Properties {
        Properties::IN_PROCESS
    }

    fn name(&self) -> &'static str {
        "memory"
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::ready(Ok(self.0.get(key)))
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
        StoreFuture::ready(Ok(self.0.replace(key, version, record)))
    }

    fn change(
        &self,
        key: &StoreKey,
        log_in: bool,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> Option<Written> {
        if self.0.room.is_tight() {
            return None;
        }
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

    fn sweep(
        &self,
        before: Timestamp,
        _after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        let mut removed = Taken::default();
        for shard in &self.0.shards {
            let left = limit - removed.records;
            removed += lock(shard).remove_expired(before, left, &self.0.index);
        }
        self.0.room.release(removed);
        let next = (removed.records == limit).then_some(SweepCursor::default());
        StoreFuture::ready(Ok(Swept::new(removed.records as u64, next)))
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        StoreFuture::ready(Ok(Facts::HERE))
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        self.0.bus.publish(notice);
        StoreFuture::ready(Ok(()))
    }

    fn watch(&self) -> Option<Watch> {
        Some(self.0.bus.watch())
    }
}
