//! The copy of a record in the fast store. It owns the format of a copy; whether a copy is valid is
//! decided elsewhere.
//!
//! A copy is a record with one field, `copy`: `read at (8) ‖ number (8) ‖ owner (8) ‖ record`,
//! numbers big endian.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    store::{
        FieldValue, Meta, Record,
        encoding::{decode, encode},
    },
};

/// The only field of a copy.
const COPY: &str = "copy";

/// A read of the durable store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The time at which the read began.
    pub(super) at: Timestamp,
    /// The read's position among the readings and changes of its owner.
    pub(super) number: u64,
    /// The owner: the `CachedStore` that made the read.
    pub(super) of: u64,
}

/// The content of a copy.
pub(super) struct Entry {
    pub(super) reading: Reading,
    pub(super) record: Record,
}

impl Entry {
    /// Makes a copy for the fast store, which may drop the copy after `max_age`.
    pub(super) fn seal(record: &Record, reading: Reading, max_age: Duration) -> Record {
        let record = encode(record);
        let mut copy = Vec::with_capacity(24 + record.len());
        for number in [reading.at.as_millis(), reading.number, reading.of] {
            copy.extend_from_slice(&number.to_be_bytes());
        }
        copy.extend_from_slice(&record);
        // No token opens a copy, and none names the key.
        let until = reading.at.saturating_add(max_age);
        let mut sealed = Record::new(Meta::of_no_session(reading.at, until));
        sealed.set(COPY, FieldValue::Bytes(copy.into()));
        sealed
    }

    /// Reads a copy that [`seal`](Self::seal) made. Returns `None` if another version of this
    /// program wrote it.
    pub(super) fn open(copy: &Record) -> Option<Self> {
        let Some(FieldValue::Bytes(bytes)) = copy.get(COPY) else { return None };
        let (at, rest) = take_number(bytes)?;
        let (number, rest) = take_number(rest)?;
        let (of, record) = take_number(rest)?;
        let reading = Reading { at: Timestamp::from_millis(at), number, of };
        Some(Self { reading, record: decode(record)? })
    }
}

fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}
