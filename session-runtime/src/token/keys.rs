//! The prepared form of each key of a ring, for one codec. A key is found only by its id. Knows
//! nothing of the form.

use zeroize::Zeroizing;

use super::Binding;
use crate::{
    clock::Timestamp,
    event::Reason,
    key::{KeyRing, RingKey},
    store::KeyId,
};

pub(super) struct Keys<T> {
    first: Entry<T>,
    rest: Vec<Entry<T>>,
}

pub(super) struct Entry<T> {
    pub(super) id: KeyId,
    not_after: Option<Timestamp>,
    pub(super) prepared: T,
}

impl<T> Keys<T> {
    /// Derives the binding's key from every key of the ring and prepares it, once.
    pub(super) fn new(
        ring: &KeyRing,
        binding: &Binding,
        prepare: impl Fn(Zeroizing<[u8; 32]>) -> T,
    ) -> Self {
        Self::with(ring, |key| prepare(key.derive(binding.as_bytes())))
    }

    /// Prepares every key of the ring, once.
    pub(super) fn with(ring: &KeyRing, prepare: impl Fn(&RingKey) -> T) -> Self {
        let entry =
            |key: &RingKey| Entry { id: key.id, not_after: key.not_after, prepared: prepare(key) };
        Self { first: entry(ring.first()), rest: ring.rest().iter().map(entry).collect() }
    }

    /// Returns the key that writes.
    pub(super) const fn first(&self) -> &Entry<T> {
        &self.first
    }

    /// Returns the key with this id, if there is one in the ring that may write; otherwise the key that
    /// writes. So the token of a session that has gone on under another key can stay there.
    pub(super) fn writer(&self, of: Option<KeyId>) -> &Entry<T> {
        let entry = of.and_then(|id| self.get(id)).filter(|entry| entry.not_after.is_none());
        entry.unwrap_or(&self.first)
    }

    /// Returns every key, the writing key first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry<T>> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Returns the key with this id, also if the key has ended. Ids are public, so this need not
    /// take constant time.
    pub(super) fn get(&self, id: KeyId) -> Option<&Entry<T>> {
        self.all().find(|entry| entry.id == id)
    }

    /// Returns the key with this id, if it may still be used for tokens.
    ///
    /// Keys are looked up, never tried one after the other: a server that tries many keys a message
    /// can be used to search the keys (partitioning oracles). An unknown key costs no cryptography
    /// at all.
    pub(super) fn find(
        &self,
        id: KeyId,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<&Entry<T>, Reason> {
        let entry = self.get(id).ok_or(Reason::UnknownKey)?;
        match entry.not_after {
            Some(end) if now() > end => Err(Reason::RetiredKey),
            _ => Ok(entry),
        }
    }

    /// Returns true for the key that writes. A token under another key is due to be re-issued.
    pub(super) fn is_first(&self, entry: &Entry<T>) -> bool {
        entry.id == self.first.id
    }
}
