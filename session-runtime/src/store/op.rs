//! The parts of a commit: values, ops, preconditions, a new credential or lifetime, caps. Plain
//! data that knows neither records nor stores.

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use bytes::Bytes;

use super::{Check, KeyId};
use crate::clock::Timestamp;

/// The stored name of a field. The name of a struct's field contains no `:`.
pub type FieldName = Cow<'static, str>;

/// The value of one field as a store holds it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldValue {
    /// Encoded bytes: JSON, or a sealed blob. A store does not look inside.
    Bytes(Bytes),
    /// A number that the store itself adds to or compares (`counter`, `merge = "max"`).
    Int(i64),
    /// Members that the store itself inserts and removes (`set`), each encoded.
    Set(BTreeSet<Bytes>),
}

/// The number of bytes up to which copying is as quick as sharing.
const SHORT: usize = 512;

impl FieldValue {
    /// Returns the number of bytes that the value takes, for size reports: 8 for a number.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Int(_) => 8,
            Self::Set(members) => members.iter().map(Bytes::len).sum(),
        }
    }

    /// Returns the value as a number, also if it is the JSON text of one: the number of a field that is
    /// counted or compared now, and was a plain one before.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(bytes) => serde_json::from_slice(bytes).ok(),
            Self::Set(_) => None,
        }
    }

    /// Returns a copy for a record to keep. Short bytes are copied: that is as quick as sharing
    /// them, and the buffer that they were a part of need not stay.
    pub(crate) fn kept(&self) -> Self {
        match self {
            Self::Bytes(bytes) if bytes.len() <= SHORT => {
                Self::Bytes(Bytes::copy_from_slice(bytes))
            }
            value => value.clone(),
        }
    }

    /// Replaces this value by such a copy of `new`. Reuses the allocation if it has the same length
    /// and is not shared: allocating and freeing take longer than copying.
    pub(crate) fn keep(&mut self, new: &Self) {
        if let (Self::Bytes(old), Self::Bytes(new)) = (&mut *self, new)
            && new.len() == old.len()
            && new.len() <= SHORT
            && let Ok(mut own) = std::mem::take(old).try_into_mut()
        {
            own.copy_from_slice(new);
            *old = own.freeze();
        } else {
            *self = new.kept();
        }
    }
}

impl fmt::Debug for FieldValue {
    /// Prints the kind and size only: values are the user's data and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Int(_) => f.write_str("Int(_)"),
            Self::Set(members) => write!(f, "Set({} members)", members.len()),
        }
    }
}

/// One change to one field. A list of ops is applied in order, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Removes every field, unknown ones too, except those named in `keep`.
    Clear {
        /// The stored names of the fields that stay.
        keep: Vec<FieldName>,
    },
    /// Writes the value, whatever the field held.
    Set {
        /// The field.
        field: FieldName,
        /// The field's new value.
        value: FieldValue,
    },
    /// Removes the field, whatever the field held.
    Unset {
        /// The field.
        field: FieldName,
    },
    /// Adds to a number, also to the JSON text of one; a missing number counts as 0. A result outside
    /// `min..=max` is refused.
    Add {
        /// The field.
        field: FieldName,
        /// The number to add; may be negative.
        by: i64,
        /// The smallest result allowed.
        min: i64,
        /// The largest result allowed.
        max: i64,
    },
    /// Puts a member into a set; a missing set counts as empty.
    Insert {
        /// The field.
        field: FieldName,
        /// The encoded member.
        member: Bytes,
    },
    /// Takes a member out of a set. A set that becomes empty is removed.
    Remove {
        /// The field.
        field: FieldName,
        /// The encoded member.
        member: Bytes,
    },
    /// Writes the number if it is larger than the stored number, or if no number is stored.
    Max {
        /// The field.
        field: FieldName,
        /// The candidate.
        value: i64,
    },
    /// Writes the value only if the field is missing.
    Once {
        /// The field.
        field: FieldName,
        /// The field's first and last value.
        value: FieldValue,
    },
    /// Removes the field if it still holds the value that the request has seen (a flash that was
    /// shown). A newer value, which another request has set meanwhile, stays.
    Take {
        /// The field.
        field: FieldName,
        /// The value that was shown.
        seen: FieldValue,
    },
    /// Changes the value in the way that the request has changed the value that it has loaded.
    Update {
        /// The field.
        field: FieldName,
        /// The change. Boxed, so that it makes no other op larger.
        change: Box<Change>,
    },
}

impl Op {
    /// Returns the field that the op changes; `None`: several.
    pub(crate) fn field(&self) -> Option<&FieldName> {
        match self {
            Self::Clear { .. } => None,
            Self::Set { field, .. }
            | Self::Unset { field }
            | Self::Add { field, .. }
            | Self::Insert { field, .. }
            | Self::Remove { field, .. }
            | Self::Max { field, .. }
            | Self::Once { field, .. }
            | Self::Take { field, .. }
            | Self::Update { field, .. } => Some(field),
        }
    }
}

/// A change to the value that a request has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The value that was loaded; `None`: the field was missing.
    pub base: Option<FieldValue>,
    /// The result of the change to that value: written as it is if the field still holds `base`.
    /// `None` removes the field.
    pub value: Option<FieldValue>,
    /// The change, which runs again if the field holds something else by now.
    pub again: Again,
}

/// A change to a field that can run again, on the value that another request has written meanwhile.
#[derive(Clone)]
pub struct Again(Arc<Rerun>);

type Rerun = dyn Fn(Option<&FieldValue>) -> Result<Option<FieldValue>, Refusal> + Send + Sync;

impl Again {
    /// Makes the change of a function from the stored value, if any, to the new one, if any.
    pub(crate) fn new(
        run: impl Fn(Option<&FieldValue>) -> Result<Option<FieldValue>, Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(run))
    }

    pub(super) fn run(&self, there: Option<&FieldValue>) -> Result<Option<FieldValue>, Refusal> {
        (self.0)(there)
    }
}

impl PartialEq for Again {
    /// Returns whether both are the same change: copies of one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Again {}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again(_)")
    }
}

/// The reason why a change to a field cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A number would leave its range.
    OutOfRange,
    /// The value does not encode. The message is the codec's.
    Encode(String),
    /// The closure panicked.
    Panicked,
    /// The closure changed who is logged in.
    Identity,
    /// The operating system gave no random bytes to seal the value with.
    Random,
}

/// The value that a field must still have for the commit to apply: the request rests on that value
/// (`group`, `merge = "cas"`, and what was taken).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The field.
    pub field: FieldName,
    /// The value that was loaded; `None`: the field was missing.
    pub seen: Option<FieldValue>,
}

/// A new credential for the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The check value of the new credential.
    pub check: Check,
    /// The id of the key that made the new credential.
    pub key_id: KeyId,
    /// The end of the grace in which the credential presented still passes beside the new one.
    /// `None`: the credential presented is superseded at once (elevation). With `Some`, the
    /// rotation is skipped if another request has rotated already; the rest of the commit applies.
    pub grace_until: Option<Timestamp>,
}

/// The lifetime of a session from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Milliseconds without use after which the session is expired; `None`: no idle limit.
    pub idle_millis: Option<u64>,
    /// The time at which the session expires regardless of use.
    pub absolute_until: Timestamp,
    /// True if the client keeps the token beyond the browser session ("remember me").
    pub persistent: bool,
}

impl Lifetime {
    /// Returns when a session that was last used at `last_seen` expires: the earlier of the idle
    /// and the absolute end.
    pub(crate) fn end_after(&self, last_seen: Timestamp) -> Timestamp {
        let idle_end = self.idle_millis.map_or(Timestamp::MAX, |idle| {
            Timestamp::from_millis(last_seen.as_millis().saturating_add(idle))
        });
        idle_end.min(self.absolute_until)
    }
}

/// The limit on the live sessions of one principal, checked when the principal logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cap {
    /// The most sessions, the one that logs in included; at least 1.
    pub sessions: u32,
    /// The choice at the limit: to end the oldest session, or to refuse the new one.
    pub on_max: OnMaxSessions,
    /// The time before which a session is over that began earlier: such sessions do not count.
    pub not_before: Timestamp,
}

impl Cap {
    /// Makes the limit of so many sessions. All that have not expired count.
    #[must_use]
    pub const fn new(sessions: u32, on_max: OnMaxSessions) -> Self {
        Self { sessions, on_max, not_before: Timestamp::from_millis(0) }
    }

    /// Leaves out the sessions that began before a time.
    #[must_use]
    pub const fn not_before(self, time: Timestamp) -> Self {
        Self { not_before: time, ..self }
    }
}

/// The effect of a log-in of a principal who already has as many sessions as the cap allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnMaxSessions {
    /// The session with the earliest log-in is evicted, even if it is in use.
    #[default]
    EndOldest,
    /// The log-in fails; nothing changes.
    RefuseNew,
}
