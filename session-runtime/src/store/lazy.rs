//! A store that is opened at its first use, so that a program can start while its server is down. It
//! owns the one attempt that all callers share, and does not know which store that is.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Cursor, Facts, Namespace, Notice, Order, Page, PoolUse, PrincipalKey, Properties, Record,
    Store, StoreError, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written,
};
use crate::clock::Timestamp;

/// The time for which a failure to open is the answer to everybody, before another attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// A store that is opened at its first use instead of at start.
///
/// **A program that starts so learns late of a wrong password or a missing right:** from an error of
/// the first request, or from [`SessionLayer::ready`](crate::SessionLayer::ready), which belongs into
/// the readiness probe of such a program. While opening fails, every operation is an error, and a
/// later operation tries again. All operations of one time share one attempt, which goes on after
/// the deadlines of the requests that wait for it.
///
/// [`open_lazy`](super::open_lazy) makes one of a URL. This one opens a store with settings of its
/// own:
///
/// ```
/// # use std::sync::Arc;
/// # use session_runtime::store::{MemoryStore, StoreError};
/// # async fn connect() -> Result<MemoryStore, StoreError> { Ok(MemoryStore::default()) }
/// use session_runtime::store::{LazyStore, Properties};
///
/// let store = LazyStore::new(Properties::SHARED, || async { Ok(Arc::new(connect().await?) as _) });
/// ```
#[derive(Clone)]
pub struct LazyStore(Arc<Shared>);

type Opening = Pin<Box<dyn Future<Output = Result<Arc<dyn Store>, StoreError>> + Send>>;

struct Shared {
    /// The properties until the store is open.
    expected: Properties,
    open: Box<dyn Fn() -> Opening + Send + Sync>,
    opened: OnceLock<Arc<dyn Store>>,
    /// The latest attempt: its channel is closed when the attempt is over, and holds its error.
    attempt: Mutex<Option<watch::Receiver<Option<StoreError>>>>,
}

impl LazyStore {
    /// Makes a store that `open` opens. `expected` is what the layer can know of the store before that:
    /// **say that the store [`evicts`](Properties::evicts) unless it surely does not.**
    pub fn new<F>(expected: Properties, open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<dyn Store>, StoreError>> + Send + 'static,
    {
        Self(Arc::new(Shared {
            expected,
            open: Box::new(move || Box::pin(open())),
            opened: OnceLock::new(),
            attempt: Mutex::default(),
        }))
    }

    /// Returns the store, as soon as it is open.
    async fn opened(&self) -> Result<&Arc<dyn Store>, StoreError> {
        let mut attempt = self.attempt();
        // An error means that the attempt is over and has left no error.
        if let Ok(failure) = attempt.wait_for(Option::is_some).await
            && let Some(error) = &*failure
        {
            return Err(error.clone());
        }
        let interrupted = || StoreError::new("opening the session store was interrupted");
        self.0.opened.get().ok_or_else(interrupted)
    }

    /// Joins the attempt that is under way, or begins one.
    fn attempt(&self) -> watch::Receiver<Option<StoreError>> {
        let mut current = self.0.attempt.lock().unwrap_or_else(PoisonError::into_inner);
        // An error means that the attempt is over.
        if let Some(attempt) = current.as_ref().filter(|attempt| attempt.has_changed().is_ok()) {
            return attempt.clone();
        }
        let (outcome, attempt) = watch::channel(None);
        *current = Some(attempt.clone());
        drop(current);
        let shared = Arc::clone(&self.0);
        // In a task of its own: opening may take longer than a request may.
        tokio::spawn(async move {
            if shared.opened.get().is_some() {
                return;
            }
            match (shared.open)().await {
                Ok(store) => drop(shared.opened.set(store)),
                Err(error) => {
                    drop(outcome.send(Some(error)));
                    // Whoever asks meanwhile gets this failure: each of many requests would begin an
                    // attempt of its own.
                    tokio::time::sleep(PAUSE).await;
                    drop(outcome);
                }
            }
        });
        attempt
    }

    fn ask<'a, T: Send + Unpin + 'a>(
        &'a self,
        ask: impl FnOnce(&'a Arc<dyn Store>) -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        match self.0.opened.get() {
            Some(store) => ask(store),
            None => StoreFuture::new(async move {
                let store = self.opened().await.map_err(StoreError::not_applied)?;
                ask(store).await
            }),
        }
    }
}

impl fmt::Debug for LazyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyStore")
            .field("is_open", &self.0.opened.get().is_some())
            .finish_non_exhaustive()
    }
}

impl Store for LazyStore {
    fn properties(&self) -> Properties {
        self.0.opened.get().map_or(self.0.expected, Store::properties)
    }

    fn name(&self) -> &'static str {
        self.0.opened.get().map_or("unopened", |store| store.name())
    }

    fn pool(&self) -> Option<PoolUse> {
        self.0.opened.get()?.pool()
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.ask(|store| store.load(key))
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        self.0.opened.get()?.reload(key)
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        self.ask(|store| store.insert(key, record))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        self.ask(move |store| store.replace(key, version, record))
    }

    fn change(
        &self,
        key: &StoreKey,
        log_in: bool,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> Option<Written> {
        self.0.opened.get()?.change(key, log_in, change)
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        self.ask(move |store| store.touch(key, last_seen, clean_after))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        self.ask(move |store| store.remove(key, version))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        self.ask(move |store| store.list(namespace, principal, order, after, limit))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.ask(|store| store.count(namespace, principal))
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        self.ask(move |store| store.sweep(before, after, limit))
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        self.ask(|store| store.probe())
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        self.ask(move |store| store.publish(notice))
    }

    fn watch(&self) -> Option<Watch> {
        self.0.opened.get()?.watch()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::store::{MemoryStore, Selector, check};

    fn key() -> StoreKey {
        StoreKey { namespace: Namespace::new("lazy"), selector: Selector([1; 16]) }
    }

    #[tokio::test]
    async fn operations_share_one_attempt_that_outlives_them() {
        let (attempts, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let store = LazyStore::new(Properties::SHARED, {
            let (attempts, gate) = (Arc::clone(&attempts), Arc::clone(&gate));
            move || {
                let gate = Arc::clone(&gate);
                attempts.fetch_add(1, Ordering::SeqCst);
                async move {
                    gate.acquire().await.expect("it is never closed").forget();
                    Ok(Arc::new(MemoryStore::default()) as _)
                }
            }
        });
        assert_eq!(store.properties(), Properties::SHARED);
        let waiting = store.clone();
        let given_up = tokio::spawn(async move { waiting.load(&key()).await });
        tokio::task::yield_now().await;
        given_up.abort();
        assert!(given_up.await.is_err(), "it waited");
        gate.add_permits(1);
        let (a, b) = (key(), key());
        let (first, second) = tokio::join!(store.load(&a), store.load(&b));
        assert!(first.expect("opened").is_none() && second.expect("opened").is_none());
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
        assert_eq!(store.properties(), Properties::IN_PROCESS);
        check(&store).await.expect("it is a store like any other");
    }

    #[tokio::test]
    async fn an_attempt_that_fails_is_an_error_and_the_next_operation_tries_again() {
        let attempts = Arc::new(AtomicU32::new(0));
        let store = LazyStore::new(Properties::SHARED, {
            let attempts = Arc::clone(&attempts);
            move || {
                let attempt = attempts.fetch_add(1, Ordering::SeqCst);
                async move {
                    match attempt {
                        0 => Err(StoreError::new("connection refused").unreachable()),
                        1 => panic!("on purpose"),
                        _ => Ok(Arc::new(MemoryStore::default()) as _),
                    }
                }
            }
        });
        let refused = store.load(&key()).await.expect_err("refused");
        assert!(refused.is_unreachable() && refused.to_string().contains("refused"), "{refused}");
        for _ in 0..100 {
            store.load(&key()).await.expect_err("the same failure, for a while");
        }
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
        let interrupted = loop {
            let error = store.load(&key()).await.expect_err("it failed or panicked");
            if attempts.load(Ordering::SeqCst) > 1 {
                break error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert!(interrupted.to_string().contains("interrupted"), "{interrupted}");
        assert!(store.load(&key()).await.expect("the third time").is_none());
        assert_eq!(attempts.load(Ordering::SeqCst), 3);
    }
}
