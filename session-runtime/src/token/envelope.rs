//! What is inside a payload token: when it was made and how long it lives, whose it is and which
//! one, then the fields. Knows neither how it is protected nor what the fields mean.
//!
//! All numbers are big endian:
//!
//! `selector (16) ‖ created (8) ‖ sealed at (8) ‖ idle (8) ‖ absolute end (8) ‖ generation (4) ‖
//! epoch (8) ‖ flags (1) ‖ fields (2)`, then for each field `name length (2) ‖ name ‖ kind (1) ‖
//! value length (4) ‖ value`. A set's value is `members (4)`, then for each member, in order,
//! `length (4) ‖ member`.

use std::{borrow::Cow, collections::BTreeSet};

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::{
    clock::Timestamp,
    store::{FieldName, FieldValue, Selector},
};

const PREFIX: usize = 16 + 8 + 8 + 8 + 8 + 4 + 8 + 1 + 2;
const HAS_IDLE: u8 = 1;
const PERSISTENT: u8 = 2;
const BYTES: u8 = 0;
const INT: u8 = 1;
const SET: u8 = 2;

/// A session that lives in its token. Field values print their size only.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Envelope {
    pub(crate) selector: Selector,
    pub(crate) created: Timestamp,
    pub(crate) sealed_at: Timestamp,
    pub(crate) idle_millis: Option<u64>,
    pub(crate) absolute_until: Timestamp,
    /// Goes up with every new token of the session.
    pub(crate) generation: u32,
    /// The principal's epoch when the session was made.
    pub(crate) epoch: u64,
    pub(crate) persistent: bool,
    pub(crate) fields: Vec<(FieldName, FieldValue)>,
}

impl Envelope {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let fields = self.fields.iter().map(|(name, value)| 7 + name.len() + encoded_len(value));
        // With room for all of it from the start: growing would leave copies of secrets behind.
        let mut out = Zeroizing::new(Vec::with_capacity(PREFIX + fields.sum::<usize>()));
        out.extend_from_slice(self.selector.as_bytes());
        put_u64(&mut out, self.created.as_millis());
        put_u64(&mut out, self.sealed_at.as_millis());
        put_u64(&mut out, self.idle_millis.unwrap_or(0));
        put_u64(&mut out, self.absolute_until.as_millis());
        out.extend_from_slice(&self.generation.to_be_bytes());
        put_u64(&mut out, self.epoch);
        let idle = if self.idle_millis.is_some() { HAS_IDLE } else { 0 };
        let persistent = if self.persistent { PERSISTENT } else { 0 };
        out.push(idle | persistent);
        put_u16(&mut out, self.fields.len());
        for (name, value) in &self.fields {
            put_u16(&mut out, name.len());
            out.extend_from_slice(name.as_bytes());
            put_value(&mut out, value);
        }
        out
    }

    /// Reads back exactly what [`encode`](Self::encode) writes; nothing else, and nothing more.
    /// No length is believed before that many bytes are there.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let selector = Selector(*input.array()?);
        let created = input.time()?;
        let sealed_at = input.time()?;
        let idle = input.u64()?;
        let absolute_until = input.time()?;
        let generation = u32::from_be_bytes(*input.array()?);
        let epoch = input.u64()?;
        let [flags] = *input.array()?;
        let idle_millis = match flags & HAS_IDLE {
            0 if idle == 0 => None,
            HAS_IDLE => Some(idle),
            _ => return None,
        };
        if flags & !(HAS_IDLE | PERSISTENT) != 0 {
            return None;
        }
        let count = input.u16()?;
        let mut fields = Vec::new();
        for _ in 0..count {
            let length = input.u16()?;
            let name = std::str::from_utf8(input.take(length)?).ok()?;
            fields.push((Cow::Owned(name.to_owned()), input.value()?));
        }
        input.0.is_empty().then_some(Self {
            selector,
            created,
            sealed_at,
            idle_millis,
            absolute_until,
            generation,
            epoch,
            persistent: flags & PERSISTENT != 0,
            fields,
        })
    }
}

fn encoded_len(value: &FieldValue) -> usize {
    match value {
        FieldValue::Bytes(bytes) => bytes.len(),
        FieldValue::Int(_) => 8,
        FieldValue::Set(members) => {
            4 + members.iter().map(|member| 4 + member.len()).sum::<usize>()
        }
    }
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_be_bytes());
}

// A count or length that does not fit saturates: the token is then far beyond what any transport
// takes, so the carrier refuses it and nobody ever reads it.

fn put_u16(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

fn put_u32(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &FieldValue) {
    let kind = match value {
        FieldValue::Bytes(_) => BYTES,
        FieldValue::Int(_) => INT,
        FieldValue::Set(_) => SET,
    };
    out.push(kind);
    put_u32(out, encoded_len(value));
    match value {
        FieldValue::Bytes(bytes) => out.extend_from_slice(bytes),
        FieldValue::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
        FieldValue::Set(members) => {
            put_u32(out, members.len());
            for member in members {
                put_u32(out, member.len());
                out.extend_from_slice(member);
            }
        }
    }
}

/// The bytes not read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.u64().map(Timestamp::from_millis)
    }

    fn u16(&mut self) -> Option<usize> {
        self.array().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
    }

    fn u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(*self.array()?)).ok()
    }

    fn value(&mut self) -> Option<FieldValue> {
        let [kind] = *self.array()?;
        let length = self.u32()?;
        let mut value = Input(self.take(length)?);
        match kind {
            BYTES => Some(FieldValue::Bytes(Bytes::copy_from_slice(value.0))),
            INT => value.0.try_into().ok().map(|bytes| FieldValue::Int(i64::from_be_bytes(bytes))),
            SET => value.members().map(FieldValue::Set),
            _ => None,
        }
    }

    fn members(&mut self) -> Option<BTreeSet<Bytes>> {
        let count = self.u32()?;
        let mut members = BTreeSet::new();
        for _ in 0..count {
            let length = self.u32()?;
            let member = Bytes::copy_from_slice(self.take(length)?);
            // In order and each once, so that a set has one form.
            if members.last().is_some_and(|last| *last >= member) {
                return None;
            }
            members.insert(member);
        }
        self.0.is_empty().then_some(members)
    }
}
