//! The document of a session. This file owns the names and forms of everything in it. What is done
//! to a document, and when, is decided elsewhere.
//!
//! Times and revisions are 64-bit numbers, as they are everywhere else, so that people and their
//! tools can read them. A number that does not fit (beyond 2⁶³, or a time there that is not
//! "never") is a string of 20 digits, and the document is marked [`UNUSUAL`].

use std::fmt::Write as _;

use mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};
use sha2::{Digest, Sha256};

use crate::{
    clock::{Clock, SystemClock, Timestamp, millis},
    store::{
        Check, FieldValue, KeyId, Lifetime, Meta, Namespace, Previous, PrincipalKey, Record,
        StoreError,
    },
};

pub(super) const ID: &str = "_id";
pub(super) const CHECK: &str = "check";
pub(super) const KEY: &str = "key";
pub(super) const PREVIOUS: &str = "previous";
pub(super) const UNTIL: &str = "until";
pub(super) const CREATED: &str = "created";
pub(super) const ROTATED: &str = "rotated";
pub(super) const SEEN: &str = "seen";
pub(super) const IDLE: &str = "idle";
pub(super) const ABSOLUTE: &str = "absolute";
pub(super) const PERSISTENT: &str = "persistent";
pub(super) const PRINCIPAL: &str = "principal";
pub(super) const LOGGED_IN: &str = "logged_in";
pub(super) const REVISION: &str = "revision";
pub(super) const FIELDS: &str = "fields";
pub(super) const GROUPS: &str = "groups";
/// The end of the session if it is not used again; follows from the fields above.
pub(super) const EXPIRES: &str = "expires";
/// The date when the server's own clean-up may remove the session, by the server's clock.
pub(super) const PURGE: &str = "purge";
/// The hash of namespace and principal: the key of the index of principals.
pub(super) const OWNER: &str = "owner";
/// The place of a log-in under a cap among the log-ins of its principal.
pub(super) const TICKET: &str = "ticket";
/// True if some number in the document is a string; otherwise absent.
pub(super) const UNUSUAL: &str = "unusual";

/// "Never", and the largest number there is: stored times are smaller.
pub(super) const NEVER: i64 = i64::MAX;
/// The time after its end for which the server keeps a session that nobody has swept. It is
/// generous, since the end of a new session is calculated with a client's clock.
pub(super) const SLACK_MILLIS: i64 = 3_600_000;
/// The time left from which a session gets no date for the server's clean-up.
pub(super) const FAR_MILLIS: i64 = 100 * 366 * 86_400_000;
/// The largest revision stored as a number, with room for all commits that can ever follow.
const LARGEST_REVISION: i64 = i64::MAX - (1 << 32);

/// Returns a time or a duration as a number, or `None` if it does not fit.
pub(super) fn usual(number: u64) -> Option<i64> {
    match i64::try_from(number) {
        Ok(number) if number < NEVER => Some(number),
        _ => (number == u64::MAX).then_some(NEVER),
    }
}

pub(super) fn usual_time(time: Timestamp) -> Option<i64> {
    usual(time.as_millis())
}

/// Returns a revision as a number that may still grow, or `None` if it does not fit.
pub(super) fn usual_revision(revision: u64) -> Option<i64> {
    i64::try_from(revision).ok().filter(|revision| *revision < LARGEST_REVISION)
}

/// Returns the string for an unusual number. Strings sort as their numbers.
pub(super) fn digits(number: u64) -> String {
    format!("{number:020}")
}

pub(super) fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// Returns the key of a principal in the index of principals.
pub(super) fn owner(namespace: &Namespace, principal: &PrincipalKey) -> Bson {
    let mut hash = Sha256::new();
    // Namespaces hold no `:`.
    hash.update(namespace.as_str().as_bytes());
    hash.update(b":");
    hash.update(principal.as_str().as_bytes());
    binary(&hash.finalize())
}

/// Returns the name of a field or a group as a key without a meaning to servers: letters, digits,
/// `_`, `-` and `:` stay, and every other byte becomes `%` and two hex digits. So does a leading
/// digit, since a number is a place in an array. An empty name becomes a single `%`.
pub(super) fn escape(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut escaped = String::with_capacity(name.len());
    for (position, byte) in name.bytes().enumerate() {
        match byte {
            b'0'..=b'9' if position > 0 => escaped.push(char::from(byte)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' | b':' => escaped.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => drop(write!(escaped, "%{byte:02x}")),
        }
    }
    escaped
}

/// Returns the name that [`escape`] was given, or `None` if the text is not one of its results.
fn unescape(escaped: &str) -> Option<String> {
    if escaped == "%" {
        return Some(String::new());
    }
    let mut name = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            name.push(*first);
            continue;
        }
        let (hex, after) = rest.split_at_checked(2)?;
        name.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(name).ok()
}

pub(super) fn from_value(value: &FieldValue) -> Bson {
    match value {
        FieldValue::Bytes(bytes) => binary(bytes),
        FieldValue::Int(number) => Bson::Int64(*number),
        FieldValue::Set(members) => Bson::Array(members.iter().map(|it| binary(it)).collect()),
    }
}

fn to_value(value: Bson) -> Option<FieldValue> {
    match value {
        Bson::Binary(binary) => Some(FieldValue::Bytes(binary.bytes.into())),
        Bson::Int64(number) => Some(FieldValue::Int(number)),
        Bson::Array(members) => {
            let member = |member| match member {
                Bson::Binary(binary) => Some(binary.bytes.into()),
                _ => None,
            };
            members.into_iter().map(member).collect::<Option<_>>().map(FieldValue::Set)
        }
        _ => None,
    }
}

/// Returns the condition that a document's session has expired at `now`.
pub(super) fn is_over(now: Timestamp) -> Document {
    match usual_time(now) {
        Some(NEVER) => doc! { EXPIRES: { "$exists": true } },
        Some(now) => doc! { EXPIRES: { "$lte": now } },
        None => doc! { "$or": [
            { EXPIRES: { "$lt": NEVER } },
            { EXPIRES: { "$lte": digits(now.as_millis()) } },
        ] },
    }
}

/// Returns the document of a record. `now` is the present time of the record's clock.
pub(super) fn from_record(
    id: &str,
    record: &Record,
    ticket: Option<i64>,
    now: Timestamp,
) -> Document {
    let mut unusual = false;
    let mut number = |usual: Option<i64>, number: u64| {
        unusual |= usual.is_none();
        usual.map_or_else(|| Bson::String(digits(number)), Bson::Int64)
    };
    let mut time = |time: Timestamp| number(usual_time(time), time.as_millis());
    let meta = &record.meta;
    let mut document = doc! {
        ID: id,
        CHECK: binary(meta.check.as_bytes()),
        KEY: binary(meta.key_id.as_bytes()),
        CREATED: time(meta.created),
        ROTATED: time(meta.rotated),
        SEEN: time(meta.last_seen),
        ABSOLUTE: time(meta.lifetime.absolute_until),
        PERSISTENT: meta.lifetime.persistent,
        EXPIRES: time(meta.expires_at()),
    };
    if let Some(previous) = &meta.previous {
        document.insert(
            PREVIOUS,
            doc! {
                CHECK: binary(previous.check.as_bytes()),
                KEY: binary(previous.key_id.as_bytes()),
                UNTIL: time(previous.until),
            },
        );
    }
    if let Some(logged_in) = meta.logged_in {
        document.insert(LOGGED_IN, time(logged_in));
    }
    if let Some(idle) = meta.lifetime.idle_millis {
        document.insert(IDLE, number(usual(idle), idle));
    }
    document.insert(REVISION, number(usual_revision(meta.revision), meta.revision));
    let groups: Document = record
        .groups()
        .map(|(name, revision)| (escape(name), number(usual_revision(revision), revision)))
        .collect();
    if let Some(principal) = &meta.principal {
        document.insert(PRINCIPAL, principal.as_str());
        let (namespace, _) = id.split_once(':').unwrap_or((id, ""));
        document.insert(OWNER, owner(&Namespace::new(namespace), principal));
        if let Some(ticket) = ticket {
            document.insert(TICKET, ticket);
        }
    }
    let left = meta.expires_at().saturating_since(now);
    if let Ok(left) = i64::try_from(millis(left))
        && left < FAR_MILLIS
    {
        // The server's present, as far as this machine's clock tells it.
        let purge = i64::try_from(SystemClock.now().as_millis()).unwrap_or(0);
        document.insert(PURGE, DateTime::from_millis(purge.saturating_add(left + SLACK_MILLIS)));
    }
    let fields: Document =
        record.fields().map(|(name, value)| (escape(name), from_value(value))).collect();
    document.insert(FIELDS, fields);
    document.insert(GROUPS, groups);
    if unusual {
        document.insert(UNUSUAL, true);
    }
    document
}

/// Reads the record in a document.
pub(super) fn to_record(mut document: Document) -> Result<Record, StoreError> {
    read_record(&mut document).map_err(damaged)
}

/// Makes the error of a document without a value that it must have.
pub(super) fn damaged(name: &str) -> StoreError {
    StoreError::new(format!(
        "a session's document in MongoDB does not read: its `{name}` is missing or not of the form \
         that this version writes; remove it, or run the version that wrote it"
    ))
}

fn read_record(document: &mut Document) -> Result<Record, &'static str> {
    let lifetime = Lifetime {
        idle_millis: optional(document, IDLE, to_number)?,
        absolute_until: required(document, ABSOLUTE, to_time)?,
        persistent: required(document, PERSISTENT, |it| it.as_bool())?,
    };
    let created = required(document, CREATED, to_time)?;
    let (check, key_id) = credential(document)?;
    let mut meta = Meta::new(check, key_id, created, lifetime);
    meta.rotated = required(document, ROTATED, to_time)?;
    meta.last_seen = required(document, SEEN, to_time)?;
    meta.revision = required(document, REVISION, to_number)?;
    meta.logged_in = optional(document, LOGGED_IN, to_time)?;
    meta.principal = optional(document, PRINCIPAL, |it| it.as_str().map(PrincipalKey::new))?;
    if let Some(mut previous) = optional(document, PREVIOUS, to_document)? {
        let (check, key_id) = credential(&mut previous)?;
        let until = required(&mut previous, UNTIL, to_time)?;
        meta.previous = Some(Previous { check, key_id, until });
    }
    let mut record = Record::new(meta);
    let fields = required(document, FIELDS, to_document)?.into_iter();
    let field = |(name, value): (String, _)| Some((unescape(&name)?.into(), to_value(value)?));
    record.extend(fields.map(field).collect::<Option<Vec<_>>>().ok_or(FIELDS)?);
    for (name, revision) in required(document, GROUPS, to_document)? {
        let revision = to_number(revision).ok_or(GROUPS)?;
        record.set_group_revision(unescape(&name).ok_or(GROUPS)?, revision);
    }
    Ok(record)
}

fn credential(document: &mut Document) -> Result<(Check, KeyId), &'static str> {
    let check = required(document, CHECK, to_bytes)?;
    let key_id = required(document, KEY, to_bytes)?;
    Ok((Check::from_bytes(check), KeyId::from_bytes(key_id)))
}

fn optional<T>(
    document: &mut Document,
    name: &'static str,
    read: impl FnOnce(Bson) -> Option<T>,
) -> Result<Option<T>, &'static str> {
    document.remove(name).map(|value| read(value).ok_or(name)).transpose()
}

fn required<T>(
    document: &mut Document,
    name: &'static str,
    read: impl FnOnce(Bson) -> Option<T>,
) -> Result<T, &'static str> {
    optional(document, name, read)?.ok_or(name)
}

pub(super) fn to_number(value: Bson) -> Option<u64> {
    match value {
        Bson::Int64(NEVER) => Some(u64::MAX),
        Bson::Int64(number) => u64::try_from(number).ok(),
        Bson::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

pub(super) fn to_time(value: Bson) -> Option<Timestamp> {
    to_number(value).map(Timestamp::from_millis)
}

fn to_bytes<const N: usize>(value: Bson) -> Option<[u8; N]> {
    match value {
        Bson::Binary(binary) => binary.bytes.try_into().ok(),
        _ => None,
    }
}

fn to_document(value: Bson) -> Option<Document> {
    match value {
        Bson::Document(document) => Some(document),
        _ => None,
    }
}
