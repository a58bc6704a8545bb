//! A session is one value, `version (16) ‖ last seen (16) ‖ entry (80, or nothing) ‖ line feed ‖
//! record`: the numbers are hex digits, and the entry is the record's in the index of its principal.
//! The scripts read and write the part before the line feed, the head. They know nothing of the record.

use std::io::Write as _;

use redis::{Cmd, Value};

use super::entry::{ENTRY, Entry, NUMBER, number, read_number};
use crate::{
    clock::Timestamp,
    store::{Record, encoding::decode},
};

/// The longest time that the server keeps an expired session, which is kept for at least half as
/// long: clocks may differ, and an end that hardly moves is not worth a command.
pub(super) const SLACK_MILLIS: u64 = 60_000;

/// A longer life than this (300 years) becomes one without end.
const FOR_EVER_MILLIS: u64 = 10_000_000_000_000;

/// The content of a value.
pub(super) struct Stored {
    /// The record; `None` if it does not read back.
    pub(super) record: Option<Record>,
    pub(super) entry: Option<Entry>,
}

/// The part of a value that a loaded record keeps. The note comes back with the record that is to take
/// its place.
pub(super) struct Note {
    /// The version to which the rest belongs.
    pub(super) version: u64,
    pub(super) entry: Option<Entry>,
}

/// The bytes of the longest head, which the scripts read as well.
const HEAD: usize = 2 * NUMBER + ENTRY;

/// Makes the value of a new session.
pub(super) fn value(
    version: u64,
    last_seen: Timestamp,
    entry: Option<&Entry>,
    record: &[u8],
) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEAD + 1 + record.len());
    let entry = entry.map(Entry::text).unwrap_or_default();
    // Writing to a vector cannot fail.
    let _ = writeln!(value, "{version:016x}{}{entry}", number(last_seen));
    value.extend_from_slice(record);
    value
}

/// Makes the command that asks for a session.
pub(super) fn asking(name: &str) -> Cmd {
    let mut command = Cmd::with_capacity(2, "GET".len() + name.len());
    command.arg("GET").arg(name);
    command
}

/// Makes the command that asks for the entry alone.
pub(super) fn asking_entry(name: &str) -> Cmd {
    let mut command = Cmd::new();
    command.arg("GETRANGE").arg(name).arg(0).arg(HEAD);
    command
}

/// Reads the answer to [`asking_entry`].
pub(super) fn read_entry(answer: Value) -> Option<Entry> {
    let Value::BulkString(bytes) = answer else { return None };
    split(&bytes)?.0.entry
}

/// Reads the answer to [`asking`]. Returns `None` if there is no session.
pub(super) fn read(answer: Value) -> Option<Stored> {
    let Value::BulkString(bytes) = answer else { return None };
    let Some((Head { last_seen, entry }, bytes)) = split(&bytes) else {
        return Some(Stored { record: None, entry: None });
    };
    let record = decode(bytes).map(|mut record| {
        record.meta.last_seen = last_seen;
        let version = record.meta.revision;
        record.set_stored_form(Note { version, entry: entry.clone() });
        record
    });
    Some(Stored { record, entry })
}

/// The content of a head beside the version, which the record has, too.
struct Head {
    last_seen: Timestamp,
    entry: Option<Entry>,
}

/// Reads the head, and returns what follows it.
fn split(value: &[u8]) -> Option<(Head, &[u8])> {
    let length = value.iter().take(HEAD + 1).position(|byte| *byte == b'\n')?;
    let (head, rest) = (str::from_utf8(&value[..length]).ok()?, &value[length + 1..]);
    let (_, head) = head.split_at_checked(NUMBER)?;
    let (last_seen, entry) = head.split_at_checked(NUMBER)?;
    let entry = if entry.is_empty() { None } else { Some(Entry::read(entry.as_bytes())?) };
    Some((Head { last_seen: read_number(last_seen)?, entry }, rest))
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
