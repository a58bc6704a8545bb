//! The bytes of one record, for stores that keep a record whole, and for records that are sealed at
//! rest. It owns the layout of the bytes and the layout's version. Each store itself decides how to
//! keep the bytes, find them and check them for damage.
//!
//! All numbers are big endian, lengths and counts 4 bytes:
//!
//! `version (1) ‖ flags (1) ‖ check (16) ‖ key id (4) ‖ created (8) ‖ rotated (8) ‖ last seen (8) ‖
//! absolute end (8) ‖ revision (8)`, then each part whose flag is set: `idle (8)`, `previous check
//! (16) ‖ its key id (4) ‖ until (8)`, `principal length ‖ principal`, `logged in (8)`, `former keys
//! (1) ‖ their ids (4 each)`; then `fields`, for each, ordered by name, `name length ‖ name ‖ value`. For values see
//! [`layout`](super::layout).

use super::{
    Check, KeyId, Lifetime, Meta, Previous, PrincipalKey, Record,
    layout::{Input, encoded_len, put_key_ids, put_u32, put_u64, put_value},
};
use crate::clock::Timestamp;

/// The version of the layout above. A new layout takes a new number; this one stays readable.
const VERSION: u8 = 1;
const HAS_IDLE: u8 = 1;
const HAS_PREVIOUS: u8 = 2;
const HAS_PRINCIPAL: u8 = 4;
const HAS_LOGGED_IN: u8 = 8;
const PERSISTENT: u8 = 16;
const HAS_FORMER_KEYS: u8 = 32;
const FLAGS: u8 =
    HAS_IDLE | HAS_PREVIOUS | HAS_PRINCIPAL | HAS_LOGGED_IN | PERSISTENT | HAS_FORMER_KEYS;
/// The most that the parts of a fixed size take.
const FIXED: usize = 2 + 16 + 4 + 5 * 8 + 8 + (16 + 4 + 8) + 4 + 8 + (1 + 3 * 4);

/// Returns the bytes of a record. A record of more than 4 GiB does not read back: its store must
/// refuse it by the length of these bytes.
pub(crate) fn encode(record: &Record) -> Vec<u8> {
    let principal = record.meta.principal.as_ref().map_or(0, |it| it.as_str().len());
    let mut out = Vec::with_capacity(FIXED + principal + fields_len(record));
    put_meta(&mut out, &record.meta, record.meta.last_seen);
    put_fields(&mut out, record);
    out
}

/// Writes the fixed part of a record, with another time of the last use.
pub(crate) fn put_meta(out: &mut Vec<u8>, meta: &Meta, last_seen: Timestamp) {
    let principal = meta.principal.as_ref().map(PrincipalKey::as_str);
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(VERSION);
    out.push(
        flag(meta.lifetime.idle_millis.is_some(), HAS_IDLE)
            | flag(meta.previous.is_some(), HAS_PREVIOUS)
            | flag(principal.is_some(), HAS_PRINCIPAL)
            | flag(meta.logged_in.is_some(), HAS_LOGGED_IN)
            | flag(meta.lifetime.persistent, PERSISTENT)
            | flag(!meta.former_keys.is_empty(), HAS_FORMER_KEYS),
    );
    out.extend_from_slice(meta.check.as_bytes());
    out.extend_from_slice(meta.key_id.as_bytes());
    for time in [meta.created, meta.rotated, last_seen, meta.lifetime.absolute_until] {
        put_u64(out, time.as_millis());
    }
    put_u64(out, meta.revision);
    if let Some(idle) = meta.lifetime.idle_millis {
        put_u64(out, idle);
    }
    if let Some(previous) = &meta.previous {
        out.extend_from_slice(previous.check.as_bytes());
        out.extend_from_slice(previous.key_id.as_bytes());
        put_u64(out, previous.until.as_millis());
    }
    if let Some(principal) = principal {
        put_text(out, principal);
    }
    if let Some(logged_in) = meta.logged_in {
        put_u64(out, logged_in.as_millis());
    }
    if !meta.former_keys.is_empty() {
        put_key_ids(out, &meta.former_keys);
    }
}

/// Returns the number of bytes that [`put_fields`] writes.
pub(crate) fn fields_len(record: &Record) -> usize {
    let fields = record.fields().map(|(name, value)| 4 + name.len() + encoded_len(value));
    4 + fields.sum::<usize>()
}

/// Writes everything but the fixed part of a record.
pub(crate) fn put_fields(out: &mut Vec<u8>, record: &Record) {
    put_u32(out, record.fields().len());
    for (name, value) in record.fields() {
        put_text(out, name);
        put_value(out, value);
    }
}

/// Reads back exactly what [`encode`] writes; `None` for anything else.
pub(crate) fn decode(bytes: &[u8]) -> Option<Record> {
    let mut input = Input::new(bytes);
    let [version, flags] = *input.array()?;
    if version != VERSION || flags & !FLAGS != 0 {
        return None;
    }
    let mut record = Record::new(meta(&mut input, flags)?);
    fields(&mut input, &mut record)?;
    Some(record)
}

/// Reads into a record what [`put_fields`] writes, up to the end of the input; `None` for anything
/// else.
pub(crate) fn fields(input: &mut Input<'_>, record: &mut Record) -> Option<()> {
    let mut last = None;
    for _ in 0..input.u32()? {
        let name = next_name(input, &mut last)?;
        record.set(name.to_owned(), input.value()?);
    }
    input.rest.is_empty().then_some(())
}

fn meta(input: &mut Input<'_>, flags: u8) -> Option<Meta> {
    let check = Check::from_bytes(*input.array()?);
    let key_id = KeyId::from_bytes(*input.array()?);
    let [created, rotated, last_seen, absolute_until] =
        [input.time()?, input.time()?, input.time()?, input.time()?];
    let revision = input.u64()?;
    let idle_millis = if flags & HAS_IDLE == 0 { None } else { Some(input.u64()?) };
    let previous = if flags & HAS_PREVIOUS == 0 {
        None
    } else {
        Some(Previous {
            check: Check::from_bytes(*input.array()?),
            key_id: KeyId::from_bytes(*input.array()?),
            until: input.time()?,
        })
    };
    let principal =
        if flags & HAS_PRINCIPAL == 0 { None } else { Some(PrincipalKey::new(text(input)?)) };
    let logged_in = if flags & HAS_LOGGED_IN == 0 { None } else { Some(input.time()?) };
    let former_keys = if flags & HAS_FORMER_KEYS == 0 {
        Vec::new()
    } else {
        input.key_ids().filter(|keys| !keys.is_empty())?
    };
    let persistent = flags & PERSISTENT != 0;
    let lifetime = Lifetime { idle_millis, absolute_until, persistent };
    Some(Meta {
        check,
        key_id,
        former_keys,
        previous,
        created,
        rotated,
        last_seen,
        lifetime,
        principal,
        logged_in,
        revision,
    })
}

/// Reads the next name, which must be greater than `last`: names come in order and once each, so
/// that a record has one form.
fn next_name<'a>(input: &mut Input<'a>, last: &mut Option<&'a str>) -> Option<&'a str> {
    let name = text(input)?;
    if last.is_some_and(|last| last >= name) {
        return None;
    }
    *last = Some(name);
    Some(name)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_u32(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn text<'a>(input: &mut Input<'a>) -> Option<&'a str> {
    let length = input.u32()?;
    std::str::from_utf8(input.take(length)?).ok()
}
