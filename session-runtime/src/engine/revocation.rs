//! The revocation of sessions whose payload travels in the token (ASVS 7.4.1). A note of each ended
//! session lasts until the last token that names the session has expired. An epoch for each
//! principal marks the oldest sessions that still count. Notes and epochs are ordinary records of
//! an ordinary store.

use crate::{
    clock::Timestamp,
    error::Error,
    repository::deadline::DeadlineStore,
    store::{
        Commit, CommitOutcome, FieldValue, InsertOutcome, Meta, Namespace, Op, PrincipalKey,
        Record, Selector, StoreKey,
    },
};

/// The field of an epoch record.
const EPOCH: &str = "epoch";

pub(crate) struct Revocation {
    store: DeadlineStore,
    ended: Namespace,
    epochs: Namespace,
}

impl Revocation {
    /// Creates the revocation beside the sessions of `namespace`. No session name or audience
    /// contains a `/`, so these records collide with those of no session type.
    pub(crate) fn new(store: DeadlineStore, namespace: &Namespace) -> Self {
        let below = |what| Namespace::new(&format!("{}/{what}", namespace.as_str()));
        Self { store, ended: below("ended"), epochs: below("epoch") }
    }

    pub(crate) async fn is_ended(&self, selector: Selector, now: Timestamp) -> Result<bool, Error> {
        let key = StoreKey { namespace: self.ended.clone(), selector };
        let note = self.store.load(&key).await?;
        Ok(note.is_some_and(|note| !note.meta.is_expired(now)))
    }

    /// Ends a session for all copies of its token. `until` is when the last copy expires. Returns
    /// true if this call ended the session.
    pub(crate) async fn end(
        &self,
        selector: Selector,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let key = StoreKey { namespace: self.ended.clone(), selector };
        let outcome = self.store.insert(&key, Record::new(note(now, until)), None).await?;
        Ok(outcome == InsertOutcome::inserted())
    }

    /// Returns the smallest epoch of a principal whose sessions count.
    pub(crate) async fn epoch(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let record = self.store.load(&self.epoch_key(principal)).await?;
        Ok(record.as_deref().filter(|record| !record.meta.is_expired(now)).map_or(0, epoch_in))
    }

    /// Ends every session of a principal, because later sessions have a larger epoch. The epoch is
    /// kept without limit, since a session may be remembered for any time.
    pub(crate) async fn raise_epoch(
        &self,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<(), Error> {
        let key = self.epoch_key(principal);
        loop {
            let present = self.store.load(&key).await?;
            // In milliseconds, so that an epoch that starts after this record is lost is larger
            // still. At least one more than the last, so that a clock that stands still reuses
            // none.
            let next =
                now.as_millis().max(present.as_deref().map_or(0, epoch_in).saturating_add(1));
            let value = i64::try_from(next).unwrap_or(i64::MAX);
            let meta = note(now, Timestamp::MAX);
            if present.is_some() {
                let mut commit = Commit::touch(now, meta.check, meta.key_id);
                commit.ops.push(Op::Max { field: EPOCH.into(), value });
                let outcome = self.store.commit(&key, &commit).await?;
                if matches!(outcome, CommitOutcome::Committed { .. }) {
                    return Ok(());
                }
                // The record is gone, or was not written by this code; the next round writes a new
                // one.
                self.store.remove(&key).await?;
            } else {
                let mut record = Record::new(meta);
                record.set(EPOCH, FieldValue::Int(value));
                if self.store.insert(&key, record, None).await? == InsertOutcome::inserted() {
                    return Ok(());
                }
            }
        }
    }

    fn epoch_key(&self, principal: &PrincipalKey) -> StoreKey {
        StoreKey { namespace: self.epochs.clone(), selector: principal.to_selector() }
    }
}

/// Returns the fixed part of a record that no credential opens.
fn note(now: Timestamp, until: Timestamp) -> Meta {
    let mut meta = Meta::of_no_session(now, until);
    // **A lost note would bring an ended session back.** A bounded store first evicts sessions
    // without a principal, so a note has one; and it never evicts what is in a namespace of notes.
    meta.set_principal(Some(PrincipalKey::new("revocation")), now);
    meta
}

fn epoch_in(record: &Record) -> u64 {
    match record.get(EPOCH) {
        Some(FieldValue::Int(epoch)) => u64::try_from(*epoch).unwrap_or(0),
        _ => 0,
    }
}
