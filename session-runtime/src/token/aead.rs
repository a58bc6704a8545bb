//! XChaCha20-Poly1305 over blobs that begin with their own header:
//!
//! `version ‖ suite ‖ key id (4) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`
//!
//! ChaCha20-Poly1305 as in RFC 8439, with the 192-bit nonces of draft-irtf-cfrg-xchacha-03. A
//! nonce is random for every message: with 192 bits that is safe for as many messages as anybody
//! can make, which 96 bits under a lasting key are not. Everything before the ciphertext is
//! authenticated. Knows not what is sealed, nor for whom.

use std::ops::Range;

use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};

use super::VERSION;
use crate::store::KeyId;

pub(super) const NONCE: usize = 24;
const HEADER: usize = 2 + 4 + NONCE;
const TAG: usize = 16;

/// Takes the key in, once.
pub(super) fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

/// The key id of a blob, if it can be one of this suite at all.
pub(super) fn key_id(blob: &[u8], suite: u8) -> Option<KeyId> {
    match blob {
        [VERSION, found, rest @ ..] if *found == suite && blob.len() >= HEADER + TAG => {
            rest.first_chunk().copied().map(KeyId)
        }
        _ => None,
    }
}

/// Seals `plain`; `context` is authenticated with it, but is not in the blob.
pub(super) fn seal(
    cipher: &XChaCha20Poly1305,
    (suite, id): (u8, KeyId),
    nonce: &[u8; NONCE],
    context: &[u8],
    plain: &[u8],
) -> Vec<u8> {
    // With room for all of it from the start: growing would leave copies of the plaintext behind.
    let mut blob = Vec::with_capacity(HEADER + plain.len() + TAG);
    blob.extend_from_slice(&[VERSION, suite]);
    blob.extend_from_slice(id.as_bytes());
    blob.extend_from_slice(nonce);
    let associated = [&blob, context].concat();
    blob.extend_from_slice(plain);
    let tag = encrypt(cipher, nonce, &associated, &mut blob[HEADER..]);
    blob.extend_from_slice(&tag);
    blob
}

/// Decrypts in place, if `blob` was sealed with this key and context; where in it the plaintext is.
/// Nothing is decrypted before the tag has verified.
pub(super) fn open(
    cipher: &XChaCha20Poly1305,
    context: &[u8],
    blob: &mut [u8],
) -> Option<Range<usize>> {
    let (header, rest) = blob.split_at_mut_checked(HEADER)?;
    let (text, tag) = rest.split_last_chunk_mut::<TAG>()?;
    let nonce = header.last_chunk::<NONCE>()?;
    let associated = [header, context].concat();
    let plain = HEADER..HEADER + text.len();
    cipher
        .decrypt_inout_detached(&XNonce::from(*nonce), &associated, text.into(), &Tag::from(*tag))
        .ok()?;
    Some(plain)
}

/// Encrypts in place; the tag.
pub(super) fn encrypt(
    cipher: &XChaCha20Poly1305,
    nonce: &[u8; NONCE],
    associated: &[u8],
    buffer: &mut [u8],
) -> [u8; TAG] {
    cipher
        .encrypt_inout_detached(&XNonce::from(*nonce), associated, buffer.into())
        // The only error is a message longer than the cipher's counter reaches: RFC 8439, 2.8.
        .expect("a session's payload is far below 256 GiB")
        .into()
}
