//! A payload that the client can read but not change:
//!
//! `version ‖ suite ‖ key id (4) ‖ payload ‖ HMAC-SHA256 (32)`
//!
//! The HMAC (RFC 2104, in full) is over the binding, the header and the payload, the latter two
//! with their lengths in front. Knows nothing of the payload's content.

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    Binding, Opened, Plain, VERSION, decode, encode,
    keys::{Keys, Place},
    mac::hmac,
    suite,
};
use crate::{
    clock::Timestamp,
    event::Reason,
    key::{KeyRing, length_prefix},
    store::KeyId,
};

const HEADER: usize = 2 + 4;
const TAG: usize = 32;

pub(super) struct SignedCodec {
    /// Keyed, with the binding already hashed.
    keys: Keys<Hmac<Sha256>>,
}

impl SignedCodec {
    pub(super) fn new(ring: &KeyRing, binding: &Binding) -> Self {
        let bytes = binding.as_bytes().to_vec();
        let prepare = move |key: Zeroizing<[u8; 32]>| hmac(&*key).chain_update(&bytes);
        Self { keys: Keys::new(ring, binding, prepare) }
    }

    pub(super) fn place(&self, id: KeyId) -> Place {
        self.keys.now().place(id)
    }

    pub(super) fn writer(&self, under: Option<KeyId>) -> KeyId {
        self.keys.now().writer(under).id
    }

    pub(super) fn write(&self, plain: &(impl Plain + ?Sized), under: Option<KeyId>) -> String {
        let keys = self.keys.now();
        let key = keys.writer(under);
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEADER + plain.size() + TAG));
        bytes.extend_from_slice(&[VERSION, suite::SIGNED]);
        bytes.extend_from_slice(key.id.as_bytes());
        plain.put(&mut bytes);
        let (header, payload) = bytes.split_at(HEADER);
        let tag = mac(&key.prepared, header, payload).finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        encode(&bytes)
    }

    pub(super) fn open(
        &self,
        text: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Opened, Reason> {
        let bytes = decode(text).ok_or(Reason::Malformed)?;
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(Reason::Malformed)?;
        let (payload, tag) = rest.split_last_chunk::<TAG>().ok_or(Reason::Malformed)?;
        let [VERSION, suite::SIGNED, id @ ..] = header else { return Err(Reason::Malformed) };
        let id = id.first_chunk().ok_or(Reason::Malformed)?;
        let keys = self.keys.now();
        let key = keys.find(KeyId(*id), now)?;
        // Compared in constant time.
        mac(&key.prepared, header, payload).verify_slice(tag).map_err(|_| Reason::Forged)?;
        let plain = HEADER..HEADER + payload.len();
        Ok(Opened { plain: Bytes::from(bytes).slice(plain), key_id: key.id })
    }
}

/// Returns where the payload is in the bytes of a token, or `None` if they are too few for one.
pub(super) fn payload(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let end = bytes.len().checked_sub(TAG)?;
    (HEADER <= end).then_some(HEADER..end)
}

fn mac(keyed: &Hmac<Sha256>, header: &[u8], payload: &[u8]) -> Hmac<Sha256> {
    keyed
        .clone()
        .chain_update(length_prefix(header))
        .chain_update(header)
        .chain_update(length_prefix(payload))
        .chain_update(payload)
}
