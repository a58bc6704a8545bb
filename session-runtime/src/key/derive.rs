//! Key derivation: HKDF-SHA256 of RFC 5869 under the project's own salt, and the length-prefixed
//! encoding of every context. Knows no ring, token or purpose.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

const SALT: &[u8] = b"session-runtime/v1 master";

/// The extracted key of RFC 5869, section 2.2, from which the other keys are expanded, as a
/// prepared HMAC state. The state is wiped on drop.
pub(super) struct Master(Hkdf<Sha256>);

impl Master {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self::extract(SALT, secret).1
    }

    /// Computes HKDF-Extract. Only test vectors use the extracted key itself.
    pub(super) fn extract(salt: &[u8], secret: &[u8]) -> (Zeroizing<[u8; 32]>, Self) {
        let (mut extracted, hkdf) = Hkdf::<Sha256>::extract(Some(salt), secret);
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(&extracted);
        extracted.as_mut_slice().zeroize();
        (bytes, Self(hkdf))
    }

    /// Computes HKDF-Expand (RFC 5869, section 2.3).
    pub(super) fn expand<const N: usize>(&self, info: &[u8]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * 32, "RFC 5869 allows at most 255 blocks") }
        let mut key = Zeroizing::new([0; N]);
        self.0
            .expand(info, key.as_mut_slice())
            // The only error is an output of more than 255 blocks, which does not compile.
            .expect("the output is at most 255 blocks");
        key
    }
}

/// Appends `part` with its length in front (32 bits, big endian), so that a series of parts has one
/// reading: `"a", "bc"` and `"ab", "c"` differ. With plain concatenation one context could pass for
/// another.
pub(crate) fn push_part(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&length_prefix(part));
    out.extend_from_slice(part);
}

/// Returns the length that [`push_part`] writes in front.
pub(crate) fn length_prefix(part: &[u8]) -> [u8; 4] {
    // Parts are names and tokens, all far below 4 GiB.
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// Returns one part alone.
pub(super) fn part(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + text.len());
    push_part(&mut out, text.as_bytes());
    out
}
