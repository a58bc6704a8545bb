//! The content of a payload token: when it was made, its lifetime, its session and principal, then
//! the fields. Knows neither the protection around it nor the meaning of the fields.
//!
//! All numbers are big endian:
//!
//! `selector (16) ‖ created (8) ‖ sealed at (8) ‖ idle (8) ‖ absolute end (8) ‖ generation (4) ‖
//! epoch (8) ‖ flags (1) ‖ fields (2)`, then for each field `name length (2) ‖ name ‖ value`; then, if
//! the session has gone on under another key, `key changed (8) ‖ former keys`. The format of values and
//! of keys is in [`layout`](crate::store::layout).

use std::borrow::Cow;

use bytes::Bytes;

use super::Plain;
use crate::{
    clock::Timestamp,
    store::{
        FieldName, FieldValue, KeyId, Selector,
        layout::{Input, encoded_len, put_key_ids, put_u64, put_value},
    },
};

const PREFIX: usize = 16 + 8 + 8 + 8 + 8 + 4 + 8 + 1 + 2;
const HAS_IDLE: u8 = 1;
const PERSISTENT: u8 = 2;
const HAS_KEYS: u8 = 4;

/// A session that lives in its token. `Debug` prints only the size of a value.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Envelope {
    pub(crate) selector: Selector,
    pub(crate) created: Timestamp,
    pub(crate) sealed_at: Timestamp,
    pub(crate) idle_millis: Option<u64>,
    pub(crate) absolute_until: Timestamp,
    /// Rises with every new token of the session.
    pub(crate) generation: u32,
    /// The mark of the revocation under which the session began; 0 without one.
    pub(crate) epoch: u64,
    pub(crate) persistent: bool,
    /// The time at which the session went on under another key; that of its creation if it did not.
    pub(crate) rekeyed: Timestamp,
    /// The keys before the present one, as in [`Meta`](crate::store::Meta::former_keys).
    pub(crate) former_keys: Vec<KeyId>,
    pub(crate) fields: Vec<(FieldName, FieldValue)>,
}

impl Plain for Envelope {
    fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| 2 + name.len() + encoded_len(value));
        let keys = if self.has_keys() { 8 + 1 + 4 * self.former_keys.len() } else { 0 };
        PREFIX + fields.sum::<usize>() + keys
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.selector.as_bytes());
        put_u64(out, self.created.as_millis());
        put_u64(out, self.sealed_at.as_millis());
        put_u64(out, self.idle_millis.unwrap_or(0));
        put_u64(out, self.absolute_until.as_millis());
        out.extend_from_slice(&self.generation.to_be_bytes());
        put_u64(out, self.epoch);
        let idle = if self.idle_millis.is_some() { HAS_IDLE } else { 0 };
        let persistent = if self.persistent { PERSISTENT } else { 0 };
        let keys = if self.has_keys() { HAS_KEYS } else { 0 };
        out.push(idle | persistent | keys);
        put_u16(out, self.fields.len());
        for (name, value) in &self.fields {
            put_u16(out, name.len());
            out.extend_from_slice(name.as_bytes());
            put_value(out, value);
        }
        if self.has_keys() {
            put_u64(out, self.rekeyed.as_millis());
            put_key_ids(out, &self.former_keys);
        }
    }
}

impl Envelope {
    fn has_keys(&self) -> bool {
        self.rekeyed != self.created || !self.former_keys.is_empty()
    }

    /// Returns the value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|(stored, _)| stored == name).map(|(_, value)| value)
    }

    /// Reads exactly what [`put`](Plain::put) writes, and returns `None` for all other bytes. The
    /// fields are slices of `bytes`; `known` gives the names that need no copy.
    pub(crate) fn decode(
        bytes: &Bytes,
        known: impl Fn(&[u8]) -> Option<&'static str>,
    ) -> Option<Self> {
        let mut input = Input::sharing(bytes);
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
        if flags & !(HAS_IDLE | PERSISTENT | HAS_KEYS) != 0 {
            return None;
        }
        let count = u16(&mut input)?;
        // The count is not trusted beyond the bytes that are there: a field takes at least seven.
        let mut fields = Vec::with_capacity(count.min(input.rest.len() / 7));
        for _ in 0..count {
            let length = u16(&mut input)?;
            let name = input.take(length)?;
            let name = match known(name) {
                Some(known) => Cow::Borrowed(known),
                None => Cow::Owned(std::str::from_utf8(name).ok()?.to_owned()),
            };
            fields.push((name, input.value()?));
        }
        let (rekeyed, former_keys) = if flags & HAS_KEYS == 0 {
            (created, Vec::new())
        } else {
            (input.time()?, input.key_ids()?)
        };
        let envelope = Self {
            selector,
            created,
            sealed_at,
            idle_millis,
            absolute_until,
            generation,
            epoch,
            persistent: flags & PERSISTENT != 0,
            rekeyed,
            former_keys,
            fields,
        };
        // An envelope has one form.
        let is_whole = input.rest.is_empty() && envelope.has_keys() == (flags & HAS_KEYS != 0);
        is_whole.then_some(envelope)
    }
}

/// Writes a count or length, saturating. A token with such a number is far larger than any
/// transport takes, so the carrier refuses it and nobody ever reads the number.
fn put_u16(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

fn u16(input: &mut Input<'_>) -> Option<usize> {
    input.array().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
}
