//! All sessions of a principal, from a store that gives them page by page: the list, and the end of
//! all of them.

use std::{cmp::Reverse, collections::HashSet, sync::Arc};

use crate::{
    clock::Timestamp,
    store::{
        Meta, Namespace, Order, PrincipalKey, Record, Selector, Store, StoreError, StoreFuture,
        StoreKey, load_latest,
    },
};

/// One live session of a principal, as [`list`] gives it.
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

impl Listed {
    /// Makes the list entry of a session from its selector and the fixed part of its record.
    #[must_use]
    pub fn new(selector: Selector, meta: &Meta) -> Self {
        let Meta { created, last_seen, .. } = *meta;
        Self { selector, created, logged_in: meta.logged_in.unwrap_or(created), last_seen }
    }
}

/// The most sessions of a page.
pub(super) const PAGE: usize = 64;

/// Returns the sessions of a principal that are live at `now`, the newest first.
pub(super) fn list<'a>(
    store: &'a dyn Store,
    namespace: &'a Namespace,
    principal: &'a PrincipalKey,
    now: Timestamp,
) -> StoreFuture<'a, Vec<Listed>> {
    StoreFuture::new(async move {
        let (mut listed, mut seen, mut after) = (Vec::new(), HashSet::new(), None);
        loop {
            let page = store.list(namespace, principal, Order::Newest, after, PAGE).await?;
            let live = page.sessions.iter().filter(|(selector, record)| {
                // A session whose principal logs in to it meanwhile may be on two pages.
                !record.meta.is_expired(now) && seen.insert(*selector)
            });
            listed.extend(live.map(|(selector, record)| Listed::new(*selector, &record.meta)));
            after = page.next;
            if after.is_none() {
                listed.sort_by_key(|session: &Listed| Reverse(session.created));
                return Ok(listed);
            }
        }
    })
}

/// Removes every session that is a principal's from when this begins until its turn comes, except
/// `except`. Returns how many were removed.
pub(super) fn end_all<'a>(
    store: &'a dyn Store,
    namespace: &'a Namespace,
    principal: &'a PrincipalKey,
    except: Option<Selector>,
) -> StoreFuture<'a, u64> {
    StoreFuture::new(async move {
        let key = |selector| StoreKey { namespace: namespace.clone(), selector };
        let (mut removed, mut after) = (0, None);
        loop {
            let page = store.list(namespace, principal, Order::Oldest, after, PAGE).await?;
            for (selector, record) in page.sessions {
                if Some(selector) != except {
                    removed += u64::from(end(store, &key(selector), principal, record).await?);
                }
            }
            for selector in page.unreadable {
                if Some(selector) != except {
                    removed += u64::from(store.remove(&key(selector), None).await?);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(removed);
            }
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
