//! The facts about the keys of a ring that anybody may see: they are public in every token.

use std::time::SystemTime;

use super::{KeyRing, RingKey};
use crate::store::KeyId;

/// One key of a [`KeyRing`], without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The id of the key, which each token names.
    pub id: KeyId,
    /// The last moment at which tokens made under the key are accepted; `None` without an end.
    pub not_after: Option<SystemTime>,
}

impl KeyRing {
    /// Returns the id and the end of each key. The first key writes.
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
        std::iter::once(self.first()).chain(self.rest()).map(RingKey::info)
    }
}

impl RingKey {
    fn info(&self) -> KeyInfo {
        KeyInfo { id: self.id, not_after: self.not_after.map(SystemTime::from) }
    }
}
