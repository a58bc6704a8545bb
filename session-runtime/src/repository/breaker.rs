//! What a layer knows of its store's health: opens when the store does not answer, refuses operations
//! at once from then on, and tries in the background until the store answers again. It owns the
//! number of operations that wait, too. It knows errors and times, and not what an operation does.
//!
//! The breaker opens by three failures of different keys with no success in between. Only an
//! error of the way to the store counts ([`StoreError::is_unreachable`]), and an operation beyond its
//! deadline; neither counts if the store answered another operation late in its wait.
//! So what is wrong with one record, a store without room, and conflicts open nothing.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};

use super::swap::random;
use crate::{
    error::{Error, Kind},
    event,
    observe::Watcher,
    store::{Namespace, PrincipalKey, Selector, Store, StoreKey, load_latest},
};

/// The number of failures that open the breaker.
const FAILURES: usize = 3;
/// The time between two tries of a store that is down.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest time of a quick try. A connection that was begun during an outage may not notice soon
/// that the outage is over; the next try begins another one.
const QUICK: Duration = Duration::from_millis(500);

/// The flags of the word, above the number of operations that wait.
const OPEN: u64 = 1 << 63;
/// There were failures, but not enough of them.
const SUSPECT: u64 = 1 << 62;
/// An operation was refused because too many waited, and that was logged.
const CROWDED: u64 = 1 << 61;
const WAITING: u64 = CROWDED - 1;

/// The cause that a failure may have besides the store: whose record it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspect {
    /// A record or a principal.
    Key(u128),
    /// A record that every request reads, so that there is no other to compare with.
    Everybody,
    /// An operation on many records, which says nothing of the store.
    Work,
}

impl Suspect {
    pub(super) fn of(key: &StoreKey) -> Self {
        // No session has this selector.
        if key.selector == Selector([0; 16]) {
            return Self::Everybody;
        }
        Self::Key(u128::from_le_bytes(*key.selector.as_bytes()))
    }

    pub(super) fn of_principal(principal: &PrincipalKey) -> Self {
        use std::hash::{DefaultHasher, Hash, Hasher};

        let mut hasher = DefaultHasher::new();
        principal.as_str().hash(&mut hasher);
        Self::Key(hasher.finish().into())
    }
}

pub(super) struct Breaker {
    /// The flags and the number of operations that wait: one load says that all is well.
    word: AtomicU64,
    most_waiting: u64,
    /// The number of answers that operations had to wait for, or that came while others waited.
    answers: AtomicU64,
    state: Mutex<State>,
    namespace: Namespace,
    store: Arc<dyn Store>,
    /// The longest time of a try.
    deadline: Duration,
    watcher: OnceLock<Watcher>,
}

#[derive(Default)]
struct State {
    suspects: Vec<Suspect>,
    outage: Option<Outage>,
    /// True while a task tries the store.
    is_tried: bool,
}

struct Outage {
    since: Instant,
    /// The latest failure.
    cause: Error,
    refused: u64,
    failed: u64,
}

/// The state of the breaker when an operation began.
#[derive(Clone, Copy)]
pub(super) struct Entered(u64);

impl Breaker {
    pub(super) fn new(
        store: Arc<dyn Store>,
        namespace: Namespace,
        deadline: Duration,
        most_waiting: usize,
    ) -> Self {
        let most_waiting = u64::try_from(most_waiting).unwrap_or(WAITING).min(WAITING);
        let (word, answers) = (AtomicU64::new(0), AtomicU64::new(0));
        let state = Mutex::default();
        let watcher = OnceLock::new();
        Self { word, most_waiting, answers, state, namespace, store, deadline, watcher }
    }

    /// Shows to an observer, from now on, whether the store is up.
    pub(super) fn watch(&self, watcher: Watcher) {
        watcher.store_state(self.store.name(), !self.is_open());
        let _ = self.watcher.set(watcher);
    }

    fn show(&self, is_up: bool) {
        if let Some(watcher) = self.watcher.get() {
            watcher.store_state(self.store.name(), is_up);
        }
    }

    /// Lets an operation begin, unless the store is down or too many operations wait.
    pub(super) fn enter(self: &Arc<Self>, operation: &'static str) -> Result<Entered, Error> {
        let word = self.word.load(Relaxed);
        if word & OPEN == 0 && word & WAITING < self.most_waiting {
            Ok(Entered(word))
        } else {
            self.refuse(operation)
        }
    }

    /// Counts an operation that waits, until the guard is dropped.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.word.fetch_add(1, Relaxed);
        Waiting(self)
    }

    /// Returns the number of answers so far.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Relaxed)
    }

    /// Notes that the store has answered at once an operation that entered.
    pub(super) fn answered_at_once(&self, entered: Entered) {
        if entered.0 != 0 {
            self.answered();
        }
    }

    /// Notes that the store has answered.
    pub(super) fn answered(&self) {
        self.answers.fetch_add(1, Relaxed);
        if self.word.load(Relaxed) & (OPEN | SUSPECT) != 0 {
            self.close();
        }
    }

    /// Notes a failure. `answers` is the number of answers when the operation had begun to take long;
    /// without it, the operation failed before. Returns the error, marked if the event of an outage
    /// tells of it.
    pub(super) fn failed(
        self: &Arc<Self>,
        suspect: Suspect,
        answers: Option<u64>,
        error: Error,
    ) -> Error {
        if !error.is_unreachable() {
            return error;
        }
        let is_answered = answers.is_some_and(|answers| answers != self.answers());
        let mut state = self.lock();
        if state.outage.is_none() && !is_answered && suspect != Suspect::Work {
            if suspect == Suspect::Everybody || !state.suspects.contains(&suspect) {
                state.suspects.push(suspect);
                self.word.fetch_or(SUSPECT, Relaxed);
            }
            if state.suspects.len() >= FAILURES {
                self.open(&mut state, &error);
            }
        }
        let Some(outage) = &mut state.outage else { return error };
        outage.failed += 1;
        outage.cause = error.clone();
        Error::new(Kind::WhileDown(error))
    }

    /// Returns the key of a session that does not exist: another one each time, since a Cluster may be
    /// down in part.
    pub(super) fn key_of_nobody(&self) -> StoreKey {
        let mut selector = [0; 16];
        selector[..8].copy_from_slice(&random().to_le_bytes());
        selector[8..].copy_from_slice(&random().to_le_bytes());
        StoreKey { namespace: self.namespace.clone(), selector: Selector(selector) }
    }

    fn is_open(&self) -> bool {
        self.word.load(Relaxed) & OPEN != 0
    }

    #[cold]
    fn refuse(self: &Arc<Self>, operation: &'static str) -> Result<Entered, Error> {
        let mut state = self.lock();
        let Some(outage) = &mut state.outage else {
            drop(state);
            return self.refuse_crowd(operation);
        };
        outage.refused += 1;
        let (down_for, cause) = (outage.since.elapsed(), outage.cause.clone());
        // The runtime of the task that tried may have ended.
        self.try_again(&mut state);
        Err(Error::new(Kind::Down { operation, down_for, cause }))
    }

    fn refuse_crowd(&self, operation: &'static str) -> Result<Entered, Error> {
        let word = self.word.load(Relaxed);
        if word & WAITING < self.most_waiting {
            return Ok(Entered(word));
        }
        let is_told = self.word.fetch_or(CROWDED, Relaxed) & CROWDED != 0;
        Err(Error::new(Kind::Crowded { operation, limit: self.most_waiting, is_told }))
    }

    fn open(self: &Arc<Self>, state: &mut State, cause: &Error) {
        if Handle::try_current().is_err() {
            // Nobody could close the breaker again.
            return;
        }
        state.outage =
            Some(Outage { since: Instant::now(), cause: cause.clone(), refused: 0, failed: 0 });
        self.word.fetch_or(OPEN, Relaxed);
        event::store_down(self.namespace.as_str(), cause);
        self.show(false);
        self.try_again(state);
    }

    #[cold]
    fn close(&self) {
        let mut state = self.lock();
        self.word.fetch_and(!(OPEN | SUSPECT), Relaxed);
        state.suspects.clear();
        if let Some(outage) = state.outage.take() {
            let Outage { since, refused, failed, .. } = outage;
            event::store_up(
                self.namespace.as_str(),
                since.elapsed().as_secs_f64(),
                refused,
                failed,
            );
            self.show(true);
        }
    }

    /// Starts a task that tries the store until it answers, unless there is such a task.
    fn try_again(self: &Arc<Self>, state: &mut State) {
        if state.is_tried {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        state.is_tried = true;
        let trial = Trial(Arc::downgrade(self));
        runtime.spawn(async move {
            let (mut quick, mut patient) = (pin!(trial.run(QUICK)), pin!(trial.run(Duration::MAX)));
            poll_fn(|cx| {
                let is_done = quick.as_mut().poll(cx).is_ready();
                if is_done || patient.as_mut().poll(cx).is_ready() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        });
    }

    /// Asks for a session that does not exist.
    async fn probe(&self, longest: Duration) {
        let (key, operation) = (self.key_of_nobody(), "load");
        match timeout(longest, load_latest(&*self.store, &key)).await {
            Ok(Ok(_)) => self.answered(),
            Ok(Err(source)) => {
                if let Some(outage) = &mut self.lock().outage {
                    outage.cause = Error::new(Kind::Store { operation, source });
                }
            }
            Err(_) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation that waits.
pub(super) struct Waiting<'a>(&'a Breaker);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let before = self.0.word.fetch_sub(1, Relaxed);
        if before & CROWDED != 0 && before & WAITING <= self.0.most_waiting / 2 {
            self.0.word.fetch_and(!CROWDED, Relaxed);
        }
    }
}

/// The task that tries a store. It holds the breaker only while it tries, so that it ends with the
/// layer.
struct Trial(Weak<Breaker>);

impl Trial {
    /// Tries until the store is up, each time for `longest` or for as long as a load may take.
    async fn run(&self, longest: Duration) {
        loop {
            sleep(PAUSE).await;
            let Some(breaker) = self.0.upgrade() else { return };
            if !breaker.is_open() {
                return;
            }
            breaker.probe(longest.min(breaker.deadline)).await;
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(breaker) = self.0.upgrade() {
            breaker.lock().is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, StoreError};

    fn breaker(most_waiting: usize) -> Arc<Breaker> {
        let store = Arc::new(MemoryStore::default());
        let deadline = Duration::from_secs(2);
        Arc::new(Breaker::new(store, Namespace::new("shop"), deadline, most_waiting))
    }

    fn late() -> Error {
        Error::new(Kind::Deadline { operation: "load", after: Duration::from_secs(2) })
    }

    fn failure(unreachable: bool) -> Error {
        let source = StoreError::new("it failed");
        let source = if unreachable { source.unreachable() } else { source };
        Error::new(Kind::Store { operation: "load", source })
    }

    fn is_open(breaker: &Arc<Breaker>) -> bool {
        breaker.enter("load").is_err()
    }

    fn keys(numbers: &[u128]) -> Vec<Suspect> {
        numbers.iter().copied().map(Suspect::Key).collect()
    }

    #[tokio::test]
    async fn three_failures_of_different_keys_open_and_one_answer_closes() {
        for error in [late(), failure(true)] {
            let breaker = breaker(8);
            for suspect in keys(&[1, 2, 1, 2]) {
                breaker.failed(suspect, None, error.clone());
                assert!(!is_open(&breaker));
            }
            breaker.failed(Suspect::Key(3), None, error);
            assert!(is_open(&breaker));
            let refused = breaker.enter("remove").err().expect("it is open");
            assert!(refused.is_unavailable() && refused.is_not_tried());
            assert!(refused.to_string().contains("remove was not tried"), "{refused}");
            breaker.answered();
            assert!(!is_open(&breaker) && !breaker.is_open());
        }
    }

    #[tokio::test]
    async fn an_answer_in_between_clears_the_store() {
        let breaker = breaker(8);
        for number in 0..10 {
            breaker.failed(Suspect::Key(number), None, late());
            let entered = breaker.enter("load").expect("the breaker is closed");
            breaker.answered_at_once(entered);
        }
        assert!(!is_open(&breaker));
    }

    #[tokio::test]
    async fn what_is_late_while_others_are_answered_opens_nothing() {
        let breaker = breaker(8);
        for number in 0..10 {
            let seen = breaker.answers();
            let waiting = breaker.wait();
            let entered = breaker.enter("load").expect("the breaker is closed");
            breaker.answered_at_once(entered);
            drop(waiting);
            // No other answer between these failures.
            breaker.failed(Suspect::Key(number), Some(seen), late());
        }
        assert!(!is_open(&breaker));
    }

    #[tokio::test]
    async fn errors_that_the_store_answers_with_and_work_on_many_records_open_nothing() {
        let breaker = breaker(8);
        for number in 0..10 {
            breaker.failed(Suspect::Key(number), None, failure(false));
            breaker.failed(Suspect::Work, None, late());
        }
        assert!(!is_open(&breaker));
    }

    #[tokio::test]
    async fn failures_at_a_record_that_everybody_reads_open_by_themselves() {
        let floor = StoreKey { namespace: Namespace::new("shop"), selector: Selector([0; 16]) };
        let breaker = breaker(8);
        for _ in 0..FAILURES {
            assert!(!is_open(&breaker));
            breaker.failed(Suspect::of(&floor), None, late());
        }
        assert!(is_open(&breaker));
    }

    #[tokio::test]
    async fn as_many_as_the_limit_wait_and_one_in_a_crowd_is_logged() {
        let is_told = |breaker: &Arc<Breaker>| {
            let error = breaker.enter("load").err().expect("too many wait");
            let mut is_told = true;
            error.report(|_| is_told = false);
            is_told
        };
        let breaker = breaker(2);
        for _ in 0..2 {
            let first = breaker.wait();
            assert!(breaker.enter("load").is_ok());
            let second = breaker.wait();
            assert!(!is_told(&breaker) && is_told(&breaker));
            drop(first);
            assert!(breaker.enter("load").is_ok());
            drop(second);
        }
    }

    #[test]
    fn without_a_runtime_nothing_opens_since_nothing_could_close() {
        let breaker = breaker(8);
        for suspect in keys(&[1, 2, 3, 4]) {
            breaker.failed(suspect, None, failure(true));
        }
        assert!(!is_open(&breaker));
    }
}
