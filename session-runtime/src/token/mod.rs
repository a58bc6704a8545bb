//! The token that the client holds: the credential of a session in a store, or the payload that is
//! the session itself. Everything here turns bytes into facts or into one
//! [`Reason`](crate::event::Reason). Knows keys and time, but no HTTP, no store and no session
//! type.

mod aead;
mod at_rest;
mod bind;
mod credential;
mod envelope;
mod field;
mod index;
pub(crate) mod inspect;
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

pub(crate) use at_rest::{RecordSealer, RecordSigner};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
pub(crate) use bind::{BindCodec, Match, Shown};
use bytes::Bytes;
pub(crate) use credential::{Credential, CredentialCodec, Issued};
pub(crate) use envelope::Envelope;
pub(crate) use field::FieldCodec;
pub(crate) use index::IndexCodec;
pub(crate) use keys::Place;
pub(crate) use payload::PayloadCodec;
pub(crate) use random::{Random, RandomError};

use crate::{key::push_part, store::KeyId};

/// The version of every layout here: the first byte of every token and blob.
const VERSION: u8 = 2;
/// The longest text that is read, whatever the transport allows.
const MAX_TEXT: usize = 8192;

/// The second byte: the layout and algorithm. A value is never reused for another one.
mod suite {
    pub(super) const SEALED: u8 = 0x01;
    pub(super) const FIELD: u8 = 0x02;
    pub(super) const RECORD: u8 = 0x03;
    pub(super) const SIGNED: u8 = 0x10;
    pub(super) const SIGNED_RECORD: u8 = 0x11;
    pub(super) const CREDENTIAL: u8 = 0x20;
}

/// The purpose of a derived key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Credential,
    Sealed,
    Signed,
    Field,
    Record,
    SignedRecord,
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
            Self::Record => "record",
            Self::SignedRecord => "signed record",
            Self::Index => "index",
            Self::Bind => "bind",
        }
    }
}

/// Everything that a token is valid for. It enters the derivation of the key, so a token for
/// another name, transport, session type, audience or purpose is a forgery like any other. Each part has its
/// length in front. If the parts were only concatenated, cookie `a` of audience `bc` and cookie
/// `ab` of audience `c` would accept each other's tokens (Django's CVE-2026-6873).
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    bytes: Vec<u8>,
}

impl Binding {
    pub(crate) fn new(
        purpose: Purpose,
        transport: &str,
        name: &str,
        namespace: &str,
        audience: &str,
        schema: &str,
    ) -> Self {
        let mut bytes = Vec::new();
        let purpose = purpose.label();
        for part in ["session-runtime/v1", purpose, transport, name, namespace, audience, schema] {
            push_part(&mut bytes, part.as_bytes());
        }
        Self { bytes }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A plaintext to seal or sign. It is written into the final buffer, so that no copy stays behind.
/// Its size is known before, since a buffer that grows leaves a copy behind, too.
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

/// A payload that we wrote.
pub(crate) struct Opened {
    pub(crate) plain: Bytes,
    /// The id of the key that the payload was written under.
    pub(crate) key_id: KeyId,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Encodes as base64url without padding (RFC 4648, section 5).
fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a text. Returns `None` for a text that [`encode`] cannot have written. One text is one
/// token, so padding, white space, another alphabet and left-over bits are all refused.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes a text of known length without an allocation. Otherwise as [`decode`].
fn decode_exactly<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != base64::encoded_len(N, false)? {
        return None;
    }
    let mut bytes = [0; N];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}
