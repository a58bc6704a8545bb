//! A fast store in front of a durable one: reads come from the fast store while they are young
//! enough, changes go to the durable one first. It owns when a copy counts and what happens when
//! the fast store fails; what a copy looks like is `entry`'s business, which copies this process
//! must not believe any more that of `invalidations`, and what a commit does the durable store's.

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
    invalidations::{Invalidations, Name, Unsettled},
};
use super::{
    Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Properties, Record,
    Selector, Store, StoreError, StoreFuture, StoreKey,
};
use crate::clock::{Clock, SystemClock, Timestamp};

/// How old a copy may be.
const MAX_AGE: Duration = Duration::from_secs(5);
/// How long the fast store may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long reads leave a fast store alone that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// A fast store in front of a durable one.
///
/// Loads are answered from copies in the fast store. A commit, an insert and a delete happen in
/// the durable store; then the copy is removed. Any two stores will do: Redis in front of
/// a SQL database, or memory in front of either.
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
/// # What can be seen late, and for how long
///
/// - **Through this store and its clones, nothing.** Once a commit, a log-out or the end of other
///   sessions has been answered, every later load shows it, also if the fast store failed
///   meanwhile.
/// - **Through another process' `CachedStore`,** a load may show a record as the durable store had
///   it up to [`max_age`](Self::max_age) ago, 5 seconds unless set: a session that has been logged
///   out here may be *read* there for that long, and a change made here may be missing there. With a
///   fast store that the processes share, this happens only if a load there overlaps the change
///   here, or if the removal of the copy fails; with a fast store of this process' own
///   ([`MemoryStore`](super::MemoryStore)) it is the rule.
/// - **Nothing is written on the strength of a copy.** The durable store checks every commit
///   against its own record: a session that was ended is `Gone`, a replaced credential
///   `Superseded`, a group that moved on a `Conflict`. After any of these, the next load here is from
///   the durable store. Lists, too, come from there.
/// - **Nobody is logged out by a copy.** If a copy is over, or does not know the credential that a
///   client presents, the runtime asks for the durable store's record
///   ([`Store::reload`]) before it judges.
///
/// The age of a copy is the time since its read of the durable store began, by the clocks of the
/// machines that wrote and read it: a clock that is ahead of another one by some time makes copies
/// live that much longer there. That this process sees its own changes at once holds as long as
/// the clocks differ by less than `max_age`.
///
/// # When the fast store fails
///
/// It costs a warning in the log, and up to [`patience`](Self::patience) for a load or a change;
/// it is never an error. Loads then leave the fast store alone for a second; removals are still
/// tried, so that other processes see a log-out when they can.
///
/// # What lies in the fast store
///
/// One record a session under the namespace `…/cached`, with the encoded record of the durable
/// store as its only field, without a principal, and over after `max_age`. So other sessions may
/// lie in the fast store beside the copies, if all who use it go by one clock; and a bounded one may
/// evict a copy at any time.
pub struct CachedStore<Fast, Durable> {
    fast: Arc<Fast>,
    durable: Arc<Durable>,
    invalidations: Arc<Invalidations>,
    /// Until when loads leave the fast store alone, in milliseconds.
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

    /// How long a copy counts after it was read from the durable store: how late another process
    /// may see what happens here. 5 seconds unless set. Every process should have the same.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// How long one load or one change waits for the fast store at most. 100 milliseconds unless
    /// set; keep it well below the deadline of the session layer.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The clock that the age of copies is measured with, instead of the system's. For tests.
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
        let record = match self.durable.reload(key).await? {
            Some(record) => Some(record),
            None => self.durable.load(key).await?,
        };
        if let Some(record) = &record
            && !self.is_paused()
        {
            self.keep_copy(key, record, reading, true).await;
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

    /// The record that a copy holds, if it counts.
    fn believe(&self, key: &StoreKey, copy: &Record) -> Option<Record> {
        let now = self.clock.now();
        let Entry { reading, record } = Entry::open(copy)?;
        // A reading in the future is one by a clock that is ahead; its age is not known yet.
        let young = reading.at <= now && now.saturating_since(reading.at) < self.max_age;
        (young && self.invalidations.is_valid(key, &record, reading, now)).then_some(record)
    }

    /// Puts a copy where there is none, or `instead` of the one that was found there. If another
    /// load was quicker, its copy stays: it is about as young, and bounded all the same.
    async fn keep_copy(&self, key: &StoreKey, record: &Record, reading: Reading, instead: bool) {
        if !self.invalidations.is_valid(key, record, reading, self.clock.now()) {
            return;
        }
        let place = place(key);
        let copy = Entry::seal(record, reading, self.max_age);
        let _ = self
            .ask_fast(async {
                if instead {
                    self.fast.delete(&place).await?;
                }
                self.fast.insert(&place, copy, None).await
            })
            .await;
    }

    /// Removes copies, for the other processes' sake: this one does not believe them any more.
    async fn remove_copies(&self, keys: Vec<StoreKey>) {
        let _ = self
            .ask_fast(async {
                for key in keys {
                    self.fast.delete(&place(&key)).await?;
                }
                Ok(())
            })
            .await;
    }

    /// What the fast store answers, if it does so in time.
    async fn ask_fast<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        let failure = match in_time(self.patience, answer).await {
            Some(Ok(answer)) => return Some(answer),
            Some(Err(error)) => error,
            None => StoreError::new(format!("no answer within {:?}", self.patience)),
        };
        if !self.is_paused() {
            self.paused_until
                .store(self.clock.now().saturating_add(PAUSE).as_millis(), Ordering::Relaxed);
            tracing::warn!(
                target: "session_runtime", error = %failure,
                "the cache of the session store failed; loads go without it for a second",
            );
        }
        None
    }

    fn is_paused(&self) -> bool {
        let now = self.clock.now();
        let until = Timestamp::from_millis(self.paused_until.load(Ordering::Relaxed));
        // Much later than it ever was set means that the clock was set back.
        now < until && until.saturating_since(now) <= PAUSE
    }

    /// A change of `name` that is about to begin. If it fails or is dropped half way, it may have
    /// happened, and no copy made before counts any more.
    fn unsettled(&self, name: Name) -> Unsettled<'_> {
        let lasts = self.max_age.saturating_mul(2);
        Unsettled::new(&self.invalidations, name, &*self.clock, lasts)
    }

    /// Invalidates the copies of sessions of a namespace that were ended in the durable store; their
    /// keys.
    fn invalidate_ended(&self, namespace: &Namespace, ended: &[Selector]) -> Vec<StoreKey> {
        let key = |selector: &Selector| {
            let key = StoreKey { namespace: namespace.clone(), selector: *selector };
            self.unsettled(Name::Session(key.clone())).settle(None);
            key
        };
        ended.iter().map(key).collect()
    }
}

/// Where the copy of a record lies. No namespace of a session type holds a `/`.
fn place(key: &StoreKey) -> StoreKey {
    let namespace = Namespace::new(&format!("{}/cached", key.namespace.as_str()));
    StoreKey { namespace, selector: key.selector }
}

/// The result of a future, if it is there in time. One that is ready needs no timer, and so no
/// runtime.
async fn in_time<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => tokio::time::timeout(limit, future).await.ok(),
    }
}

impl<Fast: Store, Durable: Store> Store for CachedStore<Fast, Durable> {
    /// Those of the durable store.
    fn properties(&self) -> Properties {
        // What `load` gives may be a copy.
        Properties { wants_loaded: false, ..self.durable.properties() }
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(self.load_copy_or_record(key))
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(self.load_record(key))
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        StoreFuture::new(async move {
            let change = self.unsettled(Name::Session(key.clone()));
            let outcome = self.durable.insert(key, record, cap).await?;
            // Selectors do not come again, but the keys of revocation notes do: there may be a
            // copy of an earlier record.
            change.settle(None);
            if let InsertOutcome::Inserted { ended } = &outcome {
                self.remove_copies(self.invalidate_ended(&key.namespace, ended)).await;
            }
            Ok(outcome)
        })
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        StoreFuture::new(async move {
            let change = self.unsettled(Name::Session(key.clone()));
            let outcome = self.durable.commit(key, commit).await?;
            let mut old = vec![key.clone()];
            if let CommitOutcome::Committed { revision, ended, .. } = &outcome {
                change.settle(Some(*revision));
                old.extend(self.invalidate_ended(&key.namespace, ended));
            } else {
                // What the request had loaded was old, or is now.
                change.settle(None);
            }
            self.remove_copies(old).await;
            Ok(outcome)
        })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        StoreFuture::new(async move {
            let change = self.unsettled(Name::Session(key.clone()));
            let was_there = self.durable.delete(key).await?;
            change.settle(None);
            self.remove_copies(vec![key.clone()]).await;
            Ok(was_there)
        })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        self.durable.list(namespace, principal, now)
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        StoreFuture::new(async move {
            let change = self.unsettled(Name::Owner(namespace.clone(), principal.clone()));
            // Whose copies to remove. The end of the sessions must not fail for it.
            let listed = self.durable.list(namespace, principal, Timestamp::default()).await;
            let removed = self.durable.delete_all(namespace, principal, except).await?;
            change.settle(None);
            let ended: Vec<_> =
                listed.unwrap_or_default().iter().map(|session| session.selector).collect();
            self.remove_copies(self.invalidate_ended(namespace, &ended)).await;
            Ok(removed)
        })
    }

    /// Sweeps the durable store, and with what is left of the limit the fast one; counts what the
    /// durable store removed.
    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        StoreFuture::new(async move {
            let removed = self.durable.sweep(now, limit).await?;
            let left = limit.saturating_sub(usize::try_from(removed).unwrap_or(limit));
            self.ask_fast(self.fast.sweep(now, left)).await;
            Ok(removed)
        })
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
