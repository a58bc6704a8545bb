//! The keys of a ring at one moment, as codecs use them: which one writes, which only read, and the
//! derivation of further keys. Knows neither texts nor files.

use std::{fmt, sync::Arc};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Key, KeyError, MAX_KEYS,
    derive::{Master, part},
    error::Problem,
};
use crate::{clock::Timestamp, store::KeyId};

/// The keys of a ring at one moment.
#[derive(Clone)]
pub(crate) struct RingKeys {
    pub(super) keys: Vec<Arc<RingKey>>,
    /// The position of the key that writes.
    pub(super) writer: usize,
    pub(super) ephemeral: bool,
    /// The number of times that the ring's keys were replaced before.
    pub(super) generation: u64,
}

/// A key as the codecs use it: its id, its end, and the derivation of further keys.
pub(crate) struct RingKey {
    pub(crate) id: KeyId,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) read_only: bool,
    master: Master,
}

impl RingKey {
    fn new(key: &Key) -> Self {
        let master = Master::new(&key.secret);
        let id = KeyId(*master.expand(&part("kid")));
        let not_after = key.not_after.map(Timestamp::from);
        Self { id, not_after, read_only: key.read_only, master }
    }

    /// Derives the key for one context.
    pub(crate) fn derive(&self, info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.master.expand(info)
    }

    fn fingerprint(&self) -> Zeroizing<[u8; 32]> {
        self.derive(&part("fingerprint"))
    }

    fn is_same(&self, other: &Self) -> bool {
        self.not_after == other.not_after
            && self.read_only == other.read_only
            && bool::from(self.fingerprint().ct_eq(&*other.fingerprint()))
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl RingKeys {
    /// Checks the keys together. The first key that may write does.
    pub(super) fn new(given: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        let mut keys: Vec<Arc<RingKey>> = Vec::new();
        for key in given {
            let position = keys.len() + 1;
            if position > MAX_KEYS {
                return Err(Problem::TooMany.into());
            }
            let key = RingKey::new(&key);
            if let Some(index) = keys.iter().position(|other| other.id == key.id) {
                let twice: bool = keys[index].fingerprint().ct_eq(&*key.fingerprint()).into();
                let problem = if twice { Problem::Twice } else { Problem::SameId };
                return Err(KeyError::from(problem(index + 1)).at(position));
            }
            keys.push(Arc::new(key));
        }
        if keys.is_empty() {
            return Err(Problem::Empty.into());
        }
        let writer = keys.iter().position(|key| !key.read_only).ok_or(Problem::NoneWrites)?;
        if keys[writer].not_after.is_some() {
            return Err(KeyError::from(Problem::WriterEnds).at(writer + 1));
        }
        Ok(Self { keys, writer, ephemeral: false, generation: 0 })
    }

    /// Returns the key that writes.
    #[cfg(test)]
    pub(crate) fn writer(&self) -> &RingKey {
        &self.keys[self.writer]
    }

    /// Returns the position of the key that writes among all keys.
    pub(crate) const fn writer_position(&self) -> usize {
        self.writer
    }

    /// Returns all keys, in the order in which they were given.
    pub(crate) fn all(&self) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().map(|key| &**key)
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns an identifier of each key. It is derived, so that it may be stored and compared.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = [u8; 32]> {
        self.all().map(|key| *key.fingerprint())
    }

    /// Returns whether these are the same keys, in the same order, with the same marks.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len()
            && self.all().zip(other.all()).all(|(key, other)| key.is_same(other))
    }
}

impl crate::event::PublicId for RingKeys {}

impl fmt::Display for RingKeys {
    /// Writes the ids of the keys, which are public in every token, and their marks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.all().enumerate() {
            let space = if at == 0 { "" } else { " " };
            let mark = match key {
                _ if at == self.writer => " (writes)",
                RingKey { read_only: true, .. } => " (read-only)",
                _ => "",
            };
            write!(f, "{space}{}{mark}", key.id)?;
        }
        Ok(())
    }
}
