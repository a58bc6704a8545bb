//! The token of a session without a store: its payload, sealed or signed. The session type settles
//! which of the two at start; a token never chooses how it is read. Knows nothing of the payload's
//! content.

use std::fmt;

use super::{
    Binding, Opened, Plain, Random, RandomError, keys::Place, sealed::SealedCodec,
    signed::SignedCodec,
};
use crate::{clock::Timestamp, event::Reason, key::KeyRing, store::KeyId};

/// Writes and opens payload tokens.
pub(crate) struct PayloadCodec(Kind);

enum Kind {
    Sealed(SealedCodec),
    Signed(SignedCodec),
}

impl fmt::Debug for PayloadCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadCodec(<redacted>)")
    }
}

impl PayloadCodec {
    /// Makes a codec whose tokens the client can neither read nor change.
    pub(crate) fn sealed(ring: &KeyRing, binding: &Binding) -> Self {
        Self(Kind::Sealed(SealedCodec::new(ring, binding)))
    }

    /// Makes a codec whose tokens the client can read but not change.
    pub(crate) fn signed(ring: &KeyRing, binding: &Binding) -> Self {
        Self(Kind::Signed(SignedCodec::new(ring, binding)))
    }

    /// Returns the place of a key beside the one that writes.
    pub(crate) fn place(&self, id: KeyId) -> Place {
        match &self.0 {
            Kind::Sealed(codec) => codec.place(id),
            Kind::Signed(codec) => codec.place(id),
        }
    }

    /// Returns the id of the key that writes: of the one with the id `under`, if that key can, or else of
    /// the one that writes otherwise.
    pub(crate) fn writer(&self, under: Option<KeyId>) -> KeyId {
        match &self.0 {
            Kind::Sealed(codec) => codec.writer(under),
            Kind::Signed(codec) => codec.writer(under),
        }
    }

    /// Returns the token for a payload, written under a key that [`writer`](Self::writer) has named.
    /// The carrier checks that the token fits its transport.
    pub(crate) fn write(
        &self,
        plain: &(impl Plain + ?Sized),
        under: Option<KeyId>,
        random: Random,
    ) -> Result<String, RandomError> {
        match &self.0 {
            Kind::Sealed(codec) => codec.write(plain, under, random),
            Kind::Signed(codec) => Ok(codec.write(plain, under)),
        }
    }

    /// Returns the payload of a token, if we wrote the token.
    pub(crate) fn open(
        &self,
        text: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Opened, Reason> {
        match &self.0 {
            Kind::Sealed(codec) => codec.open(text, now),
            Kind::Signed(codec) => codec.open(text, now),
        }
    }
}
