//! The document of a session. This file owns the names and forms of everything in it. What is done
//! to a document, and when, is decided elsewhere.
//!
//! The record is one value, in the encoding that all stores share. Beside it is only what the server
//! compares or sorts by. Times are 64-bit numbers; those beyond 2⁶³ milliseconds count as never.

use mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};
use sha2::{Digest, Sha256};

use crate::{
    clock::{Clock, SystemClock, Timestamp, millis},
    store::{
        Cursor, Namespace, PrincipalKey, Record, Selector, StoreError, StoreKey, SweepCursor,
        encoding::{decode, encode},
    },
};

/// The session's namespace and selector.
pub(super) const ID: &str = "_id";
/// The version of the record.
pub(super) const VERSION: &str = "v";
/// The place in the list of a principal: 32 bytes for the principal, then log-in time and selector.
/// Absent if the session has no principal.
pub(super) const PLACE: &str = "p";
/// The time of the last use. It counts if it is later than the record's.
pub(super) const SEEN: &str = "s";
/// The end of the session if it is not used again, by the clock of the sessions.
pub(super) const EXPIRES: &str = "x";
/// The date when the server itself may remove the session, by the server's clock.
pub(super) const PURGE: &str = "e";
/// The encoded record.
pub(super) const RECORD: &str = "r";

/// The value of [`EXPIRES`] that no sweep reaches.
const NEVER: i64 = i64::MAX;
/// The time after its end for which the server keeps a session that nobody has swept. It is
/// generous, since the date is calculated with the clocks of other machines.
const SLACK_MILLIS: i64 = 3_600_000;
/// The time left from which a session gets no date for the server's clean-up.
const FAR_MILLIS: i64 = 100 * 366 * 86_400_000;

/// Returns the condition that a document is the session under `key`, in this version if one is given.
pub(super) fn this(key: &StoreKey, version: Option<u64>) -> Document {
    let mut this = doc! { ID: key.to_string() };
    this.extend(version.map(|version| (VERSION.to_owned(), version.cast_signed().into())));
    this
}

/// Returns the document of a new session.
pub(super) fn new(key: &StoreKey, record: &Record) -> Document {
    let mut document = values(key, record);
    document.extend(doc! { ID: key.to_string(), SEEN: number(record.meta.last_seen) });
    document
}

/// Returns the update that puts `record` in the place of another one.
pub(super) fn update(key: &StoreKey, record: &Record) -> Document {
    let values = values(key, record);
    let absent: Document = [PLACE, PURGE]
        .into_iter()
        .filter(|name| !values.contains_key(name))
        .map(|name| (name.to_owned(), Bson::from("")))
        .collect();
    let mut update = doc! { "$set": values, "$max": { SEEN: number(record.meta.last_seen) } };
    // Older servers refuse an empty one.
    if !absent.is_empty() {
        update.insert("$unset", absent);
    }
    update
}

/// Returns what follows from the record alone.
fn values(key: &StoreKey, record: &Record) -> Document {
    let meta = &record.meta;
    let mut values = doc! {
        VERSION: meta.revision.cast_signed(),
        EXPIRES: number(meta.expires_at()),
        RECORD: binary(encode(record)),
    };
    if let Some(place) = place(key, record) {
        values.insert(PLACE, place);
    }
    values.extend(purge(meta.last_seen, meta.expires_at()).map(|date| (PURGE.to_owned(), date)));
    values
}

/// Returns the date when the server may remove a session that was last used at one time and expires
/// at another, unless that is far away.
fn purge(last_seen: Timestamp, expires: Timestamp) -> Option<Bson> {
    let left = i64::try_from(millis(expires.saturating_since(last_seen))).ok()?;
    // The server's present, as far as this machine's clock tells it.
    let now = number(SystemClock.now());
    let date = DateTime::from_millis(now.saturating_add(left + SLACK_MILLIS));
    (left < FAR_MILLIS).then_some(Bson::DateTime(date))
}

/// Returns the update that moves the time of a session's last use and its expiry on.
pub(super) fn later(last_seen: Timestamp, expires: Timestamp) -> Document {
    let mut later = doc! { SEEN: number(last_seen), EXPIRES: number(expires) };
    if let Some(date) = purge(last_seen, expires) {
        later.insert(PURGE, date);
        doc! { "$max": later }
    } else {
        doc! { "$max": later, "$unset": { PURGE: "" } }
    }
}

/// Returns the place of a session in the list of its principal.
pub(super) fn place(key: &StoreKey, record: &Record) -> Option<Bson> {
    let places = Places::of(&key.namespace, record.meta.principal.as_ref()?);
    Some(places.at(Cursor::of(key.selector, record)))
}

/// Returns the condition that a session has expired at `before`, and not before the place `after`.
pub(super) fn has_expired(before: Timestamp, after: Option<SweepCursor>) -> Document {
    let from = after.map_or(0, |after| number(after.expired));
    doc! { EXPIRES: { "$gte": from, "$lte": number(before).min(NEVER - 1) } }
}

/// Returns the time at which a document's session expires.
pub(super) fn expires(document: &Document) -> Option<Timestamp> {
    let expires = document.get_i64(EXPIRES).ok()?;
    u64::try_from(expires).ok().map(Timestamp::from_millis)
}

/// Reads the record in a document. Returns `None` if it is damaged.
pub(super) fn to_record(document: &Document) -> Option<Record> {
    let mut record = decode(document.get_binary_generic(RECORD).ok()?)?;
    let seen = seen(document)?;
    record.meta.last_seen = record.meta.last_seen.max(seen);
    Some(record)
}

/// Returns the time of the last use that a document names beside its record.
pub(super) fn seen(document: &Document) -> Option<Timestamp> {
    let seen = document.get_i64(SEEN).ok()?;
    u64::try_from(seen).ok().map(Timestamp::from_millis)
}

/// Makes the error of a document without a record that reads back.
pub(super) fn damaged() -> StoreError {
    StoreError::new(
        "a session's document in MongoDB does not read back: another version wrote it, or it was \
         changed by hand; remove it, or run the version that wrote it",
    )
}

/// The places in the list of a principal, in the order of log-ins: binary values of one length are
/// ordered byte by byte.
pub(super) struct Places([u8; 32]);

impl Places {
    pub(super) fn of(namespace: &Namespace, principal: &PrincipalKey) -> Self {
        let mut hash = Sha256::new();
        // Namespaces hold no `:`.
        hash.update(namespace.as_str().as_bytes());
        hash.update(b":");
        hash.update(principal.as_str().as_bytes());
        Self(hash.finalize().into())
    }

    /// Returns the place of a session.
    pub(super) fn at(&self, log_in: Cursor) -> Bson {
        let mut place = self.0.to_vec();
        place.extend_from_slice(&log_in.logged_in.as_millis().to_be_bytes());
        place.extend_from_slice(log_in.selector.as_bytes());
        binary(place)
    }

    /// Returns the first place and the last one that there can be.
    pub(super) fn ends(&self) -> (Bson, Bson) {
        let end = |time, byte| self.at(Cursor::new(time, Selector::from_bytes([byte; 16])));
        (end(Timestamp::from_millis(0), 0), end(Timestamp::MAX, u8::MAX))
    }
}

/// Returns the log-in whose place a document names.
pub(super) fn log_in(document: &Document) -> Option<Cursor> {
    let place = document.get_binary_generic(PLACE).ok()?.get(32..)?;
    let (time, selector) = place.split_first_chunk()?;
    let selector = Selector::from_bytes(selector.try_into().ok()?);
    Some(Cursor::new(Timestamp::from_millis(u64::from_be_bytes(*time)), selector))
}

fn number(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(NEVER)
}

fn binary(bytes: Vec<u8>) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes })
}
