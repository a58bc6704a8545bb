//! Records by namespace, then by selector. Knows nothing of what records mean.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{by_namespace::ByNamespace, hasher::Seeds};
use crate::store::{Namespace, Record, Selector, StoreKey};

/// A record, and what it was weighed at.
pub(super) struct Held {
    pub(super) record: Arc<Record>,
    pub(super) bytes: usize,
}

/// The records of one namespace. `Arc` lets a load take a record without copying it; a commit
/// copies a record only if somebody still reads the old one.
type Space = HashMap<Selector, Held, Seeds>;

#[derive(Default)]
pub(super) struct Records(ByNamespace<Space>);

impl Records {
    pub(super) fn get(&self, key: &StoreKey) -> Option<&Held> {
        self.0.get(&key.namespace)?.get(&key.selector)
    }

    pub(super) fn get_mut(&mut self, key: &StoreKey) -> Option<&mut Held> {
        self.0.get_mut(&key.namespace)?.get_mut(&key.selector)
    }

    pub(super) fn insert(&mut self, key: &StoreKey, held: Held) {
        self.0.get_or_default(&key.namespace).insert(key.selector, held);
    }

    /// Removes a record if `matches` accepts it. Returns the record that it removed.
    pub(super) fn remove(
        &mut self,
        key: &StoreKey,
        matches: impl FnOnce(&Record) -> bool,
    ) -> Option<Held> {
        match self.0.get_mut(&key.namespace)?.entry(key.selector) {
            Entry::Occupied(there) if matches(&there.get().record) => Some(there.remove()),
            _ => None,
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Namespace, Selector, &Held) -> bool) {
        for (namespace, space) in self.0.all_mut() {
            space.retain(|selector, held| keep(namespace, *selector, held));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Namespace, Selector, &Record)> {
        self.0.named().flat_map(|(namespace, space)| {
            space.iter().map(move |(selector, held)| (namespace, *selector, &*held.record))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.0.all().map(HashMap::len).sum()
    }
}
