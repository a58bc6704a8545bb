//! A store that answers a request from a list of answers, and stops the request at the first
//! operation that has no answer yet. So a request that is under way is the list of its answers, which
//! can be cloned, compared and begun again. It owns nothing of what operations do.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use super::map::{Answer, Place, Verb};
use crate::{
    clock::Timestamp,
    store::{
        Cursor, Facts, FieldValue, Namespace, Order, Page, PrincipalKey, Properties, Record,
        Selector, Store, StoreFuture, StoreKey, SweepCursor, Swept, Written,
    },
};

/// Returns the selector of a session: bytes that no other test uses, since the requests of one
/// process that are overtaken wait for each other by the first byte.
pub(super) const fn selector(number: u8) -> Selector {
    Selector::from_bytes([0xe0 + number; 16])
}

/// Returns the place of a key.
fn place(key: &StoreKey) -> Place {
    if is_of_leases(&key.namespace) {
        Place::Lease
    } else {
        Place::Session(key.selector.as_bytes()[0] - 0xe0)
    }
}

fn is_of_leases(namespace: &Namespace) -> bool {
    namespace.as_str().ends_with("/lease")
}

/// The progress of one request.
#[derive(Default)]
struct Progress {
    answers: VecDeque<Answer>,
    asked: Option<Verb>,
    /// The version of the lease that the request has drawn last.
    drawn: Option<u64>,
    has_passed: Option<bool>,
}

/// The store of one request.
pub(super) struct Steps {
    /// The number that stands for the random versions of the request's lease, so that the request does
    /// the same whenever it is begun again.
    lease: u64,
    /// True if removals forget which version they are about.
    forgets_version: bool,
    progress: Mutex<Progress>,
}

impl Steps {
    pub(super) fn new(request: u8, answers: &[Answer], forgets_version: bool) -> Self {
        let answers = answers.iter().cloned().collect();
        let progress = Mutex::new(Progress { answers, ..Progress::default() });
        Self { lease: 1 + u64::from(request), forgets_version, progress }
    }

    /// Notes whether the credential of the request has passed.
    pub(super) fn note_passed(&self, has_passed: bool) {
        self.progress().has_passed = Some(has_passed);
    }

    pub(super) fn has_passed(&self) -> Option<bool> {
        self.progress().has_passed
    }

    /// Returns the operation that the request waits for.
    pub(super) fn asked(&self) -> Option<Verb> {
        self.progress().asked.clone()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step<'a, T: Send + Unpin + 'a>(
        &'a self,
        verb: Verb,
        read: fn(&Answer) -> Option<T>,
    ) -> StoreFuture<'a, T> {
        StoreFuture::new(async move {
            let answer = poll_fn(|_| {
                let mut progress = self.progress();
                if let Some(answer) = progress.answers.pop_front() {
                    Poll::Ready(answer)
                } else {
                    progress.asked = Some(verb.clone());
                    Poll::Pending
                }
            });
            Ok(read(&answer.await).expect("a request does the same each time"))
        })
    }

    /// Returns what is written at a place: of a lease, a form that is the same each time.
    fn written(&self, place: Place, record: Arc<Record>) -> Arc<Record> {
        if place != Place::Lease {
            return record;
        }
        self.progress().drawn = Some(record.meta.revision);
        let mut lease = Record::clone(&record);
        lease.meta.revision = self.lease;
        lease.set("until", FieldValue::Int(i64::MAX));
        Arc::new(lease)
    }
}

fn written(answer: &Answer) -> Option<Written> {
    if let Answer::Written(written) = answer { Some(*written) } else { None }
}

fn done(answer: &Answer) -> Option<bool> {
    if let Answer::Done(is_done) = answer { Some(*is_done) } else { None }
}

impl Store for Steps {
    fn properties(&self) -> Properties {
        Properties::SHARED
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.step(Verb::Load(place(key)), |answer| {
            if let Answer::Loaded(record) = answer { Some(record.clone()) } else { None }
        })
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        let place = place(key);
        self.step(Verb::Insert(place, self.written(place, record)), written)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        let place = place(key);
        self.step(Verb::Replace(place, version, self.written(place, record)), written)
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        _clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        self.step(Verb::Touch(place(key), last_seen), done)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        let place = place(key);
        let drawn = self.progress().drawn;
        let is_own = place == Place::Lease && version.is_some() && version == drawn;
        let version = if is_own { Some(self.lease) } else { version };
        let version = version.filter(|_| !self.forgets_version);
        self.step(Verb::Remove(place, version), done)
    }

    fn list<'a>(
        &'a self,
        _namespace: &'a Namespace,
        _principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        self.step(Verb::List(order, after, limit), |answer| {
            let Answer::Listed((sessions, next)) = answer else { return None };
            let sessions = sessions.iter().map(|(number, it)| (selector(*number), Arc::clone(it)));
            Some(Page::new(sessions.collect(), *next))
        })
    }

    fn count<'a>(
        &'a self,
        _namespace: &'a Namespace,
        _principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.step(Verb::Count, |answer| {
            if let Answer::Counted(count) = answer { Some(*count) } else { None }
        })
    }

    fn sweep(
        &self,
        _before: Timestamp,
        _after: Option<SweepCursor>,
        _limit: usize,
    ) -> StoreFuture<'_, Swept> {
        StoreFuture::ready(Ok(Swept::default()))
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        StoreFuture::ready(Ok(Facts::HERE))
    }
}
