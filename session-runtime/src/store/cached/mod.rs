//! A fast store in front of a durable one: loads use copies in the fast store while they are young
//! enough; changes go to the durable store first. It owns the validity of copies and the handling
//! of a fast store that fails. `entry` owns the format of a copy, `invalidations` the copies that
//! this process has invalidated, and the durable store the commits.

mod entry;
mod invalidations;

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use self::{
    entry::{Entry, Reading},
    invalidations::{Invalidations, Unsettled},
};
use super::{
    Cursor, Facts, Namespace, Notice, Order, Page, PoolUse, PrincipalKey, Properties, Record,
    Store, StoreError, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written, load_latest,
};
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    event,
};

/// The default age up to which a copy is valid.
const MAX_AGE: Duration = Duration::from_secs(5);
/// The default limit on the time that the fast store may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// The time for which loads bypass a fast store that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// A fast store in front of a durable one.
///
/// **In other processes, a session can be readable for up to [`max_age`](Self::max_age) after its
/// log-out** (5 seconds by default): see below.
///
/// Loads are answered from copies in the fast store. Writes and removals happen in the durable
/// store; then the copy is removed. Any two stores can be combined: Redis in front of a SQL
/// database, or memory in front of either.
///
/// ```
/// # use std::time::Duration;
/// use session_runtime::store::{CachedStore, MemoryStore};
///
/// # let durable = MemoryStore::default();
/// let store = CachedStore::new(MemoryStore::with_limit(100_000), durable)
///     .max_age(Duration::from_secs(2));
/// ```
///
/// # Staleness
///
/// - **Through this store and its clones, no load is stale.** Once a commit, a log-out or the end
///   of other sessions has been answered, every later load shows it, even if the fast store failed
///   meanwhile.
/// - **Through the `CachedStore` of another process, a load can be stale** by up to
///   [`max_age`](Self::max_age), 5 seconds by default: a session that was logged out here may be
///   *read* there for that long, and a change made here may be missing there. If the processes
///   share the fast store, this happens only if a load there overlaps the change here, or if the
///   removal of the copy fails. If each process has a fast store of its own
///   ([`MemoryStore`](super::MemoryStore)), it is the rule.
/// - **No write relies on a copy.** The durable store compares the version of every write with its
///   own record, so a change that is made of an old copy is made again of the present record. Lists,
///   too, come from the durable store.
/// - **No copy logs anybody out.** If a copy is expired, or does not know the credential that a
///   client presents, the runtime asks for the durable store's record ([`Store::reload`]) before it
///   decides.
///
/// The age of a copy is the time since its read of the durable store began, by the clocks of the
/// machines that wrote and read the copy: where one clock is ahead of the other, copies live longer
/// by the difference. A process sees its own changes at once as long as the clocks differ by less
/// than `max_age`.
///
/// # Failures of the fast store
///
/// A failure costs a warning in the log, and up to [`patience`](Self::patience) for a load or a
/// change; it is never an error. Loads then bypass the fast store for a second. Removals of copies
/// are still tried, so that other processes see a log-out if possible.
///
/// # Content of the fast store
///
/// One record for each session, under the namespace `…/cached`. Its only field is the encoded
/// record of the durable store; it has no principal, and expires after `max_age`. So the fast store
/// may hold other sessions beside the copies, if all its users share one clock; and a bounded fast
/// store may evict a copy at any time.
pub struct CachedStore<Fast, Durable> {
    fast: Arc<Fast>,
    durable: Arc<Durable>,
    invalidations: Arc<Invalidations>,
    /// The time until which loads bypass the fast store, in milliseconds.
    paused_until: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
    max_age: Duration,
    patience: Duration,
}

impl<Fast: Store, Durable: Store> CachedStore<Fast, Durable> {
    /// Puts `fast` in front of `durable`.
    #[must_use]
    pub fn new(fast: Fast, durable: Durable) -> Self {
        Self {
            fast: Arc::new(fast),
            durable: Arc::new(durable),
            invalidations: Arc::default(),
            paused_until: Arc::default(),
            clock: Arc::new(SystemClock),
            max_age: MAX_AGE,
            patience: PATIENCE,
        }
    }

    /// Sets the age up to which a copy is valid: **for so long, another process may still accept a
    /// session that was logged out here.** The age counts from the read of the durable store.
    /// Default: 5 seconds. All processes should use the same value.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Sets the longest time that one load or one change waits for the fast store. Default: 100
    /// milliseconds. Keep it well below the deadline of the session layer.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets the clock that measures the age of copies, in place of the system's. For tests.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    async fn load_copy_or_record(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, StoreError> {
        if self.is_paused() {
            return self.durable.load(key).await;
        }
        let place = place(key);
        let found = match self.ask_fast(self.fast.load(&place)).await {
            Some(Some(copy)) => Some(copy),
            Some(None) => None,
            None => return self.durable.load(key).await,
        };
        if let Some(record) = found.as_deref().and_then(|copy| self.believe(key, copy)) {
            return Ok(Some(Arc::new(record)));
        }
        let reading = self.begin_reading();
        let record = self.durable.load(key).await?;
        if let Some(record) = &record {
            self.keep_copy(key, record, reading, found.is_some()).await;
        }
        Ok(record)
    }

    async fn load_record(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, StoreError> {
        let reading = self.begin_reading();
        let record = load_latest(&*self.durable, key).await?;
        match &record {
            None => self.unsettled(key).settle(None),
            Some(record) if !self.is_paused() => {
                self.keep_copy(key, record, reading, true).await;
            }
            Some(_) => {}
        }
        Ok(record)
    }

    fn begin_reading(&self) -> Reading {
        Reading {
            at: self.clock.now(),
            number: self.invalidations.next_number(),
            of: self.invalidations.owner(),
        }
    }

    /// Returns the record in a copy, if the copy is valid.
    fn believe(&self, key: &StoreKey, copy: &Record) -> Option<Record> {
        let now = self.clock.now();
        let Entry { reading, record } = Entry::open(copy)?;
        // A reading in the future was made by a clock that is ahead; its age is not known yet.
        let young = reading.at <= now && now.saturating_since(reading.at) < self.max_age;
        (young && self.invalidations.is_valid(key, &record, reading, now)).then_some(record)
    }

    /// Stores a copy where there is none, or `instead` of the copy that was found. If another load
    /// was quicker, the other copy stays: it is about as young, and expires just so.
    async fn keep_copy(&self, key: &StoreKey, record: &Record, reading: Reading, instead: bool) {
        if !self.invalidations.is_valid(key, record, reading, self.clock.now()) {
            return;
        }
        let place = place(key);
        let copy = Entry::seal(record, reading, self.max_age);
        let _ = self
            .ask_fast(async {
                if instead {
                    self.fast.remove(&place, None).await?;
                }
                self.fast.insert(&place, Arc::new(copy)).await
            })
            .await;
    }

    /// Removes a copy for the sake of other processes; in this process it is invalid already.
    async fn remove_copy(&self, key: &StoreKey) {
        let _ = self.ask_fast(self.fast.remove(&place(key), None)).await;
    }

    /// Returns the fast store's answer, if it comes in time and is no error.
    async fn ask_fast<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        let failure = match in_time(self.patience, answer).await {
            Some(Ok(answer)) => return Some(answer),
            Some(Err(error)) => error,
            None => StoreError::new(format!("no answer within {:?}", self.patience)),
        };
        if !self.is_paused() {
            self.paused_until
                .store(self.clock.now().saturating_add(PAUSE).as_millis(), Ordering::Relaxed);
            event::cache_failed(&failure);
        }
        None
    }

    fn is_paused(&self) -> bool {
        let now = self.clock.now();
        let until = Timestamp::from_millis(self.paused_until.load(Ordering::Relaxed));
        // A time later than any that was ever set means that the clock was set back.
        now < until && until.saturating_since(now) <= PAUSE
    }

    /// Begins a change of a record. If the change fails or is dropped half way, it may have happened,
    /// and every copy from before becomes invalid.
    fn unsettled(&self, key: &StoreKey) -> Unsettled<'_> {
        let lasts = self.max_age.saturating_mul(2);
        Unsettled::new(&self.invalidations, key.clone(), &*self.clock, lasts)
    }
}

/// Returns the key of a record's copy. No namespace of a session type contains a `/`.
fn place(key: &StoreKey) -> StoreKey {
    let namespace = Namespace::new(&format!("{}/cached", key.namespace.as_str()));
    StoreKey { namespace, selector: key.selector }
}

/// Returns the result of a future, if it comes in time. A future that is ready at once needs no
/// timer, and so no runtime.
async fn in_time<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => tokio::time::timeout(limit, future).await.ok(),
    }
}

impl<Fast: Store, Durable: Store> Store for CachedStore<Fast, Durable> {
    /// Returns the properties of the durable store.
    fn properties(&self) -> Properties {
        // Nothing is changed in place: the copy would be old.
        Properties { wants_loaded: true, ..self.durable.properties() }
    }

    fn name(&self) -> &'static str {
        "cached"
    }

    fn pool(&self) -> Option<PoolUse> {
        self.durable.pool()
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(self.load_copy_or_record(key))
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        Some(StoreFuture::new(self.load_record(key)))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            let change = self.unsettled(key);
            let written = self.durable.insert(key, record).await?;
            // Selectors do not come again, but the keys of revocation notes do: there may be a
            // copy of an earlier record.
            change.settle(None);
            Ok(written)
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            let change = self.unsettled(key);
            let revision = record.meta.revision;
            let written = self.durable.replace(key, version, record).await?;
            let is_stored = matches!(written, Written::Stored { .. });
            // If nothing was stored, the record that the request had loaded is outdated.
            change.settle(is_stored.then_some(revision));
            self.remove_copy(key).await;
            Ok(written)
        })
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        StoreFuture::new(async move {
            let change = self.unsettled(key);
            let was_there = self.durable.touch(key, last_seen, clean_after).await?;
            // The copy would be touched again with every request.
            change.settle(None);
            self.remove_copy(key).await;
            Ok(was_there)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        StoreFuture::new(async move {
            let change = self.unsettled(key);
            let was_there = self.durable.remove(key, version).await?;
            change.settle(None);
            self.remove_copy(key).await;
            Ok(was_there)
        })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        self.durable.list(namespace, principal, order, after, limit)
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.durable.count(namespace, principal)
    }

    /// Sweeps the durable store, and then the fast store with the rest of the limit. Returns the
    /// outcome of the durable store.
    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        StoreFuture::new(async move {
            let swept = self.durable.sweep(before, after, limit).await?;
            let left = limit.saturating_sub(usize::try_from(swept.removed).unwrap_or(limit));
            self.ask_fast(self.fast.sweep(before, None, left)).await;
            Ok(swept)
        })
    }

    /// Asks the durable store.
    fn probe(&self) -> StoreFuture<'_, Facts> {
        self.durable.probe()
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        self.durable.publish(notice)
    }

    fn watch(&self) -> Option<Watch> {
        self.durable.watch()
    }
}

impl<Fast, Durable> Clone for CachedStore<Fast, Durable> {
    fn clone(&self) -> Self {
        Self {
            fast: Arc::clone(&self.fast),
            durable: Arc::clone(&self.durable),
            invalidations: Arc::clone(&self.invalidations),
            paused_until: Arc::clone(&self.paused_until),
            clock: Arc::clone(&self.clock),
            max_age: self.max_age,
            patience: self.patience,
        }
    }
}

impl<Fast, Durable> fmt::Debug for CachedStore<Fast, Durable> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("max_age", &self.max_age)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
