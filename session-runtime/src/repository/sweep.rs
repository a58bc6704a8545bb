//! One sweep of a store: its steps, from the earliest record that may have expired to the last that
//! surely has. It knows neither when a sweep begins nor by whose time.

use std::time::Duration;

use super::deadline::DeadlineStore;
use crate::{
    clock::Timestamp,
    error::Error,
    store::{SweepCursor, Swept},
};

/// The time for which records stay after they have expired: what lives on for a process whose clock is
/// behind must not vanish.
const SLACK: Duration = Duration::from_secs(300);
/// The most records that one step removes: few enough for any deadline.
const STEP: usize = 1000;

/// The number of steps in a row without a visible effect after which a sweep ends, whatever the store
/// says of the rest.
const MOST_IDLE: u32 = 1000;

pub(crate) struct Sweep {
    before: Timestamp,
    after: Option<SweepCursor>,
    removed: u64,
    /// The number of steps in a row that have neither removed anything nor gone on.
    idle: u32,
    is_done: bool,
}

impl Sweep {
    /// Begins a sweep at a place.
    pub(crate) const fn new(now: Timestamp, after: Option<SweepCursor>) -> Self {
        Self { before: now.saturating_sub(SLACK), after, removed: 0, idle: 0, is_done: false }
    }

    /// Makes a step. Returns whether there is another one.
    pub(crate) async fn step(&mut self, store: &DeadlineStore) -> Result<bool, Error> {
        let Swept { removed, next } = store.sweep(self.before, self.after, STEP).await?;
        self.removed += removed;
        // A step may only have sorted what is to be looked at again later, as the first ones do on a
        // table of an earlier version.
        let is_idle = removed == 0 && next == self.after;
        self.idle = if is_idle { self.idle + 1 } else { 0 };
        self.is_done = next.is_none() || self.idle >= MOST_IDLE;
        self.after = next.or(self.after);
        Ok(!self.is_done)
    }

    /// Returns what was removed so far, and the place of the next step.
    pub(crate) fn swept(&self) -> Swept {
        Swept::new(self.removed, self.after.filter(|_| !self.is_done))
    }

    /// Returns the place at which the next sweep may begin.
    pub(crate) fn place(&self) -> Option<SweepCursor> {
        let is_through = self.is_done && self.idle < MOST_IDLE;
        if is_through { Some(SweepCursor::new(self.before)) } else { self.after }
    }
}
