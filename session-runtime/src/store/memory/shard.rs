//! A part of the records, under one lock. It puts records in, changes and removes them, and chooses
//! which go when they are expired or too many. It keeps the index in step with its records; it
//! knows neither the other shards nor the store's limits.

use std::{sync::Arc, time::Duration};

use super::{
    index::Index,
    records::{Held, Records},
    room::{Taken, weight},
};
use crate::{
    clock::Timestamp,
    store::{Cursor, Namespace, Record, Selector, StoreKey},
};

/// The part of a shard that is evicted at the limit is one in this number. It is large enough that
/// looking through the shard costs each new session 16 records on average, and small enough to keep
/// most of the sessions.
pub(super) const EVICTED_PART: usize = 16;

/// A part of the records, under one lock.
pub(super) struct Shard {
    pub(super) records: Records,
    /// The number of sessions without a principal; with none, a search for one to evict is
    /// pointless.
    anonymous: usize,
    /// A time before which no record expires. It may be too early, since use postpones expiry.
    earliest_end: Timestamp,
    swept: Timestamp,
}

/// The outcome of a change.
pub(super) struct Changed {
    /// When the session was last used.
    pub(super) last_seen: Timestamp,
    /// The number of sessions that its principal has, if the change is a log-in to another
    /// principal or at another time.
    pub(super) of_principal: usize,
    /// The record's weight before the change, in bytes.
    pub(super) before: usize,
    /// The record's weight after the change, in bytes.
    pub(super) after: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            records: Records::default(),
            anonymous: 0,
            earliest_end: Timestamp::MAX,
            swept: Timestamp::default(),
        }
    }
}

impl Shard {
    /// Puts a record of this weight in. Returns the number of sessions that its principal has.
    pub(super) fn put(
        &mut self,
        key: &StoreKey,
        record: Arc<Record>,
        bytes: usize,
        index: &Index,
    ) -> usize {
        let of_principal = index.add(key, &record);
        self.anonymous += usize::from(is_anonymous(&key.namespace, &record));
        self.earliest_end = self.earliest_end.min(record.meta.expires_at());
        self.records.insert(key, Held { record, bytes });
        of_principal
    }

    /// Changes a record, if there is one and `change` says that it has.
    pub(super) fn change(
        &mut self,
        key: &StoreKey,
        log_in: bool,
        change: impl FnOnce(&mut Arc<Record>) -> bool,
        index: &Index,
    ) -> Option<Changed> {
        let held = self.records.get_mut(key)?;
        let there = &mut held.record;
        let entry =
            |there: &Record| (there.meta.principal.clone(), Cursor::of(key.selector, there));
        let old = log_in.then(|| entry(there));
        if !change(there) {
            return None;
        }
        self.earliest_end = self.earliest_end.min(there.meta.expires_at());
        let mut of_principal = 0;
        if let Some((old, log_in)) = old.filter(|old| *old != entry(there)) {
            if !key.namespace.is_of_notes() {
                self.anonymous += usize::from(there.meta.principal.is_none());
                self.anonymous -= usize::from(old.is_none());
            }
            of_principal = index.add(key, there);
            index.remove(&key.namespace, old.as_ref(), log_in);
        }
        let before = std::mem::replace(&mut held.bytes, weight(there));
        let last_seen = there.meta.last_seen;
        Some(Changed { last_seen, of_principal, before, after: held.bytes })
    }

    /// Removes a record if `matches` accepts it. Returns what was removed.
    pub(super) fn remove(
        &mut self,
        key: &StoreKey,
        matches: impl FnOnce(&Record) -> bool,
        index: &Index,
    ) -> Taken {
        let Some(Held { record, bytes }) = self.records.remove(key, matches) else {
            return Taken::default();
        };
        self.anonymous -= usize::from(is_anonymous(&key.namespace, &record));
        let log_in = Cursor::of(key.selector, &record);
        index.remove(&key.namespace, record.meta.principal.as_ref(), log_in);
        Taken::one(bytes)
    }

    /// Removes expired records, if the last time was at least `every` ago. Returns what was removed.
    pub(super) fn sweep_in_passing(
        &mut self,
        now: Timestamp,
        every: Duration,
        index: &Index,
    ) -> Taken {
        if now.saturating_since(self.swept) < every {
            return Taken::default();
        }
        self.swept = now;
        self.remove_expired(now, usize::MAX, index)
    }

    /// Removes up to `limit` expired records. Returns what was removed.
    pub(super) fn remove_expired(&mut self, now: Timestamp, limit: usize, index: &Index) -> Taken {
        let mut removed = Taken::default();
        if now < self.earliest_end {
            return removed;
        }
        self.earliest_end = Timestamp::MAX;
        self.records.retain(|namespace, selector, Held { record, bytes }| {
            let goes = removed.records < limit && record.meta.is_expired(now);
            if goes {
                removed += Taken::one(*bytes);
                self.anonymous -= usize::from(is_anonymous(namespace, record));
                let log_in = Cursor::of(selector, record);
                index.remove(namespace, record.meta.principal.as_ref(), log_in);
            } else {
                self.earliest_end = self.earliest_end.min(record.meta.expires_at());
            }
            !goes
        });
        removed
    }

    /// Evicts the least recently seen sessions that belong to nobody, except the session for which
    /// there is to be room. Returns what was evicted.
    pub(super) fn evict_anonymous(&mut self, except: Selector) -> Taken {
        let mut evicted = Taken::default();
        if self.anonymous == 0 {
            return evicted;
        }
        let may_go = |namespace: &Namespace, selector, record: &Record| {
            is_anonymous(namespace, record) && selector != except
        };
        let mut seen: Vec<Timestamp> = self
            .records
            .iter()
            .filter(|(namespace, selector, record)| may_go(namespace, *selector, record))
            .map(|(_, _, record)| record.meta.last_seen)
            .collect();
        if seen.is_empty() {
            return evicted;
        }
        let quota = (self.records.len() / EVICTED_PART).clamp(1, seen.len());
        let newest_to_go = *seen.select_nth_unstable(quota - 1).1;
        // Sessions of that very millisecond are evicted only as far as the older ones leave room in
        // the quota.
        let mut ties = quota - seen.iter().filter(|seen| **seen < newest_to_go).count();
        self.records.retain(|namespace, selector, Held { record, bytes }| {
            let goes = may_go(namespace, selector, record)
                && (record.meta.last_seen < newest_to_go
                    || (record.meta.last_seen == newest_to_go && ties > 0));
            ties -= usize::from(goes && record.meta.last_seen == newest_to_go);
            if goes {
                evicted += Taken::one(*bytes);
            }
            !goes
        });
        self.anonymous -= evicted.records;
        evicted
    }
}

/// Returns whether a record is a session of nobody. The runtime's notes are nobody's, and no sessions.
fn is_anonymous(namespace: &Namespace, record: &Record) -> bool {
    record.meta.principal.is_none() && !namespace.is_of_notes()
}
