//! A commit, which bundles all that a request changes in one session, and the outcomes of commits
//! and inserts. Plain data; [`Record::apply`] is the reference for what a commit does.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use super::{
    Check, KeyId, PrincipalKey, Record, Selector, Written,
    op::{Cap, Expected, FieldName, Lifetime, Op, Refusal, Rotation},
};
use crate::clock::Timestamp;

/// Everything one request changes in one session. Preconditions are checked first, then all of it
/// applies atomically, or none of it.
///
/// Every commit also moves `last_seen` forward to [`now`](Self::now), unless it is
/// [no use](Unpresented::is_use). A commit that changes nothing else is a touch, which leaves the
/// revision as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// The time of the request: expiry is checked against it, and it becomes the new `last_seen`.
    pub now: Timestamp,
    /// The check value of the credential presented; neither the current one nor the previous one
    /// within its grace is [`Superseded`](CommitOutcome::Superseded).
    pub check: Check,
    /// The key id of the credential presented.
    pub key_id: KeyId,
    /// Set for a commit that comes from elsewhere than a request of the client: no credential is
    /// presented then, and `check` and `key_id` say nothing.
    pub unpresented: Option<Unpresented>,
    /// The revision that the record must still have, if the whole commit rests on the record.
    pub revision: Option<u64>,
    /// The values that fields must still have.
    pub expected: Vec<Expected>,
    /// The changes, in order.
    pub ops: Vec<Op>,
    /// The new principal, if the principal changes; `Some(None)` is nobody. The same principal
    /// again is a new log-in.
    pub principal: Option<Option<PrincipalKey>>,
    /// The limit on the new principal's sessions. Has an effect only if `principal` is somebody;
    /// this session itself is never one of the others.
    pub cap: Option<Cap>,
    /// The new credential, if the credential changes.
    pub rotation: Option<Rotation>,
    /// The new lifetime, if the lifetime changes; otherwise the recorded one stays.
    pub lifetime: Option<Lifetime>,
    /// The most bytes that the record's [content](Record::size) may have. A commit that makes a
    /// record larger than that does not apply; a record that is larger already may stay so, or
    /// become smaller.
    pub max_bytes: Option<usize>,
    /// The record that the request has loaded, for a store that [asks for
    /// it](super::Properties::wants_loaded): a guess at the record as it is now. It may be old, and
    /// does not change the meaning of the commit.
    pub loaded: Option<Arc<Record>>,
    pub(crate) progress: Progress,
}

/// The progress of a commit. Says nothing of what the commit is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The number of times that the commit was tried again, because another request was in between.
    retries: AtomicU32,
    /// True from the moment in which a write was sent, unless the store has answered that nothing was
    /// written.
    is_sent: AtomicBool,
}

impl Progress {
    pub(crate) fn note_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retries(&self) -> u32 {
        self.retries.load(Ordering::Relaxed)
    }

    pub(crate) fn note_sent(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_answer(&self, written: &Written) {
        let is_stored = matches!(written, Written::Stored { .. });
        self.is_sent.store(is_stored, Ordering::Relaxed);
    }

    /// Returns whether the commit was applied, or may have been.
    pub(crate) fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::Relaxed)
    }
}

impl Clone for Progress {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Progress {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Progress {}

impl Commit {
    /// Makes a touch, which changes nothing but `last_seen`.
    #[must_use]
    pub fn touch(now: Timestamp, check: Check, key_id: KeyId) -> Self {
        Self {
            now,
            check,
            key_id,
            unpresented: None,
            revision: None,
            expected: Vec::new(),
            ops: Vec::new(),
            principal: None,
            cap: None,
            rotation: None,
            lifetime: None,
            max_bytes: None,
            loaded: None,
            progress: Progress::default(),
        }
    }

    /// Returns whether the commit counts as a use of the session.
    pub(crate) fn is_use(&self) -> bool {
        self.unpresented.as_ref().is_none_or(|unpresented| unpresented.is_use)
    }

    /// Returns whether changes run again if the commit is applied to this record, because a field no
    /// longer holds what the request has changed.
    pub(crate) fn runs_again_on(&self, record: &Record) -> bool {
        self.ops.iter().any(|op| match op {
            Op::Update { field, change } => record.get(field) != change.base.as_ref(),
            _ => false,
        })
    }

    /// Returns whether the commit changes nothing but the time at which the session was last used.
    pub(crate) fn is_touch(&self) -> bool {
        self.revision.is_none()
            && self.expected.is_empty()
            && self.ops.is_empty()
            && self.principal.is_none()
            && self.rotation.is_none()
            && self.lifetime.is_none()
    }
}

/// The precondition of a commit without a credential, and the place of the commit in the session's
/// life.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unpresented {
    /// The principal whose session this must be, or `None` if anybody may be logged in. The session
    /// of somebody else is [`Superseded`](CommitOutcome::Superseded).
    pub principal: Option<PrincipalKey>,
    /// True if the commit counts as a use of the session, and moves `last_seen` forward.
    pub is_use: bool,
}

impl Unpresented {
    /// Makes the precondition that the session is still this principal's, if there was one.
    #[must_use]
    pub const fn new(principal: Option<PrincipalKey>, is_use: bool) -> Self {
        Self { principal, is_use }
    }
}

/// The outcome of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// All of it applied.
    Committed {
        /// The record's revision after it.
        revision: u64,
        /// True if a rotation was asked for and took place.
        rotated: bool,
        /// The sessions that were evicted for this log-in, under
        /// [`EndOldest`](super::OnMaxSessions::EndOldest).
        ended: Vec<Selector>,
    },
    /// Nothing applied: the commit rests on what another one has changed meanwhile.
    Conflict {
        /// The field in question; empty if the commit rests on the whole record.
        field: FieldName,
    },
    /// Nothing applied: a change to a field cannot be made.
    Refused {
        /// The field in question.
        field: FieldName,
        /// The reason.
        why: Refusal,
    },
    /// Nothing applied: there is no such session, or the session is expired.
    Gone,
    /// Nothing applied: the credential is no longer the session's, or the session has another
    /// principal by now.
    Superseded,
    /// Nothing applied: the principal has the most sessions that it may have, under
    /// [`RefuseNew`](super::OnMaxSessions::RefuseNew).
    Full,
    /// Nothing applied: the record would be larger than [`Commit::max_bytes`].
    TooLarge {
        /// The size that the record would have.
        size: usize,
        /// The sizes that the fields would have, the largest first.
        fields: Vec<(String, usize)>,
    },
}

impl CommitOutcome {
    /// Returns the outcome of a commit that applied and ended no other session.
    #[must_use]
    pub const fn committed(revision: u64, rotated: bool) -> Self {
        Self::Committed { revision, rotated, ended: Vec::new() }
    }
}

/// The outcome of an insert.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertOutcome {
    /// The record is stored.
    Inserted {
        /// The sessions that were evicted for this log-in, under
        /// [`EndOldest`](super::OnMaxSessions::EndOldest).
        ended: Vec<Selector>,
    },
    /// Nothing is stored: there is a record under that key already, which was left alone.
    Exists,
    /// Nothing is stored: the principal has the most sessions that it may have, under
    /// [`RefuseNew`](super::OnMaxSessions::RefuseNew).
    Full,
}

impl InsertOutcome {
    /// Returns the outcome of an insert that stored the record and ended no other session.
    #[must_use]
    pub const fn inserted() -> Self {
        Self::Inserted { ended: Vec::new() }
    }
}
