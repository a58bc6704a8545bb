//! A live session as one request knows it: its credential, and as much of the record's fixed part
//! as decides how long it goes on. Knows neither fields nor stores.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    store::{Check, KeyId, Lifetime, Meta, PrincipalKey, Selector},
    token::{Credential, Envelope},
};

/// A live session as far as this request knows it.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) selector: Selector,
    /// What the store knows the credential by; unused for payloads in tokens.
    pub(crate) check: Check,
    pub(crate) key_id: KeyId,
    /// Whether the writing key made the token.
    pub(crate) current_key: bool,
    /// Whether the credential was replaced and is within its grace.
    pub(crate) previous: bool,
    /// None if nothing was loaded (`Writer`).
    pub(crate) term: Option<Term>,
    /// Counts elevations and rotations of a payload in the token.
    pub(crate) generation: u32,
    pub(crate) epoch: u64,
}

/// Whose session it is, and how long it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) created: Timestamp,
    pub(crate) rotated: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) lifetime: Lifetime,
    pub(crate) principal: Option<PrincipalKey>,
}

impl Term {
    pub(crate) fn of(meta: &Meta) -> Self {
        let Meta { created, rotated, last_seen, lifetime, .. } = *meta;
        Self { created, rotated, last_seen, lifetime, principal: meta.principal.clone() }
    }

    /// Whether its credential is due to be made anew every so often.
    pub(crate) fn is_older(&self, every: Duration, now: Timestamp) -> bool {
        now.saturating_since(self.rotated) >= every
    }

    /// As [`Meta::expires_at`].
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.lifetime.end_after(self.last_seen)
    }
}

impl Live {
    /// A session in a store.
    pub(crate) const fn of_credential(
        credential: Credential,
        previous: bool,
        term: Option<Term>,
    ) -> Self {
        let Credential { selector, check, key_id, current_key } = credential;
        Self { selector, check, key_id, current_key, previous, term, generation: 0, epoch: 0 }
    }

    /// A session in its token.
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
        let term = Term { created, rotated: sealed_at, last_seen: sealed_at, lifetime, principal };
        Self {
            selector,
            check: Check([0; 16]),
            key_id: KeyId([0; 4]),
            current_key,
            previous: false,
            term: Some(term),
            generation,
            epoch,
        }
    }
}
