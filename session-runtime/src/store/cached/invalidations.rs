//! What this process has changed lately: the copies of a session, or of all sessions of a
//! principal, that were made before count no more. It owns how long that is remembered, and how
//! much of it; it knows neither store.

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
    store::{Namespace, PrincipalKey, Record, StoreKey},
};

/// How many invalidations there are at most. Beyond that, no copy made before counts: slower, never
/// late.
const AT_MOST: usize = 100_000;

/// What a change was made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Session(StoreKey),
    /// All sessions of a principal.
    Owner(Namespace, PrincipalKey),
}

/// A change: what was read before it does not count.
#[derive(Clone, Copy, Debug)]
struct Invalidation {
    /// Its place among the readings and changes of this process.
    number: u64,
    /// A copy of this revision or a later one has seen the change, whoever read it. `None`: what
    /// the record became is not known, or it is gone.
    revision: Option<u64>,
    /// When no copy from before can count any more, by its age.
    until: Timestamp,
}

impl Invalidation {
    fn allows(&self, ours: bool, reading: Reading, revision: u64, now: Timestamp) -> bool {
        now >= self.until
            || (ours && reading.number > self.number)
            || self.revision.is_some_and(|seen| revision >= seen)
    }
}

/// The changes of late.
pub(super) struct Invalidations {
    /// Tells this process' readings from those of others in one fast store.
    owner: u64,
    /// Readings and changes, numbered in one sequence.
    last_number: AtomicU64,
    active: Mutex<Active>,
}

#[derive(Default)]
struct Active {
    by_name: HashMap<Name, Invalidation>,
    /// When to look whether an invalidation is over, once for each; nearly in order.
    ends: VecDeque<(Timestamp, Name)>,
    /// Holds for everything, in place of invalidations that were too many.
    all: Option<Invalidation>,
}

impl Default for Invalidations {
    fn default() -> Self {
        Self {
            // Keyed at random by std.
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

    /// Whether a copy has seen every change that this process made.
    pub(super) fn is_valid(
        &self,
        key: &StoreKey,
        record: &Record,
        reading: Reading,
        now: Timestamp,
    ) -> bool {
        let active = self.lock();
        if active.by_name.is_empty() && active.all.is_none() {
            return true;
        }
        let session = active.by_name.get(&Name::Session(key.clone()));
        let owner = record.meta.principal.as_ref().and_then(|principal| {
            active.by_name.get(&Name::Owner(key.namespace.clone(), principal.clone()))
        });
        let ours = reading.of == self.owner;
        [session, owner, active.all.as_ref()]
            .into_iter()
            .flatten()
            .all(|invalidation| invalidation.allows(ours, reading, record.meta.revision, now))
    }

    fn invalidate(&self, name: Name, revision: Option<u64>, now: Timestamp, lasts: Duration) {
        let mut active = self.lock();
        active.drop_ended(now);
        let number = self.next_number();
        let until = now.saturating_add(lasts);
        if active.by_name.len() >= AT_MOST {
            *active = Active {
                all: Some(Invalidation { number, revision: None, until }),
                ..<_>::default()
            };
            return;
        }
        // A revision says nothing about the copy of an earlier record under the same key, so it
        // does not lift an invalidation that has none.
        let before = active.by_name.get(&name).filter(|invalidation| now < invalidation.until);
        let revision = match before {
            Some(before) => before.revision.zip(revision).map(|(one, other)| one.max(other)),
            None => revision,
        };
        if active.by_name.insert(name.clone(), Invalidation { number, revision, until }).is_none() {
            active.ends.push_back((until, name));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Active> {
        // Nothing under it can panic but an allocation, and then no invalidation is half made.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn drop_ended(&mut self, now: Timestamp) {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            let Some((_, name)) = self.ends.pop_front() else { break };
            match self.by_name.get(&name) {
                // Renewed meanwhile.
                Some(invalidation) if invalidation.until > now => {
                    self.ends.push_back((invalidation.until, name));
                }
                _ => drop(self.by_name.remove(&name)),
            }
        }
        self.all.take_if(|invalidation| invalidation.until <= now);
    }
}

/// A change that has begun and not ended: dropped without [`settle`](Self::settle), it may have
/// happened.
pub(super) struct Unsettled<'a> {
    invalidations: &'a Invalidations,
    name: Option<Name>,
    clock: &'a dyn Clock,
    lasts: Duration,
}

impl<'a> Unsettled<'a> {
    /// `lasts` must be longer than any copy made before the change can count.
    pub(super) fn new(
        invalidations: &'a Invalidations,
        name: Name,
        clock: &'a dyn Clock,
        lasts: Duration,
    ) -> Self {
        Self { invalidations, name: Some(name), clock, lasts }
    }

    /// The change is over. `revision`: the record's from then on, if it is known.
    pub(super) fn settle(mut self, revision: Option<u64>) {
        self.invalidate(revision);
    }

    fn invalidate(&mut self, revision: Option<u64>) {
        if let Some(name) = self.name.take() {
            self.invalidations.invalidate(name, revision, self.clock.now(), self.lasts);
        }
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.invalidate(None);
    }
}
