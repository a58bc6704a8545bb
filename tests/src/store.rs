//! A store that notes what it is asked for, and fails or waits when it is told to.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use session_runtime::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Properties,
        Record, Selector, Store, StoreError, StoreFuture, StoreKey,
    },
};
use tokio::sync::Notify;

/// What the spy does instead of the store's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Fails at once.
    Down,
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

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    /// For each commit, how often the record that came with it was written.
    told: Vec<Option<u64>>,
    /// The revision that each record began with.
    first: HashMap<StoreKey, u64>,
    /// Faults by operation.
    faults: Vec<(&'static str, Fault)>,
    properties: Option<Properties>,
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

    /// For each commit since the last call, how often the record that came with it was written.
    pub fn told(&self) -> Vec<Option<u64>> {
        std::mem::take(&mut self.lock().told)
    }

    /// From now on `operation` meets `fault`; `None`: it works again.
    pub fn fault(&self, operation: &'static str, fault: Option<Fault>) {
        let mut state = self.lock();
        state.faults.retain(|(name, _)| *name != operation);
        state.faults.extend(fault.map(|fault| (operation, fault)));
        state.changed.notify_waiters();
    }

    /// Pretends to be another kind of store.
    pub fn pretend(&self, properties: Properties) {
        self.lock().properties = Some(properties);
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
    fn properties(&self) -> Properties {
        self.lock().properties.unwrap_or_else(|| self.inner.properties())
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.run("load", || self.inner.load(key))
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        self.lock().first.insert(key.clone(), record.meta.revision);
        self.run("insert", move || self.inner.insert(key, record, cap))
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        let mut state = self.lock();
        let first = state.first.get(key).copied().unwrap_or(1);
        let loaded = commit.loaded.as_ref().map(|record| record.meta.revision - first + 1);
        state.told.push(loaded);
        drop(state);
        self.run("commit", || self.inner.commit(key, commit))
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        self.run("delete", || self.inner.delete(key))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        self.run("list", move || self.inner.list(namespace, principal, now))
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        self.run("delete_all", move || self.inner.delete_all(namespace, principal, except))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        self.run("sweep", move || self.inner.sweep(now, limit))
    }
}
