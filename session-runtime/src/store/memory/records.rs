//! Records by namespace, then by selector. A store has few namespaces and many records, none of
//! which repeats what it is in. Knows nothing of what records mean.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::hasher::Seeds;
use crate::store::{Namespace, Record, Selector, StoreKey};

/// `Arc` lets a load take a record without copying it; a commit copies only if somebody still
/// reads the old one.
type Space = HashMap<Selector, Arc<Record>, Seeds>;

/// In the order of the namespaces' names.
#[derive(Default)]
pub(super) struct Records(Vec<(Namespace, Space)>);

impl Records {
    /// Where a namespace is, or where it belongs.
    fn position(&self, namespace: &Namespace) -> Result<usize, usize> {
        self.0.binary_search_by(|(there, _)| there.cmp(namespace))
    }

    pub(super) fn get(&self, key: &StoreKey) -> Option<&Arc<Record>> {
        self.0[self.position(&key.namespace).ok()?].1.get(&key.selector)
    }

    pub(super) fn get_mut(&mut self, key: &StoreKey) -> Option<&mut Arc<Record>> {
        let at = self.position(&key.namespace).ok()?;
        self.0[at].1.get_mut(&key.selector)
    }

    pub(super) fn insert(&mut self, key: &StoreKey, record: Arc<Record>) {
        let at = self.position(&key.namespace).unwrap_or_else(|at| {
            self.0.insert(at, (key.namespace.clone(), Space::default()));
            at
        });
        self.0[at].1.insert(key.selector, record);
    }

    /// Takes a record out if it `matches`.
    pub(super) fn remove(
        &mut self,
        key: &StoreKey,
        matches: impl FnOnce(&Record) -> bool,
    ) -> Option<Arc<Record>> {
        let at = self.position(&key.namespace).ok()?;
        match self.0[at].1.entry(key.selector) {
            Entry::Occupied(there) if matches(there.get()) => Some(there.remove()),
            _ => None,
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Namespace, Selector, &Record) -> bool) {
        for (namespace, space) in &mut self.0 {
            space.retain(|selector, record| keep(namespace, *selector, record));
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Record> {
        self.0.iter().flat_map(|(_, space)| space.values().map(|record| &**record))
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|(_, space)| space.len()).sum()
    }
}
