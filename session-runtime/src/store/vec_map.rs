//! A map for few entries: one vector, sorted by name. A session has a handful of fields, and the
//! first entry of a tree takes the memory of a dozen; here a copy is one allocation. It does not
//! know what the values mean.

use std::{borrow::Cow, fmt};

use super::op::FieldName;

/// Values by name, in the order of the names.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct VecMap<V>(Vec<(FieldName, V)>);

impl<V> Default for VecMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> VecMap<V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns the position of a name. Among few names, a linear search is quicker: most names
    /// differ in length already, while a binary search compares texts.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        const FEW: usize = 16;
        if self.0.len() > FEW {
            return self.0.binary_search_by(|(there, _)| there.as_ref().cmp(name)).ok();
        }
        self.0.iter().position(|(there, _)| there == name)
    }

    /// Returns the position of a name, or the position to insert it at.
    fn position(&self, name: &str) -> Result<usize, usize> {
        let belongs = || self.0.partition_point(|(there, _)| there.as_ref() < name);
        self.find(name).ok_or_else(belongs)
    }

    pub(super) fn at(&self, position: usize) -> &V {
        &self.0[position].1
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        self.find(name).map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.find(name).map(|at| &mut self.0[at].1)
    }

    pub(super) fn insert(&mut self, name: FieldName, value: V) {
        match self.position(&name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// Does the same as [`insert`](Self::insert), quicker for a name that is greater than all
    /// others.
    pub(super) fn append(&mut self, name: FieldName, value: V) {
        if self.0.last().is_none_or(|(last, _)| *last < name) {
            self.0.push((name, value));
        } else {
            self.insert(name, value);
        }
    }

    /// Returns the value under a name. Inserts one if there is none.
    pub(super) fn get_or_insert_with(
        &mut self,
        name: &FieldName,
        value: impl FnOnce() -> V,
    ) -> &mut V {
        let at = self.position(name).unwrap_or_else(|at| {
            self.0.insert(at, (name.clone(), value()));
            at
        });
        &mut self.0[at].1
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(at) = self.find(name) {
            self.0.remove(at);
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    pub(super) fn into_entries(self) -> Vec<(FieldName, V)> {
        self.0
    }

    /// Makes room for exactly `more` entries.
    pub(super) fn reserve(&mut self, more: usize) {
        self.0.reserve_exact(more);
    }
}

impl<V> Extend<(Cow<'static, str>, V)> for VecMap<V> {
    /// Adds many entries in any order, and sorts once. Of several values for one name, the last
    /// stays.
    fn extend<I: IntoIterator<Item = (FieldName, V)>>(&mut self, entries: I) {
        if self.0.is_empty() {
            // A vector is taken as it is, without moving entries.
            self.0 = entries.into_iter().collect();
        } else {
            self.0.extend(entries);
        }
        if self.0.is_sorted_by(|(a, _), (b, _)| a < b) {
            return;
        }
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.0.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
    }
}

impl<V: fmt::Debug> fmt::Debug for VecMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, collections::BTreeMap};

    use super::VecMap;

    /// Names in an order that looks random, some of them twice.
    fn names() -> impl Iterator<Item = String> {
        (0..500_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 23).to_string())
    }

    #[test]
    fn it_is_a_tree_map_to_whoever_asks() {
        let (mut vec_map, mut map) = (VecMap::new(), BTreeMap::new());
        for (n, name) in names().enumerate() {
            match n % 4 {
                0 | 1 => {
                    vec_map.insert(Cow::Owned(name.clone()), n);
                    map.insert(name, n);
                }
                2 => {
                    vec_map.remove(&name);
                    map.remove(&name);
                }
                3 if n % 8 == 3 => {
                    vec_map.append(Cow::Owned(name.clone()), n);
                    map.insert(name, n);
                }
                _ => {
                    *vec_map.get_or_insert_with(&Cow::Owned(name.clone()), || n) += 1;
                    *map.entry(name).or_insert(n) += 1;
                }
            }
        }
        assert!(vec_map.iter().eq(map.iter().map(|(name, value)| (name.as_str(), value))));
        assert!(names().all(|name| vec_map.get(&name) == map.get(&name)));
        vec_map.retain(|name| name.len() == 2);
        map.retain(|name, _| name.len() == 2);
        assert!(vec_map.iter().eq(map.iter().map(|(name, value)| (name.as_str(), value))));
    }

    #[test]
    fn of_many_at_once_the_last_under_a_name_stays() {
        let entries = || names().enumerate().map(|(n, name)| (name, n));
        let mut vec_map = VecMap::new();
        vec_map.insert("1".into(), 1_000_000);
        vec_map.extend(entries().map(|(name, n)| (Cow::Owned(name), n)));
        let mut map = BTreeMap::from([("1".to_owned(), 1_000_000)]);
        map.extend(entries());
        assert!(vec_map.iter().eq(map.iter().map(|(name, value)| (name.as_str(), value))));
    }
}
