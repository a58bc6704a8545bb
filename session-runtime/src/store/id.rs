//! The names by which stores know sessions and credentials, none of which opens anything.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{event::PublicId, store::hex::Hex};

/// The public half of a credential: 16 random bytes, the same for the session's whole life. Its hex
/// form is the session id; it opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector(pub(crate) [u8; 16]);

impl Selector {
    /// Makes a selector from the 16 bytes that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 16 bytes of the selector.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads a selector from its hex form: exactly 32 digits in lower case. Returns `None` for any
    /// other text.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl Hash for Selector {
    /// Hashes the bytes alone, without their length, which is always the same.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Display for Selector {
    /// Writes 32 hex digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl PublicId for Selector {}

impl PublicId for KeyId {}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selector({self})")
    }
}

/// The check value by which a record recognises a credential: half of a keyed hash over the
/// credential. A check value is useless as a credential. Compared in constant time.
#[derive(Clone, Copy)]
pub struct Check(pub(crate) [u8; 16]);

impl Check {
    /// Makes a check value from the 16 bytes that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 16 bytes of the check value, for a store to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
}

impl Eq for Check {}

/// Compares in constant time, as one number: that is quicker than byte by byte.
pub(crate) fn equal(a: &[u8; 16], b: &[u8; 16]) -> bool {
    u128::from_ne_bytes(*a).ct_eq(&u128::from_ne_bytes(*b)).into()
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check(<redacted>)")
    }
}

/// The public name of a key in a ring: 4 bytes derived from its secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 4]);

impl KeyId {
    /// Makes a key id from the 4 bytes that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Returns the 4 bytes of the key id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    /// Writes the 8 hexadecimal digits that the log names the key by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A name that keeps the records of session types apart: the session's name and the deployment's
/// audience.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

/// The end of the name of a floor's namespace.
const FLOOR: &str = "/floor";

impl Namespace {
    /// Makes a namespace of this name. Names are tokens of RFC 9110, so they contain no `:` or `/`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns the namespace of a session type in a deployment with this audience, which may be
    /// empty. Returns `None` if the audience is not of ASCII letters, digits, `-`, `.` and `_`.
    pub(crate) fn of(name: &str, audience: &str) -> Option<Self> {
        if audience.is_empty() {
            return Some(Self::new(name));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        audience.bytes().all(plain).then(|| Self::new(&format!("{name}@{audience}")))
    }

    /// Returns the name of the namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the namespace of the floor of these sessions. No session name or audience contains a `/`.
    pub(crate) fn of_floor(&self) -> Self {
        Self::new(&format!("{}{FLOOR}", self.0))
    }

    /// Returns true if this is the namespace of a floor.
    #[cfg(feature = "testing")]
    pub(crate) fn is_of_floor(&self) -> bool {
        self.0.ends_with(FLOOR)
    }

    /// Returns true if its records are the runtime's own notes, such as ended sessions, and no
    /// sessions.
    pub(crate) fn is_of_notes(&self) -> bool {
        self.0.contains('/')
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.0)
    }
}

/// The name of a record: namespace and selector. `Display` writes `namespace:selector-in-hex`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreKey {
    /// The namespace, which two session types never share.
    pub namespace: Namespace,
    /// The session's selector.
    pub selector: Selector,
}

impl Hash for StoreKey {
    /// Hashes the selector alone: the same selector hardly ever occurs in two namespaces, and every
    /// look-up in a map costs a hash.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.selector.hash(state);
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace.as_str(), self.selector)
    }
}

/// A principal as stores index it: the JSON text of the value (`"ada"`, `42`). `Debug` prints it
/// redacted, since it may be a person's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalKey(Arc<str>);

impl PrincipalKey {
    /// Makes a principal key from the text that a store has kept.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the index key of a principal's id, or the reason why the id does not serialise.
    pub(crate) fn of(id: &impl serde::Serialize) -> Result<Self, String> {
        serde_json::to_string(id).map(|json| Self::new(&json)).map_err(|error| error.to_string())
    }

    /// Returns the selector of a note about the principal, which is the same in every process.
    pub(crate) fn to_selector(&self) -> Selector {
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let mut selector = [0; 16];
        selector.copy_from_slice(&digest[..16]);
        Selector(selector)
    }

    /// Returns the text to index by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrincipalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrincipalKey(<redacted>)")
    }
}
