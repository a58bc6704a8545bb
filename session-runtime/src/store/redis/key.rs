//! The names at a server: a session's key, the key of a principal's index, and the token that tells
//! one log-in from every other.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};

use crate::store::{Namespace, PrincipalKey, StoreError, StoreKey, hex::Hex};

/// Builds keys under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys(String);

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self(prefix.to_owned())
    }

    pub(super) fn prefix(&self) -> &str {
        &self.0
    }

    pub(super) fn session(&self, key: &StoreKey) -> String {
        // Every request makes one, and `format!` would start without any capacity.
        let mut name = String::with_capacity(self.0.len() + key.namespace.as_str().len() + 33);
        name.push_str(&self.0);
        // Writing to a string cannot fail.
        let _ = write!(name, "{key}");
        name
    }

    /// Returns the key of a principal's index. The principal is hashed: it may be long, may be a
    /// person's name, and may hold braces, by which a cluster chooses nodes. Namespaces hold no
    /// `:`, so no session has such a key.
    pub(super) fn index(&self, namespace: &Namespace, principal: &PrincipalKey) -> String {
        let hash = Sha256::digest(principal.as_str().as_bytes());
        format!("{}principal:{}:{}", self.0, namespace.as_str(), Hex(&hash[..16]))
    }
}

/// The identity of a log-in: the second in which it began, and random bits, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn random() -> Result<Self, StoreError> {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds().to_be_bytes());
        getrandom::fill(&mut bytes[4..]).map_err(|error| {
            StoreError::with_source("the operating system gives no random bytes", error)
        })?;
        Ok(Self(Hex(&bytes).to_string()))
    }

    pub(super) fn read(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the distance in seconds between now and the making of the token, by the clocks of
    /// the machines concerned. It only decides whether waiting for the log-in is worth while, so a
    /// wrong clock does no harm.
    pub(super) fn age(&self) -> u32 {
        let made = self.0.get(..8).and_then(|text| u32::from_str_radix(text, 16).ok());
        made.map_or(u32::MAX, |made| made.abs_diff(seconds()))
    }
}

// A second within 136 years is enough to tell an age.
#[allow(clippy::cast_possible_truncation)]
fn seconds() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as u32)
}
