//! The verbs of a store as values, and the one way in which a store around another store passes the
//! verbs on. Knows nothing of what such a store does with a call.

use std::fmt;

use crate::store::StoreKey;

/// A verb of a [`Store`](crate::store::Store), named as the method is. A verb is equal to its name, so
/// that a test can compare calls with `["load", "replace"]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the methods of `Store` have the documentation")]
pub enum Verb {
    Load,
    Reload,
    Insert,
    Replace,
    Touch,
    Remove,
    List,
    Count,
    Sweep,
    Probe,
    /// A [`Load`](Self::Load), or `Reload`, of the record that tells what began too early. A layer asks
    /// for the record once a second, and at each log-in.
    Floor,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 11] = [
        Self::Load,
        Self::Reload,
        Self::Insert,
        Self::Replace,
        Self::Touch,
        Self::Remove,
        Self::List,
        Self::Count,
        Self::Sweep,
        Self::Probe,
        Self::Floor,
    ];

    /// Returns the verb, which reads the record under a key.
    pub(super) fn of(self, key: &StoreKey) -> Self {
        if key.namespace.is_of_floor() { Self::Floor } else { self }
    }

    /// Returns the name of the method.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Reload => "reload",
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Touch => "touch",
            Self::Remove => "remove",
            Self::List => "list",
            Self::Count => "count",
            Self::Sweep => "sweep",
            Self::Probe => "probe",
            Self::Floor => "floor",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq<&str> for Verb {
    fn eq(&self, name: &&str) -> bool {
        self.name() == *name
    }
}

/// Implements `Store` for a store around another one. Each call goes through the wrapper's
/// `call(verb, work)`.
///
/// Nothing is changed in place, although the inner store may be able to: what a request writes is
/// then a call, as with a store on another machine.
macro_rules! store_around {
    ($wrapper:ident) => {
        impl<S: Store> Store for $wrapper<S> {
            fn properties(&self) -> Properties {
                // Without a change in place, a commit rests on the record that was loaded.
                Properties { wants_loaded: true, ..self.inner_properties() }
            }

            fn name(&self) -> &'static str {
                self.inner.name()
            }

            fn pool(&self) -> Option<PoolUse> {
                self.inner.pool()
            }

            fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
                self.call(Verb::Load.of(key), || self.inner.load(key))
            }

            fn reload<'a>(
                &'a self,
                key: &'a StoreKey,
            ) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
                let reloaded = self.inner.reload(key)?;
                Some(self.call(Verb::Reload.of(key), || reloaded))
            }

            fn insert<'a>(
                &'a self,
                key: &'a StoreKey,
                record: Arc<Record>,
            ) -> StoreFuture<'a, Written> {
                self.call(Verb::Insert, || self.inner.insert(key, record))
            }

            fn replace<'a>(
                &'a self,
                key: &'a StoreKey,
                version: u64,
                record: Arc<Record>,
            ) -> StoreFuture<'a, Written> {
                self.call(Verb::Replace, move || self.inner.replace(key, version, record))
            }

            fn touch<'a>(
                &'a self,
                key: &'a StoreKey,
                last_seen: Timestamp,
                clean_after: Timestamp,
            ) -> StoreFuture<'a, bool> {
                self.call(Verb::Touch, move || self.inner.touch(key, last_seen, clean_after))
            }

            fn remove<'a>(
                &'a self,
                key: &'a StoreKey,
                version: Option<u64>,
            ) -> StoreFuture<'a, bool> {
                self.call(Verb::Remove, move || self.inner.remove(key, version))
            }

            fn list<'a>(
                &'a self,
                namespace: &'a Namespace,
                principal: &'a PrincipalKey,
                order: Order,
                after: Option<Cursor>,
                limit: usize,
            ) -> StoreFuture<'a, Page> {
                self.call(Verb::List, move || {
                    self.inner.list(namespace, principal, order, after, limit)
                })
            }

            fn count<'a>(
                &'a self,
                namespace: &'a Namespace,
                principal: &'a PrincipalKey,
            ) -> StoreFuture<'a, u64> {
                self.call(Verb::Count, move || self.inner.count(namespace, principal))
            }

            fn sweep(
                &self,
                before: Timestamp,
                after: Option<SweepCursor>,
                limit: usize,
            ) -> StoreFuture<'_, Swept> {
                self.call(Verb::Sweep, move || self.inner.sweep(before, after, limit))
            }

            fn probe(&self) -> StoreFuture<'_, Facts> {
                self.call(Verb::Probe, || self.inner_probe())
            }

            // No request waits for the bus, so its notices are no calls.
            fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
                self.inner.publish(notice)
            }

            fn watch(&self) -> Option<Watch> {
                self.inner.watch()
            }
        }
    };
}

pub(super) use store_around;
