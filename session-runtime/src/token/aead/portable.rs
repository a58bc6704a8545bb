//! The cipher in plain Rust, in use unless the feature `ring` is on.

use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};

use super::{NONCE, TAG};

pub(in crate::token) struct Cipher(XChaCha20Poly1305);

impl Cipher {
    pub(in crate::token) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts in place. Returns the tag.
    pub(in crate::token) fn encrypt(
        &self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        buffer: &mut [u8],
    ) -> [u8; TAG] {
        self.0
            .encrypt_inout_detached(&XNonce::from(*nonce), associated, buffer.into())
            // The only error is a message longer than the cipher's counter allows (RFC 8439, 2.8).
            .expect("a session's payload is far below 256 GiB")
            .into()
    }

    /// Decrypts in place a ciphertext that is followed by its tag. Returns `None` if the tag is
    /// wrong.
    pub(super) fn decrypt(
        &self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        sealed: &mut [u8],
    ) -> Option<()> {
        let (text, tag) = sealed.split_last_chunk_mut::<TAG>()?;
        let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
        self.0.decrypt_inout_detached(&nonce, associated, text.into(), &tag).ok()
    }
}
