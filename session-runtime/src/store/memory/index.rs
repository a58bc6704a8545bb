//! The index of sessions by principal. It owns the sets of selectors and their locks. The record
//! itself says whether a selector still has a record, and whose it is.

use std::{
    collections::{BTreeSet, HashMap, hash_map},
    hash::BuildHasher,
    ops::{
        Bound::{Excluded, Unbounded},
        RangeBounds as _,
    },
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{by_namespace::ByNamespace, hasher::Seeds};
use crate::store::{Cursor, Namespace, Order, PrincipalKey, Record, StoreKey};

/// The sessions of every principal, by namespace.
///
/// The index changes only under the lock of the record's shard, so the holder of that lock finds
/// that index and record agree. Readers copy the index, then look at each record; they never hold a
/// lock of the index while they wait for that of a shard. So the order of locks is always shard,
/// then index.
#[derive(Default)]
pub(super) struct Index {
    owners: ByOwner<Owned>,
    /// The number of principals that have several sessions; with none, a search for the one that
    /// has most is pointless.
    several: AtomicUsize,
}

type Owned = ByNamespace<HashMap<PrincipalKey, LogIns>>;

/// The sessions of one principal, by their log-ins. Most principals have one session, which needs no
/// tree.
enum LogIns {
    One(Cursor),
    Many(BTreeSet<Cursor>),
}

impl LogIns {
    fn insert(&mut self, log_in: Cursor) {
        match self {
            Self::One(one) if *one == log_in => {}
            Self::One(one) => *self = Self::Many([*one, log_in].into()),
            Self::Many(many) => {
                many.insert(log_in);
            }
        }
    }

    /// Removes a log-in. Returns whether none is left.
    fn remove(&mut self, log_in: Cursor) -> bool {
        match self {
            Self::One(one) => *one == log_in,
            Self::Many(many) => {
                many.remove(&log_in);
                many.is_empty()
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(many) => many.len(),
        }
    }

    /// Returns the first log-ins after a place, in an order.
    fn first(&self, order: Order, after: Option<Cursor>, limit: usize) -> Vec<Cursor> {
        let bounds = match (order, after) {
            (_, None) => (Unbounded, Unbounded),
            (Order::Oldest, Some(after)) => (Excluded(after), Unbounded),
            (Order::Newest, Some(after)) => (Unbounded, Excluded(after)),
        };
        match self {
            Self::One(one) => {
                bounds.contains(one).then_some(*one).into_iter().take(limit).collect()
            }
            Self::Many(many) => match order {
                Order::Oldest => many.range(bounds).take(limit).copied().collect(),
                Order::Newest => many.range(bounds).rev().take(limit).copied().collect(),
            },
        }
    }
}

impl Index {
    /// Adds a session to those of its principal. Returns how many there are now.
    pub(super) fn add(&self, key: &StoreKey, record: &Record) -> usize {
        let Some(principal) = &record.meta.principal else { return 0 };
        let log_in = Cursor::of(key.selector, record);
        let mut part = self.owners.lock(&key.namespace, principal);
        match part.get_or_default(&key.namespace).entry(principal.clone()) {
            hash_map::Entry::Occupied(mut there) => {
                let before = there.get().len();
                there.get_mut().insert(log_in);
                let after = there.get().len();
                self.note_several(&key.namespace, before, after);
                after
            }
            hash_map::Entry::Vacant(place) => {
                place.insert(LogIns::One(log_in));
                1
            }
        }
    }

    pub(super) fn remove(
        &self,
        namespace: &Namespace,
        principal: Option<&PrincipalKey>,
        log_in: Cursor,
    ) {
        let Some(principal) = principal else { return };
        let mut part = self.owners.lock(namespace, principal);
        let Some(owned) = part.get_mut(namespace) else { return };
        if let hash_map::Entry::Occupied(mut owned) = owned.entry(principal.clone()) {
            let before = owned.get().len();
            let is_none_left = owned.get_mut().remove(log_in);
            self.note_several(namespace, before, owned.get().len());
            if is_none_left {
                owned.remove();
            }
        }
    }

    /// Counts the principals with several sessions; notes are no sessions.
    fn note_several(&self, namespace: &Namespace, before: usize, after: usize) {
        if (before > 1) != (after > 1) && !namespace.is_of_notes() {
            if after > 1 {
                self.several.fetch_add(1, Ordering::Relaxed);
            } else {
                self.several.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Returns the principal with the most sessions, and their number, if any principal has several.
    pub(super) fn largest(&self) -> Option<(Namespace, PrincipalKey, usize)> {
        if self.several.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut largest: Option<(Namespace, PrincipalKey, usize)> = None;
        for part in &self.owners.parts {
            let part = lock(part);
            for (namespace, owned) in part.named().filter(|(it, _)| !it.is_of_notes()) {
                let most = owned.iter().max_by_key(|(_, log_ins)| log_ins.len());
                let Some((principal, log_ins)) = most else { continue };
                let (there, here) = (largest.as_ref().map_or(1, |it| it.2), log_ins.len());
                if here > there {
                    largest = Some((namespace.clone(), principal.clone(), here));
                }
            }
        }
        largest
    }

    /// Returns the numbers of principals and of their sessions.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let counts = self.owners.parts.iter().map(|shard| {
            let part = lock(shard);
            let owned = || part.all().flat_map(HashMap::values);
            (owned().count(), owned().map(LogIns::len).sum::<usize>())
        });
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    /// Returns the number of sessions of a principal.
    pub(super) fn count(&self, namespace: &Namespace, principal: &PrincipalKey) -> u64 {
        let part = self.owners.lock(namespace, principal);
        let log_ins = part.get(namespace).and_then(|owned| owned.get(principal));
        log_ins.map_or(0, LogIns::len) as u64
    }

    /// Returns the first log-ins of a principal after a place, in an order.
    pub(super) fn log_ins(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Vec<Cursor> {
        let part = self.owners.lock(namespace, principal);
        let log_ins = part.get(namespace).and_then(|owned| owned.get(principal));
        log_ins.map(|log_ins| log_ins.first(order, after, limit)).unwrap_or_default()
    }
}

/// Values in parts, each part under a lock of its own; one owner's are always in the same part.
pub(super) struct ByOwner<T> {
    /// Random, so that nobody can choose names that share a lock.
    seeds: Seeds,
    parts: [Mutex<T>; 64],
}

impl<T: Default> Default for ByOwner<T> {
    fn default() -> Self {
        Self { seeds: Seeds::default(), parts: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl<T> ByOwner<T> {
    pub(super) fn lock(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
    ) -> MutexGuard<'_, T> {
        // The low bits are as good as any, so cutting the hash short loses nothing.
        #[allow(clippy::cast_possible_truncation)]
        let position = self.seeds.hash_one((namespace, principal)) as usize % self.parts.len();
        lock(&self.parts[position])
    }
}

/// Takes a lock, even after a panic of another holder. Nothing under these locks runs a caller's
/// code, and an index entry is written before its record and removed after it. So the worst that an
/// interrupted change leaves behind is an entry without a record, which every reader skips.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
