//! What the client holds, and what it proves: the credential of a session in a store, and the
//! payload that is the session itself. Everything here turns bytes into facts or into one
//! [`Reason`](crate::event::Reason); it knows keys and time, but no HTTP, no store and no session
//! type.

mod aead;
mod bind;
mod credential;
mod envelope;
mod field;
mod index;
mod keys;
mod mac;
mod payload;
mod random;
mod sealed;
pub(crate) mod session_token;
mod signed;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub(crate) use bind::{BindCodec, Match, Shown};
use bytes::Bytes;
pub(crate) use credential::{Credential, CredentialCodec, Issued};
pub(crate) use envelope::Envelope;
pub(crate) use field::{FieldCodec, Which};
pub(crate) use index::IndexCodec;
pub(crate) use payload::PayloadCodec;
pub(crate) use random::{Random, RandomError};

use crate::key::push_part;

/// The version of every layout here: the first byte of all that is written.
const VERSION: u8 = 1;
/// The longest text that is looked at, whatever the transport lets through.
const MAX_TEXT: usize = 8192;

/// The second byte: which layout and algorithm. Values are never used again for another one.
mod suite {
    pub(super) const SEALED: u8 = 0x01;
    pub(super) const FIELD: u8 = 0x02;
    pub(super) const SIGNED: u8 = 0x10;
    pub(super) const CREDENTIAL: u8 = 0x20;
}

/// What a derived key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Credential,
    Sealed,
    Signed,
    Field,
    Index,
    Bind,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Sealed => "sealed",
            Self::Signed => "signed",
            Self::Field => "field",
            Self::Index => "index",
            Self::Bind => "bind",
        }
    }
}

/// Everything that a token is valid for. It goes into the derivation of the key, so a token under
/// another name, transport, audience or purpose is a forgery like any other. Each part has its
/// length in front: were they only strung together, cookie `a` of audience `bc` and cookie `ab` of
/// audience `c` would accept each other's tokens (Django's CVE-2026-6873).
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    bytes: Vec<u8>,
}

impl Binding {
    pub(crate) fn new(
        purpose: Purpose,
        transport: &str,
        name: &str,
        audience: &str,
        schema: &str,
    ) -> Self {
        let mut bytes = Vec::new();
        for part in ["session-runtime/v1", purpose.label(), transport, name, audience, schema] {
            push_part(&mut bytes, part.as_bytes());
        }
        Self { bytes }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

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

/// Base64url without padding (RFC 4648, section 5).
fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a text that [`encode`] could have written: one text is one token, so padding,
/// white space, another alphabet and left-over bits are all refused.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// As [`decode`], for a text whose length is known, without an allocation.
fn decode_exactly<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != base64::encoded_len(N, false)? {
        return None;
    }
    let mut bytes = [0; N];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}
