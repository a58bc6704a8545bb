//! How a field's value becomes what a store holds, and back: bytes of a codec, or a number.

use std::marker::PhantomData;

use bytes::Bytes;

use crate::{
    codec::{Codec, CodecError, Json, json_place},
    schema::Integer,
    store::FieldValue,
};

/// Why what is stored is not a value of the field's type. Never holds the bytes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not valid for the type.
    #[error("not a value of the field's type ({0})")]
    Codec(#[from] CodecError),
    /// The store holds another kind of value: the field's policy was changed.
    #[error("stored as another kind of value; its merge policy was changed")]
    Kind,
    /// A secret field that does not open: another key, another session, or damaged.
    #[error("sealed under another key, for another session or field, or damaged")]
    Unsealable,
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        Self::Codec(json_place(&error))
    }
}

/// A form that values of `T` have in a store.
pub trait Encoding<T>: Send + Sync + 'static {
    /// The value as a store holds it.
    fn encode(value: &T) -> Result<FieldValue, CodecError>;
    /// The same; none if the default is written alike. `scratch` is room to write in.
    fn encode_but(
        value: &T,
        default: &T,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<FieldValue>, CodecError>;
    /// The value from what a store held.
    fn decode(stored: &FieldValue) -> Result<T, DecodeError>;
}

/// Bytes that the store does not look into.
#[derive(Debug)]
pub struct Coded<C = Json>(PhantomData<fn() -> C>);

impl<T, C: Codec<T>> Encoding<T> for Coded<C> {
    fn encode(value: &T) -> Result<FieldValue, CodecError> {
        C::encode(value).map(|bytes| FieldValue::Bytes(bytes.into()))
    }

    fn encode_but(
        value: &T,
        default: &T,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<FieldValue>, CodecError> {
        scratch.clear();
        C::encode_into(value, scratch)?;
        let length = scratch.len();
        C::encode_into(default, scratch)?;
        let (value, default) = scratch.split_at(length);
        // Bytes of their own, and no more of them: a store in memory keeps them for long.
        Ok((value != default).then(|| FieldValue::Bytes(Bytes::copy_from_slice(value))))
    }

    fn decode(stored: &FieldValue) -> Result<T, DecodeError> {
        match stored {
            FieldValue::Bytes(bytes) => Ok(C::decode(bytes)?),
            _ => Err(DecodeError::Kind),
        }
    }
}

/// Integers as numbers that the store can compare.
#[derive(Debug)]
pub struct Int;

impl<T: Integer> Encoding<T> for Int {
    fn encode(value: &T) -> Result<FieldValue, CodecError> {
        Ok(FieldValue::Int(value.to_i64()))
    }

    fn encode_but(
        value: &T,
        default: &T,
        _: &mut Vec<u8>,
    ) -> Result<Option<FieldValue>, CodecError> {
        let (value, default) = (value.to_i64(), default.to_i64());
        Ok((value != default).then_some(FieldValue::Int(value)))
    }

    fn decode(stored: &FieldValue) -> Result<T, DecodeError> {
        match stored {
            FieldValue::Int(number) => Ok(T::from_i64(*number)),
            _ => Err(DecodeError::Kind),
        }
    }
}
