//! The store of the model: a map that can be cloned, in which each operation is one step. This file
//! owns the effect of each operation, and the faults that a broken store can have. It knows nothing
//! of requests.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    clock::Timestamp,
    store::{Cursor, FieldValue, Order, Record, Written},
};

/// The place of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// The session whose selector repeats this byte.
    Session(u8),
    /// The lease of the one principal.
    Lease,
}

/// An operation that a request asks for.
#[derive(Clone, Debug)]
pub(super) enum Verb {
    Load(Place),
    Insert(Place, Arc<Record>),
    Replace(Place, u64, Arc<Record>),
    Touch(Place, Timestamp),
    Remove(Place, Option<u64>),
    List(Order, Option<Cursor>, usize),
    Count,
}

/// The sessions of a part of a list, and where the list goes on.
pub(super) type Listing = (Vec<(u8, Arc<Record>)>, Option<Cursor>);

/// The answer to an operation.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Loaded(Option<Arc<Record>>),
    Written(Written),
    Done(bool),
    Listed(Listing),
    Counted(u64),
}

/// The mistakes of a store that a broken variant makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    ReplaceIgnoresVersion,
    ReplaceCreates,
    ReplaceForgetsLaterUse,
    ReplaceIsSentAgain,
    ReplaceAnswersBeforeWriting,
    InsertOverwrites,
    InsertStoresNothing,
    TouchCreates,
    TouchPutsOldVersionBack,
    TouchTurnsTimeBack,
    RemoveIgnoresVersion,
    RemoveDoesNothing,
    LoadIsStale,
    ListMissesNewest,
    CountsTooFew,
}

/// All records, and the mistake of this store.
#[derive(Clone, Default)]
pub(super) struct Map {
    records: BTreeMap<Place, Arc<Record>>,
    /// The records before their last replacement, which only some faults have a use for.
    before: BTreeMap<Place, Arc<Record>>,
    fault: Fault,
}

impl Map {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, ..Self::default() }
    }

    pub(super) fn get(&self, place: Place) -> Option<&Arc<Record>> {
        self.records.get(&place)
    }

    pub(super) fn put(&mut self, place: Place, record: Record) {
        self.records.insert(place, Arc::new(record));
    }

    /// Returns all records, those before their last replacement included.
    pub(super) fn all(&self) -> impl Iterator<Item = (Place, &Arc<Record>)> {
        self.records.iter().chain(&self.before).map(|(place, record)| (*place, record))
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = (u8, &Arc<Record>)> {
        self.records.iter().filter_map(|(place, record)| match place {
            Place::Session(number) => Some((*number, record)),
            Place::Lease => None,
        })
    }

    pub(super) fn carry_out(&mut self, verb: &Verb) -> Answer {
        match verb {
            Verb::Load(place) => {
                let stale = self.before.get(place).filter(|_| self.fault == Fault::LoadIsStale);
                Answer::Loaded(stale.or_else(|| self.get(*place)).cloned())
            }
            Verb::Insert(place, record) => Answer::Written(self.insert(*place, record)),
            Verb::Replace(place, version, record) => {
                Answer::Written(self.replace(*place, *version, record))
            }
            Verb::Touch(place, last_seen) => Answer::Done(self.touch(*place, *last_seen)),
            Verb::Remove(place, version) => Answer::Done(self.remove(*place, *version)),
            Verb::List(order, after, limit) => Answer::Listed(self.list(*order, *after, *limit)),
            Verb::Count => Answer::Counted(self.count()),
        }
    }

    fn insert(&mut self, place: Place, record: &Arc<Record>) -> Written {
        if self.get(place).is_some() && self.fault != Fault::InsertOverwrites {
            return Written::Not;
        }
        if self.fault != Fault::InsertStoresNothing || place == Place::Lease {
            self.records.insert(place, Arc::clone(record));
        }
        Written::Stored { of_principal: self.count() }
    }

    fn replace(&mut self, place: Place, version: u64, record: &Arc<Record>) -> Written {
        let there = self.get(place).cloned();
        match &there {
            None if self.fault == Fault::ReplaceCreates => {}
            Some(_) if self.fault == Fault::ReplaceIgnoresVersion => {}
            Some(there) if there.meta.revision == version => {}
            _ => return Written::Not,
        }
        let mut record = Arc::clone(record);
        if let Some(there) = there {
            if self.fault != Fault::ReplaceForgetsLaterUse {
                let last_seen = record.meta.last_seen.max(there.meta.last_seen);
                Arc::make_mut(&mut record).meta.last_seen = last_seen;
            }
            if matches!(self.fault, Fault::LoadIsStale | Fault::TouchPutsOldVersionBack) {
                self.before.insert(place, there);
            }
        }
        if self.fault != Fault::ReplaceAnswersBeforeWriting {
            self.records.insert(place, record);
        }
        if self.fault == Fault::ReplaceIsSentAgain {
            return Written::Not;
        }
        Written::Stored { of_principal: self.count() }
    }

    fn touch(&mut self, place: Place, last_seen: Timestamp) -> bool {
        let old = self.before.get(&place);
        let Some(there) = self.records.get_mut(&place) else {
            if self.fault == Fault::TouchCreates {
                self.put(place, super::request::new_record(0, last_seen));
            }
            return self.fault == Fault::TouchCreates;
        };
        if let Some(old) = old.filter(|_| self.fault == Fault::TouchPutsOldVersionBack) {
            *there = Arc::clone(old);
        }
        let there = Arc::make_mut(there);
        let is_later = there.meta.last_seen < last_seen;
        if is_later || self.fault == Fault::TouchTurnsTimeBack {
            there.meta.last_seen = last_seen;
        }
        true
    }

    fn remove(&mut self, place: Place, version: Option<u64>) -> bool {
        let version = version.filter(|_| self.fault != Fault::RemoveIgnoresVersion);
        let is_that = |there: &Arc<Record>| version.is_none_or(|it| it == there.meta.revision);
        if !self.get(place).is_some_and(is_that) {
            return false;
        }
        if self.fault != Fault::RemoveDoesNothing {
            self.records.remove(&place);
        }
        true
    }

    fn log_ins(&self) -> Vec<(Cursor, u8, Arc<Record>)> {
        let owned = self.sessions().filter(|(_, record)| record.meta.principal.is_some());
        let log_in = |(number, record): (u8, &Arc<Record>)| {
            let selector = super::steps::selector(number);
            (Cursor::of(selector, record), number, Arc::clone(record))
        };
        owned.map(log_in).collect()
    }

    fn list(&self, order: Order, after: Option<Cursor>, limit: usize) -> Listing {
        let mut all = self.log_ins();
        all.sort_by_key(|(cursor, ..)| *cursor);
        if self.fault == Fault::ListMissesNewest {
            all.pop();
        }
        if order == Order::Newest {
            all.reverse();
        }
        let is_later = |cursor: &Cursor| match order {
            Order::Oldest => after.is_none_or(|after| *cursor > after),
            Order::Newest => after.is_none_or(|after| *cursor < after),
        };
        all.retain(|(cursor, ..)| is_later(cursor));
        let next = (all.len() > limit).then(|| all[limit - 1].0);
        all.truncate(limit);
        (all.into_iter().map(|(_, number, record)| (number, record)).collect(), next)
    }

    fn count(&self) -> u64 {
        let too_few = u64::from(self.fault == Fault::CountsTooFew);
        (self.log_ins().len() as u64).saturating_sub(too_few)
    }
}

/// The parts of a record that make a difference to a request. Fields: `n` counts the changes, `by` has
/// a bit for the request of each change, `last` is the latest request to have set that field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) revision: u64,
    pub(super) last_seen: Timestamp,
    pub(super) logged_in: Option<Timestamp>,
    pub(super) check: u8,
    pub(super) previous: Option<(u8, Timestamp)>,
    pub(super) is_owned: bool,
    pub(super) n: i64,
    pub(super) by: u16,
    pub(super) last: Option<i64>,
    pub(super) until: Option<i64>,
}

impl Row {
    pub(super) fn of(record: &Record) -> Self {
        let number = |field| record.get(field).and_then(FieldValue::number);
        let by = match record.get("by") {
            Some(FieldValue::Set(members)) => members.iter().map(|member| 1 << member[0]).sum(),
            _ => 0,
        };
        let meta = &record.meta;
        let previous = meta.previous.as_ref();
        Self {
            revision: meta.revision,
            last_seen: meta.last_seen,
            logged_in: meta.logged_in,
            check: meta.check.as_bytes()[0],
            previous: previous.map(|previous| (previous.check.as_bytes()[0], previous.until)),
            is_owned: meta.principal.is_some(),
            n: number("n").unwrap_or(0),
            by,
            last: number("last"),
            until: number("until"),
        }
    }
}
