//! How a session lies in a hash: the fixed part under names of one or two letters, each field under
//! its kind and name (`b:` bytes, `i:` a number as decimal text, `s:` a set), each group's revision
//! under `g:`. It writes and reads that form; when, and over which connection, is not its business.

use std::{borrow::Cow, collections::BTreeSet};

use bytes::Bytes;
use redis::Value;

use super::{key::Token, script::Arguments};
use crate::{
    clock::Timestamp,
    store::{
        Check, FieldValue, KeyId, Lifetime, Listed, Meta, Previous, PrincipalKey, Record, Selector,
    },
};

/// Appends a record as names and values.
pub(super) fn write<'a>(record: &'a Record, token: Option<&'a Token>, to: &mut Arguments<'a>) {
    let Meta { check, key_id, previous, lifetime, .. } = &record.meta;
    let meta = &record.meta;
    to.text("c").bytes(&check.as_bytes()[..]).text("k").bytes(&key_id.as_bytes()[..]);
    if let Some(Previous { check, key_id, until }) = previous {
        to.text("pc").bytes(&check.as_bytes()[..]).text("pk").bytes(&key_id.as_bytes()[..]);
        to.text("pu").number(until.as_millis());
    }
    to.text("t").number(meta.created.as_millis()).text("r").number(meta.rotated.as_millis());
    to.text("l").number(meta.last_seen.as_millis()).text("v").number(meta.revision);
    if let Some(idle) = lifetime.idle_millis {
        to.text("d").number(idle);
    }
    to.text("a").number(lifetime.absolute_until.as_millis());
    if lifetime.persistent {
        to.text("e").text("1");
    }
    if let Some(principal) = &meta.principal {
        to.text("u").text(principal.as_str());
    }
    if let Some(logged_in) = meta.logged_in {
        to.text("n").number(logged_in.as_millis());
    }
    if let Some(token) = token {
        to.text("x").text(token.as_str());
    }
    for (name, value) in record.fields() {
        let (kind, value) = value_parts(value);
        to.bytes(format!("{kind}:{name}").into_bytes()).bytes(value);
    }
    for (name, revision) in record.groups() {
        to.bytes(format!("g:{name}").into_bytes()).number(revision);
    }
}

/// The letter of a value's kind, and the value as it is stored.
pub(super) fn value_parts(value: &FieldValue) -> (&'static str, Cow<'_, [u8]>) {
    match value {
        FieldValue::Bytes(bytes) => ("b", Cow::Borrowed(bytes.as_ref())),
        FieldValue::Int(number) => ("i", Cow::Owned(number.to_string().into_bytes())),
        FieldValue::Set(members) => {
            let mut text = Vec::new();
            for member in members {
                text.extend_from_slice(format!("{}:", member.len()).as_bytes());
                text.extend_from_slice(member);
            }
            ("s", Cow::Owned(text))
        }
    }
}

/// Reads a whole hash: `None` if it holds no session, `Err` if what it holds is not one.
pub(super) fn read(hash: Value) -> Result<Option<Record>, Damaged> {
    let mut draft = Draft::default();
    for (name, value) in pairs(hash)? {
        draft.take(&name, value)?;
    }
    draft.finish()
}

/// What is stored is not what this version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

#[derive(Default)]
struct Draft {
    check: Option<Check>,
    key_id: Option<KeyId>,
    previous: (Option<Check>, Option<KeyId>, Option<Timestamp>),
    created: Option<Timestamp>,
    rotated: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    idle_millis: Option<u64>,
    absolute_until: Option<Timestamp>,
    persistent: bool,
    principal: Option<PrincipalKey>,
    logged_in: Option<Timestamp>,
    revision: Option<u64>,
    fields: Vec<(String, FieldValue)>,
    groups: Vec<(String, u64)>,
}

impl Draft {
    fn take(&mut self, name: &[u8], value: Bytes) -> Result<(), Damaged> {
        if let Some((kind @ (b'b' | b'i' | b's' | b'g'), [b':', name @ ..])) = name.split_first() {
            let name = text(name)?.to_owned();
            let value = match kind {
                b'b' => FieldValue::Bytes(value),
                b'i' => FieldValue::Int(text(&value)?.parse().map_err(|_| Damaged)?),
                b's' => FieldValue::Set(members(&value)?),
                _ => {
                    self.groups.push((name, number(&value)?));
                    return Ok(());
                }
            };
            self.fields.push((name, value));
            return Ok(());
        }
        match name {
            b"c" => self.check = Some(check(&value)?),
            b"k" => self.key_id = Some(key_id(&value)?),
            b"pc" => self.previous.0 = Some(check(&value)?),
            b"pk" => self.previous.1 = Some(key_id(&value)?),
            b"pu" => self.previous.2 = Some(time(&value)?),
            b"t" => self.created = Some(time(&value)?),
            b"r" => self.rotated = Some(time(&value)?),
            b"l" => self.last_seen = Some(time(&value)?),
            b"d" => self.idle_millis = Some(number(&value)?),
            b"a" => self.absolute_until = Some(time(&value)?),
            b"e" => self.persistent = true,
            b"u" => self.principal = Some(PrincipalKey::new(text(&value)?)),
            b"n" => self.logged_in = Some(time(&value)?),
            b"v" => self.revision = Some(number(&value)?),
            // The log-in's mark and those given up, and whatever a later version adds.
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<Record>, Damaged> {
        let Some(check) = self.check else { return Ok(None) };
        let lifetime = Lifetime {
            idle_millis: self.idle_millis,
            absolute_until: self.absolute_until.ok_or(Damaged)?,
            persistent: self.persistent,
        };
        let created = self.created.ok_or(Damaged)?;
        let mut meta = Meta::new(check, self.key_id.ok_or(Damaged)?, created, lifetime);
        meta.previous = match self.previous {
            (Some(check), Some(key_id), Some(until)) => Some(Previous { check, key_id, until }),
            (None, None, None) => None,
            _ => return Err(Damaged),
        };
        meta.rotated = self.rotated.ok_or(Damaged)?;
        meta.last_seen = self.last_seen.ok_or(Damaged)?;
        meta.principal = self.principal;
        meta.logged_in = self.logged_in;
        meta.revision = self.revision.ok_or(Damaged)?;
        let mut record = Record::new(meta);
        record.extend(self.fields.into_iter().map(|(name, value)| (name.into(), value)));
        for (name, revision) in self.groups {
            record.set_group_revision(name, revision);
        }
        Ok(Some(record))
    }
}

/// What the index asks of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glimpse {
    pub(super) principal: PrincipalKey,
    pub(super) token: Token,
    pub(super) listed: Listed,
    lifetime: Lifetime,
}

/// The names that [`Glimpse::read`] wants the values of, in this order.
pub(super) const GLIMPSE: [&str; 7] = ["u", "n", "t", "l", "d", "a", "x"];

impl Glimpse {
    /// `None` if the session is nobody's, or there is none.
    pub(super) fn read(selector: Selector, values: Value) -> Result<Option<Self>, Damaged> {
        let mut values = items(values)?.into_iter();
        let mut next = || match values.next() {
            Some(Value::Nil) => Ok(None),
            Some(value) => blob(value).map(Some),
            None => Err(Damaged),
        };
        let (Some(principal), logged_in) = (next()?, next()?) else { return Ok(None) };
        let created = time(&next()?.ok_or(Damaged)?)?;
        let last_seen = time(&next()?.ok_or(Damaged)?)?;
        let idle_millis = next()?.map(|idle| number(&idle)).transpose()?;
        let absolute_until = time(&next()?.ok_or(Damaged)?)?;
        let token = Token::read(text(&next()?.ok_or(Damaged)?)?);
        let logged_in = logged_in.map_or(Ok(created), |logged_in| time(&logged_in))?;
        Ok(Some(Self {
            principal: PrincipalKey::new(text(&principal)?),
            token,
            listed: Listed { selector, created, logged_in, last_seen },
            lifetime: Lifetime { idle_millis, absolute_until, persistent: false },
        }))
    }

    /// Whether the session is over at `now`.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        // Check and key do not decide about expiry.
        let (check, key_id) = (Check::from_bytes([0; 16]), KeyId::from_bytes([0; 4]));
        let mut meta = Meta::new(check, key_id, self.listed.created, self.lifetime);
        meta.last_seen = self.listed.last_seen;
        meta.is_expired(now)
    }
}

fn check(bytes: &[u8]) -> Result<Check, Damaged> {
    bytes.try_into().map(Check::from_bytes).map_err(|_| Damaged)
}

fn key_id(bytes: &[u8]) -> Result<KeyId, Damaged> {
    bytes.try_into().map(KeyId::from_bytes).map_err(|_| Damaged)
}

fn time(bytes: &[u8]) -> Result<Timestamp, Damaged> {
    number(bytes).map(Timestamp::from_millis)
}

pub(super) fn number(bytes: &[u8]) -> Result<u64, Damaged> {
    text(bytes)?.parse().map_err(|_| Damaged)
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Damaged> {
    std::str::from_utf8(bytes).map_err(|_| Damaged)
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

/// A list, as a server sends it.
pub(super) fn items(value: Value) -> Result<Vec<Value>, Damaged> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(Damaged),
    }
}

/// Names and values: a map, or a list of both in turn, by the protocol's version.
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

/// A value's bytes, not copied.
pub(super) fn blob(value: Value) -> Result<Bytes, Damaged> {
    match value {
        Value::BulkString(bytes) => Ok(bytes.into()),
        _ => Err(Damaged),
    }
}
