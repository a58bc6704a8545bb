//! A store that fails, is slow or does not answer, as a test says. Where there is no fault, another
//! store does the work.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::verb::{Verb, store_around};
use crate::{
    clock::Timestamp,
    store::{
        Cursor, Facts, Namespace, Notice, Order, Page, PoolUse, PrincipalKey, Properties, Record,
        Store, StoreError, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written,
    },
};

/// The behaviour of a [`FailingStore`] in place of the inner store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Fails at once. The inner store is not asked.
    Down,
    /// Fails at once, as a store that cannot be [reached](StoreError::unreachable). The inner store is
    /// not asked.
    Unreachable,
    /// Does the work, and then fails: the answer is lost on the way.
    AnswerLost,
    /// Does the work after this time, which is tokio's: `tokio::time::pause` stops it.
    Slow(Duration),
    /// Does not answer. A call that still waits when the fault is [healed](FailingStore::heal) does
    /// its work then.
    Held,
}

/// A store that fails when a test says so, and otherwise passes each call on. Clones share the
/// faults and the inner store.
///
/// Nothing is changed in place: what a request writes is a [`replace`](Store::replace) that can
/// fail, as with a store on another machine. Dereferences to the inner store.
///
/// ```
/// # use axum::{Router, http::StatusCode, routing::get};
/// # use session_runtime::{
/// #     Error, KeyRing, Session, SessionLayer, store::MemoryStore,
/// #     testing::{Browser, FailingStore, Fault, Verb},
/// # };
/// # #[derive(Session)]
/// # struct Shop { visits: u32 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let store = FailingStore::new(MemoryStore::default());
/// let layer = SessionLayer::<Shop>::new(store.clone(), KeyRing::ephemeral()?)?;
/// let home = async |session: Session<Shop>| session.update_visits(|visits| *visits += 1);
/// let browser = Browser::new(Router::new().route("/", get(home)).layer(layer));
/// assert_eq!(browser.get("/").await.status, StatusCode::OK);
///
/// store.fault(Verb::Replace, Fault::Down);
/// assert_eq!(browser.get("/").await.status, StatusCode::SERVICE_UNAVAILABLE);
///
/// store.heal_all();
/// store.fail_nth(Verb::Load, 2);
/// assert_eq!(browser.get("/").await.status, StatusCode::OK);
/// assert_eq!(browser.get("/").await.status, StatusCode::SERVICE_UNAVAILABLE);
/// assert_eq!(browser.get("/").await.status, StatusCode::OK);
/// # Ok(()) }
/// ```
pub struct FailingStore<S> {
    inner: Arc<S>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever there are other faults.
    changed: Notify,
}

#[derive(Default)]
struct State {
    faults: Vec<(Verb, Fault)>,
    /// The calls that are to fail, each by how many calls of its verb are still to come.
    countdowns: Vec<(Verb, usize)>,
    properties: Option<Properties>,
    clock: Option<Reading>,
}

/// Reads the clock of a server.
type Reading = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl<S> FailingStore<S> {
    /// Creates a store without a fault: `inner` does all the work.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner: Arc::new(inner), shared: Arc::default() }
    }

    /// Gives a verb a fault from now on, in place of an earlier one.
    pub fn fault(&self, verb: Verb, fault: Fault) {
        self.change(|state| {
            state.faults.retain(|(other, _)| *other != verb);
            state.faults.push((verb, fault));
        });
    }

    /// Gives every verb this fault from now on.
    pub fn fault_all(&self, fault: Fault) {
        self.change(|state| state.faults = Verb::ALL.map(|verb| (verb, fault)).into());
    }

    /// Cuts the store off: no call is answered until [`heal_all`](Self::heal_all).
    pub fn partition(&self) {
        self.fault_all(Fault::Held);
    }

    /// Fails the `n`th call of a verb from now on, and no other; 1 is the next call. Several calls
    /// can be chosen, one after the other.
    ///
    /// # Panics
    ///
    /// Panics if `n` is 0, which is no call.
    pub fn fail_nth(&self, verb: Verb, n: usize) {
        assert!(n > 0, "the first call is 1");
        self.change(|state| state.countdowns.push((verb, n)));
    }

    /// Ends the faults of a verb.
    pub fn heal(&self, verb: Verb) {
        self.change(|state| {
            state.faults.retain(|(other, _)| *other != verb);
            state.countdowns.retain(|(other, _)| *other != verb);
        });
    }

    /// Ends all faults.
    pub fn heal_all(&self) {
        self.change(|state| {
            state.faults.clear();
            state.countdowns.clear();
        });
    }

    /// Passes for a store with other properties, to test what a layer refuses at start.
    pub fn pretend(&self, properties: Properties) {
        self.shared.state().properties = Some(properties);
    }

    /// Passes for a store on a server whose clock shows what `read` returns, to test machines whose
    /// clocks differ.
    pub fn show_time(&self, read: impl Fn() -> Timestamp + Send + Sync + 'static) {
        self.shared.state().clock = Some(Arc::new(read));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_waiters();
    }

    fn call<'a, T: Send + Unpin + 'a>(
        &self,
        verb: Verb,
        work: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let fault = self.shared.state().next_fault(verb);
        match fault {
            None => work(),
            Some(Fault::Down) => {
                StoreFuture::ready(Err(StoreError::new("the store is down").not_applied()))
            }
            Some(Fault::Unreachable) => {
                let error = StoreError::new("the store: connection refused (code 111)");
                StoreFuture::ready(Err(error.unreachable().not_applied()))
            }
            Some(Fault::AnswerLost) => StoreFuture::new(async move {
                work().await?;
                Err(StoreError::new("the store's answer was lost"))
            }),
            Some(Fault::Slow(delay)) => StoreFuture::new(async move {
                tokio::time::sleep(delay).await;
                work().await
            }),
            Some(Fault::Held) => {
                let shared = Arc::clone(&self.shared);
                StoreFuture::new(async move {
                    shared.while_held(verb).await;
                    work().await
                })
            }
        }
    }
}

impl<S: Store> FailingStore<S> {
    fn inner_probe(&self) -> StoreFuture<'_, Facts> {
        let clock = self.shared.state().clock.clone();
        clock.map_or_else(|| self.inner.probe(), |read| StoreFuture::ready(Ok(Facts::at(read()))))
    }

    fn inner_properties(&self) -> Properties {
        let pretended = self.shared.state().properties;
        pretended.unwrap_or_else(|| self.inner.properties())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Lists of plain values are valid whenever a holder panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn while_held(&self, verb: Verb) {
        loop {
            // Before the look: of a change between the two, the call would never hear.
            let changed = self.changed.notified();
            if self.state().fault(verb) != Some(Fault::Held) {
                return;
            }
            changed.await;
        }
    }
}

impl State {
    fn fault(&self, verb: Verb) -> Option<Fault> {
        self.faults.iter().find(|(other, _)| *other == verb).map(|(_, fault)| *fault)
    }

    /// Counts a call. Returns the fault that the call meets.
    fn next_fault(&mut self, verb: Verb) -> Option<Fault> {
        let mut fails = false;
        self.countdowns.retain_mut(|(other, left)| {
            if *other == verb {
                *left -= 1;
                fails |= *left == 0;
            }
            *left > 0
        });
        if fails { Some(Fault::Down) } else { self.fault(verb) }
    }
}

impl<S> Clone for FailingStore<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), shared: Arc::clone(&self.shared) }
    }
}

impl<S> Deref for FailingStore<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.inner
    }
}

impl<S> fmt::Debug for FailingStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("FailingStore").field("faults", &state.faults).finish_non_exhaustive()
    }
}

store_around!(FailingStore);
