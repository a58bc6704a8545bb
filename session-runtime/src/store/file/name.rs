//! The names of files and directories. Names are made from store keys only and do not reveal a
//! principal. No namespace, whatever its text, leads out of its directory or to the file of another
//! namespace.

use sha2::{Digest, Sha256};

use crate::{
    clock::Timestamp,
    store::{Cursor, Namespace, PrincipalKey, Selector, StoreKey},
};

/// The number of parts that the sessions are spread over, and the principals too: a directory for
/// each value of the first byte.
pub(super) const SHARDS: usize = 256;
/// The longest namespace that is spelt out. File systems allow names of 255 bytes.
const LONGEST: usize = 160;
/// The number of hex digits of 16 bytes.
const SELECTOR: usize = 32;
/// The number of hex digits of a time.
const TIME: usize = 16;

/// Returns the name of a session's file: the selector in hex, `-`, the namespace. Of the namespace, small letters, digits, `_` and `-` stay; every other
/// byte becomes `%` and two digits, so that no file system takes two namespaces for one. A
/// namespace that is too long for a name becomes `=` and its SHA-256.
pub(super) fn of_session(key: &StoreKey) -> String {
    let namespace = key.namespace.as_str();
    let mut spelt = String::with_capacity(namespace.len());
    for byte in namespace.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => spelt.push(char::from(byte)),
            _ => {
                spelt.push('%');
                push_hex(&mut spelt, &[byte]);
            }
        }
    }
    if spelt.len() > LONGEST {
        spelt.clear();
        spelt.push('=');
        push_hex(&mut spelt, &Sha256::digest(namespace));
    }
    format!("{}-{spelt}", key.selector)
}

/// Returns the selector in the name of a session's file, or `None` for any other file.
pub(super) fn selector_in(name: &str) -> Option<Selector> {
    let (selector, rest) = name.split_at_checked(SELECTOR)?;
    rest.starts_with('-').then(|| Selector::from_hex(selector))?
}

/// Returns the name of the entry of a log-in in the index: the time in hex, `-`, the name of the
/// session's file. Names are in the order of the log-ins.
pub(super) fn of_entry(log_in: Cursor, session: &str) -> String {
    format!("{:0TIME$x}-{session}", log_in.logged_in.as_millis())
}

/// Returns the log-in in the name of an entry, and the name of the session's file; `None` for any
/// other file.
pub(super) fn log_in_in(entry: &str) -> Option<(Cursor, &str)> {
    let (time, rest) = entry.split_at_checked(TIME)?;
    let session = rest.strip_prefix('-')?;
    let is_hex = time.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    let millis = u64::from_str_radix(time, 16).ok().filter(|_| is_hex)?;
    Some((Cursor::new(Timestamp::from_millis(millis), selector_in(session)?), session))
}

/// Returns the number of the part that holds a session. Selectors are random or hashed, so any one
/// byte spreads them evenly.
pub(super) fn shard_of(selector: Selector) -> usize {
    usize::from(selector.0[0])
}

/// Returns the name of a part's directory.
pub(super) fn of_shard(shard: usize) -> String {
    format!("{shard:02x}")
}

/// A principal of a namespace, hashed. The hash names the principal's directory in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(pub(super) [u8; 32]);

impl Owner {
    /// Nobody. To find a principal with this hash is infeasible.
    pub(super) const NOBODY: Self = Self([0; 32]);

    pub(super) fn of(namespace: &Namespace, principal: &PrincipalKey) -> Self {
        let mut hash = Sha256::new();
        // The length comes first, so that `bc` in `a` differs from `c` in `ab`.
        hash.update((namespace.as_str().len() as u64).to_be_bytes());
        hash.update(namespace.as_str());
        hash.update(principal.as_str());
        Self(hash.finalize().into())
    }

    /// Reads an owner from the name of a directory. Returns `None` for any other name.
    pub(super) fn in_name(name: &str) -> Option<Self> {
        let (first, second) = name.split_at_checked(SELECTOR)?;
        let (first, second) = (Selector::from_hex(first)?, Selector::from_hex(second)?);
        let mut owner = [0; 32];
        owner[..16].copy_from_slice(first.as_bytes());
        owner[16..].copy_from_slice(second.as_bytes());
        Some(Self(owner))
    }

    pub(super) fn shard(&self) -> usize {
        usize::from(self.0[0])
    }

    /// Returns the name of the owner's directory.
    pub(super) fn name(&self) -> String {
        let mut name = String::with_capacity(64);
        push_hex(&mut name, &self.0);
        name
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
