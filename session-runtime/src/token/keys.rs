//! What a codec has prepared for each key of a ring, found by key id and by nothing else. Knows
//! not what is prepared.

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
        let entry = |key: &RingKey| Entry {
            id: key.id,
            not_after: key.not_after,
            prepared: prepare(key.derive(binding.as_bytes())),
        };
        Self { first: entry(ring.first()), rest: ring.rest().iter().map(entry).collect() }
    }

    /// The key that writes.
    pub(super) const fn first(&self) -> &Entry<T> {
        &self.first
    }

    /// Every key, the one that writes first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry<T>> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// The key with that id, whether or not it has ended. Ids are public: no secret decides how
    /// long this takes.
    pub(super) fn get(&self, id: KeyId) -> Option<&Entry<T>> {
        self.all().find(|entry| entry.id == id)
    }

    /// The key with that id, if it may still be used for tokens.
    ///
    /// Keys are looked up, never tried one after the other. ChaCha20-Poly1305 does not commit to
    /// its key: somebody who knows two keys can make one ciphertext that opens under both, and
    /// with trial decryption a server that tries many guessable keys per message can be used to
    /// search them (partitioning oracles). Here the id, which is authenticated, selects the one
    /// key that a message can open under, and keys are random, so a separate commitment would add
    /// nothing. It also means that an unknown key costs no cryptography at all.
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

    /// Whether it is the key that writes; otherwise a token under it is due to be made anew.
    pub(super) fn is_first(&self, entry: &Entry<T>) -> bool {
        entry.id == self.first.id
    }
}
