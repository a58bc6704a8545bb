//! A payload that only we can read: [`aead`] over the payload, with a commitment to the key in the
//! head:
//!
//! `version ‖ suite ‖ key id (4) ‖ commitment (16) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`
//!
//! ChaCha20-Poly1305 does not commit to its key: who knows two keys can make one ciphertext that opens
//! under both, and a key id is four bytes. The commitment is derived from the ring's key and the
//! binding, as the cipher's key is, so two of them are equal for two keys or two bindings only if
//! somebody finds a collision of HMAC-SHA256, cut to 16 bytes. It depends on no message: what is to
//! be held is the key, and the head is authenticated with each message. So it is derived once, tells
//! no more than the key id does, and stands for the binding in the associated data.
//!
//! The content is followed by `0x80` and zeros up to a multiple of 32 bytes, so that the length of a
//! token tells little. Knows nothing of the payload's content.

use bytes::Bytes;

use super::{
    Binding, Opened, Plain, Random, RandomError, aead, decode, encode,
    keys::{Keys, Place},
    suite,
};
use crate::{
    clock::Timestamp,
    event::Reason,
    key::{KeyRing, RingKey, push_part},
    store::KeyId,
};

const COMMITMENT: usize = 16;
const HEAD: usize = aead::HEAD + COMMITMENT;
const BLOCK: usize = 32;
const END: u8 = 0x80;

pub(super) struct SealedCodec {
    keys: Keys<Prepared>,
}

struct Prepared {
    cipher: aead::Cipher,
    head: [u8; HEAD],
}

impl SealedCodec {
    pub(super) fn new(ring: &KeyRing, binding: &Binding) -> Self {
        let mut commitment = binding.as_bytes().to_vec();
        push_part(&mut commitment, b"commitment");
        let binding = binding.clone();
        let prepare = move |key: &RingKey| {
            let mut head = [0; HEAD];
            head[..aead::HEAD].copy_from_slice(&aead::head(suite::SEALED, key.id));
            head[aead::HEAD..].copy_from_slice(&key.derive(&commitment)[..COMMITMENT]);
            Prepared { cipher: aead::Cipher::new(&key.derive(binding.as_bytes())), head }
        };
        Self { keys: Keys::with(ring, prepare) }
    }

    pub(super) fn place(&self, id: KeyId) -> Place {
        self.keys.now().place(id)
    }

    pub(super) fn writer(&self, under: Option<KeyId>) -> KeyId {
        self.keys.now().writer(under).id
    }

    pub(super) fn write(
        &self,
        plain: &(impl Plain + ?Sized),
        under: Option<KeyId>,
        random: Random,
    ) -> Result<String, RandomError> {
        Ok(self.write_with(plain, under, &random.bytes()?))
    }

    pub(super) fn write_with(
        &self,
        plain: &(impl Plain + ?Sized),
        under: Option<KeyId>,
        nonce: &[u8; aead::NONCE],
    ) -> String {
        let keys = self.keys.now();
        let Prepared { cipher, head } = &keys.writer(under).prepared;
        encode(&aead::seal(cipher, head, nonce, &[], &Padded(plain)))
    }

    pub(super) fn open(
        &self,
        text: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Opened, Reason> {
        let mut blob = decode(text).ok_or(Reason::Malformed)?;
        let id = aead::key_id(&blob, suite::SEALED, HEAD).ok_or(Reason::Malformed)?;
        let keys = self.keys.now();
        let key = keys.find(id, now)?;
        let Prepared { cipher, head } = &key.prepared;
        if !blob.starts_with(head) {
            return Err(Reason::Forged);
        }
        let padded = aead::open(cipher, HEAD, &[], &mut blob).ok_or(Reason::Forged)?;
        let length = unpadded(&blob[padded.clone()]).ok_or(Reason::Malformed)?;
        let plain = Bytes::from(blob).slice(padded.start..padded.start + length);
        Ok(Opened { plain, key_id: key.id })
    }
}

/// A plaintext with its padding.
struct Padded<'p, P: ?Sized>(&'p P);

impl<P: Plain + ?Sized> Plain for Padded<'_, P> {
    fn size(&self) -> usize {
        (self.0.size() + 1).next_multiple_of(BLOCK)
    }

    fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.0.put(out);
        out.push(END);
        out.resize(start + (out.len() - start).next_multiple_of(BLOCK), 0);
    }
}

/// Returns the length of a plaintext without its padding.
fn unpadded(padded: &[u8]) -> Option<usize> {
    let end = padded.iter().rposition(|byte| *byte != 0)?;
    (padded[end] == END).then_some(end)
}
