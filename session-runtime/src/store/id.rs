//! The names by which stores know sessions and credentials, none of which opens anything.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use subtle::ConstantTimeEq;

use crate::store::hex::Hex;

/// The public half of a credential: 16 random bytes, stable for the session's life. Its hex form
/// is the session id; it opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector(pub(crate) [u8; 16]);

impl Selector {
    /// From its 16 bytes, as a store wrote them down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From its hex form: exactly 32 digits in lower case.
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
    /// Its bytes alone, without a length, which is always the same.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Display for Selector {
    /// 32 hex digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selector({self})")
    }
}

/// What a record keeps to recognise a credential: half of a keyed hash over it. Useless as a
/// credential itself. Compared in constant time.
#[derive(Clone, Copy)]
pub struct Check(pub(crate) [u8; 16]);

impl Check {
    /// From its 16 bytes, as a store wrote them down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes, for a store to write down.
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

/// Compares in constant time: as one number, which takes less than byte by byte.
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
    /// From its 4 bytes, as a store wrote them down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Its 4 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({:08x})", u32::from_be_bytes(self.0))
    }
}

/// Which session types share records: the session's name and the deployment's audience.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// A namespace of this name. Names are tokens of RFC 9110, so they hold no `:` or `/`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
    /// Two session types never share one.
    pub namespace: Namespace,
    /// Which session.
    pub selector: Selector,
}

impl Hash for StoreKey {
    /// The selector alone: keys of one selector in two namespaces hardly ever meet, and every look
    /// into a map costs a hash.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.selector.hash(state);
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace.as_str(), self.selector)
    }
}

/// A principal as stores index it: the JSON text of the value (`"ada"`, `42`). Printed redacted,
/// since it may be a person's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalKey(Arc<str>);

impl PrincipalKey {
    /// From the text a store wrote down.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The index key of a principal, or why it does not serialise.
    pub(crate) fn of(principal: &impl serde::Serialize) -> Result<Self, String> {
        serde_json::to_string(principal)
            .map(|json| Self::new(&json))
            .map_err(|error| error.to_string())
    }

    /// The text to index by.
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
