//! The prepared form of each key of a ring, for one codec. A key is found only by its id. When the
//! ring's keys are replaced, they are prepared anew at the next use. Knows nothing of the form.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use zeroize::Zeroizing;

use super::Binding;
use crate::{
    clock::Timestamp,
    event::Reason,
    key::{KeyRing, RingKey, RingKeys},
    store::KeyId,
};

pub(super) struct Keys<T> {
    ring: KeyRing,
    prepare: Box<dyn Fn(&RingKey) -> T + Send + Sync>,
    prepared: ArcSwap<Prepared<T>>,
}

/// The prepared keys that a ring has at one moment.
pub(super) struct Prepared<T> {
    entries: Vec<Entry<T>>,
    writer: usize,
    generation: u64,
}

/// The place of a key beside the one that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the key that writes.
    Writes,
    /// It is newer than the key that writes, or is not in the ring any more.
    InFront,
    /// It comes after the key that writes. `keeps`: sessions that are under the key can stay there.
    Behind { keeps: bool },
}

pub(super) struct Entry<T> {
    pub(super) id: KeyId,
    not_after: Option<Timestamp>,
    read_only: bool,
    pub(super) prepared: T,
}

impl<T> Keys<T> {
    /// Derives the binding's key from every key of the ring and prepares it, once.
    pub(super) fn new(
        ring: &KeyRing,
        binding: &Binding,
        prepare: impl Fn(Zeroizing<[u8; 32]>) -> T + Send + Sync + 'static,
    ) -> Self {
        let binding = binding.clone();
        Self::with(ring, move |key| prepare(key.derive(binding.as_bytes())))
    }

    /// Prepares every key of the ring, once.
    pub(super) fn with(
        ring: &KeyRing,
        prepare: impl Fn(&RingKey) -> T + Send + Sync + 'static,
    ) -> Self {
        let prepared = ArcSwap::from_pointee(Prepared::of(&ring.current(), &prepare));
        Self { ring: ring.clone(), prepare: Box::new(prepare), prepared }
    }

    /// Returns the ring.
    pub(super) const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Returns the keys that the ring has now. A caller looks once and keeps what it gets, so that a
    /// reload in between does no harm.
    #[inline]
    pub(super) fn now(&self) -> Guard<Arc<Prepared<T>>> {
        let prepared = self.prepared.load();
        if prepared.generation == self.ring.generation() { prepared } else { self.renew() }
    }

    /// Prepares the keys that have replaced others. Requests at the same moment may each do so. If one
    /// of them is overtaken by a further reload, the next use finds that out.
    #[cold]
    fn renew(&self) -> Guard<Arc<Prepared<T>>> {
        self.prepared.store(Arc::new(Prepared::of(&self.ring.current(), &self.prepare)));
        self.prepared.load()
    }
}

impl<T> Prepared<T> {
    fn of(keys: &RingKeys, prepare: &dyn Fn(&RingKey) -> T) -> Self {
        let entry = |key: &RingKey| {
            let RingKey { id, not_after, read_only, .. } = *key;
            Entry { id, not_after, read_only, prepared: prepare(key) }
        };
        let (writer, generation) = (keys.writer_position(), keys.generation());
        Self { entries: keys.all().map(entry).collect(), writer, generation }
    }

    /// Returns the key that writes.
    pub(super) fn first(&self) -> &Entry<T> {
        &self.entries[self.writer]
    }

    /// Returns the key with this id, if a session that is under that key can stay there; otherwise the
    /// key that writes.
    pub(super) fn writer(&self, of: Option<KeyId>) -> &Entry<T> {
        let kept = of.filter(|id| self.keeps(*id)).and_then(|id| self.get(id));
        kept.unwrap_or_else(|| self.first())
    }

    /// Returns the place of a key beside the one that writes.
    pub(super) fn place(&self, id: KeyId) -> Place {
        match self.entries.iter().position(|entry| entry.id == id) {
            Some(at) if at == self.writer => Place::Writes,
            Some(at) if at > self.writer => Place::Behind { keeps: self.keeps(id) },
            _ => Place::InFront,
        }
    }

    /// Returns whether sessions that are under a key stay there: the key has no end, and is not marked
    /// as read-only. A key in front of the one that writes is marked since not every process has it yet;
    /// a session that is under that key already stays there all the same, and does not go back.
    fn keeps(&self, id: KeyId) -> bool {
        let at = self.entries.iter().position(|entry| entry.id == id);
        at.is_some_and(|at| {
            let Entry { not_after, read_only, .. } = &self.entries[at];
            not_after.is_none() && (!read_only || at < self.writer)
        })
    }

    /// Returns every key, the writing key first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry<T>> {
        let (before, rest) = self.entries.split_at(self.writer);
        rest.iter().take(1).chain(before).chain(rest.iter().skip(1))
    }

    /// Returns the key with this id, also if the key has ended. Ids are public, so this need not
    /// take constant time.
    pub(super) fn get(&self, id: KeyId) -> Option<&Entry<T>> {
        self.entries.iter().find(|entry| entry.id == id)
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
        let entry = self.get(id).ok_or(Reason::UnknownKey(id.0))?;
        match entry.not_after {
            Some(end) if now() > end => Err(Reason::RetiredKey),
            _ => Ok(entry),
        }
    }
}
