//! The sessions that this process has used lately, as a hint: their pages are in memory, most likely. It
//! owns the hint alone, which may be wrong either way; it knows neither records nor pages.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::StoreKey;

/// The number of sessions that are kept in mind, in half a mebibyte: about as many as the records of a
/// kilobyte that the pages in memory have room for.
const SLOTS: usize = 1 << 16;

/// The sessions that were used lately: each at a place of its own, until another one takes that place.
pub(super) struct Recent(Box<[AtomicU64]>);

impl Recent {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Notes a use.
    pub(super) fn note(&self, key: &StoreKey) {
        let (slot, mark) = self.place(key);
        slot.store(mark, Ordering::Relaxed);
    }

    /// Returns whether the session was used lately.
    pub(super) fn has(&self, key: &StoreKey) -> bool {
        let (slot, mark) = self.place(key);
        slot.load(Ordering::Relaxed) == mark
    }

    /// Returns the place of a session, and what stands there for it. Selectors are random already.
    fn place(&self, key: &StoreKey) -> (&AtomicU64, u64) {
        let number = u128::from_le_bytes(*key.selector.as_bytes());
        let slot = usize::try_from(number % SLOTS as u128).unwrap_or(0);
        // An empty place holds 0.
        let mark = u64::try_from(number >> 64).unwrap_or(0) | 1;
        (&self.0[slot], mark)
    }
}
