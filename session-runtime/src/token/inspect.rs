//! What a token says of itself to anybody who holds it. Verifies nothing, knows no key and no store,
//! and shows neither a verifier nor a tag nor a field.

use std::time::SystemTime;

use bytes::Bytes;

use super::{Envelope, VERSION, aead, credential, decode, signed, suite};
use crate::store::{KeyId, Lifetime, Selector, session_id::SessionId};

/// The form of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// The credential of a session in a store.
    Credential,
    /// A session that travels in its token, encrypted.
    Sealed,
    /// A session that travels in its token, readable.
    Signed,
}

/// The readable parts of a token. **Nothing here is verified:** anybody can write such a text.
///
/// ```
/// use session_runtime::admin::TokenInfo;
///
/// assert!(TokenInfo::read("hunter2").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenInfo {
    /// The form of the token.
    pub kind: TokenKind,
    /// The id of the key that made the token.
    pub key_id: KeyId,
    /// The session's id; `None` in a sealed token.
    pub session: Option<SessionId>,
    /// The time of the session's creation, in a signed token.
    pub created: Option<SystemTime>,
    /// The time at which the token was made, in a signed token.
    pub issued: Option<SystemTime>,
    /// The time at which the session expires if no other token is made, in a signed token.
    pub expires: Option<SystemTime>,
}

impl TokenInfo {
    /// Reads a token. Returns `None` for a text that does not have the form of one.
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        let bytes = Bytes::from(decode(token.as_bytes())?);
        let [VERSION, suite, ..] = *bytes else { return None };
        let key_id = KeyId(*bytes.get(2..)?.first_chunk()?);
        let bare =
            |kind| Self { kind, key_id, session: None, created: None, issued: None, expires: None };
        match suite {
            suite::CREDENTIAL => {
                let selector = Selector(*credential::selector(&bytes)?);
                let session = Some(SessionId(selector));
                Some(Self { session, ..bare(TokenKind::Credential) })
            }
            suite::SEALED => {
                aead::key_id(&bytes, suite::SEALED, aead::HEAD)?;
                Some(bare(TokenKind::Sealed))
            }
            suite::SIGNED => {
                let payload = bytes.slice(signed::payload(&bytes)?);
                let Envelope { selector, created, sealed_at, idle_millis, absolute_until, .. } =
                    Envelope::decode(&payload, |_| None)?;
                let lifetime = Lifetime { idle_millis, absolute_until, persistent: false };
                Some(Self {
                    session: Some(SessionId(selector)),
                    created: Some(created.into()),
                    issued: Some(sealed_at.into()),
                    expires: Some(lifetime.end_after(sealed_at).into()),
                    ..bare(TokenKind::Signed)
                })
            }
            _ => None,
        }
    }
}
