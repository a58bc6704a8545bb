//! Log-ins under a cap. `EndOldest` writes first and then ends the sessions with the earliest
//! log-ins; `RefuseNew` holds a lease of the principal while it counts and writes. It owns which
//! sessions go; the store owns the records.

use std::{sync::Arc, time::Duration};

use super::{
    lease::Lease,
    principal::PAGE,
    swap::{full, pause, swap},
};
use crate::{
    clock::Timestamp,
    event,
    store::{
        Cap, Commit, CommitOutcome, Cursor, InsertOutcome, Meta, Namespace, OnMaxSessions, Order,
        PrincipalKey, Record, Selector, Store, StoreError, StoreFuture, StoreKey, Written,
        load_latest,
    },
};

/// The most sessions that one log-in ends: a principal far above a new cap comes down over several.
const MOST: u64 = 32;
/// The tries of one log-in to come down to the cap. What is left is for the next log-in.
const TRIES: u32 = 16;

/// Stores a new record; if it is a log-in, under `cap`.
pub(super) fn insert<'a>(
    store: &'a dyn Store,
    key: &'a StoreKey,
    record: Record,
    cap: Option<Cap>,
) -> StoreFuture<'a, InsertOutcome> {
    let Meta { principal, logged_in, last_seen: now, .. } = &record.meta;
    let log_in = LogIn::of(store, key, principal.as_ref(), cap, *now, *logged_in);
    let insert = move || store.insert(key, Arc::new(record)).and_then(stored);
    let Some(log_in) = log_in else {
        return insert().map(|(outcome, _)| outcome);
    };
    if log_in.cap.on_max == OnMaxSessions::RefuseNew {
        return StoreFuture::new(async move {
            let inserted = log_in.if_there_is_room(insert).await?;
            Ok(inserted.map_or(InsertOutcome::Full, |(outcome, _)| outcome))
        });
    }
    insert().and_then(move |(mut outcome, of_principal)| {
        if of_principal <= log_in.most() {
            return StoreFuture::ready(Ok(outcome));
        }
        StoreFuture::new(async move {
            if let InsertOutcome::Inserted { ended } = &mut outcome {
                *ended = log_in.come_down(of_principal).await;
            }
            Ok(outcome)
        })
    })
}

/// Returns what an insert has come to, and the number of the principal's sessions.
fn stored<'a>(written: Written) -> StoreFuture<'a, (InsertOutcome, u64)> {
    StoreFuture::ready(match written {
        Written::Stored { of_principal } => Ok((InsertOutcome::inserted(), of_principal)),
        Written::Not => Ok((InsertOutcome::Exists, 0)),
        Written::Full => Err(full()),
    })
}

/// Applies a commit; if it is a log-in, under its cap.
pub(super) fn commit<'a>(
    store: &'a dyn Store,
    key: &'a StoreKey,
    commit: &'a Commit,
) -> StoreFuture<'a, CommitOutcome> {
    let principal = commit.principal.as_ref().and_then(Option::as_ref);
    let log_in = LogIn::of(store, key, principal, commit.cap, commit.now, Some(commit.now));
    let Some(log_in) = log_in else {
        return swap(store, key, commit).map(|(outcome, _)| outcome);
    };
    if log_in.cap.on_max == OnMaxSessions::RefuseNew {
        return StoreFuture::new(async move {
            let swapped = log_in.if_there_is_room(|| swap(store, key, commit)).await?;
            Ok(swapped.map_or(CommitOutcome::Full, |(outcome, _)| outcome))
        });
    }
    swap(store, key, commit).and_then(move |(mut outcome, of_principal)| {
        if of_principal <= log_in.most() {
            return StoreFuture::ready(Ok(outcome));
        }
        StoreFuture::new(async move {
            if let CommitOutcome::Committed { ended, .. } = &mut outcome {
                *ended = log_in.come_down(of_principal).await;
            }
            Ok(outcome)
        })
    })
}

/// A log-in under a cap.
struct LogIn<'a> {
    store: &'a dyn Store,
    key: &'a StoreKey,
    principal: PrincipalKey,
    cap: Cap,
    now: Timestamp,
    /// The time of this log-in in the record.
    logged_in: Option<Timestamp>,
}

impl<'a> LogIn<'a> {
    fn of(
        store: &'a dyn Store,
        key: &'a StoreKey,
        principal: Option<&PrincipalKey>,
        cap: Option<Cap>,
        now: Timestamp,
        logged_in: Option<Timestamp>,
    ) -> Option<Self> {
        Some(Self { store, key, principal: principal?.clone(), cap: cap?, now, logged_in })
    }

    /// Returns the number of sessions that the principal may have; this one is always one of them.
    fn most(&self) -> u64 {
        u64::from(self.cap.sessions.max(1))
    }

    /// Returns whether a session is over, and only its record is left.
    fn is_over(&self, meta: &Meta) -> bool {
        meta.is_expired(self.now) || meta.began() < self.cap.not_before
    }

    /// Ends the sessions above the cap, as far as that can be done now, and returns those that were ended.
    /// The log-in has taken place and is answered, whatever fails here; the next one goes on with the
    /// rest.
    async fn come_down(&self, of_principal: u64) -> Vec<Selector> {
        let mut ended = Vec::new();
        if let Err(error) = self.end_oldest(of_principal, &mut ended).await {
            event::not_evicted(self.key.namespace.as_str(), self.key.selector, &error);
        }
        ended
    }

    /// Ends the sessions with the earliest log-ins, after this one was stored. Each is removed as it
    /// was listed, so that what has happened to a session since then, such as a log-in, keeps the
    /// session. Notes those that were ended.
    async fn end_oldest(
        &self,
        mut of_principal: u64,
        ended: &mut Vec<Selector>,
    ) -> Result<(), StoreError> {
        let mut is_last = false;
        for tries in 0..TRIES {
            if of_principal <= self.most() {
                break;
            }
            pause(tries).await;
            let excess = of_principal.saturating_sub(self.most()).min(MOST);
            // Among few sessions, those that are over are all seen and do not count.
            let enough = if of_principal <= MOST { MOST } else { excess };
            let (sessions, is_all) = self.oldest(enough).await?;
            // Counted after the list: what others have removed in between is still listed, and its
            // removal fails. Counted before, it would be made up for by one session too many. Nor
            // does the place count any more that this session had before the log-in.
            let there = if is_all {
                sessions.len() as u64
            } else {
                self.store.count(&self.key.namespace, &self.principal).await?
            };
            let (over, live): (Vec<_>, Vec<_>) =
                sessions.into_iter().partition(|(_, record)| self.is_over(&record.meta));
            for (selector, record) in &over {
                self.remove(*selector, record).await?;
            }
            let excess = there.saturating_sub(over.len() as u64).saturating_sub(self.most());
            let excess = excess.min(MOST);
            let going = &live[..live.len().min(usize::try_from(excess).unwrap_or(usize::MAX))];
            let is_among = going.iter().any(|(selector, _)| *selector == self.key.selector);
            if is_among && !is_last {
                // Another process' clock is ahead, or the log-ins are of one millisecond: a log-in
                // comes after those that it has found.
                is_last = self.become_the_last().await?;
                if is_last {
                    continue;
                }
                // Somebody has ended this session meanwhile, or logged in to it.
                break;
            }
            let mut is_done = going.len() as u64 == excess;
            for (selector, record) in going {
                // Those that came after this one have moved it here; they end it.
                if *selector == self.key.selector {
                    continue;
                }
                if self.remove(*selector, record).await? {
                    ended.push(*selector);
                } else {
                    is_done = false;
                }
            }
            if is_done {
                break;
            }
            // Somebody has come in between: what was counted at first is no measure any more.
            of_principal = self.store.count(&self.key.namespace, &self.principal).await?;
        }
        Ok(())
    }

    /// Returns the earliest log-ins, and whether those are all.
    async fn oldest(
        &self,
        enough: u64,
    ) -> Result<(Vec<(Selector, Arc<Record>)>, bool), StoreError> {
        let enough = usize::try_from(enough).unwrap_or(usize::MAX);
        let (mut sessions, mut after) = (Vec::new(), None);
        while sessions.len() < enough {
            let limit = enough - sessions.len();
            let page = self.list(Order::Oldest, after, limit).await?;
            sessions.extend(page.0);
            after = page.1;
            if after.is_none() {
                return Ok((sessions, true));
            }
        }
        Ok((sessions, false))
    }

    async fn list(
        &self,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<(Selector, Arc<Record>)>, Option<Cursor>), StoreError> {
        let namespace: &Namespace = &self.key.namespace;
        let page = self.store.list(namespace, &self.principal, order, after, limit).await?;
        Ok((page.sessions, page.next))
    }

    async fn remove(&self, selector: Selector, record: &Record) -> Result<bool, StoreError> {
        let key = StoreKey { namespace: self.key.namespace.clone(), selector };
        self.store.remove(&key, Some(record.meta.revision)).await
    }

    /// Moves the time of this log-in behind the latest one. Returns false if the session is gone, or
    /// somebody else's by now.
    async fn become_the_last(&self) -> Result<bool, StoreError> {
        loop {
            let Some(own) = load_latest(self.store, self.key).await?.filter(|own| {
                own.meta.principal.as_ref() == Some(&self.principal)
                    && own.meta.logged_in >= self.logged_in
            }) else {
                return Ok(false);
            };
            let (latest, _) = self.list(Order::Newest, None, 1).await?;
            let Some((selector, record)) = latest.first() else { return Ok(false) };
            let latest = Cursor::of(*selector, record).logged_in;
            let mut raised = Record::clone(&own);
            raised.meta.logged_in = Some(latest.saturating_add(Duration::from_millis(1)));
            raised.meta.revision += 1;
            let written = self.store.replace(self.key, own.meta.revision, Arc::new(raised));
            if let Written::Stored { .. } = written.await? {
                return Ok(true);
            }
        }
    }

    /// Carries out `write` if the principal has fewer other sessions than the cap allows. No other
    /// log-in of the principal that may be refused begins meanwhile.
    async fn if_there_is_room<'w, W: Send + Unpin + 'w>(
        &self,
        write: impl FnOnce() -> StoreFuture<'w, W> + Send,
    ) -> Result<Option<W>, StoreError> {
        let lease = Lease::take(self.store, &self.key.namespace, &self.principal, self.now).await?;
        let written = match self.has_room().await {
            Ok(true) => write().await.map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        lease.release().await;
        written
    }

    async fn has_room(&self) -> Result<bool, StoreError> {
        if self.store.count(&self.key.namespace, &self.principal).await? < self.most() {
            return Ok(true);
        }
        let (mut others, mut after) = (0, None);
        loop {
            let (sessions, next) = self.list(Order::Newest, after, PAGE).await?;
            let live = sessions.iter().filter(|(selector, record)| {
                *selector != self.key.selector && !self.is_over(&record.meta)
            });
            others += live.count() as u64;
            after = next;
            if others >= self.most() || after.is_none() {
                return Ok(others < self.most());
            }
        }
    }
}
