//! Hides principals from the store that indexes by them: the store gets a keyed hash of the name.
//! Knows neither store nor session type.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Binding, keys::Keys, mac::hmac};
use crate::{
    key::KeyRing,
    store::{PrincipalKey, hex::Hex},
};

/// The number of bytes of the hash that are kept: enough that no two principals ever share them.
const KEPT: usize = 16;

/// Turns principals into the keys of the index of a store with encryption at rest.
pub(crate) struct IndexCodec {
    keys: Keys<Hmac<Sha256>>,
}

impl IndexCodec {
    pub(crate) fn new(ring: &KeyRing, binding: &Binding) -> Self {
        Self { keys: Keys::new(ring, binding, |key| hmac(&*key)) }
    }

    /// Returns the index key under which a log-in is entered now.
    pub(crate) fn hide(&self, principal: &PrincipalKey) -> PrincipalKey {
        hide(&self.keys.now().first().prepared, principal)
    }

    /// Returns every index key that a log-in may have: one for each key of the ring, the newest
    /// first.
    pub(crate) fn hide_under_each(&self, principal: &PrincipalKey) -> Vec<PrincipalKey> {
        self.keys.now().all().map(|entry| hide(&entry.prepared, principal)).collect()
    }
}

fn hide(keyed: &Hmac<Sha256>, principal: &PrincipalKey) -> PrincipalKey {
    let mut mac = keyed.clone();
    mac.update(principal.as_str().as_bytes());
    let hash = mac.finalize().into_bytes();
    PrincipalKey::new(&Hex(&hash[..KEPT]).to_string())
}

impl fmt::Debug for IndexCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexCodec(<redacted>)")
    }
}
