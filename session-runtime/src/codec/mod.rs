//! The encoding of a field's value: the trait, its error, and the codecs that are ready to use.
//! Knows nothing of cells or stores.

mod strict;

use std::{fmt, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use self::strict::Forms;
use crate::causes;

/// A way to write values of `T` as bytes, for `#[session(codec = …)]` on a field, or on the struct
/// for all its fields. The default is [`Json`].
///
/// A field counts as changed when its bytes differ, so equal values must give equal bytes.
///
/// Bytes that an older version of the program wrote must still decode. Otherwise the field reads as
/// its default, or ends the session with `on_decode_error = "reject"`. So a codec that replaces
/// another codec should read what the other codec wrote.
///
/// A value must read back as the same value. In a build with debug assertions, each value that is written
/// is read and written again, and refused if the bytes differ by more than the order of what is in them.
///
/// The fields that the store or the library must understand cannot have a codec: `counter`,
/// `merge = "max"` and `principal`.
///
/// ```
/// use session_runtime::{Session, codec::{Codec, CodecError}};
///
/// /// Booleans as one byte.
/// struct Bit;
///
/// impl Codec<bool> for Bit {
///     fn encode(value: &bool) -> Result<Vec<u8>, CodecError> {
///         Ok(vec![u8::from(*value)])
///     }
///
///     fn decode(bytes: &[u8]) -> Result<bool, CodecError> {
///         match bytes {
///             [bit @ (0 | 1)] => Ok(*bit == 1),
///             _ => Err(CodecError::new("not a bit")),
///         }
///     }
/// }
///
/// #[derive(Session)]
/// struct Shop {
///     #[session(codec = Bit)]
///     dark: bool,
///     cart: Vec<u32>, // JSON
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no codec for `{T}`",
    label = "not a codec for this type",
    note = "implement `session_runtime::codec::Codec<{T}>` for it"
)]
pub trait Codec<T>: Send + Sync + 'static {
    /// Returns the bytes of a value.
    ///
    /// # Errors
    ///
    /// Returns an error if the value cannot be written. The commit then fails with
    /// [`Error::is_encode`](crate::Error::is_encode).
    fn encode(value: &T) -> Result<Vec<u8>, CodecError>;

    /// Appends the bytes of a value to `out`. On an error, the bytes appended so far are ignored.
    ///
    /// The default calls [`encode`](Self::encode). A codec that writes into `out` directly saves
    /// one allocation a field.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    fn encode_into(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        Self::encode(value).map(|bytes| out.extend_from_slice(&bytes))
    }

    /// Returns the value that `bytes` encode.
    ///
    /// # Errors
    ///
    /// Returns an error if no value has these bytes. The field's `on_decode_error` decides what
    /// follows.
    fn decode(bytes: &[u8]) -> Result<T, CodecError>;
}

/// The reason why a value could not be written, or bytes could not be read. **The text goes into
/// the log, so it must not quote the value.**
#[derive(Clone)]
pub struct CodecError(String);

impl CodecError {
    /// Creates an error. `what` says what was wrong, and where.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::fmt(self, f)
    }
}

impl std::error::Error for CodecError {}

/// Writes values as JSON text. The default codec of a field.
///
/// Refuses what JSON has no form for, and would read back as another value: NaN and infinite numbers, and
/// `Some` of what is written as `null`, such as `Some(())`, `Some(None)` and `Some(Value::Null)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(value: &T) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::with_capacity(128);
        write_json(value, &mut bytes).map_err(|error| CodecError(error.to_string()))?;
        Ok(bytes)
    }

    fn encode_into(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        write_json(value, out).map_err(|error| CodecError(error.to_string()))
    }

    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(|error| json_place(&error))
    }
}

/// Appends the JSON text of a value that reads back as the same value.
pub(crate) fn write_json<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let forms = Forms { not_finite: false };
    strict::write(value, &mut serde_json::Serializer::new(out), forms)
}

/// Returns the place where JSON does not parse. serde's own message may quote the value.
pub(crate) fn json_place(error: &serde_json::Error) -> CodecError {
    CodecError(format!("line {}, column {} of its JSON", error.line(), error.column()))
}

/// Two codecs in a row. To write, `First` encodes the value and `Second` encodes the bytes of
/// `First`; to read, the reverse. Serves compression, an encryption of your own, or a format with a
/// checksum. A chain can be part of another chain.
///
/// ```
/// use session_runtime::{Session, codec::{Chain, Codec, CodecError, Json}};
///
/// /// Writes long runs of one byte as their length and the byte.
/// struct RunLength;
///
/// impl Codec<Vec<u8>> for RunLength {
///     fn encode(bytes: &Vec<u8>) -> Result<Vec<u8>, CodecError> {
///         let runs = bytes.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(255));
///         Ok(runs.flat_map(|run| [run.len() as u8, run[0]]).collect())
///     }
///
///     fn decode(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
///         let runs = bytes.chunks(2).map(|run| match run {
///             [length, byte] => Ok(std::iter::repeat_n(*byte, usize::from(*length))),
///             _ => Err(CodecError::new("half a run at the end")),
///         });
///         Ok(runs.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
///     }
/// }
///
/// #[derive(Session)]
/// struct Drawing {
///     #[session(codec = Chain<Json, RunLength>)]
///     pixels: Vec<u8>,
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Chain<First, Second>(PhantomData<fn() -> (First, Second)>);

impl<T, First: Codec<T>, Second: Codec<Vec<u8>>> Codec<T> for Chain<First, Second> {
    fn encode(value: &T) -> Result<Vec<u8>, CodecError> {
        Second::encode(&First::encode(value)?)
    }

    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        First::decode(&Second::decode(bytes)?)
    }
}

/// Writes values as `MessagePack`, which is smaller than JSON, above all for numbers and bytes. A
/// struct is written with the names of its fields, so that fields can be added and removed later.
/// Refuses `Some` of what is written as nothing, such as `Some(())`, since that reads back as `None`.
/// Needs the feature `msgpack`.
///
/// ```
/// use session_runtime::{Session, codec::MsgPack};
///
/// #[derive(Session)]
/// #[session(payload = "sealed", codec = MsgPack)]
/// struct Shop {
///     cart: Vec<u32>,
///     seen: Vec<u64>,
/// }
/// ```
#[cfg(feature = "msgpack")]
#[derive(Clone, Copy, Debug, Default)]
pub struct MsgPack;

#[cfg(feature = "msgpack")]
impl<T: Serialize + DeserializeOwned> Codec<T> for MsgPack {
    fn encode(value: &T) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::with_capacity(128);
        Self::encode_into(value, &mut bytes)?;
        Ok(bytes)
    }

    fn encode_into(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
        let forms = Forms { not_finite: true };
        strict::write(value, &mut serializer, forms).map_err(|error| CodecError(error.to_string()))
    }

    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        // The reader's message may quote the value, so the error names only the kind of mistake.
        rmp_serde::from_slice(bytes).map_err(|error| {
            use rmp_serde::decode::Error;
            CodecError::new(match error {
                Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => "cut off MessagePack",
                Error::DepthLimitExceeded => "MessagePack that is nested too deep",
                _ => "MessagePack of another type",
            })
        })
    }
}
