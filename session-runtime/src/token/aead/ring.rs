//! The same cipher by ring, whose ChaCha20-Poly1305 is several times as fast on short messages.
//! ring has no `XChaCha20`, so this file does its first step, as draft-irtf-cfrg-xchacha-03 defines
//! it (section 2.3): `HChaCha20` over the first 16 bytes of the nonce gives each message a key of
//! its own. The nonce under that key is four zeros and the other 8 bytes.

use chacha20::{Key, R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{NONCE, TAG};

pub(in crate::token) struct Cipher(Zeroizing<[u8; 32]>);

impl Cipher {
    pub(in crate::token) fn new(key: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*key))
    }

    /// Encrypts in place. Returns the tag.
    pub(in crate::token) fn encrypt(
        &self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        buffer: &mut [u8],
    ) -> [u8; TAG] {
        let (key, nonce) = self.of_message(nonce);
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(associated), buffer)
            // The only error is a message longer than the cipher's counter allows (RFC 8439, 2.8).
            .expect("a session's payload is far below 256 GiB");
        let mut bytes = [0; TAG];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Decrypts in place a ciphertext that is followed by its tag. Returns `None` if the tag is
    /// wrong.
    pub(super) fn decrypt(
        &self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        sealed: &mut [u8],
    ) -> Option<()> {
        let (key, nonce) = self.of_message(nonce);
        key.open_in_place(nonce, Aad::from(associated), sealed).ok().map(drop)
    }

    fn of_message(&self, nonce: &[u8; NONCE]) -> (LessSafeKey, Nonce) {
        let mut input = [0; 16];
        input.copy_from_slice(&nonce[..16]);
        let subkey: Zeroizing<[u8; 32]> =
            Zeroizing::new(hchacha::<R20>(&Key::from(*self.0), &input.into()).into());
        let mut rest = [0; 12];
        rest[4..].copy_from_slice(&nonce[16..]);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &*subkey)
            .expect("the key has the algorithm's length");
        (LessSafeKey::new(key), Nonce::assume_unique_for_key(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::portable, Cipher, NONCE};

    #[test]
    fn it_is_the_portable_cipher_at_every_length() {
        let (key, nonce) = ([7; 32], *b"twenty-four bytes, once.");
        let (ours, portable) = (Cipher::new(&key), portable::Cipher::new(&key));
        for length in (0..300).chain([1023, 1024, 1025, 4096]) {
            let plain: Vec<u8> = (0..=250).cycle().take(length).collect();
            let associated = &plain[..length / 3];
            let seal = |mut text: Vec<u8>, tag: [u8; 16]| {
                text.extend_from_slice(&tag);
                text
            };
            let (mut a, mut b) = (plain.clone(), plain.clone());
            let tags = (
                ours.encrypt(&nonce, associated, &mut a),
                portable.encrypt(&nonce, associated, &mut b),
            );
            let (mut a, mut b) = (seal(a, tags.0), seal(b, tags.1));
            assert_eq!(a, b, "{length}");
            assert_eq!(ours.decrypt(&nonce, associated, &mut b), Some(()));
            assert_eq!(portable.decrypt(&nonce, associated, &mut a), Some(()));
            assert_eq!((&a[..length], &b[..length]), (&plain[..], &plain[..]));
        }
    }

    #[test]
    fn every_bit_counts() {
        let (key, nonce) = ([7; 32], [9; NONCE]);
        let cipher = Cipher::new(&key);
        let mut sealed = *b"a message of some length";
        let tag = cipher.encrypt(&nonce, b"context", &mut sealed);
        let sealed = [&sealed[..], &tag].concat();
        assert!(cipher.decrypt(&nonce, b"context", &mut sealed.clone()).is_some());
        assert!(cipher.decrypt(&nonce, b"contexT", &mut sealed.clone()).is_none());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(cipher.decrypt(&nonce, b"context", &mut changed).is_none(), "{bit}");
        }
        for bit in 0..NONCE * 8 {
            let mut changed = nonce;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(cipher.decrypt(&changed, b"context", &mut sealed.clone()).is_none(), "{bit}");
        }
    }
}
