//! Trying a store at start, before the first request does. This file owns the steps; it knows no
//! store.

use std::{sync::Arc, time::Duration};

use super::{
    FieldValue, Meta, Namespace, Order, PrincipalKey, Record, Selector, Store, StoreError,
    StoreKey, Written,
};
use crate::clock::{Clock as _, SystemClock};

/// The time after which a store may remove what a check has left behind: more than clocks differ.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// Does once with a store what requests do: stores a session with a principal, loads, touches,
/// replaces, counts, lists and removes it. The session is the check's own, in the namespace `check`.
///
/// A program that calls this at start learns at once that a right is missing, that the server is a
/// replica, or that the database is read-only. [`open`](super::open) and the `connect` of each store
/// call it. Call it yourself for a store that is made of a pool or a client of your own:
///
/// ```
/// # use session_runtime::store::{self, MemoryStore, StoreError};
/// # async fn start() -> Result<(), StoreError> {
/// let store = MemoryStore::default();
/// store::check(&store).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Returns the first error of the store, with the server's reason, or an error that says which call
/// did not do what it should.
pub async fn check<S: Store + ?Sized>(store: &S) -> Result<(), StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        StoreError::with_source("the operating system gives no random bytes", error)
    })?;
    let selector = Selector::from_bytes(bytes);
    let key = StoreKey { namespace: Namespace::new("check"), selector };
    let now = SystemClock.now();
    let mut record = Record::new(Meta::of_no_session(now, now.saturating_add(LIFE)));
    let principal = PrincipalKey::new(&format!("\"{selector}\""));
    record.meta.set_principal(Some(principal.clone()), now);
    ensure("insert", is_stored(store.insert(&key, Arc::new(record)).await?))?;
    let outcome = go_on(store, &key, &principal).await;
    // After an error too, so that nothing is left; whatever is expires in a day.
    let removed = store.remove(&key, None).await;
    outcome?;
    ensure("remove", removed?)
}

async fn go_on<S: Store + ?Sized>(
    store: &S,
    key: &StoreKey,
    principal: &PrincipalKey,
) -> Result<(), StoreError> {
    let loaded = store.load(key).await?.ok_or_else(|| wrong("load"))?;
    let (now, expires) = (loaded.meta.last_seen, loaded.meta.expires_at());
    ensure(
        "touch",
        store.touch(key, now.saturating_add(Duration::from_millis(1)), expires).await?,
    )?;
    let mut record = Record::clone(&loaded);
    let version = record.meta.revision;
    record.meta.revision = version + 1;
    record.set("check", FieldValue::Bytes("true".into()));
    ensure("replace", is_stored(store.replace(key, version, Arc::new(record)).await?))?;
    ensure("count", store.count(&key.namespace, principal).await? > 0)?;
    let page = store.list(&key.namespace, principal, Order::Oldest, None, 1).await?;
    ensure("list", page.sessions.iter().any(|(selector, _)| *selector == key.selector))
}

const fn is_stored(written: Written) -> bool {
    matches!(written, Written::Stored { .. })
}

fn ensure(call: &str, is_right: bool) -> Result<(), StoreError> {
    if is_right { Ok(()) } else { Err(wrong(call)) }
}

fn wrong(call: &str) -> StoreError {
    StoreError::new(format!(
        "the store does not keep sessions: its `{call}` did not do what it should"
    ))
}
