//! The time of one layer: that of the store's server, as far as the store has told it. Owns the
//! difference between the two clocks, and when that is measured again; decides about no session.
//!
//! One process whose clock is wrong would otherwise end sessions that live for all others, and take
//! their cookies away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::OnceCell;

use crate::{
    clock::{Clock, Timestamp},
    error::Error,
    event,
    repository::deadline::DeadlineStore,
};

/// The age at which a measurement is too old to judge by that something has expired.
const OLD: Duration = Duration::from_secs(60);
/// The largest difference between two clocks that nobody need hear of, in milliseconds.
const SKEW: u64 = 5_000;
/// The least time between two events about the difference.
const EVENTS: Duration = Duration::from_secs(60);

pub(crate) struct Time {
    session: &'static str,
    clock: Arc<dyn Clock>,
    /// The store whose time counts; `None` if the clock is the deployment's own time, or if no other
    /// process sees the sessions.
    store: Option<DeadlineStore>,
    /// The store's time less the clock's, in milliseconds.
    offset: AtomicI64,
    /// The clock's time at the last measurement, and at the last event; 0 before the first.
    measured: AtomicU64,
    told: AtomicU64,
    /// Set after the first attempt to measure.
    first: OnceCell<()>,
    /// The store's time at the first measurement; the end of time before that, and without one.
    begun: AtomicU64,
}

impl Time {
    pub(crate) fn new(
        session: &'static str,
        clock: Arc<dyn Clock>,
        store: Option<&DeadlineStore>,
    ) -> Self {
        Self {
            session,
            store: store.filter(|it| clock.follows_store() && it.is_shared()).cloned(),
            clock,
            offset: AtomicI64::new(0),
            measured: AtomicU64::new(0),
            told: AtomicU64::new(0),
            first: OnceCell::new(),
            begun: AtomicU64::new(Timestamp::MAX.as_millis()),
        }
    }

    /// Returns the present time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now().shifted(self.offset.load(Ordering::Relaxed))
    }

    /// Returns a point in the store's time as this machine's clock shows it.
    pub(super) fn of_this_machine(&self, time: Timestamp) -> Timestamp {
        time.shifted(self.offset.load(Ordering::Relaxed).saturating_neg())
    }

    /// Returns the store's time at the first measurement; the end of time if there was none.
    pub(super) fn begun(&self) -> Timestamp {
        Timestamp::from_millis(self.begun.load(Ordering::Relaxed))
    }

    /// Returns whether the store was asked for the time once, or need not be.
    pub(super) fn is_begun(&self) -> bool {
        self.store.is_none() || self.first.initialized()
    }

    /// Measures for the first time. All requests that begin meanwhile wait for one measurement. If
    /// the store fails, the next measurement is made in its turn.
    pub(super) async fn begin(&self) {
        let first = async {
            let _ = self.measure().await;
        };
        self.first.get_or_init(|| first).await;
    }

    /// Returns whether the last measurement is too old to judge by that something has expired. So it
    /// is, too, if the clock was set since.
    pub(super) fn is_old(&self) -> bool {
        let is_recent = |at| is_within(OLD, self.clock.now(), Timestamp::from_millis(at));
        self.store.is_some() && !is_recent(self.measured.load(Ordering::Relaxed))
    }

    /// Asks the store for its time.
    pub(super) async fn measure(&self) -> Result<(), Error> {
        let Some(store) = &self.store else { return Ok(()) };
        let asked = self.clock.now();
        let told = store.probe().await?.time;
        let now = self.clock.now();
        // The server has looked at its clock half-way between question and answer.
        let then = asked.saturating_add(now.saturating_since(asked) / 2);
        let offset = told.map_or(0, |told| told.difference(then));
        self.offset.store(offset, Ordering::Relaxed);
        self.measured.store(now.as_millis(), Ordering::Relaxed);
        self.begun.fetch_min(now.shifted(offset).as_millis(), Ordering::Relaxed);
        if offset.unsigned_abs() > SKEW && self.may_tell(now) {
            event::clock_is_wrong(self.session, offset.unsigned_abs(), offset < 0);
        }
        Ok(())
    }

    /// Returns whether no event was less than a minute ago. True for one of several callers.
    fn may_tell(&self, now: Timestamp) -> bool {
        let told = self.told.load(Ordering::Relaxed);
        let (order, now_millis) = (Ordering::Relaxed, now.as_millis());
        !is_within(EVENTS, now, Timestamp::from_millis(told))
            && self.told.compare_exchange(told, now_millis, order, order).is_ok()
    }
}

/// Returns whether `then` lies less than `length` before `now`, and not behind it.
fn is_within(length: Duration, now: Timestamp, then: Timestamp) -> bool {
    then <= now && now.saturating_since(then) < length
}
