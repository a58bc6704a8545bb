//! The form of names and values in the JSON columns and the key columns. It knows no statement and
//! no database, only what all three can hold: valid text without NUL, and names that a JSON path
//! can quote.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt::{self, Write},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
use sha2::{Digest, Sha256};

use crate::store::FieldValue;

/// The prefix of a value that is no plain text.
const ENCODED: &str = "base64:";
/// The prefix of a key that does not fit its column.
const DIGEST: &str = "sha256:";
/// The length in bytes up to which a namespace or principal is stored as it is: it must fit an
/// index.
const LONGEST_KEY: usize = 255;

/// Returns a field's name as a key of a JSON object: characters that a quoted JSON path cannot hold
/// are escaped as `%XX`. The names of struct fields stay as they are.
pub(super) fn name(plain: &str) -> Cow<'_, str> {
    if plain.is_empty() {
        return Cow::Borrowed("%");
    }
    if !plain.bytes().any(is_special) && !plain.starts_with('-') {
        return Cow::Borrowed(plain);
    }
    let mut escaped = String::with_capacity(plain.len() + 8);
    for character in plain.chars() {
        match u8::try_from(character) {
            // MariaDB takes a leading minus for that of an index, even in quotes.
            Ok(byte) if is_special(byte) || (byte == b'-' && escaped.is_empty()) => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                escaped.push('%');
                escaped.push(char::from(DIGITS[usize::from(byte >> 4)]));
                escaped.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'%' | b'"' | b'\\' | 0x7f)
}

/// Returns the name that [`name`] escaped, or `None` if `name` never returns this text.
pub(super) fn plain_name(escaped: &str) -> Option<String> {
    if escaped == "%" {
        return Some(String::new());
    }
    let mut parts = escaped.split('%');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = (part.get(..2)?, part.get(2..)?);
        let byte = u8::from_str_radix(digits, 16).ok()?;
        plain.push(char::from(byte));
        plain.push_str(rest);
    }
    Some(plain)
}

/// Returns the JSON path of an escaped name.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(super) fn path(escaped: &str) -> String {
    format!("$.\"{escaped}\"")
}

/// Returns bytes as text: unchanged if they are text that every database can hold, otherwise in
/// base64.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') && !text.starts_with(ENCODED) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("{ENCODED}{}", STANDARD_NO_PAD.encode(bytes))),
    }
}

/// Returns the bytes that [`text`] has encoded.
fn bytes(text: &str) -> Result<Bytes, base64::DecodeError> {
    match text.strip_prefix(ENCODED) {
        Some(encoded) => STANDARD_NO_PAD.decode(encoded).map(Bytes::from),
        None => Ok(Bytes::copy_from_slice(text.as_bytes())),
    }
}

/// Returns a namespace or principal as a key column holds it: unchanged, or as a digest if it is
/// too long for an index or contains a NUL.
pub(super) fn key(plain: &str) -> Cow<'_, str> {
    if plain.len() <= LONGEST_KEY && !plain.contains('\0') && !plain.starts_with(DIGEST) {
        return Cow::Borrowed(plain);
    }
    let mut key = DIGEST.to_owned();
    for byte in Sha256::digest(plain) {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    Cow::Owned(key)
}

/// Writes a value as the `fields` column holds it.
impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Field(FieldValue::Int(number)) => serializer.serialize_i64(*number),
            Self::Field(FieldValue::Bytes(bytes)) => serializer.serialize_str(&text(bytes)),
            Self::Field(FieldValue::Set(members)) => {
                serializer.collect_map(members.iter().map(|member| (text(member), true)))
            }
            Self::Members { insert, remove } => {
                let mut map = serializer.serialize_map(Some(insert.len() + remove.len()))?;
                for member in *insert {
                    map.serialize_entry(&text(member), &true)?;
                }
                for member in *remove {
                    map.serialize_entry(&text(member), &())?;
                }
                map.end()
            }
            Self::Revision(revision) => serializer.serialize_u64(*revision),
            #[cfg(any(feature = "mysql", feature = "sqlite"))]
            Self::Nothing => serializer.serialize_unit(),
        }
    }
}

/// A value beside a name in a JSON object.
pub(super) enum Value<'a> {
    Field(&'a FieldValue),
    /// A merge patch for a set: the members that it gains, and those that it loses.
    Members {
        insert: &'a BTreeSet<Bytes>,
        remove: &'a BTreeSet<Bytes>,
    },
    Revision(u64),
    /// The removal of the name, in a merge patch.
    #[cfg(any(feature = "mysql", feature = "sqlite"))]
    Nothing,
}

/// Returns a JSON object of these names, which it escapes.
pub(super) fn object<'a, 'n>(entries: impl Iterator<Item = (&'n str, Value<'a>)>) -> String {
    let mut json = Vec::with_capacity(128);
    let entries = entries.map(|(plain, value)| (name(plain), value));
    // Writing to memory cannot fail, and text, numbers and maps with text as keys always serialise.
    let _ = serde_json::Serializer::new(&mut json).collect_map(entries);
    String::from_utf8(json).unwrap_or_default()
}

/// Returns a JSON array of these names, which it escapes.
#[cfg(feature = "postgres")]
pub(super) fn names<'n>(plain: impl Iterator<Item = &'n str>) -> String {
    json(&plain.map(name).collect::<Vec<_>>())
}

/// Returns a JSON array of set members.
#[cfg(feature = "postgres")]
pub(super) fn members(members: &BTreeSet<Bytes>) -> String {
    json(&members.iter().map(|member| text(member)).collect::<Vec<_>>())
}

/// Returns a field's value as JSON.
pub(super) fn value(value: &FieldValue) -> String {
    json(&Value::Field(value))
}

/// Returns a value as JSON.
pub(super) fn value_json(value: &Value<'_>) -> String {
    json(value)
}

/// Serialises text, numbers and maps with text as keys, which cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A value read from the `fields` column.
pub(super) struct Read(pub(super) FieldValue);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor).map(Self)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = FieldValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a whole number or an object")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FieldValue, E> {
        // The cause would quote the text, which is the user's data.
        bytes(text).map(FieldValue::Bytes).map_err(|_| E::custom("no base64"))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<FieldValue, E> {
        Ok(FieldValue::Int(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<FieldValue, E> {
        i64::try_from(number).map(FieldValue::Int).map_err(|_| E::custom("too large a number"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldValue, A::Error> {
        let mut members = BTreeSet::new();
        while let Some((member, IgnoredAny)) = map.next_entry::<Cow<'de, str>, _>()? {
            members.insert(bytes(&member).map_err(|_| de::Error::custom("no base64"))?);
        }
        Ok(FieldValue::Set(members))
    }
}
