//! A store that notes what it is asked for, and fails or waits when it is told to.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use session_runtime::{
    clock::Timestamp,
    store::{
        Cursor, Facts, Namespace, Order, Page, PrincipalKey, Properties, Record, Store, StoreError,
        StoreFuture, StoreKey, SweepCursor, Swept, Written,
    },
};
use tokio::sync::Notify;

/// What the spy does instead of the store's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Fails at once.
    Down,
    /// Fails at once, for want of a connection.
    Unreachable,
    /// Does the work after this time.
    Slow(Duration),
    /// Does the work once there is another fault, or none.
    Held,
}

/// A store around another one. Clones share everything.
pub struct Spy<S> {
    inner: Arc<S>,
    state: Arc<Mutex<State>>,
}

/// Reads a clock.
type Reading = Arc<dyn Fn() -> Timestamp + Send + Sync>;

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    /// Faults by operation.
    faults: Vec<(&'static str, Fault)>,
    properties: Option<Properties>,
    /// Reads the clock of the server that it pretends to be.
    clock: Option<Reading>,
    /// Told whenever there are other faults.
    changed: Arc<Notify>,
}

impl State {
    fn fault(&self, operation: &str) -> Option<Fault> {
        self.faults.iter().find(|(name, _)| *name == operation).map(|(_, fault)| *fault)
    }
}

impl<S: Store> Spy<S> {
    /// Watches `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner: Arc::new(inner), state: Arc::default() }
    }

    /// The operations since the last call, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.lock().calls)
    }

    /// From now on `operation` meets `fault`; `None`: it works again.
    pub fn fault(&self, operation: &'static str, fault: Option<Fault>) {
        let mut state = self.lock();
        state.faults.retain(|(name, _)| *name != operation);
        state.faults.extend(fault.map(|fault| (operation, fault)));
        state.changed.notify_waiters();
    }

    /// From now on every operation meets `fault`.
    pub fn fault_all(&self, fault: Option<Fault>) {
        for operation in ["load", "insert", "replace", "touch", "remove", "list", "count", "sweep"]
        {
            self.fault(operation, fault);
        }
    }

    /// Pretends to be another kind of store.
    pub fn pretend(&self, properties: Properties) {
        self.lock().properties = Some(properties);
    }

    /// Pretends to be on a server whose clock shows what `read` says.
    pub fn tell(&self, read: impl Fn() -> Timestamp + Send + Sync + 'static) {
        self.lock().clock = Some(Arc::new(read));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<'a, T: Send + Unpin + 'a>(
        &self,
        operation: &'static str,
        work: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let fault = {
            let mut state = self.lock();
            state.calls.push(operation);
            state.fault(operation)
        };
        match fault {
            None => work(),
            Some(Fault::Down) => StoreFuture::ready(Err(StoreError::new("the store is down"))),
            Some(Fault::Unreachable) => {
                let error = StoreError::new("the store: connection refused (code 111)");
                StoreFuture::ready(Err(error.unreachable()))
            }
            Some(Fault::Slow(delay)) => StoreFuture::new(async move {
                #[expect(clippy::disallowed_methods, reason = "it plays a store that is slow")]
                tokio::time::sleep(delay).await;
                work().await
            }),
            Some(Fault::Held) => {
                let state = Arc::clone(&self.state);
                StoreFuture::new(async move {
                    loop {
                        let changed = {
                            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                            if state.fault(operation) != Some(Fault::Held) {
                                break;
                            }
                            // Under the lock: it hears of every change after this look.
                            Arc::clone(&state.changed).notified_owned()
                        };
                        changed.await;
                    }
                    work().await
                })
            }
        }
    }
}

impl<S> Clone for Spy<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), state: Arc::clone(&self.state) }
    }
}

impl<S> fmt::Debug for Spy<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spy")
    }
}

impl<S: Store> Store for Spy<S> {
    /// No change is made in place: what a request writes is a call that can be seen and can fail.
    fn properties(&self) -> Properties {
        let mut own = self.lock().properties.unwrap_or_else(|| self.inner.properties());
        own.wants_loaded = true;
        own
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.run("load", || self.inner.load(key))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        self.run("insert", move || self.inner.insert(key, record))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        self.run("replace", move || self.inner.replace(key, version, record))
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        self.run("touch", move || self.inner.touch(key, last_seen, clean_after))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        self.run("remove", move || self.inner.remove(key, version))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        self.run("list", move || self.inner.list(namespace, principal, order, after, limit))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.run("count", move || self.inner.count(namespace, principal))
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        self.run("sweep", move || self.inner.sweep(before, after, limit))
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        let clock = self.lock().clock.clone();
        self.run("probe", move || match clock {
            Some(read) => StoreFuture::ready(Ok(Facts::at(read()))),
            None => self.inner.probe(),
        })
    }
}
