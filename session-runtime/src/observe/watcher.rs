//! An observer together with the session type that it sees: makes the arguments of the observer's
//! calls, and measures. Nobody who has no observer comes here.

use std::{sync::Arc, time::Instant};

use super::{
    Commit, CommitResult, Eviction, NotEnded, Observer, Operation, Request, RequestOutcome,
    Rotation, StoreState, Sweep, Undecodable,
};
use crate::{
    event::Failure,
    store::{Answer, Store},
};

/// Clones share the observer.
#[derive(Clone)]
pub(crate) struct Watcher {
    observer: Arc<dyn Observer>,
    session_type: &'static str,
}

impl Watcher {
    pub(crate) fn new(observer: Arc<dyn Observer>, session_type: &'static str) -> Self {
        Self { observer, session_type }
    }

    pub(crate) fn request(&self, outcome: RequestOutcome, reason: Option<&'static str>) {
        let Self { session_type, .. } = *self;
        self.observer.request(&Request { session_type, outcome, reason, older_key: false });
    }

    /// Reports a request whose session is live, and whether the token was made under another key than
    /// the one that writes.
    pub(crate) fn live(&self, older_key: bool) {
        let (session_type, outcome) = (self.session_type, RequestOutcome::Live);
        self.observer.request(&Request { session_type, outcome, reason: None, older_key });
    }

    pub(crate) fn commit(&self, result: CommitResult, error_type: Option<&'static str>) {
        let Self { session_type, .. } = *self;
        self.observer.commit(&Commit { session_type, result, error_type });
    }

    pub(crate) fn rotation(&self, log_in: bool) {
        self.observer.rotation(&Rotation { session_type: self.session_type, log_in });
    }

    pub(crate) fn eviction(&self, sessions: u64) {
        self.observer.eviction(&Eviction { session_type: self.session_type, sessions });
    }

    pub(crate) fn undecodable(&self, field: &'static str) {
        self.observer.undecodable(&Undecodable { session_type: self.session_type, field });
    }

    pub(crate) fn not_ended(&self, error: &impl Failure) {
        let error_type = error.type_name();
        self.observer.not_ended(&NotEnded { session_type: self.session_type, error_type });
    }

    pub(crate) fn store_state(&self, store: &'static str, is_up: bool) {
        let Self { session_type, .. } = *self;
        self.observer.store_state(&StoreState { session_type, store, is_up });
    }

    /// Reports a sweep that has come to an end.
    pub(crate) fn sweep(&self, store: &'static str, began: Instant, removed: u64, cut_short: bool) {
        self.observer.sweep(&Sweep {
            session_type: self.session_type,
            store,
            removed,
            is_cut_short: cut_short,
            duration: began.elapsed(),
        });
    }

    /// Reports an operation of a store when its answer is there or is given up. `retries` is asked
    /// at the end.
    pub(crate) fn operation<'a, T, E>(
        &self,
        store: &Arc<dyn Store>,
        operation: &'static str,
        began: Instant,
        retries: impl Fn() -> u32 + Send + 'a,
        answer: Answer<'a, Result<T, E>>,
    ) -> Answer<'a, Result<T, E>>
    where
        T: Unpin + Send + 'a,
        E: Failure + Unpin + Send + 'a,
    {
        let (watcher, store) = (self.clone(), Arc::clone(store));
        let running = Running { watcher, store, operation, began, retries, is_over: false };
        match answer {
            Answer::Now(Some(answer)) => {
                running.end(&answer);
                Answer::Now(Some(answer))
            }
            // Nothing is asked of an answer that was taken.
            Answer::Now(None) => Answer::Now(None),
            Answer::Later(later) => Answer::Later(Box::pin(async move {
                let answer = later.await;
                running.end(&answer);
                answer
            })),
        }
    }
}

/// An operation that has not come to an end. If it is dropped, it was cancelled.
struct Running<F: Fn() -> u32> {
    watcher: Watcher,
    store: Arc<dyn Store>,
    operation: &'static str,
    began: Instant,
    retries: F,
    is_over: bool,
}

impl<F: Fn() -> u32> Running<F> {
    fn end<T>(mut self, answer: &Result<T, impl Failure>) {
        self.is_over = true;
        self.report(answer.as_ref().err().map(Failure::type_name));
    }

    fn report(&self, error_type: Option<&'static str>) {
        let Watcher { observer, session_type } = &self.watcher;
        observer.operation(&Operation {
            session_type,
            store: self.store.name(),
            operation: self.operation,
            error_type,
            duration: self.began.elapsed(),
            retries: (self.retries)(),
            pool: self.store.pool(),
        });
    }
}

impl<F: Fn() -> u32> Drop for Running<F> {
    fn drop(&mut self) {
        if !self.is_over {
            self.report(Some("cancelled"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{Future as _, pending},
        pin::pin,
        sync::Mutex,
        task::{Context, Waker},
    };

    use super::*;
    use crate::{error::Error, store::MemoryStore};

    #[derive(Default)]
    struct Ends(Mutex<Vec<Option<&'static str>>>);

    impl Observer for Ends {
        fn operation(&self, operation: &Operation) {
            self.0.lock().expect("no panic").push(operation.error_type);
        }
    }

    #[test]
    fn an_operation_that_is_dropped_is_seen_once_as_cancelled() {
        let ends = Arc::new(Ends::default());
        let watcher = Watcher::new(Arc::<Ends>::clone(&ends), "shop");
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let never: Answer<'_, Result<(), Error>> = Answer::Later(Box::pin(pending()));
        let answer = watcher.operation(&store, "load", Instant::now(), || 0, never);
        {
            let mut answer = pin!(answer);
            let mut context = Context::from_waker(Waker::noop());
            assert!(answer.as_mut().poll(&mut context).is_pending());
            assert!(ends.0.lock().expect("no panic").is_empty());
        }
        let there = Answer::Now(Some(Ok::<_, Error>(())));
        drop(watcher.operation(&store, "load", Instant::now(), || 0, there));
        assert_eq!(*ends.0.lock().expect("no panic"), [Some("cancelled"), None]);
    }
}
