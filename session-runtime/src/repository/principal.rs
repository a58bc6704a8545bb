//! The sessions of a principal, from a store that gives them page by page: a page for the user, and
//! the end of all of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    clock::Timestamp,
    store::{
        Cursor, Namespace, Order, PrincipalKey, Record, Selector, Store, StoreError, StoreFuture,
        StoreKey, load_latest,
    },
};

#[cfg(any(test, feature = "conformance"))]
use crate::store::Meta;

/// One live session of a principal, as the suites compare lists.
#[cfg(any(test, feature = "conformance"))]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The session's selector.
    pub selector: Selector,
    /// The time at which the session was created.
    pub created: Timestamp,
    /// The time at which the session's principal logged in.
    pub logged_in: Timestamp,
    /// The time at which the session was last used, up to the touch throttle.
    pub last_seen: Timestamp,
}

#[cfg(any(test, feature = "conformance"))]
impl Listed {
    /// Makes the list entry of a session from its selector and the fixed part of its record.
    #[must_use]
    pub fn new(selector: Selector, meta: &Meta) -> Self {
        let Meta { created, last_seen, .. } = *meta;
        Self { selector, created, logged_in: meta.began(), last_seen }
    }
}

/// A live session with its place in the list.
pub(crate) type Found = (Cursor, Selector, Arc<Record>);

/// The most sessions of a page.
pub(super) const PAGE: usize = 64;

/// Returns a part of the sessions that are live at `now`, of one principal under its one or several
/// keys: those after a place, in this order of their log-ins; and where the list goes on. A part may
/// be short, even empty, before the list ends. With each session comes its record.
pub(super) fn page<'a>(
    store: &'a dyn Store,
    namespace: &'a Namespace,
    principals: &'a [PrincipalKey],
    now: Timestamp,
    order: Order,
    after: Option<Cursor>,
) -> StoreFuture<'a, (Vec<Found>, Option<Cursor>)> {
    StoreFuture::new(async move {
        let (mut listed, mut next): (Vec<Found>, Option<Cursor>) = (Vec::new(), None);
        for principal in principals {
            let page = store.list(namespace, principal, order, after, PAGE).await?;
            // Beyond the place where the first of the lists breaks off, others may have more.
            let ends = next.into_iter().chain(page.next);
            next = ends.min_by(|one, other| order.compare(*one, *other));
            let live = page.sessions.into_iter().filter(|(_, record)| !record.meta.is_expired(now));
            listed.extend(
                live.map(|(selector, record)| (Cursor::of(selector, &record), selector, record)),
            );
        }
        listed.retain(|(place, ..)| next.is_none_or(|next| order.compare(*place, next).is_le()));
        listed.sort_by(|(one, ..), (other, ..)| order.compare(*one, *other));
        Ok((listed, next))
    })
}

/// Returns all sessions of a principal that are live at `now`, the latest log-in first.
#[cfg(any(test, feature = "conformance"))]
pub(super) fn list<'a>(
    store: &'a dyn Store,
    namespace: &'a Namespace,
    principal: &'a PrincipalKey,
    now: Timestamp,
) -> StoreFuture<'a, Vec<Listed>> {
    StoreFuture::new(async move {
        let (mut listed, mut seen, mut after) =
            (Vec::new(), std::collections::HashSet::new(), None);
        loop {
            let principals = std::slice::from_ref(principal);
            let (sessions, next) =
                page(store, namespace, principals, now, Order::Newest, after).await?;
            let sessions = sessions.into_iter();
            let sessions = sessions.map(|(_, selector, it)| Listed::new(selector, &it.meta));
            // A session whose principal logs in to it meanwhile may be on two pages.
            listed.extend(sessions.filter(|session| seen.insert(session.selector)));
            after = next;
            if after.is_none() {
                return Ok(listed);
            }
        }
    })
}

/// The outcome of ending all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndedAll {
    /// The number of sessions that were ended.
    pub(crate) sessions: u64,
    /// False if the time was up before the last one.
    pub(crate) is_done: bool,
}

/// Removes every session that is a principal's from when this begins until its turn comes, except
/// `except`, until the time is up. `ended` hears of each session that was removed.
pub(super) fn end_all<'a>(
    store: &'a dyn Store,
    namespace: &'a Namespace,
    principal: &'a PrincipalKey,
    except: Option<Selector>,
    time: Duration,
    ended: &'a (dyn Fn(&StoreKey) + Send + Sync),
) -> StoreFuture<'a, EndedAll> {
    StoreFuture::new(async move {
        let key = |selector| StoreKey { namespace: namespace.clone(), selector };
        let (begun, mut sessions, mut after) = (Instant::now(), 0, None);
        loop {
            let page = store.list(namespace, principal, Order::Oldest, after, PAGE).await?;
            for (selector, record) in page.sessions {
                if begun.elapsed() > time {
                    return Ok(EndedAll { sessions, is_done: false });
                }
                let key = key(selector);
                if Some(selector) != except && end(store, &key, principal, record).await? {
                    sessions += 1;
                    ended(&key);
                }
            }
            for selector in page.unreadable {
                let key = key(selector);
                if Some(selector) != except && store.remove(&key, None).await? {
                    sessions += 1;
                    ended(&key);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(EndedAll { sessions, is_done: true });
            }
        }
    })
}

/// Removes a session if it is one of a principal's, under its one or several keys. Returns whether it
/// was.
pub(super) fn end_of<'a>(
    store: &'a dyn Store,
    key: &'a StoreKey,
    principals: &'a [PrincipalKey],
) -> StoreFuture<'a, bool> {
    StoreFuture::new(async move {
        let Some(record) = load_latest(store, key).await? else { return Ok(false) };
        let owner = principals.iter().find(|it| record.meta.principal.as_ref() == Some(*it));
        match owner {
            Some(owner) => end(store, key, owner, record).await,
            None => Ok(false),
        }
    })
}

/// Removes a session, whatever is written to it meanwhile, unless it becomes somebody else's.
/// Returns whether it was removed.
async fn end(
    store: &dyn Store,
    key: &StoreKey,
    principal: &PrincipalKey,
    mut record: Arc<Record>,
) -> Result<bool, StoreError> {
    loop {
        if store.remove(key, Some(record.meta.revision)).await? {
            return Ok(true);
        }
        match load_latest(store, key).await? {
            Some(there) if there.meta.principal.as_ref() == Some(principal) => record = there,
            _ => return Ok(false),
        }
    }
}
