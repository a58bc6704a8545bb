//! Removes sessions that are over, in passing: new sessions are what makes rubbish, so it is an
//! insert that now and then starts a sweep. Owns when; what a sweep does is the store's business.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::clock::Timestamp;

/// The shortest time between two sweeps of one process.
const EVERY: Duration = Duration::from_secs(60);
/// The most records that one step removes: few enough for any deadline.
pub(crate) const STEP: usize = 1000;
/// The most steps of one sweep.
pub(crate) const STEPS: usize = 100;

/// When the next sweep is due. The first insert only starts the time: a program that is started
/// again and again, or that inserts once, need not sweep.
#[derive(Debug, Default)]
pub(crate) struct Schedule(AtomicU64);

impl Schedule {
    /// Returns whether the caller is to sweep now: true for one of all callers.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let next = self.0.load(Ordering::Relaxed);
        if now.as_millis() < next {
            return false;
        }
        let after = now.saturating_add(EVERY).as_millis();
        self.0.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && next != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_insert_a_minute_starts_a_sweep_and_the_first_one_none() {
        let schedule = Schedule::default();
        let at = |seconds: u64| Timestamp::from_millis(1_000_000 + seconds * 1000);
        assert!(!schedule.is_due(at(0)));
        assert!(!schedule.is_due(at(59)));
        assert!(schedule.is_due(at(60)));
        assert!(!schedule.is_due(at(60)) && !schedule.is_due(at(119)));
        assert!(schedule.is_due(at(500)));
    }
}
