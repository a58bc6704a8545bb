//! The recent changes of this process, which invalidate the copies from before. It owns the duration
//! and the number of invalidations; it knows neither store.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::entry::Reading;
use crate::{
    clock::{Clock, Timestamp},
    store::{Record, StoreKey},
};

/// The most invalidations. Beyond this number, every copy from before becomes invalid, so that
/// loads are slower, never stale.
const AT_MOST: usize = 100_000;

/// A change, which invalidates the copies that were read before.
#[derive(Clone, Copy, Debug)]
struct Invalidation {
    /// The change's position among the readings and changes of this process.
    number: u64,
    /// The revision after the change: copies of this revision or a later one are valid, whichever
    /// process read them. `None` if the new revision is unknown, or if the record is gone.
    revision: Option<u64>,
    /// The time after which every copy from before is too old anyway.
    until: Timestamp,
}

impl Invalidation {
    fn allows(&self, ours: bool, reading: Reading, revision: u64, now: Timestamp) -> bool {
        now >= self.until
            || (ours && reading.number > self.number)
            || self.revision.is_some_and(|seen| revision >= seen)
    }
}

/// The recent changes.
pub(super) struct Invalidations {
    /// A random number that tells the readings of this process from those of others.
    owner: u64,
    /// The number of the last reading or change; both are numbered in one sequence.
    last_number: AtomicU64,
    active: Mutex<Active>,
}

#[derive(Default)]
struct Active {
    by_key: HashMap<StoreKey, Invalidation>,
    /// The times at which to check whether an invalidation has ended, one for each record; nearly in
    /// order.
    ends: VecDeque<(Timestamp, StoreKey)>,
    /// An invalidation of every copy, in place of invalidations that were too many.
    all: Option<Invalidation>,
}

impl Default for Invalidations {
    fn default() -> Self {
        Self {
            // Std seeds this hash at random.
            owner: RandomState::new().hash_one(()),
            last_number: AtomicU64::new(0),
            active: Mutex::default(),
        }
    }
}

impl Invalidations {
    pub(super) const fn owner(&self) -> u64 {
        self.owner
    }

    pub(super) fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Returns whether a copy is valid: it shows every change that this process has made.
    pub(super) fn is_valid(
        &self,
        key: &StoreKey,
        record: &Record,
        reading: Reading,
        now: Timestamp,
    ) -> bool {
        let active = self.lock();
        if active.by_key.is_empty() && active.all.is_none() {
            return true;
        }
        let ours = reading.of == self.owner;
        [active.by_key.get(key), active.all.as_ref()]
            .into_iter()
            .flatten()
            .all(|invalidation| invalidation.allows(ours, reading, record.meta.revision, now))
    }

    fn invalidate(&self, key: StoreKey, revision: Option<u64>, now: Timestamp, lasts: Duration) {
        let mut active = self.lock();
        active.drop_ended(now);
        let number = self.next_number();
        let until = now.saturating_add(lasts);
        if active.by_key.len() >= AT_MOST {
            *active = Active {
                all: Some(Invalidation { number, revision: None, until }),
                ..<_>::default()
            };
            return;
        }
        // A revision says nothing about the copy of an earlier record under the same key, so it
        // does not replace an invalidation without a revision.
        let before = active.by_key.get(&key).filter(|invalidation| now < invalidation.until);
        let revision = match before {
            Some(before) => before.revision.zip(revision).map(|(one, other)| one.max(other)),
            None => revision,
        };
        if active.by_key.insert(key.clone(), Invalidation { number, revision, until }).is_none() {
            active.ends.push_back((until, key));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Active> {
        // Under this lock only an allocation can panic, and that leaves no invalidation half made.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn drop_ended(&mut self, now: Timestamp) {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            let Some((_, key)) = self.ends.pop_front() else { break };
            match self.by_key.get(&key) {
                // The invalidation was renewed meanwhile.
                Some(invalidation) if invalidation.until > now => {
                    self.ends.push_back((invalidation.until, key));
                }
                _ => drop(self.by_key.remove(&key)),
            }
        }
        self.all.take_if(|invalidation| invalidation.until <= now);
    }
}

/// A change that has begun and not ended. If it is dropped without [`settle`](Self::settle), it
/// counts as a change with an unknown result.
pub(super) struct Unsettled<'a> {
    invalidations: &'a Invalidations,
    key: Option<StoreKey>,
    clock: &'a dyn Clock,
    lasts: Duration,
}

impl<'a> Unsettled<'a> {
    /// Begins a change of a record. `lasts` must be longer than any copy from before the change can be valid.
    pub(super) fn new(
        invalidations: &'a Invalidations,
        key: StoreKey,
        clock: &'a dyn Clock,
        lasts: Duration,
    ) -> Self {
        Self { invalidations, key: Some(key), clock, lasts }
    }

    /// Ends the change. `revision` is the record's new revision, if it is known.
    pub(super) fn settle(mut self, revision: Option<u64>) {
        self.invalidate(revision);
    }

    fn invalidate(&mut self, revision: Option<u64>) {
        if let Some(key) = self.key.take() {
            self.invalidations.invalidate(key, revision, self.clock.now(), self.lasts);
        }
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.invalidate(None);
    }
}
