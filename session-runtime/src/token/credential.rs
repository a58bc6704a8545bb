//! The token of a session that lives in a store: 54 bytes, 72 characters.
//!
//! `version ‖ suite ‖ key id (4) ‖ selector (16) ‖ verifier (16) ‖ tag (16)`
//!
//! One HMAC-SHA256 (RFC 2104) over everything before the tag does two jobs. Its first half is the
//! tag, which travels: a forgery is refused before any store is asked. Its second half is the
//! check, which only the record holds. So a reader of the store learns neither tag nor verifier,
//! and a thief of the key still lacks the verifier. Knows no store.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    Binding, Random, RandomError, VERSION, decode_exactly, encode,
    keys::{Keys, Place},
    mac::MacKey,
    suite,
};
use crate::{
    clock::Timestamp,
    event::Reason,
    key::{KeyInfo, KeyRing},
    store::{Check, KeyId, Selector, equal},
};

const BODY: usize = 2 + 4 + 16 + 16;
const TOTAL: usize = BODY + 16;

/// Issues and verifies credentials.
pub(crate) struct CredentialCodec {
    /// Keyed once. A request clones the prepared state instead of hashing the key again.
    keys: Keys<MacKey>,
}

/// A credential that verified. Only the store knows whether the session exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credential {
    pub(crate) selector: Selector,
    pub(crate) check: Check,
    pub(crate) key_id: KeyId,
    /// True if the credential was made under the key that writes now.
    pub(crate) current_key: bool,
}

/// A credential that was just issued.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) check: Check,
    pub(crate) key_id: KeyId,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for CredentialCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialCodec(<redacted>)")
    }
}

impl CredentialCodec {
    pub(crate) fn new(ring: &KeyRing, binding: &Binding) -> Self {
        Self { keys: Keys::new(ring, binding, |key| MacKey::new(&*key)) }
    }

    /// Returns the public facts about each key, in the order of the ring.
    pub(crate) fn keys(&self) -> Vec<KeyInfo> {
        self.keys.ring().keys().collect()
    }

    /// Returns the id of the key that writes.
    pub(crate) fn writer(&self) -> KeyId {
        self.keys.now().first().id
    }

    /// Returns the place of a key beside the one that writes.
    pub(crate) fn place(&self, id: KeyId) -> Place {
        self.keys.now().place(id)
    }

    /// Returns whether a key is in the ring.
    pub(crate) fn knows(&self, id: KeyId) -> bool {
        self.keys.now().get(id).is_some()
    }

    /// Issues a credential with a new verifier. `under` names a key that is to write instead of the
    /// one that writes otherwise, if that key can.
    pub(crate) fn issue(
        &self,
        selector: Selector,
        under: Option<KeyId>,
        random: Random,
    ) -> Result<Issued, RandomError> {
        let verifier = Zeroizing::new(random.bytes()?);
        Ok(self.issue_with(selector, under, &verifier))
    }

    /// Issues the credential of a new session. Draws the selector together with the verifier.
    pub(crate) fn issue_new(&self, random: Random) -> Result<(Selector, Issued), RandomError> {
        let drawn = Zeroizing::new(random.bytes::<32>()?);
        let (mut selector, mut verifier) = ([0; 16], Zeroizing::new([0; 16]));
        selector.copy_from_slice(&drawn[..16]);
        verifier.copy_from_slice(&drawn[16..]);
        Ok((Selector(selector), self.issue_with(Selector(selector), None, &verifier)))
    }

    pub(super) fn issue_with(
        &self,
        selector: Selector,
        under: Option<KeyId>,
        verifier: &[u8; 16],
    ) -> Issued {
        let keys = self.keys.now();
        let key = keys.writer(under);
        let mut bytes = Zeroizing::new([0; TOTAL]);
        bytes[0] = VERSION;
        bytes[1] = suite::CREDENTIAL;
        bytes[2..6].copy_from_slice(key.id.as_bytes());
        bytes[6..22].copy_from_slice(selector.as_bytes());
        bytes[22..BODY].copy_from_slice(verifier);
        let code = Code::of(&key.prepared, &bytes[..BODY]);
        bytes[BODY..].copy_from_slice(code.tag());
        Issued { token: encode(&*bytes), check: code.check(), key_id: key.id }
    }

    /// Verifies a credential and returns its parts. Allocates nothing.
    pub(crate) fn verify(
        &self,
        text: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Credential, Reason> {
        // Not wiped, since the request's header contains the same text.
        let bytes: [u8; TOTAL] = decode_exactly(text).ok_or(Reason::Malformed)?;
        let [VERSION, suite::CREDENTIAL, id @ ..] = bytes.as_slice() else {
            return Err(Reason::Malformed);
        };
        let (Some(id), Some(selector), Some(presented)) =
            (id.first_chunk(), bytes[6..].first_chunk(), bytes.last_chunk())
        else {
            return Err(Reason::Malformed);
        };
        let keys = self.keys.now();
        let key = keys.find(KeyId(*id), now)?;
        let code = Code::of(&key.prepared, &bytes[..BODY]);
        if !equal(code.tag(), presented) {
            return Err(Reason::Forged);
        }
        Ok(Credential {
            selector: Selector(*selector),
            check: code.check(),
            key_id: key.id,
            current_key: key.id == keys.first().id,
        })
    }
}

/// Returns the selector in the bytes of a token, or `None` if they have not the length of one.
pub(super) fn selector(bytes: &[u8]) -> Option<&[u8; 16]> {
    bytes.get(6..).filter(|_| bytes.len() == TOTAL)?.first_chunk()
}

/// The whole HMAC: one half travels, the other half stays.
struct Code(Zeroizing<[u8; 32]>);

impl Code {
    fn of(key: &MacKey, body: &[u8]) -> Self {
        Self(key.of(body))
    }

    fn tag(&self) -> &[u8; 16] {
        self.0.first_chunk().expect("16 of 32 bytes")
    }

    fn check(&self) -> Check {
        Check(*self.0.last_chunk().expect("16 of 32 bytes"))
    }
}
