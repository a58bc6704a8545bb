//! A store under a deadline: every operation ends in time, at once if the store is known to be down,
//! and its failure is an [`Error`] that says which operation it was.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use crate::{
    clock::Timestamp,
    error::{Error, Kind},
    event,
    observe::Watcher,
    repository::{
        breaker::{Breaker, Entered, Suspect},
        cap,
        principal::{self, EndedAll, Found},
    },
    store::{
        Answer, Cap, Commit, CommitOutcome, Cursor, Facts, InsertOutcome, Namespace, Notice, Order,
        PrincipalKey, Properties, Record, Selector, Store, StoreError, StoreFuture, StoreKey,
        SweepCursor, Swept, check, load_latest,
    },
};

/// The time after which an operation is slow: what the store answers to others from then on says that
/// the store is not down.
const SLOW: Duration = Duration::from_millis(500);

/// Clones share the store, its breaker and its observer.
#[derive(Clone)]
pub(crate) struct DeadlineStore {
    store: Arc<dyn Store>,
    load_deadline: Duration,
    commit_deadline: Duration,
    breaker: Arc<Breaker>,
    /// True once the store has passed its check.
    is_checked: Arc<AtomicBool>,
    watcher: Option<Watcher>,
}

/// The outcome of an operation.
type Timed<'a, T> = Answer<'a, Result<T, Error>>;

impl DeadlineStore {
    /// Puts a store under its deadlines. `namespace` is where the breaker looks for an answer.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        namespace: Namespace,
        load_deadline: Duration,
        commit_deadline: Duration,
        max_waiting: usize,
    ) -> Self {
        let breaker = Breaker::new(Arc::clone(&store), namespace, load_deadline, max_waiting);
        Self {
            store,
            load_deadline,
            commit_deadline,
            breaker: Arc::new(breaker),
            is_checked: Arc::default(),
            watcher: None,
        }
    }

    /// Returns another store in this one's place, such as the same one with seals around its records. Both
    /// are up, or down, together.
    pub(crate) fn over(&self, store: Arc<dyn Store>) -> Self {
        Self { store, ..self.clone() }
    }

    /// Returns the store with another deadline, for reading and for writing.
    #[must_use]
    pub(crate) fn with_deadline(self, deadline: Duration) -> Self {
        Self { load_deadline: deadline, commit_deadline: deadline, ..self }
    }

    /// Shows every operation to an observer.
    pub(crate) fn watched_by(mut self, watcher: Option<Watcher>) -> Self {
        if let Some(watcher) = &watcher {
            self.breaker.watch(watcher.clone());
        }
        self.watcher = watcher;
        self
    }

    /// Returns the [name](Store::name) of the store.
    pub(crate) fn name(&self) -> &'static str {
        self.store.name()
    }

    /// Returns [`Properties::wants_loaded`](crate::store::Properties::wants_loaded).
    pub(crate) fn wants_loaded(&self) -> bool {
        self.store.properties().wants_loaded
    }

    /// Returns [`Properties::shared`](crate::store::Properties::shared).
    pub(crate) fn is_shared(&self) -> bool {
        self.store.properties().shared
    }

    /// Returns the deadline of an operation: operations that only read have one of their own.
    fn deadline(&self, operation: &str) -> Duration {
        if matches!(operation, "load" | "floor" | "list" | "count" | "probe") {
            self.load_deadline
        } else {
            self.commit_deadline
        }
    }

    /// Carries out an operation, and shows the operation to the observer, if there is one. Only then
    /// is a clock read. `retries` returns how often the operation was made again.
    fn watched<'a, T: Unpin + Send + 'a>(
        &'a self,
        operation: &'static str,
        retries: impl Fn() -> u32 + Send + 'a,
        suspect: Suspect,
        ask: impl FnOnce() -> StoreFuture<'a, T>,
    ) -> Timed<'a, T> {
        let Some(watcher) = &self.watcher else {
            return self.under_deadline(operation, suspect, ask);
        };
        let began = Instant::now();
        let answer = self.under_deadline(operation, suspect, ask);
        watcher.operation(&self.store, operation, began, retries, answer)
    }

    fn within<'a, T: Unpin + Send + 'a>(
        &'a self,
        operation: &'static str,
        suspect: Suspect,
        ask: impl FnOnce() -> StoreFuture<'a, T>,
    ) -> Timed<'a, T> {
        self.watched(operation, || 0, suspect, ask)
    }

    /// Puts an answer under the operation's deadline. An answer that does not wait needs no timer, and
    /// so no runtime. The timer of the others is in a box: every future around this one, up to the
    /// handler's, is as large as what it waits for.
    fn under_deadline<'a, T: Unpin + Send + 'a>(
        &'a self,
        operation: &'static str,
        suspect: Suspect,
        ask: impl FnOnce() -> StoreFuture<'a, T>,
    ) -> Timed<'a, T> {
        let entered = match self.breaker.enter(operation) {
            Ok(entered) => entered,
            Err(refused) => return Answer::Now(Some(Err(refused))),
        };
        match ask().at_once() {
            Ok(answer) => Answer::Now(Some(self.note(operation, suspect, entered, answer))),
            Err(answer) => {
                Answer::Later(Box::pin(self.wait_for(operation, suspect, entered, answer)))
            }
        }
    }

    /// Notes an answer that did not take long.
    fn note<T>(
        &self,
        operation: &'static str,
        suspect: Suspect,
        entered: Entered,
        answer: Result<T, StoreError>,
    ) -> Result<T, Error> {
        match answer {
            Ok(answer) => {
                self.breaker.answered_at_once(entered);
                Ok(answer)
            }
            Err(source) => {
                let error = Error::new(Kind::Store { operation, source });
                Err(self.breaker.failed(suspect, None, error))
            }
        }
    }

    async fn wait_for<T: Unpin + Send>(
        &self,
        operation: &'static str,
        suspect: Suspect,
        entered: Entered,
        mut answer: StoreFuture<'_, T>,
    ) -> Result<T, Error> {
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut answer).poll(cx)));
        if let Poll::Ready(answer) = first.await {
            return self.note(operation, suspect, entered, answer);
        }
        let _waiting = self.breaker.wait();
        let after = self.deadline(operation);
        let soon = SLOW.min(after / 2);
        let mut answers = None;
        let answer = if let Ok(answer) = tokio::time::timeout(soon, &mut answer).await {
            Ok(answer)
        } else {
            answers = Some(self.breaker.answers());
            tokio::time::timeout(after.saturating_sub(soon), answer).await
        };
        let error = match answer {
            Ok(Ok(answer)) => {
                self.breaker.answered();
                return Ok(answer);
            }
            Ok(Err(source)) => Error::new(Kind::Store { operation, source }),
            Err(_) => Error::new(Kind::Deadline { operation, after }),
        };
        Err(self.breaker.failed(suspect, answers, error))
    }

    pub(crate) fn load<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        self.within("load", Suspect::of(key), || self.store.load(key))
    }

    /// Loads the record that `load` should have given. Returns `None` if `load` has given the present
    /// record, or if there is none any more.
    pub(crate) fn reload<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        match self.store.reload(key) {
            Some(answer) => self.within("load", Suspect::of(key), || answer),
            // At once, and not as an option: this is in the future of every load.
            None => Answer::Now(Some(Ok(None))),
        }
    }

    /// Loads the present record, and never a copy.
    pub(crate) fn load_latest<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        self.within("load", Suspect::of(key), || load_latest(&*self.store, key))
    }

    /// Loads the present record of a floor. An operation of its own: it is made once a second, for
    /// whichever request comes first.
    pub(crate) fn load_floor<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        self.within("floor", Suspect::of(key), || load_latest(&*self.store, key))
    }

    pub(crate) fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> Timed<'a, InsertOutcome> {
        let suspect = suspect(key, record.meta.principal.as_ref());
        self.within("insert", suspect, || cap::insert(&*self.store, key, record, cap))
    }

    /// Makes one step of a sweep.
    pub(crate) fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> Timed<'_, Swept> {
        self.within("sweep", Suspect::Work, move || self.store.sweep(before, after, limit))
    }

    /// Shows a sweep that has begun at `began` to the observer.
    pub(crate) fn observe_sweep(&self, began: Instant, removed: u64, is_cut_short: bool) {
        if let Some(watcher) = &self.watcher {
            watcher.sweep(self.name(), began, removed, is_cut_short);
        }
    }

    /// Asks the store's server now.
    pub(crate) fn probe(&self) -> Timed<'_, Facts> {
        self.within("probe", Suspect::Work, || self.store.probe())
    }

    /// Asks whether the store does what requests need: with a check of every operation until that has
    /// succeeded once, and then with a load.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        if self.is_checked.load(Ordering::Relaxed) {
            let key = self.breaker.key_of_nobody();
            let load = || load_latest(&*self.store, &key);
            return self.within("load", Suspect::Work, load).await.map(drop);
        }
        self.check().await?;
        self.is_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> Timed<'a, CommitOutcome> {
        let suspect = suspect(key, commit.principal.as_ref().and_then(Option::as_ref));
        let ask = || cap::commit(&*self.store, key, commit);
        self.watched("commit", || commit.progress.retries(), suspect, ask)
    }

    pub(crate) fn remove<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, bool> {
        self.within("remove", Suspect::of(key), || self.store.remove(key, None))
    }

    /// Ends a session, and announces that. Returns whether there was one.
    pub(crate) async fn end(&self, key: &StoreKey) -> Result<bool, Error> {
        let ended = self.remove(key).await?;
        if ended {
            self.announce(Notice::Session(key.clone()));
        }
        Ok(ended)
    }

    /// Ends a session if it is one of a principal's, under its one or several keys, and announces that.
    /// Returns whether it was. Answers of a cache do not count.
    pub(crate) async fn end_of(
        &self,
        key: &StoreKey,
        principals: &[PrincipalKey],
    ) -> Result<bool, Error> {
        let end = || principal::end_of(&*self.store, key, principals);
        let ended = self.within("remove", Suspect::of(key), end).await?;
        if ended {
            self.announce(Notice::Session(key.clone()));
        }
        Ok(ended)
    }

    /// Announces to whoever watches that sessions are to be looked at again. Nobody waits for that, and
    /// a notice may get lost: whoever watches asks the store from time to time as well.
    pub(crate) fn announce(&self, notice: Notice) {
        let at_once = self.store.publish(&notice).at_once().ok();
        if let Some(answer) = at_once {
            return note_announced(&notice, &answer);
        }
        // Without a runtime, a store with a server has answered nothing before.
        let Ok(runtime) = Handle::try_current() else { return };
        let (store, deadline) = (Arc::clone(&self.store), self.commit_deadline);
        runtime.spawn(async move {
            let late = || StoreError::new(format!("no answer within {deadline:?}"));
            let answer = tokio::time::timeout(deadline, store.publish(&notice)).await;
            note_announced(&notice, &answer.unwrap_or_else(|_| Err(late())));
        });
    }

    /// Returns a part of a principal's live sessions, as [`principal::page`] does.
    pub(crate) fn page<'a>(
        &'a self,
        namespace: &'a Namespace,
        principals: &'a [PrincipalKey],
        now: Timestamp,
        order: Order,
        after: Option<Cursor>,
    ) -> Timed<'a, (Vec<Found>, Option<Cursor>)> {
        let suspect = principals.first().map_or(Suspect::Work, Suspect::of_principal);
        let page = move || principal::page(&*self.store, namespace, principals, now, order, after);
        self.within("list", suspect, page)
    }

    /// Returns the number of sessions of a principal, at least of those that are live, under its one or
    /// several keys.
    pub(crate) async fn count(
        &self,
        namespace: &Namespace,
        principals: &[PrincipalKey],
    ) -> Result<u64, Error> {
        let mut sessions = 0;
        for principal in principals {
            let count = || self.store.count(namespace, principal);
            sessions += self.within("count", Suspect::of_principal(principal), count).await?;
        }
        Ok(sessions)
    }

    /// Returns the store's properties.
    pub(crate) fn properties(&self) -> Properties {
        self.store.properties()
    }

    /// Does each operation once, as [`check`](crate::store::check) does, under the deadline of one.
    pub(crate) fn check(&self) -> Timed<'_, ()> {
        self.within("check", Suspect::Work, || StoreFuture::new(check(&*self.store)))
    }

    /// Ends the sessions of a principal, for as long as half of the deadline lasts under each of its
    /// one or several keys, and announces the end of each.
    pub(crate) async fn end_all(
        &self,
        namespace: &Namespace,
        principals: &[PrincipalKey],
        except: Option<Selector>,
    ) -> Result<EndedAll, Error> {
        let mut all = EndedAll { sessions: 0, is_done: true };
        let time = self.commit_deadline / 2;
        let announce = |key: &StoreKey| self.announce(Notice::Session(key.clone()));
        for principal in principals {
            let store = &*self.store;
            let end = || principal::end_all(store, namespace, principal, except, time, &announce);
            let ended = self.within("end_all", Suspect::of_principal(principal), end).await?;
            all.sessions += ended.sessions;
            all.is_done &= ended.is_done;
        }
        Ok(all)
    }
}

/// Returns whose fault a failure may be. A log-in may wait for the other log-ins of its principal.
fn suspect(key: &StoreKey, principal: Option<&PrincipalKey>) -> Suspect {
    principal.map_or_else(|| Suspect::of(key), Suspect::of_principal)
}

fn note_announced(notice: &Notice, answer: &Result<(), StoreError>) {
    if let Err(error) = answer {
        event::not_announced(notice, error);
    }
}
