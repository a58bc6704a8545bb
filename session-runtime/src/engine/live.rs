//! A live session as one request knows it: its credential, and as much of the record's fixed part
//! as decides how long it goes on. Knows neither fields nor stores.

use crate::{
    clock::Timestamp,
    store::{Check, KeyId, Lifetime, Meta, PrincipalKey, Selector},
    token::{Credential, Envelope},
};

/// A live session as far as this request knows it.
#[derive(Clone, Debug)]
pub(crate) struct LiveSession {
    pub(crate) selector: Selector,
    /// The credential as the store knows it; unused for payloads in tokens.
    pub(crate) check: Check,
    pub(crate) key_id: KeyId,
    /// The key that writes now has made the token.
    pub(crate) current_key: bool,
    /// The credential was superseded by a rotation and is within its grace.
    pub(crate) in_grace: bool,
    pub(crate) meta: Option<LoadedMeta>,
    /// Counts elevations and rotations of a payload in the token.
    pub(crate) generation: u32,
    pub(crate) epoch: u64,
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
        let Self { selector, check, key_id, current_key, .. } = *self;
        Credential { selector, check, key_id, current_key }
    }

    /// Builds the session of a credential.
    pub(crate) const fn of_credential(
        credential: Credential,
        in_grace: bool,
        meta: Option<LoadedMeta>,
    ) -> Self {
        let Credential { selector, check, key_id, current_key } = credential;
        Self { selector, check, key_id, current_key, in_grace, meta, generation: 0, epoch: 0 }
    }

    /// Builds the session of a record that was found by its name: the credential is the record's own.
    pub(crate) fn of_record(selector: Selector, meta: &Meta) -> Self {
        let Meta { check, key_id, .. } = *meta;
        let credential = Credential { selector, check, key_id, current_key: true };
        Self::of_credential(credential, false, Some(LoadedMeta::of(meta)))
    }

    /// Builds the session of a payload.
    pub(crate) fn of_payload(
        envelope: &Envelope,
        principal: Option<PrincipalKey>,
        current_key: bool,
    ) -> Self {
        let Envelope { selector, generation, epoch, created, sealed_at, .. } = *envelope;
        let lifetime = Lifetime {
            idle_millis: envelope.idle_millis,
            absolute_until: envelope.absolute_until,
            persistent: envelope.persistent,
        };
        let meta =
            LoadedMeta { created, rotated: sealed_at, last_seen: sealed_at, lifetime, principal };
        Self {
            selector,
            check: Check([0; 16]),
            key_id: KeyId([0; 4]),
            current_key,
            in_grace: false,
            meta: Some(meta),
            generation,
            epoch,
        }
    }
}
