//! A session's hash: `r` is the record, and `m` what the scripts compare: `version last-seen entry`,
//! two numbers and the record's entry in the index of its principal, which may be empty. The scripts
//! know nothing of the record.

use redis::{Cmd, Value};

use super::entry::Entry;
use crate::{
    clock::Timestamp,
    store::{Record, encoding::decode},
};

/// The longest time that the server keeps an expired session, which is kept for at least half as
/// long: clocks may differ, and an end that hardly moves is not worth a command.
pub(super) const SLACK_MILLIS: u64 = 60_000;

/// A longer life than this (300 years) becomes one without end.
const FOR_EVER_MILLIS: u64 = 10_000_000_000_000;

/// What a hash holds.
pub(super) struct Stored {
    /// The record; `None` if it does not read back.
    pub(super) record: Option<Record>,
    pub(super) entry: Option<Entry>,
}

/// What a record that was loaded knows of the hash. It comes back with the record that is to take
/// its place.
pub(super) struct Note {
    /// The version to which the rest belongs.
    pub(super) version: u64,
    pub(super) entry: Option<Entry>,
}

/// Makes the command that asks for a record and its entry.
pub(super) fn asking(name: &str) -> Cmd {
    let mut command = Cmd::with_capacity(4, "HMGETmr".len() + name.len());
    command.arg("HMGET").arg(name).arg("m").arg("r");
    command
}

/// Makes the command that asks for the entry alone.
pub(super) fn asking_entry(name: &str) -> Cmd {
    let mut command = Cmd::new();
    command.arg("HMGET").arg(name).arg("m");
    command
}

/// Reads the answer to [`asking_entry`].
pub(super) fn read_entry(answer: Value) -> Option<Entry> {
    let [compared] = parts(answer)?;
    read_compared(&compared?)?.1
}

/// Reads the answer to [`asking`]. Returns `None` if there is no session.
pub(super) fn read(answer: Value) -> Option<Stored> {
    let [compared, bytes] = parts(answer)?;
    let compared = compared.as_deref().and_then(read_compared);
    let bytes = bytes?;
    let Some((last_seen, entry)) = compared else {
        return Some(Stored { record: None, entry: None });
    };
    let record = decode(&bytes).map(|mut record| {
        record.meta.last_seen = last_seen;
        let version = record.meta.revision;
        record.set_stored_form(Note { version, entry: entry.clone() });
        record
    });
    Some(Stored { record, entry })
}

fn parts<const N: usize>(answer: Value) -> Option<[Option<Vec<u8>>; N]> {
    let Value::Array(parts) = answer else { return None };
    let parts = parts.into_iter().map(|part| match part {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    });
    parts.collect::<Vec<_>>().try_into().ok()
}

/// Reads the time at which the session was last seen, and the entry.
fn read_compared(text: &[u8]) -> Option<(Timestamp, Option<Entry>)> {
    let mut words = str::from_utf8(text).ok()?.splitn(3, ' ').skip(1);
    let last_seen = Timestamp::from_millis(words.next()?.parse().ok()?);
    let entry = words.next()?;
    if entry.is_empty() {
        return Some((last_seen, None));
    }
    Some((last_seen, Some(Entry::read(entry.as_bytes())?)))
}

/// Returns the milliseconds for which the server keeps a value that ends at `until`; empty: for
/// ever. A span and not a date, since the server's clock may differ from ours.
pub(super) fn life(until: Timestamp, now: Timestamp, slack: u64) -> String {
    let left = until.as_millis().saturating_sub(now.as_millis());
    if until == Timestamp::MAX || left > FOR_EVER_MILLIS {
        String::new()
    } else {
        (left + slack).to_string()
    }
}
