//! All sessions of a principal, from a store that gives them page by page: the list, and the end of
//! all of them.

use std::cmp::Reverse;

use crate::{
    clock::Timestamp,
    store::{
        Cursor, Listed, Namespace, Order, PrincipalKey, RecordStore, Selector, StoreError,
        StoreFuture, StoreKey,
    },
};

/// The most sessions of a page.
pub(super) const PAGE: usize = 64;

/// Returns the sessions of a principal that are live at `now`, the newest first.
pub(super) fn list<'a>(
    store: &'a dyn RecordStore,
    namespace: &'a Namespace,
    principal: &'a PrincipalKey,
    now: Timestamp,
) -> StoreFuture<'a, Vec<Listed>> {
    StoreFuture::begun(async move {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = store.list(namespace, principal, Order::Newest, after, PAGE).await?;
            let live = page.sessions.iter().filter(|(_, record)| !record.meta.is_expired(now));
            listed.extend(live.map(|(selector, record)| Listed::new(*selector, &record.meta)));
            after = page.next;
            if after.is_none() {
                listed.sort_by_key(|session: &Listed| Reverse(session.created));
                return Ok(listed);
            }
        }
    })
}

/// Removes every session of a principal that is there when this begins, except `except`. Returns
/// how many were removed.
pub(super) fn end_all<'a>(
    store: &'a dyn RecordStore,
    namespace: &'a Namespace,
    principal: &'a PrincipalKey,
    except: Option<Selector>,
) -> StoreFuture<'a, u64> {
    StoreFuture::begun(async move {
        let (mut removed, mut after) = (0, None);
        loop {
            let page = store.list(namespace, principal, Order::Oldest, after, PAGE).await?;
            for (selector, record) in &page.sessions {
                if Some(*selector) != except {
                    let log_in = Cursor::of(*selector, record);
                    let version = record.meta.revision;
                    removed +=
                        u64::from(end(store, namespace, principal, log_in, version).await?);
                }
            }
            for selector in page.unreadable {
                if Some(selector) != except {
                    let key = StoreKey { namespace: namespace.clone(), selector };
                    removed += u64::from(store.remove(&key, None).await?);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(removed);
            }
        }
    })
}

/// Removes the session of one log-in, whatever is written to it meanwhile; not if its principal
/// has logged in to it again, or somebody else has. Returns whether it was removed.
async fn end(
    store: &dyn RecordStore,
    namespace: &Namespace,
    principal: &PrincipalKey,
    log_in: Cursor,
    mut version: u64,
) -> Result<bool, StoreError> {
    let key = StoreKey { namespace: namespace.clone(), selector: log_in.selector };
    loop {
        if store.remove(&key, Some(version)).await? {
            return Ok(true);
        }
        match store.load(&key).await? {
            Some(there)
                if there.meta.principal.as_ref() == Some(principal)
                    && Cursor::of(key.selector, &there) == log_in =>
            {
                version = there.meta.revision;
            }
            _ => return Ok(false),
        }
    }
}
