//! The value that a session is bound to, as its record keeps it: a keyed hash of what the client
//! showed. The hash reveals neither the address nor the browser, nor which sessions share one.
//! Knows nothing of the origin of the values.
//!
//! `form (2) ‖ key id (4) ‖ salt (8) ‖ hash (16)`: the first half of HMAC-SHA256 over the kind of
//! the value, the form, the salt and the value.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Binding, Random, RandomError, keys::Keys, mac::hmac};
use crate::{
    key::{KeyRing, push_part},
    store::KeyId,
};

const SALT: usize = 8;
const HASH: usize = 16;
const TOTAL: usize = 2 + 4 + SALT + HASH;

/// Hashes the values that sessions are bound to.
pub(crate) struct BindCodec {
    keys: Keys<Hmac<Sha256>>,
    random: Random,
}

/// A value that a client shows, its kind, and the form in which it is compared.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) kind: &'static str,
    /// The part of the value that counts. A value kept under another form cannot be compared.
    pub(crate) form: [u8; 2],
    pub(crate) value: Option<&'a [u8]>,
}

/// The result of comparing a kept value with the one that a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// The values are the same. The hash was made under this key.
    Same(KeyId),
    Other,
    /// The value was kept under another form.
    Unknown,
}

impl BindCodec {
    pub(crate) fn new(ring: &KeyRing, binding: &Binding, random: Random) -> Self {
        Self { keys: Keys::new(ring, binding, |key| hmac(&*key)), random }
    }

    /// Returns the id of the key that hashes a value for a session whose token is made under the key
    /// `under`: that key, if it can write.
    pub(crate) fn writer(&self, under: KeyId) -> KeyId {
        self.keys.now().writer(Some(under)).id
    }

    /// Returns the hash to keep in a session whose token is made under the key `under`. A process that
    /// can verify the token can then compare the hash, too.
    pub(crate) fn keep(&self, under: KeyId, shown: Shown<'_>) -> Result<Vec<u8>, RandomError> {
        Ok(self.keep_with(Some(under), shown, self.random.bytes()?))
    }

    pub(super) fn keep_with(
        &self,
        under: Option<KeyId>,
        shown: Shown<'_>,
        salt: [u8; SALT],
    ) -> Vec<u8> {
        let keys = self.keys.now();
        let key = keys.writer(under);
        let mut kept = Vec::with_capacity(TOTAL);
        kept.extend_from_slice(&shown.form);
        kept.extend_from_slice(key.id.as_bytes());
        kept.extend_from_slice(&salt);
        kept.extend_from_slice(&hash(&key.prepared, shown, &salt));
        kept
    }

    /// Compares a kept hash with the value that a client shows.
    pub(crate) fn compare(&self, kept: &[u8], shown: Shown<'_>) -> Match {
        let Some((form, rest)) = kept.split_first_chunk() else { return Match::Other };
        if *form != shown.form {
            return Match::Unknown;
        }
        let Some((id, rest)) = rest.split_first_chunk() else { return Match::Other };
        let Some((salt, kept)) = rest.split_at_checked(SALT) else { return Match::Other };
        let keys = self.keys.now();
        let Some(key) = keys.get(KeyId(*id)) else { return Match::Other };
        if !bool::from(hash(&key.prepared, shown, salt).as_slice().ct_eq(kept)) {
            return Match::Other;
        }
        Match::Same(key.id)
    }
}

fn hash(keyed: &Hmac<Sha256>, shown: Shown<'_>, salt: &[u8]) -> [u8; HASH] {
    let mut message = Vec::with_capacity(64);
    push_part(&mut message, shown.kind.as_bytes());
    push_part(&mut message, &shown.form);
    push_part(&mut message, salt);
    // A missing value differs from an empty one.
    if let Some(value) = shown.value {
        push_part(&mut message, value);
    }
    let mac = keyed.clone().chain_update(&message).finalize().into_bytes();
    let mut hash = [0; HASH];
    hash.copy_from_slice(&mac[..HASH]);
    hash
}

impl fmt::Debug for BindCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BindCodec(<redacted>)")
    }
}
