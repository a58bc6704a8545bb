//! Time as the runtime sees it: one point in milliseconds, and a clock that tests can inject.
//! Everything that decides whether a session lives asks a [`Clock`]; nothing else reads the time.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A point in time: milliseconds since the Unix epoch, UTC. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The end of time: what "never" is stored as.
    pub const MAX: Self = Self(u64::MAX);

    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This point plus `duration`; [`Timestamp::MAX`] instead of an overflow.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The time since `earlier`; zero if `earlier` is later than this.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    /// Times before 1970 become the epoch itself.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, millis))
    }
}

impl From<Timestamp> for SystemTime {
    /// Saturates at the largest time the platform can express.
    fn from(timestamp: Timestamp) -> Self {
        // 8,000 years fit every platform's `SystemTime`.
        const LARGEST: u64 = 253_402_300_799_000;
        UNIX_EPOCH + Duration::from_millis(timestamp.0.min(LARGEST))
    }
}

/// Whole milliseconds of a duration, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Where the runtime gets the time from.
///
/// The default is [`SystemClock`]; tests inject a [`ManualClock`] instead of sleeping.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A clock that stands still until it is told to move.
///
/// ```
/// use std::time::Duration;
/// use session_runtime::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::default();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().saturating_since(start), Duration::from_secs(90));
/// ```
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicU64::new(start.0))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.0, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Starts on 1 January 2026, 00:00 UTC.
    fn default() -> Self {
        Self::at(Timestamp(1_767_225_600_000))
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let second = Duration::from_secs(1);
        let late = Timestamp::from_millis(u64::MAX - 999);
        assert_eq!(late.saturating_add(second), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.saturating_add(second), Timestamp::MAX);
        assert_eq!(Timestamp::default().saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::default().saturating_since(late), Duration::ZERO);
        assert_eq!(late.saturating_since(late), Duration::ZERO);
        // Longer than 64 bits of milliseconds: cut short, it would be a short time.
        let overlong = Duration::from_millis(u64::MAX) + second;
        assert_eq!(millis(overlong), u64::MAX);
    }

    #[test]
    fn system_times_out_of_range_become_the_nearest() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Timestamp::from(before), Timestamp::default());
        let after = UNIX_EPOCH + Duration::from_millis(1_999);
        assert_eq!(SystemTime::from(Timestamp::from(after)), after);
        // "Never" has a place on the calendar, the last second of the year 9999, and is no panic.
        let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        assert_eq!(SystemTime::from(Timestamp::MAX), last);
    }

    #[test]
    fn a_manual_clock_goes_where_it_is_told() {
        let clock = std::sync::Arc::new(ManualClock::at(Timestamp::from_millis(5)));
        clock.advance(Duration::from_millis(2));
        assert_eq!(Clock::now(&clock), Timestamp::from_millis(7));
        clock.set(Timestamp::from_millis(1));
        assert_eq!(clock.now(), Timestamp::from_millis(1));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
