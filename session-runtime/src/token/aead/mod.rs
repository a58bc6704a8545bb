//! XChaCha20-Poly1305 over blobs that begin with their own head:
//!
//! `version ‖ suite ‖ key id (4) ‖ more of the head ‖ nonce (24) ‖ ciphertext ‖ tag (16)`
//!
//! ChaCha20-Poly1305 as in RFC 8439, with the 192-bit nonces of draft-irtf-cfrg-xchacha-03. Each
//! message has a random nonce. With 192 bits that is safe for as many messages as anybody can make;
//! 96 bits under a lasting key would not be. Everything before the ciphertext is authenticated.
//! Knows nothing of the plaintext or its reader.

#[cfg(any(test, not(feature = "ring")))]
mod portable;
#[cfg(feature = "ring")]
mod ring;

use std::{borrow::Cow, ops::Range};

#[cfg(not(feature = "ring"))]
pub(super) use self::portable::Cipher;
#[cfg(feature = "ring")]
pub(super) use self::ring::Cipher;
use super::{Plain, VERSION};
use crate::store::KeyId;

pub(super) const NONCE: usize = 24;
/// The bytes of the head that each blob has.
pub(super) const HEAD: usize = 2 + 4;
const TAG: usize = 16;

/// Returns the head of a blob without anything more.
pub(super) const fn head(suite: u8, KeyId([a, b, c, d]): KeyId) -> [u8; HEAD] {
    [VERSION, suite, a, b, c, d]
}

/// Returns the key id of a blob, or `None` if the blob cannot be of this suite, whose head has this
/// length.
pub(super) fn key_id(blob: &[u8], suite: u8, head: usize) -> Option<KeyId> {
    match blob {
        [VERSION, found, rest @ ..] if *found == suite && blob.len() >= head + NONCE + TAG => {
            rest.first_chunk().copied().map(KeyId)
        }
        _ => None,
    }
}

/// Seals `plain` behind a head. `context` is authenticated, too, but is not part of the blob.
pub(super) fn seal(
    cipher: &Cipher,
    head: &[u8],
    nonce: &[u8; NONCE],
    context: &[u8],
    plain: &(impl Plain + ?Sized),
) -> Vec<u8> {
    let start = head.len() + NONCE;
    let mut blob = Vec::with_capacity(start + plain.size() + TAG);
    blob.extend_from_slice(head);
    blob.extend_from_slice(nonce);
    plain.put(&mut blob);
    let (before, text) = blob.split_at_mut(start);
    let tag = cipher.encrypt(nonce, &associated(before, context), text);
    blob.extend_from_slice(&tag);
    blob
}

/// Decrypts `blob`, whose head has this length, in place. Returns the range of the plaintext in it,
/// or `None` if it was not sealed with this key and context. Unauthenticated plaintext is never
/// used.
pub(super) fn open(
    cipher: &Cipher,
    head: usize,
    context: &[u8],
    blob: &mut [u8],
) -> Option<Range<usize>> {
    let start = head + NONCE;
    let plain = start..blob.len().checked_sub(TAG)?;
    let (before, sealed) = blob.split_at_mut_checked(start)?;
    let nonce = before.last_chunk::<NONCE>()?;
    cipher.decrypt(nonce, &associated(before, context), sealed)?;
    Some(plain)
}

fn associated<'a>(before: &'a [u8], context: &[u8]) -> Cow<'a, [u8]> {
    if context.is_empty() { before.into() } else { [before, context].concat().into() }
}
