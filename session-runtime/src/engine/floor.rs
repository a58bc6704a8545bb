//! The floor of a namespace: whatever began earlier is over, in every process. Owns the one record that
//! all processes share, and what this process knows of that record; `load` judges sessions by it.
//!
//! The record has two parts. The time `before` ends what began earlier, in a store and in tokens. The
//! random `number` ends every payload in a token that names another one, whatever the clocks say: only
//! such payloads name the number under which they began.
//!
//! **A floor that cannot be read fails the load.** The sessions are in the same store, so little is lost by
//! that; a process that went on with an old floor would accept what others have ended.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::Mutex;

use crate::{
    clock::{CLOCK_SKEW, Timestamp},
    error::{Error, Kind},
    event,
    repository::deadline::DeadlineStore,
    store::{
        Commit, CommitOutcome, Expected, FieldValue, InsertOutcome, Meta, Namespace, Notice, Op,
        Record, Selector, StoreKey,
    },
    token::Random,
};

/// The fields of the record.
pub(super) const NUMBER: &str = "number";
const BEFORE: &str = "before";

/// The time after which a process looks at the floor again.
const AGE: Duration = Duration::from_secs(1);

pub(crate) struct Floor {
    store: DeadlineStore,
    sessions: Namespace,
    key: StoreKey,
    random: Random,
    /// True if sessions name the number of the floor: then a store without a floor has lost records,
    /// perhaps notes of ended sessions, too, and gets a new floor.
    is_named: bool,
    before: AtomicU64,
    /// 0 is the number of no floor, and of tokens that know of none.
    number: AtomicU32,
    /// When the floor was last asked for; the end of time before the first answer.
    looked: AtomicU64,
    /// The number of looks that came to an end under the lock.
    looks: AtomicU64,
    /// One look at a time, and the outcome of the last one.
    look: Mutex<Result<(), Error>>,
}

impl Floor {
    /// Creates the floor of the sessions of `namespace`.
    pub(crate) fn new(
        store: DeadlineStore,
        namespace: &Namespace,
        random: Random,
        is_named: bool,
    ) -> Self {
        Self {
            store,
            sessions: namespace.clone(),
            key: StoreKey { namespace: namespace.of_floor(), selector: Selector([0; 16]) },
            random,
            is_named,
            before: AtomicU64::new(0),
            number: AtomicU32::new(0),
            looked: AtomicU64::new(Timestamp::MAX.as_millis()),
            looks: AtomicU64::new(0),
            look: Mutex::new(Ok(())),
        }
    }

    /// Returns the time before which a session must not have begun, as far as it is known.
    #[inline]
    pub(crate) fn before(&self) -> Timestamp {
        Timestamp::from_millis(self.before.load(Ordering::Relaxed))
    }

    /// Returns the number that later payloads name, as far as it is known.
    pub(super) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// Returns whether what is known was asked for more than a second ago. So it is, too, if the clock
    /// was set back since.
    #[inline]
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        let at = Timestamp::from_millis(self.looked.load(Ordering::Relaxed));
        now < at || now >= at.saturating_add(AGE)
    }

    /// Looks at the floor unless that was done a second ago at most. Requests that ask meanwhile share
    /// one look, and its outcome.
    pub(crate) async fn look_if_old(&self, now: Timestamp) -> Result<(), Error> {
        if !self.is_old(now) {
            return Ok(());
        }
        let looks = self.looks.load(Ordering::Relaxed);
        let mut outcome = self.look.lock().await;
        if self.looks.load(Ordering::Relaxed) == looks {
            *outcome = self.look(now).await;
            self.looks.fetch_add(1, Ordering::Relaxed);
        }
        outcome.clone()
    }

    /// Looks at the floor as it is now.
    pub(crate) async fn look(&self, now: Timestamp) -> Result<(), Error> {
        loop {
            let there = self.store.load_floor(&self.key).await?;
            let (number, before) = read(there.as_deref());
            if number != 0 || !self.is_named {
                self.know(number, before, now);
                return Ok(());
            }
            // The next round reads the floor, whoever has put it there.
            if self.put(self.new_number(0)?, before, there.as_deref(), now).await? {
                event::revocation_begins(self.key.namespace.as_str());
            }
        }
    }

    /// Ends everything that began before a time, or until `now`, the present millisecond included. `now`
    /// is the time of the store, and `session` is for the event. An earlier time than that of the floor
    /// changes nothing.
    pub(crate) async fn raise(
        &self,
        session: &str,
        to: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if to.is_some_and(|to| to > now.saturating_add(CLOCK_SKEW)) {
            return Err(Error::new(Kind::InTheFuture));
        }
        loop {
            let there = self.store.load_floor(&self.key).await?;
            let (mut number, known) = read(there.as_deref());
            // What a process has begun whose clock is behind has begun at the present floor.
            let end = || known.max(now).saturating_add(Duration::from_millis(1));
            let before = to.map_or_else(end, |to| known.max(to));
            if to.is_none() || number == 0 {
                number = self.new_number(number)?;
            } else if before == known {
                self.know(number, known, now);
                return Ok(());
            }
            if self.put(number, before, there.as_deref(), now).await? {
                self.know(number, before, now);
                self.store.announce(Notice::Namespace(self.sessions.clone()));
                event::ended_everything(session, before.as_millis());
                return Ok(());
            }
        }
    }

    /// Notes the floor as it was at `now`. The time never falls: a store that was put back from a backup
    /// has an earlier one.
    fn know(&self, number: u32, before: Timestamp, now: Timestamp) {
        self.before.fetch_max(before.as_millis(), Ordering::Relaxed);
        self.number.store(number, Ordering::Relaxed);
        self.looked.store(now.as_millis(), Ordering::Relaxed);
    }

    /// Draws another number than `present`.
    fn new_number(&self, present: u32) -> Result<u32, Error> {
        loop {
            let bytes = self.random.bytes().map_err(|_| Error::new(Kind::Random))?;
            let number = u32::from_be_bytes(bytes).max(1);
            if number != present {
                return Ok(number);
            }
        }
    }

    async fn put(
        &self,
        number: u32,
        before: Timestamp,
        there: Option<&Record>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let before = i64::try_from(before.as_millis()).unwrap_or(i64::MAX);
        let values = [(NUMBER, FieldValue::Int(number.into())), (BEFORE, FieldValue::Int(before))];
        put(&self.store, &self.key, values, there, now).await
    }
}

/// Returns the number and the time in the record of a floor.
fn read(record: Option<&Record>) -> (u32, Timestamp) {
    let before = match record.and_then(|record| record.get(BEFORE)) {
        Some(FieldValue::Int(millis)) => u64::try_from(*millis).unwrap_or_default(),
        _ => 0,
    };
    (record.and_then(number_in).unwrap_or_default(), Timestamp::from_millis(before))
}

/// Returns the number in the record of a floor, or of an epoch.
pub(super) fn number_in(record: &Record) -> Option<u32> {
    match record.get(NUMBER) {
        Some(FieldValue::Int(number)) => u32::try_from(*number).ok(),
        _ => None,
    }
}

/// Puts values in the place of those that are there. Returns false if others are there by now.
pub(super) async fn put<const N: usize>(
    store: &DeadlineStore,
    key: &StoreKey,
    values: [(&'static str, FieldValue); N],
    there: Option<&Record>,
    now: Timestamp,
) -> Result<bool, Error> {
    let meta = Meta::of_no_session(now, Timestamp::MAX);
    let Some(there) = there else {
        let mut record = Record::new(meta);
        record.extend(values.map(|(name, value)| (name.into(), value)));
        return Ok(store.insert(key, record, None).await? == InsertOutcome::inserted());
    };
    let mut commit = Commit::touch(now, meta.check, meta.key_id);
    for (name, value) in values {
        commit.expected.push(Expected { field: name.into(), seen: there.get(name).cloned() });
        commit.ops.push(Op::Set { field: name.into(), value });
    }
    match store.commit(key, &commit).await? {
        CommitOutcome::Committed { .. } => Ok(true),
        CommitOutcome::Conflict { .. } => Ok(false),
        // The record is gone, or was not written by this code; the next round writes a new one.
        _ => {
            store.remove(key).await?;
            Ok(false)
        }
    }
}
