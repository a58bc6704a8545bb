//! The entry of a session in the index of its principal: what the session's record says of it, its
//! two forms as text, and its age. It knows neither how an entry is made nor when it goes.
//!
//! All numbers are hex digits of a fixed length, so that text is ordered as they are. An index has
//! `log-in time (16) ‖ selector (32) ‖ attempt (16)`; a session has `principal (32) ‖ log-in time (16)
//! ‖ absolute end (16) ‖ attempt (16)`. An attempt is `seconds (8) ‖ random (8)`.

use super::key::Owner;
use crate::{
    clock::Timestamp,
    store::{Cursor, Record, Selector, StoreError},
};

/// The digits of a number.
pub(super) const NUMBER: usize = 16;
const SELECTOR: usize = 32;
/// The digits of an entry in a session.
pub(super) const ENTRY: usize = Owner::DIGITS + 3 * NUMBER;

/// The age in seconds from which an entry may be pruned. No record takes an entry over 30 s old (the
/// script refuses), and two clocks may differ by the rest.
const OLD: u64 = 60;

/// What a record says of its place in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogIn {
    pub(super) owner: Owner,
    pub(super) at: Timestamp,
}

impl LogIn {
    /// Returns the log-in of a record; `None` if the session is nobody's.
    pub(super) fn of(selector: Selector, record: &Record) -> Option<Self> {
        let owner = Owner::of(record.meta.principal.as_ref()?);
        Some(Self { owner, at: Cursor::of(selector, record).logged_in })
    }

    /// Returns the part of an entry's text that stays the same until the next log-in.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.owner.as_str(), number(self.at))
    }
}

/// An entry, as the record names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) log_in: LogIn,
    /// The absolute end of the session that the index was made to outlive.
    pub(super) ends: Timestamp,
    pub(super) attempt: Attempt,
}

impl Entry {
    /// Reads an entry from a session.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let (owner, rest) = text.split_at_checked(Owner::DIGITS)?;
        let (at, rest) = rest.split_at_checked(NUMBER)?;
        let (ends, attempt) = rest.split_at_checked(NUMBER)?;
        let log_in = LogIn { owner: Owner::read(owner), at: read_number(at)? };
        Some(Self { log_in, ends: read_number(ends)?, attempt: Attempt::read(attempt)? })
    }

    /// Returns the entry's form in a session.
    pub(super) fn text(&self) -> String {
        format!("{}{}{}", self.log_in.text(), number(self.ends), self.attempt.0)
    }

    /// Returns the entry's form in the index.
    pub(super) fn member(&self, selector: Selector) -> String {
        Member { place: Cursor::new(self.log_in.at, selector), attempt: self.attempt.clone() }
            .text()
    }
}

/// An entry, as the index has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) place: Cursor,
    pub(super) attempt: Attempt,
}

impl Member {
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let (at, rest) = text.split_at_checked(NUMBER)?;
        let (selector, attempt) = rest.split_at_checked(SELECTOR)?;
        let place = Cursor::new(read_number(at)?, Selector::from_hex(selector)?);
        Some(Self { place, attempt: Attempt::read(attempt)? })
    }

    pub(super) fn text(&self) -> String {
        format!("{}{}", place(self.place), self.attempt.0)
    }

    /// Returns whether a record that names `entry` names this entry in the index of `owner`.
    pub(super) fn is_named(&self, entry: &Entry, owner: &Owner) -> bool {
        entry.log_in.owner == *owner
            && entry.log_in.at == self.place.logged_in
            && entry.attempt == self.attempt
    }
}

/// The making of an entry: tells it from every other of the same log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt(String);

impl Attempt {
    /// Makes an attempt at a time of the servers' clock.
    pub(super) fn random(seconds: u64) -> Result<Self, StoreError> {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|error| {
            StoreError::with_source("the operating system gives no random bytes", error)
        })?;
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Ok(Self(format!("{seconds:08x}{:08x}", u32::from_be_bytes(bytes))))
    }

    fn read(text: &str) -> Option<Self> {
        read_number(text)?;
        Some(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether no record can take the entry any more, at a time of the servers' clock.
    pub(super) fn is_old(&self, seconds: u64) -> bool {
        let made = self.0.get(..8).and_then(|text| u64::from_str_radix(text, 16).ok());
        made.is_none_or(|made| seconds.saturating_sub(made) > OLD)
    }
}

/// Returns the beginning of all entries of a session's log-in.
pub(super) fn place(place: Cursor) -> String {
    format!("{}{}", number(place.logged_in), place.selector)
}

/// Returns a time as text.
pub(super) fn number(time: Timestamp) -> String {
    format!("{:016x}", time.as_millis())
}

pub(super) fn read_number(text: &str) -> Option<Timestamp> {
    if text.len() != NUMBER {
        return None;
    }
    u64::from_str_radix(text, 16).ok().map(Timestamp::from_millis)
}
