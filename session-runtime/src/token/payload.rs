//! The token of a session without a store: its payload, sealed or signed. Which of the two is
//! settled at start, by the session type; a token never chooses how it is read. Knows not what is
//! in the payload.

use std::fmt;

use super::{
    Binding, Opened, Plain, Random, RandomError, sealed::SealedCodec, signed::SignedCodec,
};
use crate::{clock::Timestamp, event::Reason, key::KeyRing};

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
    /// The client can neither read nor change it.
    pub(crate) fn sealed(ring: &KeyRing, binding: &Binding) -> Self {
        Self(Kind::Sealed(SealedCodec::new(ring, binding)))
    }

    /// The client can read it but not change it.
    pub(crate) fn signed(ring: &KeyRing, binding: &Binding) -> Self {
        Self(Kind::Signed(SignedCodec::new(ring, binding)))
    }

    /// The token for a payload. Whether it fits its transport is the carrier's to say.
    pub(crate) fn write(
        &self,
        plain: &(impl Plain + ?Sized),
        random: Random,
    ) -> Result<String, RandomError> {
        match &self.0 {
            Kind::Sealed(codec) => codec.write(plain, random),
            Kind::Signed(codec) => Ok(codec.write(plain)),
        }
    }

    /// The payload of a token, if we wrote it.
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
