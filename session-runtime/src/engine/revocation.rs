//! The revocation of sessions whose payload travels in the token (ASVS 7.4.1). A note of each ended
//! session lasts until the last token that names the session has expired. All sessions began under a
//! floor, a random number, and those of a principal under an epoch, which counts up: a session under
//! another floor or under an earlier epoch is over. Notes, epochs and the floor are ordinary records
//! of an ordinary store.
//!
//! **Revocation fails closed.** A store without a floor has lost records, perhaps notes of ended
//! sessions, too: under a new floor, every session that began before is over.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    clock::{CLOCK_SKEW, Timestamp},
    error::{Error, Kind},
    event,
    repository::deadline::DeadlineStore,
    store::{
        Commit, CommitOutcome, Expected, FieldValue, InsertOutcome, Meta, Namespace, Op,
        PrincipalKey, Record, Selector, StoreKey,
    },
    token::Random,
};

/// The field of the record of an epoch, and of the floor.
const NUMBER: &str = "number";

/// The time after which a process looks at the floor again.
const FLOOR_AGE: Duration = Duration::from_secs(1);

pub(crate) struct Revocation {
    store: DeadlineStore,
    ended: Namespace,
    ended_of_nobody: Namespace,
    epochs: Namespace,
    floor: StoreKey,
    /// The floor as it was found, and when.
    known_floor: Mutex<Option<(u32, Timestamp)>>,
    random: Random,
}

impl Revocation {
    /// Creates the revocation beside the sessions of `namespace`. No session name or audience
    /// contains a `/` or `~`, so these records collide with those of no session type.
    pub(crate) fn new(store: DeadlineStore, namespace: &Namespace, random: Random) -> Self {
        let below = |what| Namespace::new(&format!("{}{what}", namespace.as_str()));
        Self {
            store,
            ended: below("/ended"),
            // No notes, in the eyes of a bounded store, but sessions of nobody, which give way first:
            // anybody can begin and end as many sessions as the store has room for.
            ended_of_nobody: below("~ended"),
            epochs: below("/epoch"),
            floor: StoreKey { namespace: below("/floor"), selector: Selector([0; 16]) },
            known_floor: Mutex::default(),
            random,
        }
    }

    pub(crate) const fn store(&self) -> &DeadlineStore {
        &self.store
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
        // The session may be younger than what this process knows of the floor.
        if floor != self.floor(now).await? && floor != self.look_at_floor(now).await? {
            return Ok(true);
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
        Ok(outcome == InsertOutcome::inserted())
    }

    /// Returns the mark of a session that begins now, for this principal or for nobody: the floor,
    /// and the principal's epoch.
    pub(crate) async fn mark(
        &self,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
    ) -> Result<u64, Error> {
        Ok(match principal {
            Some(principal) => mark(self.look_at_floor(now).await?, self.epoch(principal).await?),
            None => mark(self.floor(now).await?, 0),
        })
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
            if self.put(&key, next, there.as_deref(), now).await? {
                return Ok(());
            }
        }
    }

    /// Ends every session, because later sessions begin under another floor. Other processes look at
    /// the floor once a second.
    pub(crate) async fn change_floor(&self, now: Timestamp) -> Result<(), Error> {
        loop {
            let there = self.store.load(&self.floor).await?;
            let floor = self.new_floor()?;
            let is_new = there.as_deref().and_then(number_in) != Some(floor);
            if is_new && self.put(&self.floor, floor, there.as_deref(), now).await? {
                self.know_floor(floor, now);
                return Ok(());
            }
        }
    }

    /// Returns the floor as it was a second ago at most.
    async fn floor(&self, now: Timestamp) -> Result<u32, Error> {
        let known = *self.known_floor.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some((floor, at)) if at <= now && now < at.saturating_add(FLOOR_AGE) => Ok(floor),
            _ => self.look_at_floor(now).await,
        }
    }

    async fn look_at_floor(&self, now: Timestamp) -> Result<u32, Error> {
        loop {
            let there = self.store.load(&self.floor).await?;
            if let Some(floor) = there.as_deref().and_then(number_in) {
                self.know_floor(floor, now);
                return Ok(floor);
            }
            // The next round reads the floor, whoever has put it there.
            let floor = self.new_floor()?;
            if self.put(&self.floor, floor, there.as_deref(), now).await? {
                event::revocation_begins(self.floor.namespace.as_str());
            }
        }
    }

    fn know_floor(&self, floor: u32, now: Timestamp) {
        *self.known_floor.lock().unwrap_or_else(PoisonError::into_inner) = Some((floor, now));
    }

    fn new_floor(&self) -> Result<u32, Error> {
        let bytes = self.random.bytes().map_err(|_| Error::new(Kind::Random))?;
        // 0 is the floor of tokens that know of no revocation.
        Ok(u32::from_be_bytes(bytes).max(1))
    }

    async fn epoch(&self, principal: &PrincipalKey) -> Result<u32, Error> {
        let there = self.store.load(&self.epoch_key(principal)).await?;
        Ok(there.as_deref().and_then(number_in).unwrap_or(0))
    }

    /// Puts a number in the place of what is there. Returns false if another number is there by now.
    async fn put(
        &self,
        key: &StoreKey,
        number: u32,
        there: Option<&Record>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let meta = Meta::of_no_session(now, Timestamp::MAX);
        let value = FieldValue::Int(number.into());
        let Some(there) = there else {
            let mut record = Record::new(meta);
            record.set(NUMBER, value);
            return Ok(self.store.insert(key, record, None).await? == InsertOutcome::inserted());
        };
        let mut commit = Commit::touch(now, meta.check, meta.key_id);
        commit.expected.push(Expected { field: NUMBER.into(), seen: there.get(NUMBER).cloned() });
        commit.ops.push(Op::Set { field: NUMBER.into(), value });
        match self.store.commit(key, &commit).await? {
            CommitOutcome::Committed { .. } => Ok(true),
            CommitOutcome::Conflict { .. } => Ok(false),
            // The record is gone, or was not written by this code; the next round writes a new one.
            _ => {
                self.store.remove(key).await?;
                Ok(false)
            }
        }
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

fn number_in(record: &Record) -> Option<u32> {
    match record.get(NUMBER) {
        Some(FieldValue::Int(number)) => u32::try_from(*number).ok(),
        _ => None,
    }
}
