//! A part of the records, under one lock: puts in, commits, removes, and chooses which go when they
//! are over or too many. It keeps the index in step with its records; it knows neither the other
//! shards nor the store's limit.

use std::{sync::Arc, time::Duration};

use super::{index::Index, records::Records};
use crate::{
    clock::Timestamp,
    store::{Commit, CommitOutcome, Record, StoreKey},
};

/// Which part of a shard makes room at the limit: large enough that looking through the shard
/// costs each new session 16 records on average, small enough to keep most of them.
const EVICTED_PART: usize = 16;

/// A part of the records, under one lock.
pub(super) struct Shard {
    pub(super) records: Records,
    /// How many of them have no principal: whether a look for one to evict is worth its while.
    anonymous: usize,
    /// No record is over before this; it may be too early, since use moves ends forward.
    earliest_end: Timestamp,
    swept: Timestamp,
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
    pub(super) fn put(&mut self, key: &StoreKey, record: Record) {
        self.anonymous += usize::from(record.meta.principal.is_none());
        self.earliest_end = self.earliest_end.min(record.meta.expires_at());
        self.records.insert(key, Arc::new(record));
    }

    pub(super) fn commit(
        &mut self,
        key: &StoreKey,
        commit: &Commit,
        index: &Index,
    ) -> CommitOutcome {
        let Some(record) = self.records.get_mut(key) else {
            return CommitOutcome::Gone;
        };
        let old = &record.meta.principal;
        let given = commit.principal.as_ref().filter(|new| *new != old);
        let given = given.map(|new| (old.clone(), new));
        if let Some((_, new)) = &given {
            index.add(key, new.as_ref());
        }
        let outcome = Arc::make_mut(record).apply(commit);
        let committed = matches!(outcome, CommitOutcome::Committed { .. });
        if committed {
            self.earliest_end = self.earliest_end.min(record.meta.expires_at());
        }
        if let Some((old, new)) = given {
            let gone = if committed { &old } else { new };
            index.remove(&key.namespace, key.selector, gone.as_ref());
            if committed {
                self.anonymous += usize::from(new.is_none());
                self.anonymous -= usize::from(old.is_none());
            }
        }
        outcome
    }

    pub(super) fn remove(
        &mut self,
        key: &StoreKey,
        matches: impl FnOnce(&Record) -> bool,
        index: &Index,
    ) -> bool {
        let Some(record) = self.records.remove(key, matches) else { return false };
        self.anonymous -= usize::from(record.meta.principal.is_none());
        index.remove(&key.namespace, key.selector, record.meta.principal.as_ref());
        true
    }

    /// Removes what is over, if the last time was `every` ago.
    pub(super) fn sweep_in_passing(
        &mut self,
        now: Timestamp,
        every: Duration,
        index: &Index,
    ) -> usize {
        if now.saturating_since(self.swept) < every {
            return 0;
        }
        self.swept = now;
        self.remove_expired(now, usize::MAX, index)
    }

    pub(super) fn remove_expired(&mut self, now: Timestamp, limit: usize, index: &Index) -> usize {
        if now < self.earliest_end {
            return 0;
        }
        let mut removed = 0;
        self.earliest_end = Timestamp::MAX;
        self.records.retain(|namespace, selector, record| {
            let goes = removed < limit && record.meta.is_expired(now);
            if goes {
                removed += 1;
                self.anonymous -= usize::from(record.meta.principal.is_none());
                index.remove(namespace, selector, record.meta.principal.as_ref());
            } else {
                self.earliest_end = self.earliest_end.min(record.meta.expires_at());
            }
            !goes
        });
        removed
    }

    /// Removes the least recently seen sessions that belong to nobody.
    pub(super) fn evict_anonymous(&mut self) -> usize {
        if self.anonymous == 0 {
            return 0;
        }
        let mut seen: Vec<Timestamp> = self
            .records
            .values()
            .filter(|record| record.meta.principal.is_none())
            .map(|record| record.meta.last_seen)
            .collect();
        let quota = (self.records.len() / EVICTED_PART).clamp(1, seen.len());
        let newest_to_go = *seen.select_nth_unstable(quota - 1).1;
        // Those of that very millisecond share what the older ones leave of the quota.
        let mut ties = quota - seen.iter().filter(|seen| **seen < newest_to_go).count();
        self.records.retain(|_, _, record| {
            let goes = record.meta.principal.is_none()
                && (record.meta.last_seen < newest_to_go
                    || (record.meta.last_seen == newest_to_go && ties > 0));
            ties -= usize::from(goes && record.meta.last_seen == newest_to_go);
            !goes
        });
        self.anonymous -= quota;
        quota
    }
}
