//! The form of names and values in the JSON column and the key columns. It knows no statement and
//! no database, only what all three can hold: valid text without NUL, and JSON that their own
//! functions read.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::store::{FieldName, FieldValue, Record};

/// The beginning of a JSON string that stands for bytes.
const ENCODED: &str = "\"base64:";
/// The prefix of a key that does not fit its column.
const DIGEST: &str = "sha256:";
/// The length in bytes up to which a namespace or principal is stored as it is: it must fit an
/// index.
const LONGEST_KEY: usize = 255;
/// The deepest nesting of a value that is stored as JSON; far less than any database reads.
const DEEPEST: usize = 64;

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

/// Returns the fields of a record as a JSON object.
pub(super) fn object(record: &Record) -> String {
    let mut json = String::with_capacity(128);
    json.push('{');
    for (plain, value) in record.fields() {
        separate(&mut json);
        put_text(&mut json, &name(plain));
        json.push(':');
        match value {
            FieldValue::Bytes(bytes) => put_bytes(&mut json, bytes),
            FieldValue::Int(number) => {
                // Writing to a string cannot fail.
                let _ = write!(json, "{number}");
            }
            FieldValue::Set(members) => {
                json.push('[');
                for member in members {
                    separate(&mut json);
                    put_bytes(&mut json, member);
                }
                json.push(']');
            }
        }
    }
    json.push('}');
    json
}

/// Reads the fields in a JSON object that [`object`] made, each as a value of the kind that its
/// name has in `kinds`, or else as bytes. Returns `None` for any other text.
pub(super) fn fields(json: &str, kinds: &Record) -> Option<Vec<(FieldName, FieldValue)>> {
    let read: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let field = |(escaped, value): (String, &RawValue)| {
        let name = plain_name(&escaped)?;
        let value = match kinds.get(&name) {
            Some(FieldValue::Int(_)) => FieldValue::Int(value.get().parse().ok()?),
            Some(FieldValue::Set(_)) => {
                let members: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                FieldValue::Set(members.into_iter().map(bytes).collect::<Option<_>>()?)
            }
            _ => FieldValue::Bytes(bytes(value)?),
        };
        Some((name.into(), value))
    };
    read.into_iter().map(field).collect()
}

/// Returns an empty value of the kind of `value`, or `None` for bytes, which need no note.
pub(super) fn kind(value: &FieldValue) -> Option<FieldValue> {
    match value {
        FieldValue::Bytes(_) => None,
        FieldValue::Int(_) => Some(FieldValue::Int(0)),
        FieldValue::Set(_) => Some(FieldValue::Set(BTreeSet::new())),
    }
}

fn separate(json: &mut String) {
    if !json.ends_with(['{', '[']) {
        json.push(',');
    }
}

fn put_text(json: &mut String, text: &str) {
    // Text always serialises.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Writes bytes as they are if they are JSON, and otherwise in base64.
fn put_bytes(json: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => json.push_str(text),
        _ => {
            json.push_str(ENCODED);
            STANDARD_NO_PAD.encode_string(bytes, json);
            json.push('"');
        }
    }
}

/// Returns the bytes that [`put_bytes`] wrote.
fn bytes(value: &RawValue) -> Option<Bytes> {
    match value.get().strip_prefix(ENCODED) {
        Some(encoded) => STANDARD_NO_PAD.decode(encoded.strip_suffix('"')?).ok().map(Bytes::from),
        None => Some(Bytes::copy_from_slice(value.get().as_bytes())),
    }
}

/// Returns whether a text is JSON that reads back to the byte beside other values, and that the
/// functions of every database accept.
fn is_plain(text: &str) -> bool {
    !text.starts_with(ENCODED)
        // PostgreSQL's functions refuse a whole object for an escaped NUL or half a surrogate.
        && !text.contains("\\u0000")
        && !text.contains("\\ud")
        && !text.contains("\\uD")
        // Spaces around a value would be lost.
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|it| it.get().len() == text.len())
        && is_shallow(text)
}

fn is_shallow(json: &str) -> bool {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => depth += 1,
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return false;
        }
    }
    true
}

/// Returns a field's name as a key of the JSON object: characters that a quoted JSON path cannot
/// hold are escaped as `%XX`. The names of struct fields stay as they are.
fn name(plain: &str) -> Cow<'_, str> {
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
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
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
fn plain_name(escaped: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        store::{Check, KeyId, Lifetime, Meta},
    };

    fn record(fields: &[(&'static str, FieldValue)]) -> Record {
        let lifetime =
            Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: false };
        let (check, key_id) = (Check::from_bytes([0; 16]), KeyId::from_bytes([0; 4]));
        let mut record = Record::new(Meta::new(check, key_id, Timestamp::default(), lifetime));
        record.extend(fields.iter().map(|(name, value)| ((*name).into(), value.clone())));
        record
    }

    fn of_bytes(bytes: &[u8]) -> FieldValue {
        FieldValue::Bytes(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn json_is_stored_as_it_is_and_everything_else_as_a_marked_string() {
        let deep = format!("{}{}", "[".repeat(DEEPEST + 1), "]".repeat(DEEPEST + 1));
        let deepest = deep[1..deep.len() - 1].to_owned();
        for plain in ["1", "null", "\"a\"", "{\"b\": [1, 2.50, 1e400]}", "\"\\n\"", &deepest] {
            let json = object(&record(&[("f", of_bytes(plain.as_bytes()))]));
            assert_eq!(json, format!("{{\"f\":{plain}}}"));
        }
        for marked in [
            &b""[..],
            b" 1",
            b"1 ",
            b"1,2",
            b"a",
            b"\xff",
            b"\"base64:AA\"",
            b"\"\\u0000\"",
            b"\"\\ud800\"",
            b"\"\\uDEAD\"",
            deep.as_bytes(),
        ] {
            let before = record(&[("f", of_bytes(marked))]);
            let json = object(&before);
            assert!(json.starts_with("{\"f\":\"base64:"), "{json}");
            assert_eq!(fields(&json, &record(&[])), Some(vec![("f".into(), of_bytes(marked))]));
        }
    }

    #[test]
    fn values_of_every_kind_read_back_as_they_were() {
        let all = record(&[
            ("", of_bytes(b"42")),
            ("a", FieldValue::Int(42)),
            ("b", of_bytes(b"[1, 2]")),
            ("c", FieldValue::Set([&b"1"[..], b"", b"[ ]"].map(Bytes::from_static).into())),
            ("extra:%\"\\\0-\u{7f}é", of_bytes(b"{\"a\":1,\"a\":2}")),
        ]);
        let mut kinds = record(&[]);
        kinds.extend(
            all.fields().filter_map(|(name, value)| Some((name.to_owned().into(), kind(value)?))),
        );
        let json = object(&all);
        let mut read = kinds.clone();
        read.extend(fields(&json, &kinds).expect("fields"));
        assert!(read == all, "{json}");
        for damaged in ["", "[]", "{\"a\":1.5}", "{\"a\":\"1\"}", "{\"%6\":1}", "{\"c\":1}"] {
            assert!(fields(damaged, &kinds).is_none(), "{damaged}");
        }
        assert!(fields("{\"x\":\"base64:?\"}", &kinds).is_none());
    }
}
