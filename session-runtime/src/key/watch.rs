//! The keys of one layer over time: when they became the present ones, and whether this process may
//! still be behind other processes of the deployment. Knows no token.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{RingKeys, ring::RingUser};
use crate::{
    clock::{Clock, Timestamp},
    event,
    store::KeyId,
};

/// The most unknown keys that are remembered. Anybody can invent keys; the oldest gives way, and counts
/// as new when it is met again.
const REMEMBERED: usize = 16;

/// Claims names under keys. Returns what to do if another session type has them.
type Claim = Box<dyn Fn(&RingKeys) -> Result<(), String> + Send + Sync>;

/// The watch of one layer over its key ring.
pub(crate) struct KeyWatch {
    session: &'static str,
    clock: Arc<dyn Clock>,
    /// The time for which an unknown key may be one that this process is still to get.
    grace: Duration,
    /// The time of the start, or of the last reload.
    since: AtomicU64,
    /// The unknown keys, and when each was first met: the oldest first.
    unknown: Mutex<Vec<(KeyId, Timestamp)>>,
    claim: Claim,
}

impl KeyWatch {
    pub(crate) fn new(
        session: &'static str,
        clock: Arc<dyn Clock>,
        grace: Duration,
        claim: Claim,
    ) -> Self {
        let since = AtomicU64::new(clock.now().as_millis());
        Self { session, clock, grace, since, unknown: Mutex::default(), claim }
    }

    /// Returns whether a time is before this process had its present keys.
    pub(crate) fn is_before(&self, time: Timestamp) -> bool {
        time.as_millis() <= self.since.load(Ordering::Relaxed)
    }

    /// Returns whether an unknown key may be one that other processes of the deployment have, and this
    /// one not yet: shortly after the start or a reload, and shortly after the key was first met, since
    /// a new key comes to other processes also while this one runs on.
    pub(crate) fn may_be_behind(&self, key: KeyId) -> bool {
        let now = self.clock.now();
        let lasts = |since: Timestamp| now.saturating_since(since) < self.grace;
        // No code under this lock can panic.
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let met = unknown.iter().find(|(met, _)| *met == key).map(|(_, at)| *at);
        let met = met.unwrap_or_else(|| {
            if unknown.len() == REMEMBERED {
                unknown.remove(0);
            }
            unknown.push((key, now));
            now
        });
        lasts(met) || lasts(Timestamp::from_millis(self.since.load(Ordering::Relaxed)))
    }
}

impl RingUser for KeyWatch {
    fn accept(&self, keys: &RingKeys) -> Result<(), String> {
        (self.claim)(keys)
    }

    fn replaced(&self, keys: &RingKeys) {
        self.since.store(self.clock.now().as_millis(), Ordering::Relaxed);
        event::keys(self.session, keys);
    }
}

impl fmt::Debug for KeyWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWatch").field("session", &self.session).finish_non_exhaustive()
    }
}
