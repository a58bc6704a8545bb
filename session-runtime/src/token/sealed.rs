//! A payload that only we can read: [`aead`] over the payload, with the binding as associated data.
//! Knows nothing of the payload's content.

use bytes::Bytes;

use super::{Binding, Opened, Plain, Random, RandomError, aead, decode, encode, keys::Keys, suite};
use crate::{clock::Timestamp, event::Reason, key::KeyRing};

pub(super) struct SealedCodec {
    keys: Keys<aead::Cipher>,
    binding: Binding,
}

impl SealedCodec {
    pub(super) fn new(ring: &KeyRing, binding: &Binding) -> Self {
        let keys = Keys::new(ring, binding, |key| aead::Cipher::new(&key));
        Self { keys, binding: binding.clone() }
    }

    pub(super) fn write(
        &self,
        plain: &(impl Plain + ?Sized),
        random: Random,
    ) -> Result<String, RandomError> {
        Ok(self.write_with(plain, &random.bytes()?))
    }

    pub(super) fn write_with(
        &self,
        plain: &(impl Plain + ?Sized),
        nonce: &[u8; aead::NONCE],
    ) -> String {
        let key = self.keys.first();
        let kind = (suite::SEALED, key.id);
        encode(&aead::seal(&key.prepared, kind, nonce, self.binding.as_bytes(), plain))
    }

    pub(super) fn open(
        &self,
        text: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Opened, Reason> {
        let mut blob = decode(text).ok_or(Reason::Malformed)?;
        let id = aead::key_id(&blob, suite::SEALED).ok_or(Reason::Malformed)?;
        let key = self.keys.find(id, now)?;
        let plain = aead::open(&key.prepared, self.binding.as_bytes(), &mut blob);
        let plain = plain.ok_or(Reason::Forged)?;
        let plain = Bytes::from(blob).slice(plain);
        Ok(Opened { plain, current_key: self.keys.is_first(key) })
    }
}
