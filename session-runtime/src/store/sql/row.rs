//! A record as a row: the values of its columns, and the way back to a record. It knows nothing of
//! statements.

use super::{
    error::Fault,
    statement::{Answer, Cell, Kind},
    text,
};
use crate::{
    clock::Timestamp,
    store::{
        Cursor, PrincipalKey, Record, Selector,
        encoding::{decode, encode},
    },
};

/// The values of a record's columns, beside those of its key.
pub(super) struct Row {
    pub(super) principal: Option<String>,
    pub(super) logged_in: Option<i64>,
    pub(super) last_seen: i64,
    pub(super) expires: i64,
    /// The time from `expires` to the absolute end: use can move the expiry by so much, and no
    /// more.
    pub(super) room: i64,
    pub(super) version: i64,
    pub(super) fixed_part: Vec<u8>,
    pub(super) fields: String,
}

impl Row {
    pub(super) fn of(record: &Record) -> Self {
        let meta = &record.meta;
        let expires = number(meta.expires_at());
        let absolute = number(meta.lifetime.absolute_until);
        Self {
            principal: meta.principal.as_ref().map(principal),
            logged_in: meta.principal.as_ref().map(|_| {
                // Of the record's place in the list, the selector is in a column of its own.
                number(Cursor::of(Selector::from_bytes([0; 16]), record).logged_in)
            }),
            last_seen: number(meta.last_seen),
            expires,
            room: meta.lifetime.idle_millis.map_or(0, |_| absolute - expires),
            version: version(meta.revision),
            fixed_part: encode(&fixed_part(record)),
            fields: text::object(record),
        }
    }
}

/// Returns all of a record but its fields, of which the kinds are left.
fn fixed_part(record: &Record) -> Record {
    let mut fixed_part = Record::new(record.meta.clone());
    for (name, value) in record.fields() {
        if let Some(kind) = text::kind(value) {
            fixed_part.set(name.to_owned(), kind);
        }
    }
    fixed_part
}

/// Returns a time as its column holds it: milliseconds since 1970. "Never" and what does not fit
/// become the largest number; the fixed part has the exact time.
pub(super) fn number(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Returns the time that a column holds.
pub(super) fn time(number: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(number).unwrap_or(0))
}

/// Returns a time to compare `expires_at` with, at which no session is expired that lives for ever.
pub(super) fn bound(now: Timestamp) -> i64 {
    number(now).min(i64::MAX - 1)
}

/// Returns a version as its column holds it: versions are below 2⁶³.
pub(super) fn version(version: u64) -> i64 {
    version.cast_signed()
}

/// Returns a principal as its column holds it.
pub(super) fn principal(principal: &PrincipalKey) -> String {
    text::key(principal.as_str()).into_owned()
}

/// Returns the place of a list as the columns hold it.
pub(super) fn place(cursor: Cursor) -> (i64, String) {
    (number(cursor.logged_in), cursor.selector.to_string())
}

/// The columns that a record is read from, before `fields`.
pub(super) const RECORD: &str = "last_seen_at, fixed_part, ";
/// The kinds of those columns and of `fields`.
pub(super) const RECORD_KINDS: &[Kind] = &[Kind::Int, Kind::Bytes, Kind::Text];
/// The columns before those of a record in a list.
pub(super) const PLACE: &str = "selector, logged_in_at, ";
/// The kinds of the columns of a list.
pub(super) const LIST_KINDS: &[Kind] = &[Kind::Text, Kind::Int, Kind::Int, Kind::Bytes, Kind::Text];

/// Reads the record in a row of [`RECORD`] and `fields`.
pub(super) fn record(row: Vec<Cell>) -> Result<Record, Fault> {
    let mut cells = row.into_iter();
    let (Some(Cell::Int(last_seen)), Some(Cell::Bytes(fixed_part))) = (cells.next(), cells.next())
    else {
        return Err(Fault::Row { column: "fixed_part" });
    };
    let Some(Cell::Text(fields)) = cells.next() else {
        return Err(Fault::Row { column: "fields" });
    };
    let mut record = decode(&fixed_part).ok_or(Fault::Row { column: "fixed_part" })?;
    let last_seen = time(last_seen);
    record.meta.last_seen = record.meta.last_seen.max(last_seen);
    // Neither the text nor the parser's message may be in the error: both hold the user's data.
    let fields = text::fields(&fields, &record).ok_or(Fault::Row { column: "fields" })?;
    let count = fields.len();
    record.extend(fields);
    if record.fields().len() != count {
        return Err(Fault::Row { column: "fields" });
    }
    Ok(record)
}

/// Reads a row of [`PLACE`], [`RECORD`] and `fields`: the place in the list, and the record, which
/// may be damaged.
pub(super) fn listed(mut row: Vec<Cell>) -> Result<(Cursor, Result<Record, Fault>), Fault> {
    let rest = row.split_off(row.len().min(2));
    let mut cells = row.into_iter();
    let (Some(Cell::Text(selector)), Some(Cell::Int(logged_in))) = (cells.next(), cells.next())
    else {
        return Err(Fault::Row { column: "logged_in_at" });
    };
    let selector = Selector::from_hex(&selector).ok_or(Fault::Row { column: "selector" })?;
    let logged_in = time(logged_in);
    Ok((Cursor::new(logged_in, selector), record(rest)))
}

/// Reads the answer to a count.
pub(super) fn count(mut answer: Answer) -> Result<u64, Fault> {
    let count = only_int(answer.rows.pop().unwrap_or_default())?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Reads rows of two numbers.
pub(super) fn pairs(answer: Answer) -> Result<Vec<(i64, i64)>, Fault> {
    let pair = |row: Vec<Cell>| match row[..] {
        [Cell::Int(first), Cell::Int(second)] => Ok((first, second)),
        _ => Err(Fault::Row { column: "sweep_after" }),
    };
    answer.rows.into_iter().map(pair).collect()
}

/// Reads the only number of a row; NULL counts as 0.
pub(super) fn only_int(row: Vec<Cell>) -> Result<i64, Fault> {
    match row.into_iter().next() {
        Some(Cell::Int(number)) => Ok(number),
        Some(Cell::Null) | None => Ok(0),
        _ => Err(Fault::Row { column: "version" }),
    }
}
