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
    history::{Adding, Step},
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
    /// Removes the oldest items, so that with one more there are at most this many.
    fn make_room(&mut self, most: usize);
    /// Removes the oldest items, so that at most this many are left.
    fn keep_last(&mut self, most: usize);
    /// Returns clones of the last items, of all if there are fewer.
    fn last(&self, count: usize) -> Vec<T>;
}

/// A map from `K` to `V`: `BTreeMap` and `HashMap`.
#[doc(hidden)]
pub trait Map<K, V>: Sized + 'static {
    /// The stored form, in a fixed order.
    type Form: Encoding<Self>;

    fn has(&self, key: &K) -> bool;
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

    fn has(&self, member: &M) -> bool;
    fn put(&mut self, member: M);
    fn take(&mut self, member: &M);
}

/// The functions of a list type.
pub struct ListFunctions<L: 'static, T: 'static> {
    one: Adding<L, T>,
    many: Adding<L, Vec<T>>,
}

/// The functions of a map type.
pub struct MapFunctions<M: 'static, K: 'static, V: 'static> {
    has: fn(&M, &K) -> bool,
    insert: fn(K, V) -> Step<M>,
    remove: fn(&K) -> Step<M>,
    at: At<M, K, V>,
}

/// Changes the value under a key, which starts from another value if there is none.
type At<M, K, V> = fn(K, fn() -> V, Step<V>) -> Step<M>;

/// The functions of a set type.
pub struct SetFunctions<S: 'static, M: 'static> {
    has: fn(&S, &M) -> bool,
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
        one: Adding {
            add: |list, item, most| {
                // Before the item: a call less to remember things for. `max_len` is at least 1.
                list.make_room(most);
                list.add(item);
            },
            step: |item, most| push(vec![item], most),
            last: |list, count, most| push(list.last(count), most),
        },
        many: Adding {
            add: |list, items, most| {
                for item in items {
                    list.add(item);
                }
                list.keep_last(most);
            },
            step: push,
            last: |list, count, most| push(list.last(count), most),
        },
    };
}

/// Returns the change that adds items at the end of a list.
fn push<L: List<T>, T: Clone + Send + 'static>(items: Vec<T>, most: usize) -> Step<L> {
    Box::new(move |list| {
        for item in &items {
            list.add(item.clone());
        }
        list.keep_last(most);
        Ok(())
    })
}

impl<M, K, V> FunctionsFor<M> for MapFunctions<M, K, V>
where
    M: Map<K, V>,
    K: Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    const MORE: &'static Self = &Self {
        has: M::has,
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
        at: |key, start, mut change| Box::new(move |map| change(map.at(key.clone(), start))),
    };
}

impl<S: Set<M>, M: Clone + Send + 'static> FunctionsFor<S> for SetFunctions<S, M> {
    const MORE: &'static Self = &Self {
        has: S::has,
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
        self.add(context, item, 1, &self.functions.more.one);
    }

    /// Adds items at the end. Of more than `max_len` items, the oldest go.
    pub fn extend(&self, context: &Context, items: impl IntoIterator<Item = T>) {
        let items: Vec<_> = items.into_iter().collect();
        let count = items.len();
        self.add(context, items, count, &self.functions.more.many);
    }

    #[inline]
    fn add<I>(&self, context: &Context, items: I, count: usize, adding: &Adding<L, I>) {
        if let Err(items) = self.history.add_more(items, count, adding.add) {
            self.add_first(context, items, count, adding);
        }
        context.wrote(self.spec);
    }

    #[cold]
    fn add_first<I>(&self, context: &Context, items: I, count: usize, adding: &Adding<L, I>) {
        let clone = self.functions.values.clone;
        let start = || clone(self.base(context));
        self.history.add(clone, start, (items, count), self.spec.max_len, adding);
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
    /// Returns true if there is a value under a key.
    pub fn contains(&self, context: &Context, key: &K) -> bool {
        self.read(context, |map| (self.functions.more.has)(map, key))
    }

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
    /// Returns true if there is a member.
    pub fn contains(&self, context: &Context, member: &M) -> bool {
        self.read(context, |set| (self.functions.more.has)(set, member))
    }

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

/// Removes the oldest items of a list that is full, which most lists never are.
#[cold]
#[inline(never)]
fn keep_fewer<T>(list: &mut impl List<T>, most: usize) {
    list.keep_last(most.saturating_sub(1));
}

impl<T: Clone + 'static> List<T> for Vec<T> {
    fn add(&mut self, item: T) {
        self.push(item);
    }

    fn make_room(&mut self, most: usize) {
        if self.len() >= most {
            keep_fewer(self, most);
        }
    }

    fn keep_last(&mut self, most: usize) {
        self.drain(..self.len().saturating_sub(most));
    }

    fn last(&self, count: usize) -> Vec<T> {
        self[self.len().saturating_sub(count)..].to_vec()
    }
}

impl<T: Clone + 'static> List<T> for VecDeque<T> {
    fn add(&mut self, item: T) {
        self.push_back(item);
    }

    fn make_room(&mut self, most: usize) {
        if self.len() >= most {
            keep_fewer(self, most);
        }
    }

    fn keep_last(&mut self, most: usize) {
        self.drain(..self.len().saturating_sub(most));
    }

    fn last(&self, count: usize) -> Vec<T> {
        self.range(self.len().saturating_sub(count)..).cloned().collect()
    }
}

impl<K: SessionField + Ord, V: SessionField> Map<K, V> for BTreeMap<K, V> {
    type Form = Coded;

    fn has(&self, key: &K) -> bool {
        self.contains_key(key)
    }

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

    fn has(&self, key: &K) -> bool {
        self.contains_key(key)
    }

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

    fn has(&self, member: &M) -> bool {
        self.contains(member)
    }

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

    fn has(&self, member: &M) -> bool {
        self.contains(member)
    }

    fn put(&mut self, member: M) {
        self.insert(member);
    }

    fn take(&mut self, member: &M) {
        self.remove(member);
    }
}
