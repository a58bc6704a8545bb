//! The index of sessions by principal. It owns the sets of selectors and their locks. The record
//! itself says whether a selector still has a record, and whose it is.

use std::{
    collections::{BTreeSet, HashMap, hash_map},
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{by_namespace::ByNamespace, hasher::Seeds};
use crate::store::{Namespace, PrincipalKey, Selector, StoreKey};

/// The sessions of every principal, by namespace.
///
/// The index changes only under the lock of the record's shard, so the holder of that lock finds
/// that index and record agree. Readers copy the index, then look at each record; they never hold a
/// lock of the index while they wait for that of a shard. So the order of locks is always shard,
/// then index.
#[derive(Default)]
pub(super) struct Index(ByOwner<Owned>);

type Owned = ByNamespace<HashMap<PrincipalKey, Selectors>>;

/// The sessions of one principal. Most principals have one session, which needs no tree.
enum Selectors {
    One(Selector),
    Many(BTreeSet<Selector>),
}

impl Selectors {
    fn insert(&mut self, selector: Selector) {
        match self {
            Self::One(one) if *one == selector => {}
            Self::One(one) => *self = Self::Many([*one, selector].into()),
            Self::Many(many) => {
                many.insert(selector);
            }
        }
    }

    /// Removes a selector. Returns whether none is left.
    fn remove(&mut self, selector: Selector) -> bool {
        match self {
            Self::One(one) => *one == selector,
            Self::Many(many) => {
                many.remove(&selector);
                many.is_empty()
            }
        }
    }

    fn all(&self) -> Vec<Selector> {
        match self {
            Self::One(one) => vec![*one],
            Self::Many(many) => many.iter().copied().collect(),
        }
    }
}

impl Index {
    pub(super) fn add(&self, key: &StoreKey, principal: Option<&PrincipalKey>) {
        let Some(principal) = principal else { return };
        let mut part = self.0.lock(&key.namespace, principal);
        part.get_or_default(&key.namespace)
            .entry(principal.clone())
            .and_modify(|selectors| selectors.insert(key.selector))
            .or_insert(Selectors::One(key.selector));
    }

    pub(super) fn remove(
        &self,
        namespace: &Namespace,
        selector: Selector,
        principal: Option<&PrincipalKey>,
    ) {
        let Some(principal) = principal else { return };
        let mut part = self.0.lock(namespace, principal);
        let Some(owned) = part.get_mut(namespace) else { return };
        if let hash_map::Entry::Occupied(mut owned) = owned.entry(principal.clone())
            && owned.get_mut().remove(selector)
        {
            owned.remove();
        }
    }

    /// Returns the numbers of principals and of their sessions.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let counts = self.0.parts.iter().map(|shard| {
            let part = lock(shard);
            let owned = || part.all().flat_map(HashMap::values);
            (owned().count(), owned().map(|owned| owned.all().len()).sum::<usize>())
        });
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    pub(super) fn keys(&self, namespace: &Namespace, principal: &PrincipalKey) -> Vec<StoreKey> {
        let part = self.0.lock(namespace, principal);
        let selectors = part.get(namespace).and_then(|owned| owned.get(principal));
        let selectors = selectors.map(Selectors::all).unwrap_or_default();
        let key = |selector| StoreKey { namespace: namespace.clone(), selector };
        selectors.into_iter().map(key).collect()
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
