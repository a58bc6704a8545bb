//! Limits the warnings about tokens that no session is behind to one a minute for each cause. Anybody can send such tokens, as many as they like, so they must not fill the log.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    clock::Timestamp,
    event::{self, Reason},
    store::KeyId,
};

/// The least time between two warnings.
const MINUTE: u64 = 60_000;

/// The warnings of one layer.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    junk: Flood,
    unknown_keys: Flood,
}

/// Counts the tokens of one cause since the last warning.
#[derive(Debug, Default)]
struct Flood {
    count: AtomicU64,
    /// The time from which on the next token leads to a warning.
    next: AtomicU64,
}

impl Warnings {
    /// Notes why a token was rejected, and warns if the cause calls for a warning and one is due.
    pub(super) fn note(&self, session: &str, reason: Reason, now: impl FnOnce() -> Timestamp) {
        if let Reason::UnknownKey(key) = reason {
            if let Some(count) = self.unknown_keys.note(now()) {
                event::unknown_keys(session, KeyId(key), count);
            }
        } else if reason.is_junk()
            && let Some(count) = self.junk.note(now())
        {
            event::junk(session, count);
        }
    }
}

impl Flood {
    /// Notes a token. Returns the number of tokens since the last warning, if a warning is due.
    fn note(&self, now: Timestamp) -> Option<u64> {
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
