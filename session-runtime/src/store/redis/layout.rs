//! The form of a session in a hash: everything packed into one value, `r`, except long values,
//! which would be expensive to rewrite at each commit. Each of these has a field of its own, `f:`
//! and the name. This file writes and reads that form. It knows neither when that happens nor any
//! connection.

use std::{borrow::Cow, collections::BTreeSet};

use bytes::Bytes;
use redis::Value;

use super::{
    key::Token,
    pack::{Damaged, Packed, Packer, text},
};
use crate::{
    clock::Timestamp,
    store::{FieldValue, Lifetime, Listed, Meta, Previous, PrincipalKey, Record, Selector},
};

/// The name of the packed part.
pub(super) const PACKED: &str = "r";

/// The longest value, in bytes, that is packed with the others. A commit rewrites packed values.
pub(super) const PACKED_BYTES: usize = 1024;

/// A record in the form in which it is stored.
pub(super) struct Form<'r> {
    pub(super) packed: Vec<u8>,
    /// Fields whose values lie apart.
    pub(super) apart: Vec<(&'r str, Cow<'r, [u8]>)>,
}

/// Returns the hash field under which a value lies apart.
pub(super) fn apart_name(field: &str) -> Vec<u8> {
    [b"f:", field.as_bytes()].concat()
}

/// Returns the stored form of a record. `token` is the log-in that assigned the session to its
/// principal. `kept_until` is the end of the session as far as the server is told.
pub(super) fn form<'r>(
    record: &'r Record,
    token: Option<&Token>,
    kept_until: Timestamp,
) -> Form<'r> {
    let Meta { check, key_id, previous, created, rotated, last_seen, .. } = &record.meta;
    let Meta { lifetime, principal, logged_in, revision, .. } = &record.meta;
    let mut packer = Packer::new();
    packer.credential(check, *key_id);
    packer.number(created.as_millis()).number(rotated.as_millis()).number(last_seen.as_millis());
    packer.number(lifetime.absolute_until.as_millis()).option(lifetime.idle_millis, Packer::number);
    packer.flag(lifetime.persistent).number(*revision);
    packer.option(principal.as_ref(), |to, principal| to.text(principal.as_str()));
    packer.option(*logged_in, |to, logged_in| to.number(logged_in.as_millis()));
    packer.option(token, |to, token| to.text(token.as_str()));
    packer.option(previous.as_ref(), |to, Previous { check, key_id, until }| {
        to.list(2).credential(check, *key_id).number(until.as_millis())
    });
    packer.number(kept_until.as_millis());
    let mut apart = Vec::new();
    packer.map(record.fields().len());
    for (name, value) in record.fields() {
        let (kind, value) = value_parts(value);
        packer.text(name);
        if value.len() > PACKED_BYTES {
            packer.bytes(&[kind.to_ascii_uppercase()]);
            apart.push((name, value));
        } else {
            packer.parts([&[kind], &value]);
        }
    }
    packer.map(record.groups().len());
    for (name, revision) in record.groups() {
        packer.text(name).number(revision);
    }
    Form { packed: packer.finish(), apart }
}

/// Returns whether a value lies apart.
pub(super) fn lies_apart(value: &FieldValue) -> bool {
    match value {
        FieldValue::Bytes(bytes) => bytes.len() > PACKED_BYTES,
        FieldValue::Int(_) => false,
        FieldValue::Set(_) => value_parts(value).1.len() > PACKED_BYTES,
    }
}

/// Returns the letter of a value's kind (`b` bytes, `i` a number as decimal text, `s` a set) and
/// the value as it is stored. In the packed part, a capital letter alone means that the value lies
/// apart.
pub(super) fn value_parts(value: &FieldValue) -> (u8, Cow<'_, [u8]>) {
    match value {
        FieldValue::Bytes(bytes) => (b'b', Cow::Borrowed(bytes.as_ref())),
        FieldValue::Int(number) => (b'i', Cow::Owned(number.to_string().into_bytes())),
        FieldValue::Set(members) => {
            let mut text = Vec::new();
            for member in members {
                text.extend_from_slice(format!("{}:", member.len()).as_bytes());
                text.extend_from_slice(member);
            }
            (b's', Cow::Owned(text))
        }
    }
}

/// The bytes a record was decoded from, and the stored values that `Record` has no field for.
pub(super) struct StoredForm {
    pub(super) packed: Bytes,
    pub(super) token: Option<Token>,
    pub(super) kept_until: Timestamp,
}

/// Reads a whole hash. Returns `None` if it holds no session, and an error if it holds something
/// else.
pub(super) fn read(hash: Value) -> Result<Option<Record>, Damaged> {
    let mut session = None;
    let mut apart = Vec::new();
    for (name, value) in pairs(hash)? {
        match &name[..] {
            b"r" => session = Some(value),
            [b'f', b':', ..] => apart.push((name.slice(2..), value)),
            // Cancelled log-ins, and anything that a later version adds.
            _ => {}
        }
    }
    let Some(session) = session else { return Ok(None) };
    let mut packed = Packed(session.clone());
    let Header { meta, token, kept_until } = Header::read(&mut packed)?;
    let mut record = Record::new(meta);
    record.set_stored_form(StoredForm { packed: session, token, kept_until });
    // Each field takes two bytes at least, so a forged number cannot reserve more than the bytes
    // allow.
    let count = packed.map()?;
    let mut fields = Vec::with_capacity(count.min(packed.0.len() / 2));
    for _ in 0..count {
        let (name, value) = (packed.bytes()?, packed.bytes()?);
        let kind = *value.first().ok_or(Damaged)?;
        let value = if kind.is_ascii_uppercase() {
            let (_, value) = apart.iter().find(|(apart, _)| *apart == name).ok_or(Damaged)?;
            value.clone()
        } else {
            value.slice(1..)
        };
        fields.push((text(&name)?.to_owned().into(), read_value(kind, value)?));
    }
    record.extend(fields);
    for _ in 0..packed.map()? {
        let name = packed.bytes()?;
        record.set_group_revision(text(&name)?.to_owned(), packed.number()?);
    }
    Ok(Some(record))
}

fn read_value(kind: u8, value: Bytes) -> Result<FieldValue, Damaged> {
    Ok(match kind {
        b'b' | b'B' => FieldValue::Bytes(value),
        b'i' => FieldValue::Int(text(&value)?.parse().map_err(|_| Damaged)?),
        b's' | b'S' => FieldValue::Set(members(&value)?),
        _ => return Err(Damaged),
    })
}

/// The part of a packed session before the fields.
pub(super) struct Header {
    pub(super) meta: Meta,
    /// The log-in that assigned the session to its principal.
    pub(super) token: Option<Token>,
    /// The end of the session, as far as the server was told.
    pub(super) kept_until: Timestamp,
}

impl Header {
    pub(super) fn read(packed: &mut Packed) -> Result<Self, Damaged> {
        let (check, key_id) = packed.credential()?;
        let (created, rotated, last_seen) = (time(packed)?, time(packed)?, time(packed)?);
        let lifetime = Lifetime {
            absolute_until: time(packed)?,
            idle_millis: packed.option(Packed::number)?,
            persistent: packed.flag()?,
        };
        let mut meta = Meta::new(check, key_id, created, lifetime);
        (meta.rotated, meta.last_seen) = (rotated, last_seen);
        meta.revision = packed.number()?;
        meta.principal = packed.option(|packed| Ok(PrincipalKey::new(text(&packed.bytes()?)?)))?;
        meta.logged_in = packed.option(time)?;
        let token = packed.option(|packed| Ok(Token::read(text(&packed.bytes()?)?)))?;
        meta.previous = packed.option(read_previous)?;
        Ok(Self { meta, token, kept_until: time(packed)? })
    }
}

fn read_previous(packed: &mut Packed) -> Result<Previous, Damaged> {
    if packed.list()? != 2 {
        return Err(Damaged);
    }
    let (check, key_id) = packed.credential()?;
    Ok(Previous { check, key_id, until: time(packed)? })
}

/// The head of a session: the facts that the index needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionHead {
    pub(super) principal: PrincipalKey,
    pub(super) token: Token,
    pub(super) listed: Listed,
    ends: Timestamp,
}

impl SessionHead {
    /// Reads the head from the packed part. Returns `None` if there is no session, or it has no
    /// principal.
    pub(super) fn read(selector: Selector, packed: Value) -> Result<Option<Self>, Damaged> {
        if packed == Value::Nil {
            return Ok(None);
        }
        let Header { meta, token, .. } = Header::read(&mut Packed(blob(packed)?))?;
        let (listed, ends) = (Listed::new(selector, &meta), meta.expires_at());
        let Some(principal) = meta.principal else { return Ok(None) };
        Ok(Some(Self { principal, token: token.ok_or(Damaged)?, listed, ends }))
    }

    /// Returns whether the session has expired at `now`.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.ends
    }
}

fn time(packed: &mut Packed) -> Result<Timestamp, Damaged> {
    packed.number().map(Timestamp::from_millis)
}

pub(super) fn selector(bytes: &[u8]) -> Result<Selector, Damaged> {
    Selector::from_hex(text(bytes)?).ok_or(Damaged)
}

fn members(all: &Bytes) -> Result<BTreeSet<Bytes>, Damaged> {
    let mut members = BTreeSet::new();
    let mut rest = all.clone();
    while !rest.is_empty() {
        let colon = rest.iter().position(|byte| *byte == b':').ok_or(Damaged)?;
        let length = text(&rest[..colon])?.parse::<usize>().map_err(|_| Damaged)?;
        let end = length.checked_add(colon + 1).filter(|end| *end <= rest.len()).ok_or(Damaged)?;
        members.insert(rest.slice(colon + 1..end));
        rest = rest.slice(end..);
    }
    Ok(members)
}

/// Reads a list from a server's answer.
pub(super) fn items(value: Value) -> Result<Vec<Value>, Damaged> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(Damaged),
    }
}

/// Reads an answer that is one word, or a list of a word and its details.
pub(super) fn parts(answer: Value) -> Vec<Value> {
    match answer {
        Value::Array(parts) => parts,
        word => vec![word],
    }
}

/// Reads names and values: a map or a flat list, depending on the protocol's version.
pub(super) fn pairs(value: Value) -> Result<Vec<(Bytes, Bytes)>, Damaged> {
    match value {
        Value::Map(pairs) => {
            pairs.into_iter().map(|(name, value)| Ok((blob(name)?, blob(value)?))).collect()
        }
        Value::Array(items) => {
            let mut items = items.into_iter();
            let mut pairs = Vec::with_capacity(items.len() / 2);
            while let (Some(name), Some(value)) = (items.next(), items.next()) {
                pairs.push((blob(name)?, blob(value)?));
            }
            Ok(pairs)
        }
        _ => Err(Damaged),
    }
}

/// Returns a value's bytes without copying them.
pub(super) fn blob(value: Value) -> Result<Bytes, Damaged> {
    match value {
        Value::BulkString(bytes) => Ok(bytes.into()),
        _ => Err(Damaged),
    }
}
