//! A store under a deadline: every operation ends in time, and its failure is an [`Error`] that
//! says which operation it was.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use crate::{
    clock::Timestamp,
    error::{Error, Kind},
    event,
    repository::{
        cap,
        principal::{self, EndedAll, Found},
        sweep::{self, Schedule},
    },
    store::{
        Answer, Cap, Commit, CommitOutcome, Cursor, InsertOutcome, Namespace, PrincipalKey, Record,
        Selector, Store, StoreFuture, StoreKey, load_latest,
    },
};

/// Clones share the store and its schedule.
#[derive(Clone)]
pub(crate) struct DeadlineStore {
    store: Arc<dyn Store>,
    load_deadline: Duration,
    commit_deadline: Duration,
    schedule: Arc<Schedule>,
}

/// The outcome of an operation.
type Timed<'a, T> = Answer<'a, Result<T, Error>>;

impl DeadlineStore {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        load_deadline: Duration,
        commit_deadline: Duration,
    ) -> Self {
        Self { store, load_deadline, commit_deadline, schedule: Arc::default() }
    }

    /// Returns [`Properties::wants_loaded`](crate::store::Properties::wants_loaded).
    pub(crate) fn wants_loaded(&self) -> bool {
        self.store.properties().wants_loaded
    }

    /// Returns the deadline of an operation: operations that only read have one of their own.
    fn deadline(&self, operation: &str) -> Duration {
        if matches!(operation, "load" | "list" | "count") {
            self.load_deadline
        } else {
            self.commit_deadline
        }
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

    pub(crate) fn load<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        self.within("load", self.store.load(key))
    }

    /// Loads the record that `load` should have given. Returns `None` if `load` has given the present
    /// record, or if there is none any more.
    pub(crate) fn reload<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        match self.store.reload(key) {
            Some(answer) => self.within("load", answer),
            // At once, and not as an option: this is in the future of every load.
            None => Answer::Now(Some(Ok(None))),
        }
    }

    /// Loads the present record, and never a copy.
    pub(crate) fn load_latest<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, Option<Arc<Record>>> {
        self.within("load", load_latest(&*self.store, key))
    }

    pub(crate) async fn insert(
        &self,
        key: &StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, Error> {
        let now = record.meta.last_seen;
        let outcome = self.within("insert", cap::insert(&*self.store, key, record, cap)).await;
        if self.schedule.is_due(now)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(self.clone().sweep(now));
        }
        outcome
    }

    /// Removes what is over at `now`, in steps, until nothing is left or the store fails.
    async fn sweep(self, now: Timestamp) {
        for _ in 0..sweep::STEPS {
            match self.within("sweep", self.store.sweep(now, sweep::STEP)).await {
                Ok(removed) if removed < sweep::STEP as u64 => return,
                Ok(_) => {}
                Err(error) => return event::sweep_failed(&error),
            }
        }
    }

    pub(crate) fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> Timed<'a, CommitOutcome> {
        self.within("commit", cap::commit(&*self.store, key, commit))
    }

    pub(crate) fn remove<'a>(&'a self, key: &'a StoreKey) -> Timed<'a, bool> {
        self.within("remove", self.store.remove(key, None))
    }

    /// Returns a part of a principal's live sessions, as [`principal::page`] does.
    pub(crate) fn page<'a>(
        &'a self,
        namespace: &'a Namespace,
        principals: &'a [PrincipalKey],
        now: Timestamp,
        after: Option<Cursor>,
    ) -> Timed<'a, (Vec<Found>, Option<Cursor>)> {
        let page = principal::page(&*self.store, namespace, principals, now, after);
        self.within("list", page)
    }

    pub(crate) fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> Timed<'a, u64> {
        self.within("count", self.store.count(namespace, principal))
    }

    /// Ends the sessions of a principal for as long as half of the deadline lasts.
    pub(crate) fn end_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> Timed<'a, EndedAll> {
        let time = self.commit_deadline / 2;
        let ending = principal::end_all(&*self.store, namespace, principal, except, time);
        self.within("end_all", ending)
    }
}
