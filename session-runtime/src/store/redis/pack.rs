//! `MessagePack`, as far as the scripts and this program exchange it: texts, lists, maps, numbers
//! and flags. A long number is packed as decimal text, since Lua's numbers are doubles. An absent
//! value is packed as `false`, since a list in Lua has no holes. This file does not know what is
//! packed.

use bytes::{Buf as _, Bytes};
use rmp::{Marker, decode, encode};

use crate::store::{Check, KeyId};

/// The reason why writing to a vector succeeds and no length is too long.
const FITS: &str = "a vector takes everything, and a session is far below 4 GiB";

/// The absolute value from which numbers are packed as text.
const LONG: u64 = 1_000_000_000_000_000;

/// The error of stored bytes that this version did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// Packs one value after the other.
pub(super) struct Packer(Vec<u8>);

impl Packer {
    /// Starts with room for most sessions and commits: growing step by step takes longer than
    /// writing.
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(512))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Begins a list; its items follow.
    pub(super) fn list(&mut self, items: usize) -> &mut Self {
        encode::write_array_len(&mut self.0, length(items)).expect(FITS);
        self
    }

    /// Begins a map; names and values follow, in turn.
    pub(super) fn map(&mut self, pairs: usize) -> &mut Self {
        encode::write_map_len(&mut self.0, length(pairs)).expect(FITS);
        self
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.parts([bytes])
    }

    /// Packs the check value and the key id of a credential.
    pub(super) fn credential(&mut self, check: &Check, key_id: KeyId) -> &mut Self {
        self.parts([check.as_bytes(), key_id.as_bytes()])
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Packs one text that is given in several parts.
    pub(super) fn parts<const N: usize>(&mut self, parts: [&[u8]; N]) -> &mut Self {
        let all = parts.iter().map(|part| part.len()).sum();
        encode::write_str_len(&mut self.0, length(all)).expect(FITS);
        for part in parts {
            self.0.extend_from_slice(part);
        }
        self
    }

    pub(super) fn number(&mut self, number: impl Into<i128>) -> &mut Self {
        let number = number.into();
        match i64::try_from(number) {
            Ok(short) if short.unsigned_abs() < LONG => {
                encode::write_sint(&mut self.0, short).expect(FITS);
                self
            }
            _ => self.text(&number.to_string()),
        }
    }

    pub(super) fn flag(&mut self, flag: bool) -> &mut Self {
        encode::write_bool(&mut self.0, flag).expect(FITS);
        self
    }

    /// Packs a value that may be absent.
    pub(super) fn option<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => self.flag(false),
        }
    }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect(FITS)
}

/// Reads one value after the other. Texts share the bytes that they are read from.
pub(super) struct Packed(pub(super) Bytes);

impl Packed {
    pub(super) fn list(&mut self) -> Result<usize, Damaged> {
        let length = self.take(|rest| decode::read_array_len(rest).ok())?;
        Ok(length as usize)
    }

    /// Returns the number of pairs that follow. A script packs an empty map as an empty list.
    pub(super) fn map(&mut self) -> Result<usize, Damaged> {
        if self.0.first() == Some(&Marker::FixArray(0).to_u8()) {
            return self.list();
        }
        let length = self.take(|rest| decode::read_map_len(rest).ok())?;
        Ok(length as usize)
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, Damaged> {
        let length = self.take(|rest| decode::read_str_len(rest).ok())? as usize;
        if length > self.0.len() {
            return Err(Damaged);
        }
        Ok(self.0.split_to(length))
    }

    pub(super) fn credential(&mut self) -> Result<(Check, KeyId), Damaged> {
        let bytes = self.bytes()?;
        let (check, key_id) = bytes.split_first_chunk().ok_or(Damaged)?;
        let key_id = key_id.try_into().map_err(|_| Damaged)?;
        Ok((Check::from_bytes(*check), KeyId::from_bytes(key_id)))
    }

    /// Reads a number that is not negative.
    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        match Marker::from_u8(*self.0.first().ok_or(Damaged)?) {
            Marker::FixStr(_) | Marker::Str8 => number(&self.bytes()?),
            _ => self.take(|rest| decode::read_int(rest).ok()),
        }
    }

    pub(super) fn flag(&mut self) -> Result<bool, Damaged> {
        self.take(|rest| decode::read_bool(rest).ok())
    }

    /// Reads a value that may be absent.
    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Option<T>, Damaged> {
        if self.0.first() == Some(&Marker::False.to_u8()) {
            self.flag()?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    fn take<T>(&mut self, read: impl FnOnce(&mut &[u8]) -> Option<T>) -> Result<T, Damaged> {
        let mut rest = &self.0[..];
        let value = read(&mut rest).ok_or(Damaged)?;
        let taken = self.0.len() - rest.len();
        self.0.advance(taken);
        Ok(value)
    }
}

pub(super) fn number(bytes: &[u8]) -> Result<u64, Damaged> {
    text(bytes)?.parse().map_err(|_| Damaged)
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Damaged> {
    std::str::from_utf8(bytes).map_err(|_| Damaged)
}
