//! XChaCha20-Poly1305 over blobs that begin with their own header:
//!
//! `version ‖ suite ‖ key id (4) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`
//!
//! ChaCha20-Poly1305 as in RFC 8439, with the 192-bit nonces of draft-irtf-cfrg-xchacha-03. Each
//! message has a random nonce. With 192 bits that is safe for as many messages as anybody can make;
//! 96 bits under a lasting key would not be. Everything before the ciphertext is authenticated.
//! Knows nothing of the plaintext or its reader.

#[cfg(any(test, not(feature = "ring")))]
mod portable;
#[cfg(feature = "ring")]
mod ring;

use std::ops::Range;

#[cfg(not(feature = "ring"))]
pub(super) use self::portable::Cipher;
#[cfg(feature = "ring")]
pub(super) use self::ring::Cipher;
use super::{Plain, VERSION};
use crate::store::KeyId;

pub(super) const NONCE: usize = 24;
const HEADER: usize = 2 + 4 + NONCE;
const TAG: usize = 16;

/// Returns the key id of a blob, or `None` if the blob cannot be of this suite.
pub(super) fn key_id(blob: &[u8], suite: u8) -> Option<KeyId> {
    match blob {
        [VERSION, found, rest @ ..] if *found == suite && blob.len() >= HEADER + TAG => {
            rest.first_chunk().copied().map(KeyId)
        }
        _ => None,
    }
}

/// Seals `plain`. `context` is authenticated, too, but is not part of the blob.
pub(super) fn seal(
    cipher: &Cipher,
    (suite, id): (u8, KeyId),
    nonce: &[u8; NONCE],
    context: &[u8],
    plain: &(impl Plain + ?Sized),
) -> Vec<u8> {
    let mut blob = Vec::with_capacity(HEADER + plain.size() + TAG);
    blob.extend_from_slice(&[VERSION, suite]);
    blob.extend_from_slice(id.as_bytes());
    blob.extend_from_slice(nonce);
    let associated = [&blob, context].concat();
    plain.put(&mut blob);
    let tag = cipher.encrypt(nonce, &associated, &mut blob[HEADER..]);
    blob.extend_from_slice(&tag);
    blob
}

/// Decrypts `blob` in place. Returns the range of the plaintext in it, or `None` if it was not
/// sealed with this key and context. Unauthenticated plaintext is never used.
pub(super) fn open(cipher: &Cipher, context: &[u8], blob: &mut [u8]) -> Option<Range<usize>> {
    let plain = HEADER..blob.len().checked_sub(TAG)?;
    let (header, sealed) = blob.split_at_mut_checked(HEADER)?;
    let nonce = header.last_chunk::<NONCE>()?;
    let associated = [header, context].concat();
    cipher.decrypt(nonce, &associated, sealed)?;
    Some(plain)
}
