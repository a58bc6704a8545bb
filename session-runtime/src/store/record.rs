//! A record: the data that a store holds for one session. It knows when a session expires and which
//! credentials pass; the effect of a commit on a record is elsewhere.

use std::{cmp::Reverse, fmt, time::Duration};

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
    /// The check value of the current credential.
    pub check: Check,
    /// The id of the key that made the current credential.
    pub key_id: KeyId,
    /// The ids of the keys that made earlier credentials and were replaced by another key, the latest
    /// first: at most three. Empty for most sessions. No credential goes back to such a key by itself.
    pub former_keys: Vec<KeyId>,
    /// The credential before the current one, while its grace lasts.
    pub previous: Option<Previous>,
    /// The time at which the session was created.
    pub created: Timestamp,
    /// The time at which the credential last changed.
    pub rotated: Timestamp,
    /// The time at which the session was last used, up to the touch throttle.
    pub last_seen: Timestamp,
    /// The session's lifetime.
    pub lifetime: Lifetime,
    /// The principal whose session this is, if it is somebody's.
    pub principal: Option<PrincipalKey>,
    /// The time at which that principal logged in; `None` exactly when there is no principal.
    pub logged_in: Option<Timestamp>,
    /// The version: each commit but a touch raises it by one. A session begins at a number of its
    /// own, so that a selector that is given again is not taken for the session that had it.
    pub revision: u64,
}

/// A credential that a rotation with grace has replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The check value of the old credential.
    pub check: Check,
    /// The id of the key that made the old credential.
    pub key_id: KeyId,
    /// The time at which the old credential stops passing.
    pub until: Timestamp,
}

/// The standing of a presented credential with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Current,
    /// Replaced, but still within its grace.
    InGrace,
    /// Was the session's once: only we make credentials that verify.
    Superseded,
}

impl Meta {
    /// Makes the fixed part of a record that is created at `now`.
    #[must_use]
    pub const fn new(check: Check, key_id: KeyId, now: Timestamp, lifetime: Lifetime) -> Self {
        Self {
            check,
            key_id,
            former_keys: Vec::new(),
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

    /// Makes the fixed part of a record that is no session, and that a store may remove at `until`: no
    /// credential has this check value, so no token opens the record.
    pub(crate) const fn of_no_session(now: Timestamp, until: Timestamp) -> Self {
        let lifetime = Lifetime { idle_millis: None, absolute_until: until, persistent: false };
        Self::new(Check::from_bytes([0; 16]), KeyId::from_bytes([0; 4]), now, lifetime)
    }

    /// Gives the session to a principal that logs in at `now`, or to nobody. Who logs in again logs in
    /// later than before, also within one millisecond: every log-in changes the time.
    pub fn set_principal(&mut self, principal: Option<PrincipalKey>, now: Timestamp) {
        let before = self.logged_in.filter(|_| self.principal == principal);
        let next = before.map_or(now, |it| it.saturating_add(Duration::from_millis(1)).max(now));
        self.logged_in = principal.is_some().then_some(next);
        self.principal = principal;
    }

    /// Replaces the credential. If another key made the new one, the session notes the present key as
    /// a former key; a key that was a former one begins the list anew.
    pub(crate) fn issue(&mut self, check: Check, key_id: KeyId) {
        note_former(&mut self.former_keys, self.key_id, key_id);
        (self.check, self.key_id) = (check, key_id);
    }

    /// Returns when the session began: when its principal logged in, or when it was created, if nobody is
    /// logged in.
    pub(crate) fn began(&self) -> Timestamp {
        self.logged_in.unwrap_or(self.created)
    }

    /// Returns when the session expires if it is not used again: the earlier of the idle and the
    /// absolute end.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.lifetime.end_after(self.last_seen)
    }

    /// Returns whether the session is expired at `now`. At the very end, the session is expired.
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

/// The most former keys of a session.
const FORMER_KEYS: usize = 3;

/// Notes in a list of former keys that a session goes on under `next` after `present`.
pub(crate) fn note_former(former: &mut Vec<KeyId>, present: KeyId, next: KeyId) {
    if next == present {
        return;
    }
    if former.contains(&next) {
        former.clear();
        return;
    }
    former.truncate(FORMER_KEYS - 1);
    former.insert(0, present);
}

/// The data that a store holds for one session: a fixed part, and fields by stored name.
#[derive(Clone)]
pub struct Record {
    /// The fixed part.
    pub meta: Meta,
    pub(super) fields: VecMap<FieldValue>,
    #[cfg(feature = "redis")]
    stored_form: Option<StoredForm>,
}

/// The note of the store that has read a record.
#[cfg(feature = "redis")]
type StoredForm = std::sync::Arc<dyn std::any::Any + Send + Sync>;

impl Record {
    /// Makes a record without fields.
    #[must_use]
    pub const fn new(meta: Meta) -> Self {
        Self {
            meta,
            fields: VecMap::new(),
            #[cfg(feature = "redis")]
            stored_form: None,
        }
    }

    /// Returns the value of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&FieldValue> {
        self.fields.get(field)
    }

    /// Returns the position of a field, for [`at`](Self::at).
    pub(crate) fn position(&self, field: &str) -> Option<usize> {
        self.fields.find(field)
    }

    /// Returns the value at a position that [`position`](Self::position) has found.
    pub(crate) fn at(&self, position: usize) -> &FieldValue {
        self.fields.at(position)
    }

    /// Writes a field. For stores that read a record back, and for new records; for many fields,
    /// [`touch`](Extend::extend) is quicker.
    pub fn set(&mut self, field: impl Into<FieldName>, value: FieldValue) {
        self.fields.insert(field.into(), value);
    }

    /// Returns the fields alone, ordered by name.
    pub(crate) fn into_fields(self) -> Vec<(FieldName, FieldValue)> {
        self.fields.into_entries()
    }

    /// Returns all fields, ordered by name.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &FieldValue)> {
        self.fields.iter()
    }

    /// Returns the number of bytes that the fields take: their names and values.
    #[must_use]
    pub fn size(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.size()).sum()
    }

    /// Returns the record without fields: the fixed part, and the note of the store that
    /// has read the record.
    pub(crate) fn bare(&self) -> Self {
        #[cfg_attr(not(feature = "redis"), allow(unused_mut))]
        let mut bare = Self::new(self.meta.clone());
        #[cfg(feature = "redis")]
        {
            bare.stored_form.clone_from(&self.stored_form);
        }
        bare
    }

    /// Removes a field, if there is one of this name.
    pub(crate) fn remove(&mut self, field: &str) {
        self.fields.remove(field);
    }

    /// Returns the note of the store that has read this record, which that store wants back with a
    /// commit.
    #[cfg(feature = "redis")]
    pub(crate) fn stored_form<T: std::any::Any>(&self) -> Option<&T> {
        self.stored_form.as_ref()?.downcast_ref()
    }

    /// Sets the note of the store that has read this record. Records that differ only in the note
    /// are equal.
    #[cfg(feature = "redis")]
    pub(crate) fn set_stored_form(&mut self, stored_form: impl std::any::Any + Send + Sync) {
        self.stored_form = Some(std::sync::Arc::new(stored_form));
    }
}

/// Returns the size of each field, the largest first.
pub(crate) fn field_sizes<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a FieldValue)>,
) -> Vec<(String, usize)> {
    let size = |(name, value): (&str, &FieldValue)| (name.to_owned(), name.len() + value.size());
    let mut sizes: Vec<_> = fields.into_iter().map(size).collect();
    sizes.sort_by_key(|(_, size)| Reverse(*size));
    sizes
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.meta == other.meta && self.fields == other.fields
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
    /// Prints the fixed part and the names of the fields, never a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("meta", &self.meta)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
