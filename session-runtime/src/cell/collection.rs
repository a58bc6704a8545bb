//! The cell of a field marked `set` or `extra`. It logs the members or keys that this request
//! inserts and removes, so that the store can merge them one by one with those of parallel
//! requests.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{BuildHasher, Hash},
    sync::OnceLock,
};

use bytes::Bytes;
use serde::Serialize;

use super::{Cell, Context, DecodeError, Emission, chain::Chain, twin};
use crate::{
    error::Kind,
    schema::{FieldSpec, SessionField},
    store::{FieldName, FieldValue, Op},
};

/// A collection whose members merge one by one.
pub trait Collection: Clone + Default + Send + Sync + 'static {
    /// The type of an inserted item: a member, or a key with its value.
    type Item: Clone + Send + Sync + 'static;
    /// The type that names an item: the member itself, or the key.
    type Key: Clone + Send + Sync + 'static;

    /// Inserts an item.
    fn put(&mut self, item: Self::Item);
    /// Removes the item of this key.
    fn take(&mut self, key: &Self::Key);
    /// Returns the stored collection.
    #[doc(hidden)]
    fn load(context: &Context, spec: &'static FieldSpec) -> Result<Self, DecodeError>;
    /// Returns the op that inserts an item.
    #[doc(hidden)]
    fn put_op(spec: &FieldSpec, item: &Self::Item) -> Result<Op, serde_json::Error>;
    /// Returns the op that removes an item.
    #[doc(hidden)]
    fn take_op(spec: &FieldSpec, key: &Self::Key) -> Result<Op, serde_json::Error>;
    /// Returns the items of `self` that `other` lacks, or has with another value.
    #[doc(hidden)]
    fn beyond(&self, other: &Self) -> Vec<Self::Item>;
    /// Returns the keys of `self` that `other` lacks.
    #[doc(hidden)]
    fn missing_from(&self, other: &Self) -> Vec<Self::Key>;
    /// Returns the ops that remove everything.
    #[doc(hidden)]
    fn clear_ops(&self, spec: &FieldSpec) -> Vec<Op>;
}

/// A collection for `#[session(set)]`: `BTreeSet` and `HashSet`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a `set` field",
    label = "not a set",
    note = "use `BTreeSet<T>` or `HashSet<T>`"
)]
pub trait SetField:
    Collection<Item = <Self as SetField>::Member, Key = <Self as SetField>::Member>
{
    /// The type of a member.
    type Member;
}

/// A map for `#[session(extra)]`: `BTreeMap<String, V>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an `extra` field",
    label = "not a map of dynamic keys",
    note = "use `BTreeMap<String, String>` or `BTreeMap<String, serde_json::Value>`"
)]
pub trait MapField: Collection<Item = (String, <Self as MapField>::Value), Key = String> {
    /// The type of a value.
    type Value;
}

enum Change<C: Collection> {
    Put(C::Item),
    Take(C::Key),
    Clear,
}

/// A collection, with every insertion and removal of this request.
pub struct CollectionCell<C: Collection> {
    pub(super) spec: &'static FieldSpec,
    base: OnceLock<C>,
    log: Chain<Change<C>>,
    /// The collection after the first n changes, for getters.
    views: Chain<(usize, C)>,
}

impl<C: Collection> CollectionCell<C> {
    /// Creates an untouched cell.
    pub const fn new(spec: &'static FieldSpec) -> Self {
        Self { spec, base: OnceLock::new(), log: Chain::new(), views: Chain::new() }
    }

    /// Returns the loaded collection with this request's changes.
    pub fn get(&self, context: &Context) -> &C {
        if self.log.is_empty() {
            return self.base(context);
        }
        loop {
            let (changes, _) = self.log.newest();
            if let (_, Some((seen, view))) = self.views.newest()
                && *seen >= changes
            {
                return view;
            }
            self.views.push((changes, self.after(context, changes)));
        }
    }

    /// Inserts an item.
    pub fn insert(&self, context: &Context, item: C::Item) {
        self.log.push(Change::Put(item));
        context.wrote(self.spec);
    }

    /// Removes an item.
    pub fn remove(&self, context: &Context, key: &C::Key) {
        self.log.push(Change::Take(key.clone()));
        context.wrote(self.spec);
    }

    /// Logs the insertions and removals that turn the collection, as this request sees it, into
    /// `value`.
    pub fn replace(&self, context: &Context, value: &C) {
        let present = self.get(context).clone();
        present.missing_from(value).into_iter().for_each(|key| self.remove(context, &key));
        value.beyond(&present).into_iter().for_each(|item| self.insert(context, item));
    }

    fn base(&self, context: &Context) -> &C {
        self.base.get_or_init(|| {
            C::load(context, self.spec).unwrap_or_else(|error| {
                context.decode_failed(self.spec, &error);
                C::default()
            })
        })
    }

    fn after(&self, context: &Context, changes: usize) -> C {
        let mut collection = self.base(context).clone();
        for change in self.log.iter().take(changes) {
            match change {
                Change::Put(item) => collection.put(item.clone()),
                Change::Take(key) => collection.take(key),
                Change::Clear => collection = C::default(),
            }
        }
        collection
    }

    fn push(&self, op: Result<Op, serde_json::Error>, out: &mut Emission) {
        match op {
            Ok(op) => out.push(self.spec, op),
            Err(error) => {
                out.fail(Kind::Encode { field: self.spec.name, message: error.to_string() });
            }
        }
    }
}

impl<C: Collection> Cell for CollectionCell<C> {
    fn spec(&self) -> &'static FieldSpec {
        self.spec
    }

    fn emit_changes(&self, context: &Context, out: &mut Emission) {
        let (length, newest) = self.log.newest();
        let saved = self.log.saved();
        self.log.set_emitted(length);
        if newest.is_none() || length == saved {
            return;
        }
        if !context.is_settled() {
            // Without a load, each change goes to the store exactly as it was made.
            for change in self.log.iter().take(length).skip(saved) {
                match change {
                    Change::Put(item) => self.push(C::put_op(self.spec, item), out),
                    Change::Take(key) => self.push(C::take_op(self.spec, key), out),
                    Change::Clear => {}
                }
            }
            return;
        }
        let mut before = self.after(context, saved);
        if self.log.iter().take(length).skip(saved).any(|change| matches!(change, Change::Clear)) {
            before.clear_ops(self.spec).into_iter().for_each(|op| out.push(self.spec, op));
            before = C::default();
        }
        let after = self.after(context, length);
        before.missing_from(&after).iter().for_each(|k| self.push(C::take_op(self.spec, k), out));
        after.beyond(&before).iter().for_each(|i| self.push(C::put_op(self.spec, i), out));
    }

    fn emit_value(&self, context: &Context, out: &mut Emission) {
        let (length, _) = self.log.newest();
        self.log.set_emitted(length);
        for item in self.after(context, length).beyond(&C::default()) {
            self.push(C::put_op(self.spec, &item), out);
        }
    }

    fn mark_saved(&self, _: &Context) {
        self.log.mark_saved();
    }

    fn adopt(&self, other: &dyn Cell) {
        for change in twin::<Self>(other).log.iter() {
            self.log.push_saved(match change {
                Change::Put(item) => Change::Put(item.clone()),
                Change::Take(key) => Change::Take(key.clone()),
                Change::Clear => Change::Clear,
            });
        }
    }

    fn clear(&self, context: &Context) {
        self.log.push(Change::Clear);
        context.wrote(self.spec);
    }

    fn verify(&self, context: &Context) -> Result<(), DecodeError> {
        let loaded = C::load(context, self.spec)?;
        let _ = self.base.set(loaded);
        Ok(())
    }
}

fn member<M: Serialize>(member: &M) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(member).map(Bytes::from)
}

macro_rules! set_collection {
    ($set:ident<$member:ident $(, $hasher:ident: $($hasher_bound:path),+)?>, $($bound:path),+) => {
        impl<$member: SessionField $(+ $bound)+ $(, $hasher: $($hasher_bound +)+ 'static)?> Collection
            for $set<$member $(, $hasher)?>
        {
            type Item = $member;
            type Key = $member;

            fn put(&mut self, item: $member) {
                self.insert(item);
            }

            fn take(&mut self, key: &$member) {
                self.remove(key);
            }

            fn load(context: &Context, spec: &'static FieldSpec) -> Result<Self, DecodeError> {
                match context.stored(spec) {
                    None => Ok(Self::default()),
                    Some(stored) => match stored?.value() {
                        FieldValue::Set(members) => members
                            .iter()
                            .map(|json| Ok(serde_json::from_slice(json)?))
                            .collect(),
                        _ => Err(DecodeError::Kind),
                    },
                }
            }

            fn put_op(spec: &FieldSpec, item: &$member) -> Result<Op, serde_json::Error> {
                Ok(Op::Insert { field: Cow::Borrowed(spec.name), member: member(item)? })
            }

            fn take_op(spec: &FieldSpec, key: &$member) -> Result<Op, serde_json::Error> {
                Ok(Op::Remove { field: Cow::Borrowed(spec.name), member: member(key)? })
            }

            fn beyond(&self, other: &Self) -> Vec<$member> {
                self.iter().filter(|member| !other.contains(member)).cloned().collect()
            }

            fn missing_from(&self, other: &Self) -> Vec<$member> {
                self.beyond(other)
            }

            fn clear_ops(&self, spec: &FieldSpec) -> Vec<Op> {
                vec![Op::Unset { field: Cow::Borrowed(spec.name) }]
            }
        }

        impl<$member: SessionField $(+ $bound)+ $(, $hasher: $($hasher_bound +)+ 'static)?> SetField
            for $set<$member $(, $hasher)?>
        {
            type Member = $member;
        }
    };
}

set_collection!(BTreeSet<M>, Ord);
set_collection!(HashSet<M, H: BuildHasher, Clone, Default, Send, Sync>, Eq, Hash);

impl<V: SessionField + PartialEq> Collection for BTreeMap<String, V> {
    type Item = (String, V);
    type Key = String;

    fn put(&mut self, (key, value): (String, V)) {
        self.insert(key, value);
    }

    fn take(&mut self, key: &String) {
        self.remove(key);
    }

    fn load(context: &Context, spec: &'static FieldSpec) -> Result<Self, DecodeError> {
        let mut map = Self::new();
        context.each_stored_key(spec, |key, value| {
            let FieldValue::Bytes(json) = value else { return Err(DecodeError::Kind) };
            map.insert(key.to_owned(), serde_json::from_slice(json)?);
            Ok(())
        })?;
        Ok(map)
    }

    fn put_op(spec: &FieldSpec, (key, value): &(String, V)) -> Result<Op, serde_json::Error> {
        let value = FieldValue::Bytes(member(value)?);
        Ok(Op::Set { field: key_name(spec, key), value })
    }

    fn take_op(spec: &FieldSpec, key: &String) -> Result<Op, serde_json::Error> {
        Ok(Op::Unset { field: key_name(spec, key) })
    }

    fn beyond(&self, other: &Self) -> Vec<(String, V)> {
        self.iter()
            .filter(|(key, value)| other.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    fn missing_from(&self, other: &Self) -> Vec<String> {
        self.keys().filter(|key| !other.contains_key(*key)).cloned().collect()
    }

    fn clear_ops(&self, spec: &FieldSpec) -> Vec<Op> {
        self.keys().map(|key| Op::Unset { field: key_name(spec, key) }).collect()
    }
}

impl<V: SessionField + PartialEq> MapField for BTreeMap<String, V> {
    type Value = V;
}

fn key_name(spec: &FieldSpec, key: &str) -> FieldName {
    Cow::Owned(format!("{}:{key}", spec.name))
}
