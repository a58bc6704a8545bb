//! The lease of a principal: of all log-ins that may be refused, in whatever processes, one at a time
//! counts and writes. A lease is a record like any other.

use std::{sync::Arc, time::Duration};

use super::swap::{full, pause, random};
use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    store::{
        FieldValue, Meta, Namespace, PrincipalKey, Record, Store, StoreError, StoreKey, Written,
        load_latest,
    },
};

/// How long a lease is good for: longer than any deadline that its holder has. Whoever pauses for
/// longer may leave one session too many, which the next log-in makes good.
const LASTS: Duration = Duration::from_secs(4);
/// How long the record of a lease that nobody has released is kept.
const KEPT: Duration = Duration::from_secs(3600);
/// The time at which the lease ends, in milliseconds of this machine's clock: the clock of the
/// sessions may stand still.
const UNTIL: &str = "until";

/// A lease that is held.
pub(super) struct Lease<'a> {
    store: &'a dyn Store,
    key: StoreKey,
    version: u64,
}

impl<'a> Lease<'a> {
    /// Waits until nobody else holds the lease of a principal. The caller's deadline ends the wait.
    pub(super) async fn take(
        store: &'a dyn Store,
        namespace: &Namespace,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        // No namespace of a session type contains a `/`.
        let namespace = Namespace::new(&format!("{}/lease", namespace.as_str()));
        let key = StoreKey { namespace, selector: principal.to_selector() };
        let mut tries = 0_u32;
        loop {
            pause(tries).await;
            tries = tries.saturating_add(1);
            let lease = note(now);
            let version = lease.meta.revision;
            let taken = match load_latest(store, &key).await? {
                None => store.insert(&key, Arc::new(lease)).await?,
                Some(there) if has_ended(&there) => {
                    store.replace(&key, there.meta.revision, Arc::new(lease)).await?
                }
                Some(_) => continue,
            };
            match taken {
                Written::Stored { .. } => return Ok(Self { store, key, version }),
                Written::Not => {}
                Written::Full => return Err(full()),
            }
        }
    }

    /// Lets the next log-in begin. If that fails, the next one begins when the lease has ended.
    pub(super) async fn release(self) {
        let _ = self.store.remove(&self.key, Some(self.version)).await;
    }
}

/// Makes the record of a lease that begins now.
fn note(now: Timestamp) -> Record {
    let mut meta = Meta::of_no_session(now, now.saturating_add(KEPT));
    // A version that no other lease has, in whatever process.
    meta.revision = random() >> 3;
    let mut note = Record::new(meta);
    let until = SystemClock.now().saturating_add(LASTS);
    let until = i64::try_from(until.as_millis()).unwrap_or(i64::MAX);
    note.set(UNTIL, FieldValue::Int(until));
    note
}

fn has_ended(lease: &Record) -> bool {
    let now = SystemClock.now().as_millis();
    match lease.get(UNTIL) {
        Some(FieldValue::Int(until)) => u64::try_from(*until).is_ok_and(|until| until <= now),
        _ => true,
    }
}
