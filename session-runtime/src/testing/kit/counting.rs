//! A store that notes the calls that go through to another store. It changes no answer.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::verb::{Verb, store_around};
use crate::{
    clock::Timestamp,
    store::{
        Cursor, Facts, Namespace, Notice, Order, Page, PoolUse, PrincipalKey, Properties, Record,
        Store, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written,
    },
};

/// A store that notes each call and passes the call on. Clones share the notes and the inner store.
///
/// Nothing is changed in place: what a request writes is a [`replace`](Store::replace) that is
/// counted, as with a store on another machine. Dereferences to the inner store, so that
/// `CountingStore::new(FailingStore::new(…))` has the methods of both.
///
/// ```
/// # use axum::{Router, routing::get};
/// # use session_runtime::{
/// #     Error, KeyRing, Session, SessionLayer, store::MemoryStore,
/// #     testing::{Browser, CountingStore, Verb},
/// # };
/// # #[derive(Session)]
/// # struct Shop { visits: u32 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let store = CountingStore::new(MemoryStore::default());
/// let layer = SessionLayer::<Shop>::new(store.clone(), KeyRing::ephemeral()?)?;
/// let home = async |session: Session<Shop>| session.update_visits(|visits| *visits += 1);
/// let browser = Browser::new(Router::new().route("/", get(home)).layer(layer));
/// browser.get("/").await;
/// browser.get("/").await;
/// assert_eq!(store.calls(Verb::Load), 1);
/// assert_eq!(store.take_calls(), ["insert", "load", "replace"]);
/// # Ok(()) }
/// ```
pub struct CountingStore<S> {
    inner: Arc<S>,
    calls: Arc<Mutex<Vec<Verb>>>,
}

impl<S> CountingStore<S> {
    /// Creates a store that counts the calls to `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner: Arc::new(inner), calls: Arc::default() }
    }

    /// Returns the number of calls of a verb since the last [`take_calls`](Self::take_calls).
    #[must_use]
    pub fn calls(&self, verb: Verb) -> usize {
        self.noted().iter().filter(|call| **call == verb).count()
    }

    /// Returns the calls in their order, and forgets them. [`Verb::Floor`] is left out: whether such a
    /// call is due depends on the time.
    #[expect(clippy::must_use_candidate, reason = "also called in order to forget")]
    pub fn take_calls(&self) -> Vec<Verb> {
        let mut calls = std::mem::take(&mut *self.noted());
        calls.retain(|verb| *verb != Verb::Floor);
        calls
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Verb>> {
        // A list of plain values is valid whenever a holder panics.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<'a, T>(
        &self,
        verb: Verb,
        work: impl FnOnce() -> StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        self.noted().push(verb);
        work()
    }
}

impl<S: Store> CountingStore<S> {
    fn inner_properties(&self) -> Properties {
        self.inner.properties()
    }

    fn inner_probe(&self) -> StoreFuture<'_, Facts> {
        self.inner.probe()
    }
}

impl<S> Clone for CountingStore<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), calls: Arc::clone(&self.calls) }
    }
}

impl<S> Deref for CountingStore<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.inner
    }
}

impl<S> fmt::Debug for CountingStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingStore").field("calls", &*self.noted()).finish_non_exhaustive()
    }
}

store_around!(CountingStore);
