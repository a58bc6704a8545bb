//! Limits the warnings about tokens that nobody here made to one a minute. Anybody can send such tokens, as many as they like, so they must not fill the log.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;

/// The least time between two warnings.
const MINUTE: u64 = 60_000;

/// Counts the junk tokens since the last warning.
#[derive(Debug, Default)]
pub(crate) struct Junk {
    count: AtomicU64,
    /// The time from which on the next junk token leads to a warning.
    next: AtomicU64,
}

impl Junk {
    /// Notes a junk token. Returns the number of them since the last warning, if a warning is due.
    pub(super) fn note(&self, now: Timestamp) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let (now, next) = (now.as_millis(), self.next.load(Ordering::Relaxed));
        if now < next {
            return None;
        }
        // Of several requests at once, one warns.
        let after = now.saturating_add(MINUTE);
        let won = self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed);
        won.ok().map(|_| self.count.swap(0, Ordering::Relaxed))
    }
}
