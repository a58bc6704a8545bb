//! The token of a session without a store: its payload, sealed or signed. Which of the two is
//! settled at start, by the session type; a token never chooses how it is read. Knows not what is
//! in the payload.

use std::fmt;

use bytes::Bytes;

use super::{Binding, Random, RandomError, sealed::SealedCodec, signed::SignedCodec};
use crate::{clock::Timestamp, event::Reason, key::KeyRing};

/// What is to be sealed or signed. It is written where that is done, so that no copy of it is left
/// behind, and room for all of it is made before: growing would leave one, too.
pub(crate) trait Plain {
    fn size(&self) -> usize;
    fn put(&self, out: &mut Vec<u8>);
}

impl Plain for [u8] {
    fn size(&self) -> usize {
        self.len()
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

/// Writes and opens payload tokens.
pub(crate) struct PayloadCodec(Kind);

enum Kind {
    Sealed(SealedCodec),
    Signed(SignedCodec),
}

/// A payload that was written by us.
pub(crate) struct Opened {
    pub(crate) plain: Bytes,
    /// Written under the key that writes now.
    pub(crate) current_key: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("current_key", &self.current_key).finish_non_exhaustive()
    }
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
