//! The token of the floors that keep sessions by an id: the id and its HMAC-SHA256. Knows nothing
//! of cookies or sessions.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(super) type Id = [u8; 16];

pub(super) struct Tokens {
    keyed: Hmac<Sha256>,
}

impl Tokens {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("random bytes");
        Self { keyed: Hmac::new_from_slice(&key).expect("HMAC takes keys of any length") }
    }

    fn mac(&self, id: &Id) -> Hmac<Sha256> {
        self.keyed.clone().chain_update(id)
    }

    /// The id in a token, if we made it.
    pub(super) fn id(&self, token: &[u8]) -> Option<Id> {
        let mut bytes = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice_unchecked(token, &mut bytes).ok()?;
        let id: Id = *bytes.first_chunk()?;
        (length == 32).then_some(())?;
        self.mac(&id).verify_truncated_left(&bytes[16..]).ok()?;
        Some(id)
    }

    /// A new id and its token.
    pub(super) fn make(&self) -> (Id, String) {
        let mut id = Id::default();
        getrandom::fill(&mut id).expect("random bytes");
        let mut token = [0; 32];
        token[..16].copy_from_slice(&id);
        token[16..].copy_from_slice(&self.mac(&id).finalize().into_bytes()[..16]);
        (id, URL_SAFE_NO_PAD.encode(token))
    }
}
