//! Short names for the values, ops, credentials and commits that the suite is made of. Plain data;
//! nothing here talks to a store.

use bytes::Bytes;

use crate::{
    clock::Timestamp,
    store::{
        Cap, Check, Commit, CommitOutcome, Expected, FieldName, FieldValue, KeyId, Lifetime,
        OnMaxSessions, Op, PrincipalKey, Refusal, Rotation, Selector,
    },
};

pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
/// The idle time of the suite's sessions.
pub(super) const IDLE: u64 = 30 * MINUTE;
/// The absolute lifetime of the suite's sessions.
pub(super) const ABSOLUTE: u64 = 12 * HOUR;

/// Draws bytes that nobody else draws, for the names of namespaces and sessions.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

pub(super) fn bytes(value: impl AsRef<[u8]>) -> FieldValue {
    FieldValue::Bytes(Bytes::copy_from_slice(value.as_ref()))
}

pub(super) const fn int(number: i64) -> FieldValue {
    FieldValue::Int(number)
}

pub(super) fn members<M: AsRef<[u8]>>(members: impl IntoIterator<Item = M>) -> FieldValue {
    FieldValue::Set(members.into_iter().map(|it| Bytes::copy_from_slice(it.as_ref())).collect())
}

pub(super) fn name(field: &str) -> FieldName {
    field.to_owned().into()
}

pub(super) fn set(field: &str, value: FieldValue) -> Op {
    Op::Set { field: name(field), value }
}

pub(super) fn unset(field: &str) -> Op {
    Op::Unset { field: name(field) }
}

pub(super) fn add(field: &str, by: i64) -> Op {
    add_within(field, by, i64::MIN, i64::MAX)
}

pub(super) fn add_within(field: &str, by: i64, min: i64, max: i64) -> Op {
    Op::Add { field: name(field), by, min, max }
}

pub(super) fn insert(field: &str, member: impl AsRef<[u8]>) -> Op {
    Op::Insert { field: name(field), member: Bytes::copy_from_slice(member.as_ref()) }
}

pub(super) fn remove(field: &str, member: impl AsRef<[u8]>) -> Op {
    Op::Remove { field: name(field), member: Bytes::copy_from_slice(member.as_ref()) }
}

pub(super) fn max(field: &str, value: i64) -> Op {
    Op::Max { field: name(field), value }
}

pub(super) fn once(field: &str, value: FieldValue) -> Op {
    Op::Once { field: name(field), value }
}

pub(super) fn take(field: &str, seen: FieldValue) -> Op {
    Op::Take { field: name(field), seen }
}

pub(super) fn clear(keep: &[&str]) -> Op {
    Op::Clear { keep: keep.iter().map(|kept| name(kept)).collect() }
}

/// Makes a principal as the runtime writes it: JSON text.
pub(super) fn principal(who: &str) -> PrincipalKey {
    PrincipalKey::new(&serde_json::Value::from(who).to_string())
}

/// One of the credentials that a session may have. Sessions are created with the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credential(pub(super) u8);

impl Credential {
    pub(super) const FIRST: Self = Self(1);
    pub(super) const SECOND: Self = Self(2);
    pub(super) const THIRD: Self = Self(3);

    /// Returns a check value with bytes of all kinds: zero, ASCII, and such as are no UTF-8.
    pub(super) fn check(self) -> Check {
        let mut check = [0xff; 16];
        check[..4].copy_from_slice(&[self.0, 0, b'\'', 0x80]);
        Check::from_bytes(check)
    }

    pub(super) fn key_id(self) -> KeyId {
        KeyId::from_bytes([0xff, 0, self.0, b'"'])
    }

    pub(super) fn touch(self, now: Timestamp) -> Commit {
        Commit::touch(now, self.check(), self.key_id())
    }

    /// Makes a rotation to this credential.
    pub(super) fn rotation(self, grace_until: Option<Timestamp>) -> Rotation {
        Rotation { check: self.check(), key_id: self.key_id(), grace_until }
    }
}

/// Makes a commit of ops with the first credential.
pub(super) fn commit(now: Timestamp, ops: impl Into<Vec<Op>>) -> Commit {
    Commit { ops: ops.into(), ..Credential::FIRST.touch(now) }
}

/// Makes a log-in with the first credential.
pub(super) fn log_in(now: Timestamp, who: &PrincipalKey, cap: Option<Cap>) -> Commit {
    Commit { principal: Some(Some(who.clone())), cap, ..commit(now, []) }
}

pub(super) fn expected(field: &str, seen: Option<FieldValue>) -> Expected {
    Expected { field: name(field), seen }
}

/// Optional, as it is wherever it is passed.
#[allow(clippy::unnecessary_wraps)]
pub(super) fn end_oldest(sessions: u32) -> Option<Cap> {
    Some(Cap::new(sessions, OnMaxSessions::EndOldest))
}

/// The same.
#[allow(clippy::unnecessary_wraps)]
pub(super) fn refuse_new(sessions: u32) -> Option<Cap> {
    Some(Cap::new(sessions, OnMaxSessions::RefuseNew))
}

/// Returns the usual lifetime of a session that is created at `created`.
pub(super) fn lifetime(created: Timestamp) -> Lifetime {
    Lifetime {
        idle_millis: Some(IDLE),
        absolute_until: later(created, ABSOLUTE),
        persistent: false,
    }
}

pub(super) fn later(time: Timestamp, millis: u64) -> Timestamp {
    Timestamp::from_millis(time.as_millis().saturating_add(millis))
}

pub(super) const fn committed(revision: u64) -> CommitOutcome {
    CommitOutcome::committed(revision, false)
}

pub(super) const fn rotated(revision: u64) -> CommitOutcome {
    CommitOutcome::committed(revision, true)
}

pub(super) fn conflict(field: &str) -> CommitOutcome {
    CommitOutcome::Conflict { field: name(field) }
}

/// Returns the outcome of a commit whose number would leave its range.
pub(super) fn out_of_range(field: &str) -> CommitOutcome {
    CommitOutcome::Refused { field: name(field), why: Refusal::OutOfRange }
}

/// Sorts the ended sessions of an outcome: the contract gives them no order.
pub(super) fn in_order(outcome: CommitOutcome) -> CommitOutcome {
    match outcome {
        CommitOutcome::Committed { revision, rotated, mut ended } => {
            ended.sort();
            CommitOutcome::Committed { revision, rotated, ended }
        }
        other => other,
    }
}

/// Makes a selector with the same number in each byte.
pub(super) const fn selector(number: u8) -> Selector {
    Selector::from_bytes([number; 16])
}
