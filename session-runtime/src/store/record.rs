//! A record: what a store holds for one session. It knows when a session is over and which
//! credential is its own; how a commit changes a record is elsewhere.

use std::{borrow::Cow, fmt};

use super::{
    Check, KeyId, PrincipalKey,
    op::{FieldName, FieldValue, Lifetime},
    vec_map::VecMap,
};
use crate::clock::Timestamp;

/// The fixed part of a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// What the current credential must hash to.
    pub check: Check,
    /// The key that made the current credential.
    pub key_id: KeyId,
    /// The credential before it, while its grace lasts.
    pub previous: Option<Previous>,
    /// When the session was created.
    pub created: Timestamp,
    /// When the credential last changed.
    pub rotated: Timestamp,
    /// When the session was last used, up to the touch throttle.
    pub last_seen: Timestamp,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Whose session it is.
    pub principal: Option<PrincipalKey>,
    /// When that principal logged in to it; none exactly when there is no principal.
    pub logged_in: Option<Timestamp>,
    /// Goes up by one with every commit; 1 after the insert.
    pub revision: u64,
}

/// A credential that was replaced by a rotation with grace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// What the old credential hashes to.
    pub check: Check,
    /// The key that made it.
    pub key_id: KeyId,
    /// When it stops passing.
    pub until: Timestamp,
}

/// How a presented credential relates to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Current,
    /// Replaced, but still within its grace.
    InGrace,
    /// Was the session's once: only we make credentials that verify.
    Superseded,
}

impl Meta {
    /// A record's fixed part when it is created at `now`.
    #[must_use]
    pub const fn new(check: Check, key_id: KeyId, now: Timestamp, lifetime: Lifetime) -> Self {
        Self {
            check,
            key_id,
            previous: None,
            created: now,
            rotated: now,
            last_seen: now,
            lifetime,
            principal: None,
            logged_in: None,
            revision: 1,
        }
    }

    /// Gives the session to a principal that logs in at `now`, or to nobody.
    pub fn set_principal(&mut self, principal: Option<PrincipalKey>, now: Timestamp) {
        self.logged_in = principal.is_some().then_some(now);
        self.principal = principal;
    }

    /// When the session is over if it is not used again: the sooner of idle and absolute end.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.lifetime.end_after(self.last_seen)
    }

    /// Whether the session is over at `now`. The end itself is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at()
    }

    pub(crate) fn standing(&self, check: &Check, key_id: KeyId, now: Timestamp) -> Standing {
        if key_id == self.key_id && *check == self.check {
            return Standing::Current;
        }
        match &self.previous {
            Some(previous)
                if key_id == previous.key_id
                    && *check == previous.check
                    && now < previous.until =>
            {
                Standing::InGrace
            }
            _ => Standing::Superseded,
        }
    }
}

/// What a store holds for one session: a fixed part, fields by stored name, and the revision of
/// each group of fields.
#[derive(Clone)]
pub struct Record {
    /// The fixed part.
    pub meta: Meta,
    pub(super) fields: VecMap<FieldValue>,
    /// Few records have any of it.
    rare: Option<Box<Rare>>,
}

#[derive(Clone, Default)]
struct Rare {
    groups: VecMap<u64>,
    #[cfg(feature = "redis")]
    stored_form: Option<std::sync::Arc<dyn std::any::Any + Send + Sync>>,
}

impl Record {
    /// A record without fields.
    #[must_use]
    pub const fn new(meta: Meta) -> Self {
        Self { meta, fields: VecMap::new(), rare: None }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&FieldValue> {
        self.fields.get(field)
    }

    /// Where a field is, for [`at`](Self::at).
    pub(crate) fn position(&self, field: &str) -> Option<usize> {
        self.fields.find(field)
    }

    /// The value that [`position`](Self::position) has found.
    pub(crate) fn at(&self, position: usize) -> &FieldValue {
        self.fields.at(position)
    }

    /// Writes a field; for stores that read a record back, and for new records. For many,
    /// [`extend`](Extend::extend) is quicker.
    pub fn set(&mut self, field: impl Into<FieldName>, value: FieldValue) {
        self.fields.insert(field.into(), value);
    }

    /// The fields alone, ordered by name.
    pub(crate) fn into_fields(self) -> Vec<(FieldName, FieldValue)> {
        self.fields.into_entries()
    }

    /// All fields, ordered by name.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &FieldValue)> {
        self.fields.iter()
    }

    /// The revision of a group: 0 if none of its fields was ever written.
    #[must_use]
    pub fn group_revision(&self, group: &str) -> u64 {
        self.rare.as_ref().and_then(|rare| rare.groups.get(group).copied()).unwrap_or(0)
    }

    /// Writes a group's revision; for stores that read a record back.
    pub fn set_group_revision(&mut self, group: impl Into<Cow<'static, str>>, revision: u64) {
        self.rare.get_or_insert_default().groups.insert(group.into(), revision);
    }

    /// All groups that were written, with their revisions.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        let groups = self.rare.as_deref().map_or(&[][..], |rare| rare.groups.entries());
        groups.iter().map(|(name, revision)| (name.as_ref(), *revision))
    }

    /// What a store that has read it wants back with a commit.
    #[cfg(feature = "redis")]
    pub(crate) fn stored_form<T: std::any::Any>(&self) -> Option<&T> {
        self.rare.as_ref()?.stored_form.as_ref()?.downcast_ref()
    }

    /// Notes what it was read from; records that differ in nothing else are equal.
    #[cfg(feature = "redis")]
    pub(crate) fn set_stored_form(&mut self, stored_form: impl std::any::Any + Send + Sync) {
        self.rare.get_or_insert_default().stored_form = Some(std::sync::Arc::new(stored_form));
    }

    /// Counts one more write of a group.
    pub(super) fn bump(&mut self, group: &FieldName) {
        *self.rare.get_or_insert_default().groups.get_or_insert_with(group, || 0) += 1;
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.meta == other.meta && self.fields == other.fields && self.groups().eq(other.groups())
    }
}

impl Eq for Record {}

impl Extend<(FieldName, FieldValue)> for Record {
    /// Writes many fields, in any order.
    fn extend<I: IntoIterator<Item = (FieldName, FieldValue)>>(&mut self, fields: I) {
        self.fields.extend(fields);
    }
}

impl fmt::Debug for Record {
    /// Prints the fixed part and the fields' names; never a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("meta", &self.meta)
            .field("fields", &self.fields)
            .field("groups", &self.rare.as_ref().map(|rare| &rare.groups))
            .finish()
    }
}
