//! The revocation of sessions whose payload travels in the token (ASVS 7.4.1). A note of each ended
//! session lasts until the last token that names the session has expired. Sessions of a principal began
//! under an epoch, which counts up: a session under an earlier epoch is over. Notes and epochs are
//! ordinary records of an ordinary store. The `floor`, under which all sessions began, is beside them.

use std::sync::Arc;

use super::floor::{Floor, NUMBER, number_in, put};
use crate::{
    clock::{CLOCK_SKEW, Timestamp},
    error::Error,
    repository::deadline::DeadlineStore,
    store::{
        FieldValue, InsertOutcome, Meta, Namespace, Notice, PrincipalKey, Record, Selector,
        StoreKey,
    },
};

pub(crate) struct Revocation {
    store: DeadlineStore,
    sessions: Namespace,
    ended: Namespace,
    ended_of_nobody: Namespace,
    epochs: Namespace,
    floor: Arc<Floor>,
}

impl Revocation {
    /// Creates the revocation beside the sessions of `namespace`. No session name or audience
    /// contains a `/` or `~`, so these records collide with those of no session type.
    pub(crate) fn new(store: DeadlineStore, namespace: &Namespace, floor: Arc<Floor>) -> Self {
        let below = |what| Namespace::new(&format!("{}{what}", namespace.as_str()));
        Self {
            store,
            sessions: namespace.clone(),
            ended: below("/ended"),
            // No notes, in the eyes of a bounded store, but sessions of nobody, which give way first:
            // anybody can begin and end as many sessions as the store has room for.
            ended_of_nobody: below("~ended"),
            epochs: below("/epoch"),
            floor,
        }
    }

    pub(crate) const fn store(&self) -> &DeadlineStore {
        &self.store
    }

    pub(crate) const fn floor(&self) -> &Arc<Floor> {
        &self.floor
    }

    /// Returns whether a session was ended, by itself or together with others. `mark` is the
    /// session's.
    pub(crate) async fn is_revoked(
        &self,
        selector: Selector,
        principal: Option<&PrincipalKey>,
        mark: u64,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let floor = floor_in(mark);
        self.floor.look_if_old(now).await?;
        if floor != self.floor.number() {
            // The session may be younger than what this process knows of the floor.
            self.floor.look(now).await?;
            if floor != self.floor.number() {
                return Ok(true);
            }
        }
        let note = self.store.load(&self.note_key(selector, principal)).await?;
        if note.is_some_and(|note| !note.meta.is_expired(now)) {
            return Ok(true);
        }
        Ok(match principal {
            Some(principal) => epoch_in(mark) < self.epoch(principal).await?,
            None => false,
        })
    }

    /// Ends a session for all copies of its token. `until` is when the last copy expires. Returns
    /// true if this call ended the session.
    pub(crate) async fn end(
        &self,
        selector: Selector,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let key = self.note_key(selector, principal);
        // Another process, or the store's own, may have a clock that is ahead.
        let note = Record::new(Meta::of_no_session(now, until.saturating_add(CLOCK_SKEW)));
        let outcome = self.store.insert(&key, note, None).await?;
        let ended = outcome == InsertOutcome::inserted();
        if ended {
            let namespace = self.sessions.clone();
            self.store.announce(Notice::Session(StoreKey { namespace, selector }));
        }
        Ok(ended)
    }

    /// Returns the mark of a session that begins now, for this principal or for nobody: the number of
    /// the floor as far as it is known, and the principal's epoch.
    pub(crate) async fn mark(&self, principal: Option<&PrincipalKey>) -> Result<u64, Error> {
        let epoch = match principal {
            Some(principal) => self.epoch(principal).await?,
            None => 0,
        };
        Ok(mark(self.floor.number(), epoch))
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
            let there = self.store.load(&key).await?;
            let next = there.as_deref().and_then(number_in).unwrap_or(0).saturating_add(1);
            let values = [(NUMBER, FieldValue::Int(next.into()))];
            if put(&self.store, &key, values, there.as_deref(), now).await? {
                // Which sessions those are is in their tokens alone.
                self.store.announce(Notice::Namespace(self.sessions.clone()));
                return Ok(());
            }
        }
    }

    async fn epoch(&self, principal: &PrincipalKey) -> Result<u32, Error> {
        let there = self.store.load(&self.epoch_key(principal)).await?;
        Ok(there.as_deref().and_then(number_in).unwrap_or(0))
    }

    fn epoch_key(&self, principal: &PrincipalKey) -> StoreKey {
        StoreKey { namespace: self.epochs.clone(), selector: principal.to_selector() }
    }

    fn note_key(&self, selector: Selector, principal: Option<&PrincipalKey>) -> StoreKey {
        let namespace = if principal.is_some() { &self.ended } else { &self.ended_of_nobody };
        StoreKey { namespace: namespace.clone(), selector }
    }
}

/// Returns the mark of a session: the floor and the epoch under which it began.
fn mark(floor: u32, epoch: u32) -> u64 {
    u64::from(floor) << 32 | u64::from(epoch)
}

const fn floor_in(mark: u64) -> u32 {
    (mark >> 32) as u32
}

/// Returns the epoch in a mark.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn epoch_in(mark: u64) -> u32 {
    mark as u32
}
