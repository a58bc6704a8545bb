//! Sealing the values of fields: what a cell asks of the keys, and what a change that runs again at
//! the store takes along. Does not know how values are sealed.

use std::sync::Arc;

use bytes::Bytes;

use super::DecodeError;
use crate::{
    schema::FieldSpec,
    store::{FieldValue, KeyId, Refusal, Selector},
};

/// Seals fields, each on its own, bound to session and field.
pub(crate) trait FieldSealer: Send + Sync {
    /// Returns true if this field's values are sealed.
    fn seals(&self, field: &FieldSpec) -> bool;
    /// Seals a value under the key that has made the session's token, if that key can write: a process
    /// that can verify the token can then open the value, too.
    fn seal(
        &self,
        under: KeyId,
        selector: Selector,
        field: &str,
        plain: &[u8],
    ) -> Result<Bytes, SealError>;
    fn open(&self, selector: Selector, field: &str, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// The error of an operating system that gave no random bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealError;

/// Opens and seals the values of one field of one session.
pub(super) struct Sealing {
    pub(super) sealer: Arc<dyn FieldSealer>,
    pub(super) selector: Selector,
    /// The key of the session's token.
    pub(super) key_id: KeyId,
    pub(super) name: &'static str,
}

impl Sealing {
    pub(super) fn open(&self, sealed: &FieldValue) -> Result<FieldValue, DecodeError> {
        open(&*self.sealer, self.selector, self.name, sealed)
    }

    pub(super) fn seal(&self, plain: FieldValue) -> Result<FieldValue, Refusal> {
        let FieldValue::Bytes(bytes) = plain else { return Ok(plain) };
        let sealed = self.sealer.seal(self.key_id, self.selector, self.name, &bytes);
        sealed.map(FieldValue::Bytes).map_err(|SealError| Refusal::Random)
    }
}

/// Opens a sealed value.
pub(super) fn open(
    sealer: &dyn FieldSealer,
    selector: Selector,
    name: &str,
    value: &FieldValue,
) -> Result<FieldValue, DecodeError> {
    let FieldValue::Bytes(blob) = value else { return Err(DecodeError::Unsealable) };
    let plain = sealer.open(selector, name, blob).ok_or(DecodeError::Unsealable)?;
    Ok(FieldValue::Bytes(plain.into()))
}
