//! The task of a layer beside its requests: once a minute, it asks the store for the time, and
//! removes what has expired. Owns when it runs and when it ends; it judges no session.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, task::AbortHandle};

use super::time::Time;
use crate::{
    error::Error,
    event,
    repository::{deadline::DeadlineStore, sweep::Sweep},
    store::{SweepCursor, Swept},
    token::Random,
};

/// The time between two rounds, in milliseconds: less than a minute, so that no measurement of the
/// time gets old; and drawn, so that the processes of a deployment do not sweep all at once.
const PAUSE: Range<u64> = 50_000..60_000;
/// The number of rounds after which a sweep begins at the earliest record again: what it may have
/// passed over is about to be removed by another process, or was being used.
const ROUNDS: u32 = 60;

pub(crate) struct Background {
    session: &'static str,
    time: Arc<Time>,
    /// `None` if there is nothing to sweep.
    store: Option<DeadlineStore>,
    random: Random,
    pause: Range<u64>,
    is_running: AtomicBool,
    task: Mutex<Option<AbortHandle>>,
}

impl Background {
    pub(crate) fn new(
        session: &'static str,
        time: Arc<Time>,
        store: Option<&DeadlineStore>,
        random: Random,
    ) -> Self {
        let is_running = AtomicBool::new(store.is_none());
        let store = store.cloned();
        Self { session, time, store, random, pause: PAUSE, is_running, task: Mutex::default() }
    }

    /// Starts the task, unless it runs or this is no async runtime. The task ends with the layer, and
    /// with its runtime; then the next request starts another.
    pub(super) fn start(this: &Arc<Self>) {
        if !this.is_running.load(Ordering::Relaxed) {
            Self::spawn(this);
        }
    }

    #[cold]
    fn spawn(this: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if this.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        let running = Running(Arc::downgrade(this));
        let task = runtime.spawn(run(running)).abort_handle();
        *this.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Measures the time and sweeps, from `after` on. Returns the outcome, and the place at which the
    /// next sweep may begin. `is_over` is asked before each step but the first.
    async fn round(
        &self,
        after: Option<SweepCursor>,
        is_over: impl Fn() -> bool,
    ) -> (Result<Swept, Error>, Option<SweepCursor>) {
        let Some(store) = &self.store else { return (Ok(Swept::default()), None) };
        let start = Instant::now();
        // Nothing is removed by a clock that nobody has compared.
        if let Err(error) = self.time.measure().await {
            store.observe_sweep(start, 0, true);
            error.report(|error| event::sweep_failed(self.session, 0, error));
            return (Err(error), after);
        }
        let mut sweep = Sweep::new(self.time.now(), after);
        let result = loop {
            match sweep.step(store).await {
                Ok(true) if !is_over() => tokio::task::yield_now().await,
                Ok(_) => break Ok(sweep.swept()),
                Err(error) => break Err(error),
            }
        };
        let Swept { removed, next, .. } = sweep.swept();
        let is_cut_short = next.is_some() || result.is_err();
        store.observe_sweep(start, removed, is_cut_short);
        match &result {
            Ok(_) => {
                let seconds = start.elapsed().as_secs_f64();
                event::swept(self.session, removed, is_cut_short, seconds);
            }
            Err(error) => {
                error.report(|error| event::sweep_failed(self.session, removed, error));
            }
        }
        (result, sweep.place())
    }

    /// Sweeps now, from the earliest record on.
    pub(crate) async fn sweep(&self) -> Result<Swept, Error> {
        self.round(None, || false).await.0
    }

    fn draw_pause(&self) -> Duration {
        let drawn = self.random.bytes().map_or(0, u64::from_be_bytes);
        let Range { start, end } = self.pause;
        Duration::from_millis(start + drawn % (end - start))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

/// The task's hold on its layer. Dropped with the task, also if the runtime drops that.
struct Running(Weak<Background>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(background) = self.0.upgrade() {
            background.is_running.store(false, Ordering::Relaxed);
        }
    }
}

async fn run(running: Running) {
    let mut after = None;
    for round in (1..=ROUNDS).cycle() {
        let Some(pause) = running.0.upgrade().map(|it| it.draw_pause()) else { return };
        tokio::time::sleep(pause).await;
        let Some(background) = running.0.upgrade() else { return };
        // The last to know of the layer is this task.
        let is_over = || Arc::strong_count(&background) == 1;
        // The outcome is an event.
        (_, after) = background.round(after, is_over).await;
        if round == ROUNDS {
            after = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{Clock as _, ManualClock, Timestamp},
        store::{MemoryStore, Meta, Namespace, Record, Selector, Store, StoreKey},
    };

    /// Longer than any machine takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A pause that hardly is one.
    const SHORT: Range<u64> = 1..3;

    /// Returns a layer's task with pauses of so many milliseconds, on a store with so many sessions
    /// that expired six minutes ago.
    fn background(sessions: u64, pause: Range<u64>) -> (MemoryStore, Arc<Background>) {
        let (store, clock) = (MemoryStore::default(), ManualClock::default());
        put(&store, sessions, clock.now().saturating_sub(Duration::from_secs(360)));
        let deadline = Duration::from_secs(2);
        let under_deadline = DeadlineStore::new(
            Arc::new(store.clone()),
            Namespace::new("shop"),
            deadline,
            deadline,
            64,
        );
        let time = Arc::new(Time::new("shop", Arc::new(clock), Some(&under_deadline)));
        let mut background = Background::new("shop", time, Some(&under_deadline), Random::SYSTEM);
        background.pause = pause;
        (store, Arc::new(background))
    }

    fn put(store: &MemoryStore, sessions: u64, end: Timestamp) {
        for number in 0..sessions {
            let selector = Selector::from_bytes(u128::from(number).to_be_bytes());
            let key = StoreKey { namespace: Namespace::new("shop"), selector };
            let record = Record::new(Meta::of_no_session(Timestamp::default(), end));
            let inserted = Store::insert(store, &key, Arc::new(record)).at_once();
            assert!(matches!(inserted, Ok(Ok(_))), "memory answers at once");
        }
    }

    async fn eventually(is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "it did not happen");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn expired_records_go_without_an_insert_until_none_is_left() {
        let (store, background) = background(2_500, SHORT);
        Background::start(&background);
        eventually(|| store.is_empty()).await;
        // What expires later goes in a later round.
        put(&store, 3, ManualClock::default().now().saturating_sub(Duration::from_secs(301)));
        eventually(|| store.is_empty()).await;
    }

    #[tokio::test]
    async fn one_sweep_goes_on_until_nothing_is_left() {
        let (store, background) = background(2_500, SHORT);
        let swept = background.sweep().await.expect("memory does not fail");
        assert_eq!((swept.removed, swept.next, store.len()), (2_500, None, 0));
    }

    #[tokio::test]
    async fn what_expired_less_than_five_minutes_ago_stays() {
        let (store, background) = background(0, SHORT);
        put(&store, 3, ManualClock::default().now().saturating_sub(Duration::from_secs(299)));
        let swept = background.sweep().await.expect("memory does not fail");
        assert_eq!((swept.removed, swept.next, store.len()), (0, None, 3));
    }

    #[tokio::test]
    async fn the_task_ends_with_its_layer_in_the_middle_of_a_pause() {
        let (_, background) = background(0, 3_600_000..3_600_001);
        Background::start(&background);
        let task = background.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let task = task.expect("it was started");
        // The only thread of this runtime now runs the task, up to its pause.
        tokio::task::yield_now().await;
        drop(background);
        eventually(|| task.is_finished()).await;
    }

    #[test]
    fn outside_of_a_runtime_no_task_is_started_and_inside_of_another_one_it_is_again() {
        let (store, background) = background(3, SHORT);
        Background::start(&background);
        assert!(!background.is_running.load(Ordering::Relaxed));
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
        let first = runtime().expect("a test can have a runtime");
        first.block_on(async { Background::start(&background) });
        assert!(background.is_running.load(Ordering::Relaxed));
        drop(first);
        assert!(!background.is_running.load(Ordering::Relaxed));
        runtime().expect("a test can have a runtime").block_on(async {
            Background::start(&background);
            eventually(|| store.is_empty()).await;
        });
    }
}
