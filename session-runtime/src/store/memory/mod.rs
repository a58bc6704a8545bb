//! The store in this process's memory: sharded maps of records, an index by principal, and a limit
//! on the number of records. It owns where records lie and which records go when there are too
//! many. [`Record::apply`] decides what a commit does to a record, and time comes from the caller.

mod admission;
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
    admission::{Admission, PrincipalLocks},
    index::{Index, lock},
    shard::Shard,
};
use super::{
    Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Properties, Record,
    Selector, Store, StoreError, StoreFuture, StoreKey,
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
/// remove, the new session is refused with a [`StoreError`], which the client sees as 503.
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
    principal_locks: PrincipalLocks,
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
            principal_locks: PrincipalLocks::default(),
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

    fn insert(
        &self,
        key: &StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, StoreError> {
        let (Some(cap), Some(principal)) = (cap, &record.meta.principal) else {
            return self.insert_admitted(key, record);
        };
        let Some(admission) = Admission::of(self, key, principal, cap, record.meta.last_seen)
        else {
            return Ok(InsertOutcome::Full);
        };
        let mut outcome = self.insert_admitted(key, record)?;
        if let InsertOutcome::Inserted { ended } = &mut outcome {
            *ended = admission.evict();
        }
        Ok(outcome)
    }

    fn insert_admitted(&self, key: &StoreKey, record: Record) -> Result<InsertOutcome, StoreError> {
        let now = record.meta.last_seen;
        loop {
            let mut shard = self.shard(key.selector);
            self.release(shard.sweep_in_passing(now, self.scan_every, &self.index));
            if shard.records.get(key).is_some() {
                return Ok(InsertOutcome::Exists);
            }
            if self.reserve() {
                self.index.add(key, record.meta.principal.as_ref());
                shard.put(key, record);
                return Ok(InsertOutcome::inserted());
            }
            // Room may be made in any shard, and only one shard is ever locked at a time.
            drop(shard);
            if !self.make_room(self.position(key.selector), now) {
                return Err(StoreError::new(format!(
                    "the memory store is full: each of its {} sessions belongs to a principal \
                     and is still live; raise the limit with `MemoryStore::with_limit`",
                    self.limit
                )));
            }
        }
    }

    fn commit(&self, key: &StoreKey, commit: &Commit) -> CommitOutcome {
        let (Some(cap), Some(Some(principal))) = (commit.cap, &commit.principal) else {
            return self.commit_admitted(key, commit);
        };
        let Some(admission) = Admission::of(self, key, principal, cap, commit.now) else {
            return CommitOutcome::Full;
        };
        let mut outcome = self.commit_admitted(key, commit);
        if let CommitOutcome::Committed { ended, .. } = &mut outcome {
            *ended = admission.evict();
        }
        outcome
    }

    fn commit_admitted(&self, key: &StoreKey, commit: &Commit) -> CommitOutcome {
        let mut shard = self.shard(key.selector);
        let outcome = shard.commit(key, commit, &self.index);
        self.release(shard.sweep_in_passing(commit.now, self.scan_every, &self.index));
        outcome
    }

    /// Returns the sessions of a principal that are live at `now`, in no order.
    fn live(&self, namespace: &Namespace, principal: &PrincipalKey, now: Timestamp) -> Vec<Listed> {
        let keys = self.index.keys(namespace, principal).into_iter();
        keys.filter_map(|key| {
            let shard = self.shard(key.selector);
            let meta = &shard.records.get(&key)?.meta;
            (meta.principal.as_ref() == Some(principal) && !meta.is_expired(now))
                .then(|| Listed::new(key.selector, meta))
        })
        .collect()
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

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        StoreFuture::ready(self.0.insert(key, record, cap))
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        StoreFuture::ready(Ok(self.0.commit(key, commit)))
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        StoreFuture::ready(Ok(self.0.remove(key, |_| true)))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        let mut listed = self.0.live(namespace, principal, now);
        listed.sort_by_key(|session| std::cmp::Reverse(session.created));
        StoreFuture::ready(Ok(listed))
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        let keys = self.0.index.keys(namespace, principal);
        let removed = keys
            .iter()
            .filter(|key| Some(key.selector) != except)
            // Somebody else may have logged in to it meanwhile.
            .filter(|key| self.0.remove(key, |it| it.meta.principal.as_ref() == Some(principal)))
            .count();
        StoreFuture::ready(Ok(removed as u64))
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
