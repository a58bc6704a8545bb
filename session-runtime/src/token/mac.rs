//! HMAC-SHA256 (RFC 2104) with a prepared key. With the feature `ring`, ring computes the one HMAC
//! that every request with a token needs; the others are plain Rust.

use hmac::{Hmac, KeyInit as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A key that is ready for use.
pub(super) struct MacKey(Prepared);

#[cfg(not(feature = "ring"))]
type Prepared = Hmac<Sha256>;
#[cfg(feature = "ring")]
type Prepared = ring::hmac::Key;

impl MacKey {
    pub(super) fn new(key: &[u8]) -> Self {
        #[cfg(not(feature = "ring"))]
        return Self(hmac(key));
        #[cfg(feature = "ring")]
        return Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key));
    }

    /// Returns the code of a message.
    pub(super) fn of(&self, message: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut code = Zeroizing::new([0; 32]);
        #[cfg(not(feature = "ring"))]
        {
            use hmac::{Mac as _, digest::FixedOutput as _};

            self.0.clone().chain_update(message).finalize_into((&mut *code).into());
        }
        #[cfg(feature = "ring")]
        code.copy_from_slice(ring::hmac::sign(&self.0, message).as_ref());
        code
    }
}

/// Returns an HMAC in plain Rust, for a message that comes in parts.
pub(super) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    // RFC 2104 allows keys of any length; the error type is the trait's.
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(all(test, feature = "ring"))]
mod tests {
    use hmac::Mac as _;

    use super::{MacKey, hmac};

    #[test]
    fn it_is_the_portable_code_at_every_length() {
        let bytes: Vec<u8> = (0..=250).cycle().take(300).collect();
        for length in 0..bytes.len() {
            let (key, message) = (&bytes[..length / 2], &bytes[..length]);
            let portable = hmac(key).chain_update(message).finalize();
            assert_eq!(*MacKey::new(key).of(message), *portable.into_bytes(), "{length}");
        }
    }
}
