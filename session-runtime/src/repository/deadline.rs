//! A store under a deadline: every operation ends in time, and its failure is an [`Error`] that
//! says which operation it was.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use crate::{
    clock::Timestamp,
    error::{Error, Kind},
    event,
    observe::Watcher,
    repository::{
        Listed, cap,
        principal::{self, EndedAll},
        sweep::{self, Schedule},
    },
    store::{
        Answer, Cap, Commit, CommitOutcome, Cursor, InsertOutcome, Namespace, PrincipalKey, Record,
        Selector, Store, StoreFuture, StoreKey, load_latest,
    },
};

/// Clones share the store, its schedule and its observer.
#[derive(Clone)]
pub(crate) struct DeadlineStore {
    store: Arc<dyn Store>,
    load_deadline: Duration,
    commit_deadline: Duration,
    schedule: Arc<Schedule>,
    watcher: Option<Watcher>,
}

/// The outcome of an operation.
type Timed<'a, T> = Answer<'a, Result<T, Error>>;

impl DeadlineStore {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        load_deadline: Duration,
        commit_deadline: Duration,
    ) -> Self {
        let schedule = Arc::default();
        Self { store, load_deadline, commit_deadline, schedule, watcher: None }
    }

    /// Shows every operation to an observer.
    pub(crate) fn watched_by(mut self, watcher: Option<Watcher>) -> Self {
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

    /// Returns the deadline of an operation: operations that only read have one of their own.
    fn deadline(&self, operation: &str) -> Duration {
        if matches!(operation, "load" | "list") { self.load_deadline } else { self.commit_deadline }
    }

    /// Puts an answer under the operation's deadline. An answer that does not wait needs no timer, and
    /// so no runtime. The timer of the others is in a box: every future around this one, up to the
    /// handler's, is as large as what it waits for.
    fn within<'a, T: Unpin + Send + 'a>(
        &self,
        operation: &'static str,
        answer: StoreFuture<'a, T>,
    ) -> Timed<'a, T> {
        let failed = move |source| Error::new(Kind::Store { operation, source });
        match answer.at_once() {
            Ok(answer) => Answer::Now(Some(answer.map_err(failed))),
            Err(mut answer) => {
                let after = self.deadline(operation);
                Answer::Later(Box::pin(async move {
                    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut answer).poll(cx)));
                    if let Poll::Ready(answer) = first.await {
                        return answer.map_err(failed);
                    }
                    let late = |_| Error::new(Kind::Deadline { operation, after });
                    tokio::time::timeout(after, answer).await.map_err(late)?.map_err(failed)
                }))
            }
        }
    }

    /// Carries out an operation, and shows the operation to the observer, if there is one. Only then
    /// is a clock read.
    fn watch<'a, T: Unpin + Send + 'a>(
        &'a self,
        operation: &'static str,
        commit: Option<&'a Commit>,
        run: impl FnOnce() -> Timed<'a, T>,
    ) -> Timed<'a, T> {
        let Some(watcher) = &self.watcher else { return run() };
        let began = Instant::now();
        let retries = move || commit.map_or(0, |commit| commit.retries.count());
        watcher.operation(&self.store, operation, began, retries, run())
    }

    pub(crate) fn load<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        self.watch("load", None, || self.within("load", self.store.load(key)))
    }

    /// Loads the record that `load` should have given. Returns `None` if `load` has given the present
    /// record, or if there is none any more.
    pub(crate) fn reload<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        match self.store.reload(key) {
            Some(answer) => self.watch("load", None, || self.within("load", answer)),
            // At once, and not as an option: this is in the future of every load.
            None => Answer::Now(Some(Ok(None))),
        }
    }

    /// Loads the present record, and never a copy.
    pub(crate) fn load_latest<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        self.watch("load", None, || self.within("load", load_latest(&*self.store, key)))
    }

    pub(crate) async fn insert(
        &self,
        key: &StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, Error> {
        let now = record.meta.last_seen;
        let insert = || self.within("insert", cap::insert(&*self.store, key, record, cap));
        let outcome = self.watch("insert", None, insert).await;
        if self.schedule.is_due(now)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(self.clone().sweep(now));
        }
        outcome
    }

    /// Removes what is over at `now`, in steps, until nothing is left or the store fails.
    async fn sweep(self, now: Timestamp) {
        let began = self.watcher.is_some().then(Instant::now);
        let (mut removed, mut is_cut_short) = (0, true);
        for _ in 0..sweep::STEPS {
            let step = || self.within("sweep", self.store.sweep(now, sweep::STEP));
            match self.watch("sweep", None, step).await {
                Ok(step) => {
                    removed += step;
                    is_cut_short = step >= sweep::STEP as u64;
                }
                Err(error) => {
                    event::sweep_failed(&error);
                    is_cut_short = true;
                    break;
                }
            }
            if !is_cut_short {
                break;
            }
        }
        if let (Some(watcher), Some(began)) = (&self.watcher, began) {
            watcher.sweep(self.name(), began, removed, is_cut_short);
        }
    }

    pub(crate) fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> Timed<'a, CommitOutcome> {
        let run = || self.within("commit", cap::commit(&*self.store, key, commit));
        self.watch("commit", Some(commit), run)
    }

    pub(crate) fn remove<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, bool> {
        self.watch("remove", None, || self.within("remove", self.store.remove(key, None)))
    }

    /// Returns a part of a principal's live sessions, as [`principal::page`] does.
    pub(crate) fn page<'a>(
        &'a self,
        namespace: &'a Namespace,
        principals: &'a [PrincipalKey],
        now: Timestamp,
        after: Option<Cursor>,
    ) -> Timed<'a, (Vec<Listed>, Option<Cursor>)> {
        let page = || principal::page(&*self.store, namespace, principals, now, after);
        self.watch("list", None, || self.within("list", page()))
    }

    /// Ends the sessions of a principal for as long as half of the deadline lasts.
    pub(crate) fn end_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> Timed<'a, EndedAll> {
        let time = self.commit_deadline / 2;
        let ending = || principal::end_all(&*self.store, namespace, principal, except, time);
        self.watch("end_all", None, || self.within("end_all", ending()))
    }
}
