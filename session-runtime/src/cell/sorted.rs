//! The stored form of maps and sets that have no order of their own: JSON in a fixed order, so that
//! equal values have equal bytes. Does not know of cells.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash},
};

use serde::{Serialize, ser::SerializeMap as _};

use super::{DecodeError, Encoding};
use crate::{
    codec::{CodecError, json_place, write_json},
    schema::SessionField,
    store::FieldValue,
};

/// JSON of a collection without an order, in the order of the texts of its items: equal collections
/// have equal bytes.
#[doc(hidden)]
#[derive(Debug)]
pub struct Sorted;

impl Sorted {
    /// Writes the texts of items, in order, between brackets.
    fn join(
        brackets: [u8; 2],
        items: impl Iterator<Item = Result<Vec<u8>, serde_json::Error>>,
    ) -> Result<Vec<u8>, CodecError> {
        let mut items = items
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| CodecError::new(error.to_string()))?;
        items.sort_unstable();
        Ok([&brackets[..1], &items.join(&b','), &brackets[1..]].concat())
    }
}

/// A map with one entry.
struct Entry<'a, K, V>(&'a K, &'a V);

impl<K: Serialize, V: Serialize> Serialize for Entry<'_, K, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, self.1)?;
        map.end()
    }
}

/// A collection without an order of its own.
trait Unordered: Sized {
    fn json(&self) -> Result<Vec<u8>, CodecError>;
    fn from_json(json: &[u8]) -> Result<Self, serde_json::Error>;
}

impl<K, V, H> Unordered for HashMap<K, V, H>
where
    K: SessionField + Eq + Hash,
    V: SessionField,
    H: BuildHasher + Default + 'static,
{
    fn json(&self) -> Result<Vec<u8>, CodecError> {
        let entries = self.iter().map(|(key, value)| {
            let mut one = Vec::new();
            write_json(&Entry(key, value), &mut one)?;
            // Without the braces around it.
            one.pop();
            Ok(one.split_off(1))
        });
        Sorted::join(*b"{}", entries)
    }

    fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl<M, H> Unordered for HashSet<M, H>
where
    M: SessionField + Eq + Hash,
    H: BuildHasher + Default + 'static,
{
    fn json(&self) -> Result<Vec<u8>, CodecError> {
        Sorted::join(
            *b"[]",
            self.iter().map(|member| {
                let mut one = Vec::new();
                write_json(member, &mut one).map(|()| one)
            }),
        )
    }

    fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl<T: Unordered> Encoding<T> for Sorted {
    fn encode(value: &T) -> Result<FieldValue, CodecError> {
        value.json().map(|bytes| FieldValue::Bytes(bytes.into()))
    }

    fn encode_but(
        value: &T,
        default: &T,
        _: &mut Vec<u8>,
    ) -> Result<Option<FieldValue>, CodecError> {
        let (value, default) = (value.json()?, default.json()?);
        Ok((value != default).then(|| FieldValue::Bytes(value.into())))
    }

    fn decode(stored: &FieldValue) -> Result<T, DecodeError> {
        match stored {
            FieldValue::Bytes(json) => {
                T::from_json(json).map_err(|error| DecodeError::Codec(json_place(&error)))
            }
            _ => Err(DecodeError::Kind),
        }
    }
}
