//! The names at a server: a session's key, and the key of a principal's index.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::store::{Namespace, PrincipalKey, StoreKey, hex::Hex};

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

    /// Returns the name of the channel for notices.
    pub(super) fn bus(&self) -> String {
        format!("{}bus", self.0)
    }

    /// Returns the key of a principal's index. Namespaces hold no `:`, so no session has such a
    /// key.
    pub(super) fn index(&self, namespace: &Namespace, owner: &Owner) -> String {
        format!("{}principal:{}:{}", self.0, namespace.as_str(), owner.as_str())
    }
}

/// A principal as keys and entries name it: 32 hex digits of a hash. The principal itself may be
/// long, may be a person's name, and may hold braces, by which a Cluster chooses nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner(String);

impl Owner {
    pub(super) const DIGITS: usize = 32;

    pub(super) fn of(principal: &PrincipalKey) -> Self {
        let hash = Sha256::digest(principal.as_str().as_bytes());
        Self(Hex(&hash[..Self::DIGITS / 2]).to_string())
    }

    pub(super) fn read(digits: &str) -> Self {
        Self(digits.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
