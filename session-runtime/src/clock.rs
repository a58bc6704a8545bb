//! The runtime's view of time: a point in milliseconds, and a clock that tests can inject. All code
//! that decides whether a session is live asks a [`Clock`]; nothing else reads the time.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The largest difference between the clocks of two machines that is allowed for.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A point in time: milliseconds since the Unix epoch, in UTC. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The latest point in time. Stands for "never" in a store.
    pub const MAX: Self = Self(u64::MAX);

    /// Creates a point in time from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns this point less `duration`, or the epoch if the difference would lie before it.
    #[must_use]
    pub(crate) const fn saturating_sub(self, duration: Duration) -> Self {
        // The seconds of a duration that lasts longer than any time lie beyond every timestamp.
        let seconds = duration.as_secs().saturating_mul(1000);
        Self(self.0.saturating_sub(seconds.saturating_add(duration.subsec_millis() as u64)))
    }

    /// Returns this point moved by some milliseconds, back if they are negative. Saturates.
    pub(crate) const fn shifted(self, millis: i64) -> Self {
        Self(self.0.saturating_add_signed(millis))
    }

    /// Returns the milliseconds from `other` to this point, negative if `other` is later. Saturates.
    pub(crate) fn difference(self, other: Self) -> i64 {
        let apart = i64::try_from(self.0.abs_diff(other.0)).unwrap_or(i64::MAX);
        if self < other { -apart } else { apart }
    }

    /// Returns this point plus `duration`, or [`Timestamp::MAX`] if the sum would overflow.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// Returns the time from `earlier` to this point, or zero if `earlier` is later.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    /// Converts the time. A time before 1970 becomes the epoch itself.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, millis))
    }
}

impl From<Timestamp> for SystemTime {
    /// Converts the point in time. A point after the year 9999 becomes the end of that year.
    fn from(timestamp: Timestamp) -> Self {
        // The year 9999 fits every platform's `SystemTime`.
        const LARGEST: u64 = 253_402_300_799_000;
        UNIX_EPOCH + Duration::from_millis(timestamp.0.min(LARGEST))
    }
}

/// Returns the whole milliseconds of a duration. Saturates.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The source of the runtime's time.
///
/// The default is [`SystemClock`]. Tests inject a [`ManualClock`] instead of sleeping.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Returns whether this clock is but a clock of this machine, which may be wrong. The runtime
    /// then compares it with that of the store's server, and goes by the server's. By default, a
    /// clock is the deployment's own time: what it says counts, whatever a store's server says.
    fn follows_store(&self) -> bool {
        false
    }
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn follows_store(&self) -> bool {
        true
    }
}

/// A clock that stands still until a test moves it.
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
    /// Creates a clock that shows `start`.
    #[must_use]
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicU64::new(start.0))
    }

    /// Moves the clock forward by `by`. Saturates.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }

    /// Sets the clock to `to`, which may lie in its past.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.0, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Creates a clock that shows 1 January 2026, 00:00 UTC.
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

    fn follows_store(&self) -> bool {
        (**self).follows_store()
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
        // A duration longer than 64 bits of milliseconds: truncated, it would be a short one.
        let overlong = Duration::from_millis(u64::MAX) + second;
        assert_eq!(millis(overlong), u64::MAX);
    }

    #[test]
    fn system_times_out_of_range_become_the_nearest() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Timestamp::from(before), Timestamp::default());
        let after = UNIX_EPOCH + Duration::from_millis(1_999);
        assert_eq!(SystemTime::from(Timestamp::from(after)), after);
        // "Never" becomes the last second of the year 9999, not a panic.
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
