//! Seals or signs what a store keeps of a session, as one whole:
//!
//! - sealed: the blob of [`aead`], which holds the content;
//! - signed: `version ‖ suite ‖ key id (4) ‖ HMAC-SHA256 (32)`, beside the content. The HMAC (RFC
//!   2104, in full) is over the header, the place and the content, each with its length in front.
//!
//! Both are bound to a place that the caller gives. Any key of the ring opens, also after the
//! key's end: a key's end is for tokens, and a record is written anew only when something changes.
//! Knows neither records nor stores.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Binding, Plain, Random, RandomError, VERSION, aead, keys::Keys, mac::hmac, suite};
use crate::{
    event::Reason,
    key::{KeyRing, length_prefix},
    store::KeyId,
};

const HEADER: usize = 2 + 4;
const TAG: usize = 32;

/// Seals contents.
pub(crate) struct RecordSealer {
    keys: Keys<aead::Cipher>,
    random: Random,
}

impl RecordSealer {
    pub(crate) fn new(ring: &KeyRing, binding: &Binding, random: Random) -> Self {
        Self { keys: Keys::new(ring, binding, |key| aead::Cipher::new(&key)), random }
    }

    /// Seals a content under the key with the id `under`, if that key can write.
    pub(crate) fn seal(
        &self,
        under: KeyId,
        place: &[u8],
        content: &impl Plain,
    ) -> Result<Bytes, RandomError> {
        let (keys, nonce) = (self.keys.now(), self.random.bytes()?);
        let key = keys.writer(Some(under));
        let sealed =
            aead::seal(&key.prepared, &aead::head(suite::RECORD, key.id), &nonce, place, content);
        Ok(sealed.into())
    }

    /// Returns the content of a blob that [`seal`](Self::seal) made in this place.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Bytes, Reason> {
        let id = aead::key_id(sealed, suite::RECORD, aead::HEAD).ok_or(Reason::Malformed)?;
        let keys = self.keys.now();
        let key = keys.get(id).ok_or(Reason::UnknownKey(id.0))?;
        let mut blob = sealed.to_vec();
        let content =
            aead::open(&key.prepared, aead::HEAD, place, &mut blob).ok_or(Reason::Forged)?;
        Ok(Bytes::from(blob).slice(content))
    }
}

/// Signs contents that stay readable.
pub(crate) struct RecordSigner {
    keys: Keys<Hmac<Sha256>>,
}

impl RecordSigner {
    pub(crate) fn new(ring: &KeyRing, binding: &Binding) -> Self {
        Self { keys: Keys::new(ring, binding, |key| hmac(&*key)) }
    }

    /// Signs a content under the key with the id `under`, if that key can write.
    pub(crate) fn sign(&self, under: KeyId, place: &[u8], content: &[u8]) -> Bytes {
        let keys = self.keys.now();
        let key = keys.writer(Some(under));
        let mut signature = Vec::with_capacity(HEADER + TAG);
        signature.extend_from_slice(&[VERSION, suite::SIGNED_RECORD]);
        signature.extend_from_slice(key.id.as_bytes());
        let tag = mac(&key.prepared, &signature, place, content).finalize().into_bytes();
        signature.extend_from_slice(&tag);
        signature.into()
    }

    /// Checks a signature that [`sign`](Self::sign) made of this content in this place.
    pub(crate) fn verify(
        &self,
        place: &[u8],
        content: &[u8],
        signature: &[u8],
    ) -> Result<(), Reason> {
        let (header, tag) = signature.split_last_chunk::<TAG>().ok_or(Reason::Malformed)?;
        let &[VERSION, suite::SIGNED_RECORD, a, b, c, d] = header else {
            return Err(Reason::Malformed);
        };
        let (keys, id) = (self.keys.now(), KeyId([a, b, c, d]));
        let key = keys.get(id).ok_or(Reason::UnknownKey(id.0))?;
        // Compared in constant time.
        let mac = mac(&key.prepared, header, place, content);
        mac.verify_slice(tag).map_err(|_| Reason::Forged)
    }
}

fn mac(keyed: &Hmac<Sha256>, header: &[u8], place: &[u8], content: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed.clone();
    for part in [header, place, content] {
        mac.update(&length_prefix(part));
        mac.update(part);
    }
    mac
}

impl fmt::Debug for RecordSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordSealer(<redacted>)")
    }
}

impl fmt::Debug for RecordSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordSigner(<redacted>)")
    }
}
