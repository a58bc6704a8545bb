//! The facts about the keys of a ring that anybody may see: they are public in every token.

use std::time::SystemTime;

use super::{KeyRing, RingKey, RingKeys};
use crate::store::KeyId;

/// One key of a [`KeyRing`], without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The id of the key, which each token names.
    pub id: KeyId,
    /// The last moment at which tokens made under the key are accepted; `None` without an end.
    pub not_after: Option<SystemTime>,
    /// True for the key that tokens are made under: the first one that is not read-only.
    pub writes: bool,
    /// True if the key is marked as [read-only](super::Key::read_only).
    pub read_only: bool,
}

impl KeyRing {
    /// Returns the public facts about each key, in the order of the ring.
    ///
    /// ```
    /// use session_runtime::{Key, KeyRing};
    ///
    /// let ring = KeyRing::new([Key::generate()?, Key::generate()?])?;
    /// let ids: Vec<String> = ring.keys().map(|key| key.id.to_string()).collect();
    /// assert_eq!(ids.len(), 2);
    /// assert_eq!(ids[0].len(), 8);
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    pub fn keys(&self) -> impl Iterator<Item = KeyInfo> {
        self.current().infos().into_iter()
    }
}

impl RingKeys {
    fn infos(&self) -> Vec<KeyInfo> {
        let writer = self.writer_position();
        let info = |(at, key): (usize, &RingKey)| KeyInfo {
            id: key.id,
            not_after: key.not_after.map(SystemTime::from),
            writes: at == writer,
            read_only: key.read_only,
        };
        self.all().enumerate().map(info).collect()
    }
}
