//! The conversion between a field's value and its stored form: the bytes of a codec, or a number.

use std::{error::Error, fmt, marker::PhantomData};

use bytes::Bytes;

use crate::{
    causes,
    codec::{Codec, CodecError, Json, json_place},
    schema::Integer,
    store::FieldValue,
};

/// The reason why a stored value is not a value of the field's type. Never holds the bytes.
#[derive(Clone)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not valid for the type.
    Codec(CodecError),
    /// The store holds another kind of value, because the field's policy was changed.
    Kind,
    /// A secret field does not open: it is damaged, or was sealed under another key or for another
    /// session.
    Unsealable,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec(error) => write!(f, "not a value of the field's type ({error})"),
            Self::Kind => {
                f.write_str("stored as another kind of value; its merge policy was changed")
            }
            Self::Unsealable => {
                f.write_str("sealed under another key, for another session or field, or damaged")
            }
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::fmt(self, f)
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Codec(error) => Some(error),
            Self::Kind | Self::Unsealable => None,
        }
    }
}

impl From<CodecError> for DecodeError {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        Self::Codec(json_place(&error))
    }
}

/// A stored form for values of `T`.
pub trait Encoding<T>: Send + Sync + 'static {
    /// Returns the value's stored form.
    fn encode(value: &T) -> Result<FieldValue, CodecError>;
    /// Returns the value's stored form, or `None` if the default has the same form. `scratch` is a
    /// buffer.
    fn encode_but(
        value: &T,
        default: &T,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<FieldValue>, CodecError>;
    /// Returns the value of a stored form.
    fn decode(stored: &FieldValue) -> Result<T, DecodeError>;
}

/// Bytes that are opaque to the store.
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
        // Most values fit into the buffer, so that it seldom grows.
        scratch.clear();
        scratch.reserve(256);
        C::encode_into(value, scratch)?;
        let length = scratch.len();
        C::encode_into(default, scratch)?;
        let (value, default) = scratch.split_at(length);
        // A copy of exactly this length, because a store in memory keeps it for long.
        Ok((value != default).then(|| FieldValue::Bytes(Bytes::copy_from_slice(value))))
    }

    fn decode(stored: &FieldValue) -> Result<T, DecodeError> {
        match stored {
            FieldValue::Bytes(bytes) => Ok(C::decode(bytes)?),
            // Was counted or compared before.
            FieldValue::Int(number) => {
                C::decode(number.to_string().as_bytes()).map_err(|_| DecodeError::Kind)
            }
            FieldValue::Set(_) => Err(DecodeError::Kind),
        }
    }
}

/// Integers that the store can compare.
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
        stored.number().map(T::from_i64).ok_or(DecodeError::Kind)
    }
}
