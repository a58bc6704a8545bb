//! A live session as one request knows it: its credential, and as much of the record's fixed part
//! as decides how long it goes on. Knows neither fields nor stores.

use crate::{
    clock::Timestamp,
    store::{Check, KeyId, Lifetime, Meta, PrincipalKey, Selector},
    token::{Credential, Envelope, Place},
};

/// A live session as far as this request knows it.
#[derive(Clone, Debug)]
pub(crate) struct LiveSession {
    pub(crate) selector: Selector,
    /// The credential as the store knows it; unused for payloads in tokens.
    pub(crate) check: Check,
    pub(crate) key_id: KeyId,
    /// The part that the key that writes now has had in the session's tokens.
    pub(crate) writer: Writer,
    /// The credential was superseded by a rotation and is within its grace.
    pub(crate) in_grace: bool,
    pub(crate) meta: Option<LoadedMeta>,
    /// Counts elevations and rotations of a payload in the token.
    pub(crate) generation: u32,
    pub(crate) epoch: u64,
}

/// The part that the key that writes now has had in the tokens of a session.
///
/// In a fleet, processes have their keys in different orders for a while, and none of them knows which
/// order is the later one. So a process re-issues a token only if the token is older than the process'
/// present keys, since a younger one may come from a process that is ahead; and only under a key that
/// is new to the session. Otherwise two processes would hand the token back and forth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// The key has made the present token.
    Current,
    /// The session stays under the key of its present token.
    Passed,
    /// The session goes on under the key, in a while.
    Next,
    /// The session goes on under the key at once: no token is made under the present one any more.
    Due,
}

impl Writer {
    /// Returns the part that `writer` has had in a session whose present key has this place beside it.
    /// `is_old`: the present token was made before this process had its present keys.
    pub(crate) fn of(place: Place, writer: KeyId, former: &[KeyId], is_old: bool) -> Self {
        match place {
            Place::Writes => Self::Current,
            Place::Behind { .. } if former.contains(&writer) => Self::Passed,
            Place::Behind { keeps: false } => Self::Due,
            Place::Behind { keeps: true } if is_old => Self::Next,
            Place::InFront | Place::Behind { keeps: true } => Self::Passed,
        }
    }
}

/// The part of a record that says whose session it is, and how long the session goes on.
#[derive(Clone, Debug)]
pub(crate) struct LoadedMeta {
    pub(crate) created: Timestamp,
    pub(crate) rotated: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) lifetime: Lifetime,
    pub(crate) principal: Option<PrincipalKey>,
}

impl LoadedMeta {
    pub(crate) fn of(meta: &Meta) -> Self {
        let Meta { created, rotated, last_seen, lifetime, .. } = *meta;
        Self { created, rotated, last_seen, lifetime, principal: meta.principal.clone() }
    }

    /// Returns when the session expires, as [`Meta::expires_at`] does.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.lifetime.end_after(self.last_seen)
    }
}

impl LiveSession {
    /// Returns the credential that the session has now.
    pub(crate) const fn credential(&self) -> Credential {
        let Self { selector, check, key_id, writer, .. } = *self;
        Credential { selector, check, key_id, current_key: matches!(writer, Writer::Current) }
    }

    /// Builds the session of a credential.
    pub(crate) const fn of_credential(
        credential: Credential,
        writer: Writer,
        in_grace: bool,
        meta: Option<LoadedMeta>,
    ) -> Self {
        let Credential { selector, check, key_id, .. } = credential;
        Self { selector, check, key_id, writer, in_grace, meta, generation: 0, epoch: 0 }
    }

    /// Builds the session of a record that was found by its name: the credential is the record's own.
    pub(crate) fn of_record(selector: Selector, meta: &Meta) -> Self {
        let Meta { check, key_id, .. } = *meta;
        let credential = Credential { selector, check, key_id, current_key: true };
        Self::of_credential(credential, Writer::Current, false, Some(LoadedMeta::of(meta)))
    }

    /// Builds the session of a payload.
    pub(crate) fn of_payload(
        envelope: &Envelope,
        principal: Option<PrincipalKey>,
        key_id: KeyId,
        writer: Writer,
    ) -> Self {
        let Envelope { selector, generation, epoch, created, sealed_at, rekeyed, .. } = *envelope;
        let lifetime = Lifetime {
            idle_millis: envelope.idle_millis,
            absolute_until: envelope.absolute_until,
            persistent: envelope.persistent,
        };
        let meta =
            LoadedMeta { created, rotated: rekeyed, last_seen: sealed_at, lifetime, principal };
        Self {
            selector,
            check: Check([0; 16]),
            key_id,
            writer,
            in_grace: false,
            meta: Some(meta),
            generation,
            epoch,
        }
    }
}
