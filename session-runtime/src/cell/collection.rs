//! The changes that lists, maps and sets have beside those of all values. Each is a change that can
//! run again, so that parallel requests merge. Does not know how values are stored, except which
//! collections have no order of their own.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    fmt,
    hash::{BuildHasher, Hash},
};

use super::{
    Context, Encoding,
    codec::Coded,
    history::Step,
    sorted::Sorted,
    value::{FunctionsFor, ValueCell, Values},
};
use crate::{
    schema::{Integer, SessionField},
    store::{FieldValue, Refusal},
};

/// A list of `T`: `Vec` and `VecDeque`.
#[doc(hidden)]
pub trait List<T>: Sized + 'static {
    /// Adds an item at the end.
    fn add(&mut self, item: T);
    /// Removes the oldest items, so that at most this many are left.
    fn keep_last(&mut self, most: usize);
}

/// A map from `K` to `V`: `BTreeMap` and `HashMap`.
#[doc(hidden)]
pub trait Map<K, V>: Sized + 'static {
    /// The stored form, in a fixed order.
    type Form: Encoding<Self>;

    fn put(&mut self, key: K, value: V);
    fn take(&mut self, key: &K);
    /// Returns the value under a key, `start` if there was none.
    fn at(&mut self, key: K, start: fn() -> V) -> &mut V;
}

/// A set of `M`: `BTreeSet` and `HashSet`.
#[doc(hidden)]
pub trait Set<M>: Sized + 'static {
    /// The stored form, in a fixed order.
    type Form: Encoding<Self>;

    fn put(&mut self, member: M);
    fn take(&mut self, member: &M);
}

/// The functions of a list type.
pub struct ListFunctions<L: 'static, T: 'static> {
    push: fn(T, usize) -> Step<L>,
    extend: fn(Vec<T>, usize) -> Step<L>,
}

/// The functions of a map type.
pub struct MapFunctions<M: 'static, K: 'static, V: 'static> {
    insert: fn(K, V) -> Step<M>,
    remove: fn(&K) -> Step<M>,
    at: At<M, K, V>,
}

/// Changes the value under a key, which starts from another value if there is none.
type At<M, K, V> = fn(K, fn() -> V, Step<V>) -> Step<M>;

/// The functions of a set type.
pub struct SetFunctions<S: 'static, M: 'static> {
    insert: fn(M) -> Step<S>,
    remove: fn(&M) -> Step<S>,
}

/// Implements `Debug` for functions: there is nothing to print.
macro_rules! named_debug {
    ($(impl<$($parameter:ident),*> $functions:ident;)*) => {$(
        impl<$($parameter),*> fmt::Debug for $functions<$($parameter),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($functions))
            }
        }
    )*};
}

named_debug! {
    impl<L, T> ListFunctions;
    impl<M, K, V> MapFunctions;
    impl<S, M> SetFunctions;
}

impl<L: List<T>, T: Clone + Send + 'static> FunctionsFor<L> for ListFunctions<L, T> {
    const MORE: &'static Self = &Self {
        push: |item, most| {
            Box::new(move |list| {
                list.add(item.clone());
                list.keep_last(most);
                Ok(())
            })
        },
        extend: |items, most| {
            Box::new(move |list| {
                for item in &items {
                    list.add(item.clone());
                }
                list.keep_last(most);
                Ok(())
            })
        },
    };
}

impl<M, K, V> FunctionsFor<M> for MapFunctions<M, K, V>
where
    M: Map<K, V>,
    K: Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    const MORE: &'static Self = &Self {
        insert: |key, value| {
            Box::new(move |map| {
                map.put(key.clone(), value.clone());
                Ok(())
            })
        },
        remove: |key| {
            let key = key.clone();
            Box::new(move |map| {
                map.take(&key);
                Ok(())
            })
        },
        at: |key, start, mut step| Box::new(move |map| step(map.at(key.clone(), start))),
    };
}

impl<S: Set<M>, M: Clone + Send + 'static> FunctionsFor<S> for SetFunctions<S, M> {
    const MORE: &'static Self = &Self {
        insert: |member| {
            Box::new(move |set| {
                set.put(member.clone());
                Ok(())
            })
        },
        remove: |member| {
            let member = member.clone();
            Box::new(move |set| {
                set.take(&member);
                Ok(())
            })
        },
    };
}

impl<L, T> ValueCell<L, ListFunctions<L, T>> {
    /// Adds an item at the end. Of more than `max_len` items, the oldest go.
    pub fn push(&self, context: &Context, item: T) {
        self.change(context, (self.functions.more.push)(item, self.spec.max_len));
    }

    /// Adds items at the end. Of more than `max_len` items, the oldest go.
    pub fn extend(&self, context: &Context, items: impl IntoIterator<Item = T>) {
        let items = items.into_iter().collect();
        self.change(context, (self.functions.more.extend)(items, self.spec.max_len));
    }
}

impl<T> ValueCell<Vec<T>, ListFunctions<Vec<T>, T>> {
    /// Takes all items. Items that other requests add meanwhile stay for the next request.
    pub fn take_all(&self, context: &Context) -> Vec<T> {
        if self.get(context).is_empty() {
            return Vec::new();
        }
        let values = self.functions.values;
        let shown = forms(values, &self.decoded(context));
        let remove_shown = move |list: &mut Vec<T>| {
            // Others take from the front and add at the end. So what is left of the shown items is
            // where the end of these is the beginning of the list.
            let (shown, there) = (shown.clone()?, forms(values, list)?);
            let most = shown.len().min(there.len());
            let left = (1..=most).rev().find(|left| shown[shown.len() - left..] == there[..*left]);
            list.drain(..left.unwrap_or(0));
            Ok(())
        };
        let clone = values.clone;
        let start = || clone(self.base(context));
        let taken = self.history.drain(clone, start, Vec::new(), Box::new(remove_shown));
        context.wrote(self.spec);
        taken
    }
}

impl<M, K, V> ValueCell<M, MapFunctions<M, K, V>> {
    /// Writes a value under a key.
    pub fn insert(&self, context: &Context, key: K, value: V) {
        self.change(context, (self.functions.more.insert)(key, value));
    }

    /// Removes a key.
    pub fn remove(&self, context: &Context, key: &K) {
        self.change(context, (self.functions.more.remove)(key));
    }

    /// Changes the value under a key, `start` if there is none.
    pub fn update_at(
        &self,
        context: &Context,
        key: K,
        start: fn() -> V,
        mut change: impl FnMut(&mut V) + Send + 'static,
    ) {
        let change = move |value: &mut V| {
            change(value);
            Ok(())
        };
        self.change(context, (self.functions.more.at)(key, start, Box::new(change)));
    }

    /// Adds to the number under a key. A missing number counts as 0.
    pub fn add(&self, context: &Context, key: K, by: i64)
    where
        V: Integer,
    {
        let add = move |number: &mut V| {
            let sum = number.to_i64().checked_add(by);
            let sum = sum.filter(|sum| (V::MIN..=V::MAX).contains(sum));
            *number = V::from_i64(sum.ok_or(Refusal::OutOfRange)?);
            Ok(())
        };
        let zero = || V::from_i64(0);
        self.change(context, (self.functions.more.at)(key, zero, Box::new(add)));
    }
}

impl<S, M> ValueCell<S, SetFunctions<S, M>> {
    /// Inserts a member.
    pub fn insert(&self, context: &Context, member: M) {
        self.change(context, (self.functions.more.insert)(member));
    }

    /// Removes a member.
    pub fn remove(&self, context: &Context, member: &M) {
        self.change(context, (self.functions.more.remove)(member));
    }
}

/// Returns the stored form of each item, as a list of its own.
fn forms<T>(values: Values<Vec<T>>, items: &Vec<T>) -> Result<Vec<FieldValue>, Refusal> {
    let form = |item| (values.encode)(&vec![item]);
    let forms = (values.clone)(items).into_iter().map(form).collect::<Result<_, _>>();
    forms.map_err(|error| Refusal::Encode(error.to_string()))
}

impl<T: 'static> List<T> for Vec<T> {
    fn add(&mut self, item: T) {
        self.push(item);
    }

    fn keep_last(&mut self, most: usize) {
        self.drain(..self.len().saturating_sub(most));
    }
}

impl<T: 'static> List<T> for VecDeque<T> {
    fn add(&mut self, item: T) {
        self.push_back(item);
    }

    fn keep_last(&mut self, most: usize) {
        self.drain(..self.len().saturating_sub(most));
    }
}

impl<K: SessionField + Ord, V: SessionField> Map<K, V> for BTreeMap<K, V> {
    type Form = Coded;

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }

    fn take(&mut self, key: &K) {
        self.remove(key);
    }

    fn at(&mut self, key: K, start: fn() -> V) -> &mut V {
        self.entry(key).or_insert_with(start)
    }
}

impl<K, V, H> Map<K, V> for HashMap<K, V, H>
where
    K: SessionField + Eq + Hash,
    V: SessionField,
    H: BuildHasher + Default + 'static,
{
    type Form = Sorted;

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }

    fn take(&mut self, key: &K) {
        self.remove(key);
    }

    fn at(&mut self, key: K, start: fn() -> V) -> &mut V {
        self.entry(key).or_insert_with(start)
    }
}

impl<M: SessionField + Ord> Set<M> for BTreeSet<M> {
    type Form = Coded;

    fn put(&mut self, member: M) {
        self.insert(member);
    }

    fn take(&mut self, member: &M) {
        self.remove(member);
    }
}

impl<M, H> Set<M> for HashSet<M, H>
where
    M: SessionField + Eq + Hash,
    H: BuildHasher + Default + 'static,
{
    type Form = Sorted;

    fn put(&mut self, member: M) {
        self.insert(member);
    }

    fn take(&mut self, member: &M) {
        self.remove(member);
    }
}
