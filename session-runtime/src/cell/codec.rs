//! How a field's value becomes what a store holds, and back.

use serde::{Serialize, de::DeserializeOwned};

use crate::{schema::Integer, store::FieldValue};

/// Why stored bytes are not a value of the field's type. Never holds the bytes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not valid for the type.
    #[error("not a value of the field's type (line {line}, column {column} of its JSON)")]
    Json {
        /// Where in the JSON text, counted from 1.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// The store holds another kind of value: the field's policy was changed.
    #[error("stored as another kind of value; its merge policy was changed")]
    Kind,
    /// A secret field that does not open: another key, another session, or damaged.
    #[error("sealed under another key, for another session or field, or damaged")]
    Unsealable,
}

impl From<serde_json::Error> for DecodeError {
    /// Keeps the place only: serde's message may quote the value.
    fn from(error: serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}

/// A way to write values of `T`.
pub trait Codec<T>: Send + Sync + 'static {
    /// The value as a store holds it.
    fn encode(value: &T) -> Result<FieldValue, serde_json::Error>;
    /// The value from what a store held.
    fn decode(stored: &FieldValue) -> Result<T, DecodeError>;
}

/// Values as JSON text.
#[derive(Debug)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(value: &T) -> Result<FieldValue, serde_json::Error> {
        serde_json::to_vec(value).map(|json| FieldValue::Bytes(json.into()))
    }

    fn decode(stored: &FieldValue) -> Result<T, DecodeError> {
        match stored {
            FieldValue::Bytes(json) => Ok(serde_json::from_slice(json)?),
            _ => Err(DecodeError::Kind),
        }
    }
}

/// Integers as numbers that the store can compare.
#[derive(Debug)]
pub struct Int;

impl<T: Integer> Codec<T> for Int {
    fn encode(value: &T) -> Result<FieldValue, serde_json::Error> {
        Ok(FieldValue::Int(value.to_i64()))
    }

    fn decode(stored: &FieldValue) -> Result<T, DecodeError> {
        match stored {
            FieldValue::Int(number) => Ok(T::from_i64(*number)),
            _ => Err(DecodeError::Kind),
        }
    }
}
