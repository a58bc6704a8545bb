//! The layout of numbers and field values in bytes, for records that a store keeps whole and for
//! sessions that live in their tokens. It knows neither what surrounds them nor what they mean.
//!
//! All numbers are big endian. A value is `kind (1) ‖ length (4) ‖ value`; a number has 8 bytes,
//! and a set is `members (4)`, then for each member, in order, `length (4) ‖ member`. A list of keys is
//! `keys (1)`, then for each key its id (4).

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{FieldValue, KeyId};
use crate::clock::Timestamp;

const BYTES: u8 = 0;
const INT: u8 = 1;
const SET: u8 = 2;

/// Returns the number of bytes that the value itself takes, without its kind and length.
fn value_len(value: &FieldValue) -> usize {
    match value {
        FieldValue::Bytes(bytes) => bytes.len(),
        FieldValue::Int(_) => 8,
        FieldValue::Set(members) => {
            4 + members.iter().map(|member| 4 + member.len()).sum::<usize>()
        }
    }
}

/// Returns the number of bytes that [`put_value`] writes.
pub(crate) fn encoded_len(value: &FieldValue) -> usize {
    5 + value_len(value)
}

pub(crate) fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// Writes a count or length. A number that does not fit saturates: the caller must refuse a whole
/// of more than 4 GiB by its size, which no carrier takes anyway.
pub(crate) fn put_u32(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

/// Writes a list of keys, up to 255 of them.
pub(crate) fn put_key_ids(out: &mut Vec<u8>, keys: &[KeyId]) {
    let count = u8::try_from(keys.len()).unwrap_or(u8::MAX);
    out.push(count);
    for key in &keys[..count.into()] {
        out.extend_from_slice(key.as_bytes());
    }
}

pub(crate) fn put_value(out: &mut Vec<u8>, value: &FieldValue) {
    let kind = match value {
        FieldValue::Bytes(_) => BYTES,
        FieldValue::Int(_) => INT,
        FieldValue::Set(_) => SET,
    };
    out.push(kind);
    put_u32(out, value_len(value));
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

/// The bytes that are still to be read. A length is trusted only once that many bytes are there.
pub(crate) struct Input<'a> {
    pub(crate) rest: &'a [u8],
    /// The buffer that values may share instead of being copied out of it.
    whole: Option<&'a Bytes>,
}

impl<'a> Input<'a> {
    /// Reads `bytes`, copying values out of them.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, whole: None }
    }

    /// Reads `bytes`, sharing them: all of `bytes` stays for as long as one of the values does.
    pub(crate) fn sharing(bytes: &'a Bytes) -> Self {
        Self { rest: bytes, whole: Some(bytes) }
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        self.u64().map(Timestamp::from_millis)
    }

    pub(crate) fn u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(*self.array()?)).ok()
    }

    pub(crate) fn key_ids(&mut self) -> Option<Vec<KeyId>> {
        let [count] = *self.array()?;
        (0..count).map(|_| self.array().copied().map(KeyId)).collect()
    }

    pub(crate) fn value(&mut self) -> Option<FieldValue> {
        let [kind] = *self.array()?;
        let length = self.u32()?;
        let value = self.take(length)?;
        match kind {
            BYTES => Some(FieldValue::Bytes(self.part(value))),
            INT => value.try_into().ok().map(|bytes| FieldValue::Int(i64::from_be_bytes(bytes))),
            SET => Input { rest: value, whole: self.whole }.members().map(FieldValue::Set),
            _ => None,
        }
    }

    fn part(&self, bytes: &[u8]) -> Bytes {
        self.whole.map_or_else(|| Bytes::copy_from_slice(bytes), |whole| whole.slice_ref(bytes))
    }

    fn members(&mut self) -> Option<BTreeSet<Bytes>> {
        let count = self.u32()?;
        let mut members = BTreeSet::new();
        for _ in 0..count {
            let length = self.u32()?;
            let member = self.take(length)?;
            let member = self.part(member);
            // In order and each once, so that a set has one form.
            if members.last().is_some_and(|last| *last >= member) {
                return None;
            }
            members.insert(member);
        }
        self.rest.is_empty().then_some(members)
    }
}
