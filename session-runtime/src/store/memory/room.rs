//! The room in a store: how much is in it, and how much may be. It owns the counts and the estimate of
//! what a record takes; it knows neither which records there are nor which go.

use std::{
    ops::AddAssign,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::store::{FieldName, FieldValue, Record};

/// About what a record without fields takes, with its places in the maps.
const RECORD: usize = 512;
/// About what a field takes beside its value.
const FIELD: usize = size_of::<(FieldName, FieldValue)>() + 16;
/// About what a member of a set takes beside its bytes.
const MEMBER: usize = 64;
/// The room that is kept for changes that are not weighed before: one part in this number of the
/// whole, and at least so many bytes. Few changes make a session so much larger.
const KEPT_PART: usize = 16;
const KEPT_BYTES: usize = 1 << 20;

/// Returns about how many bytes of memory a record takes.
pub(super) fn weight(record: &Record) -> usize {
    let fields = record.fields().map(|(name, value)| {
        let value = match value {
            FieldValue::Set(members) => members.iter().map(|member| MEMBER + member.len()).sum(),
            value => value.size(),
        };
        FIELD + name.len() + value
    });
    let principal = record.meta.principal.as_ref().map_or(0, |it| it.as_str().len());
    RECORD + principal + fields.sum::<usize>()
}

/// The places and bytes that records take, or have taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Taken {
    /// Returns what one record of this weight takes.
    pub(super) const fn one(bytes: usize) -> Self {
        Self { records: 1, bytes }
    }

    /// Returns what a record takes in addition, or no more.
    pub(super) const fn bytes(bytes: usize) -> Self {
        Self { records: 0, bytes }
    }
}

impl AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.bytes += other.bytes;
    }
}

/// The counts of a store. All shards share them, and writing a count makes every other processor read
/// it again, so nothing is written where nothing changes.
pub(super) struct Room {
    max_records: usize,
    max_bytes: AtomicUsize,
    records: AtomicUsize,
    bytes: AtomicUsize,
}

impl Room {
    pub(super) const fn new(max_records: usize, max_bytes: usize) -> Self {
        Self {
            max_records,
            max_bytes: AtomicUsize::new(max_bytes),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    pub(super) const fn max_records(&self) -> usize {
        self.max_records
    }

    pub(super) fn set_max_bytes(&self, bytes: usize) {
        self.max_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn records(&self) -> usize {
        self.records.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns whether so much would fit if there were nothing else.
    pub(super) fn could_hold(&self, taken: Taken) -> bool {
        taken.records <= self.max_records && taken.bytes <= self.max_bytes.load(Ordering::Relaxed)
    }

    /// Returns whether a change that has not been weighed yet might not fit.
    pub(super) fn is_tight(&self) -> bool {
        let max_bytes = self.max_bytes.load(Ordering::Relaxed);
        self.bytes() > max_bytes.saturating_sub(KEPT_BYTES.max(max_bytes / KEPT_PART))
    }

    /// Takes room for records before they are put in, so that the limits hold at every moment.
    /// Returns whether there was room.
    pub(super) fn take(&self, taken: Taken) -> bool {
        let Taken { records, bytes } = taken;
        if !take(&self.records, records, self.max_records) {
            return false;
        }
        let has_room = take(&self.bytes, bytes, self.max_bytes.load(Ordering::Relaxed));
        if !has_room {
            self.release(Taken { records, bytes: 0 });
        }
        has_room
    }

    pub(super) fn release(&self, taken: Taken) {
        if taken.records > 0 {
            self.records.fetch_sub(taken.records, Ordering::Relaxed);
        }
        if taken.bytes > 0 {
            self.bytes.fetch_sub(taken.bytes, Ordering::Relaxed);
        }
    }

    /// Notes that a record was changed in its place, and what it took before and takes now.
    pub(super) fn changed(&self, before: usize, after: usize) {
        if after > before {
            self.bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.release(Taken::bytes(before - after));
        }
    }
}

fn take(count: &AtomicUsize, more: usize, limit: usize) -> bool {
    let add = |there: usize| there.checked_add(more).filter(|sum| *sum <= limit);
    more == 0 || count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}
