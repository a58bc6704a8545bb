//! Seals fields marked `secret`, each on its own, for a store or for a payload that the client can
//! read. A blob is bound to its namespace, session and field, so that
//! nobody with write access to the store can move a blob to another place. Knows neither store nor
//! session type.

use std::fmt;

use bytes::Bytes;

use super::{Binding, Random, aead, keys::Keys, suite};
use crate::{
    cell::{FieldSealer, SealError},
    key::{KeyRing, push_part},
    schema::FieldSpec,
    store::{KeyId, Namespace, Selector},
};

/// The format of the plaintext. A blob is bound to it.
const FORMAT: &str = "1";

/// Seals and opens secret fields.
pub(crate) struct FieldCodec {
    keys: Keys<aead::Cipher>,
    namespace: Namespace,
    random: Random,
}

impl FieldCodec {
    pub(crate) fn new(
        ring: &KeyRing,
        binding: &Binding,
        namespace: &Namespace,
        random: Random,
    ) -> Self {
        let keys = Keys::new(ring, binding, |key| aead::Cipher::new(&key));
        Self { keys, namespace: namespace.clone(), random }
    }

    pub(super) fn seal_with(
        &self,
        under: Option<KeyId>,
        nonce: &[u8; aead::NONCE],
        selector: Selector,
        field: &str,
        plain: &[u8],
    ) -> Vec<u8> {
        let keys = self.keys.now();
        let key = keys.writer(under);
        let context = self.context(selector, field);
        aead::seal(&key.prepared, &aead::head(suite::FIELD, key.id), nonce, &context, plain)
    }

    /// Returns the place that a blob is bound to. It leaves out the record's revision, which rises
    /// with commits of other fields.
    fn context(&self, selector: Selector, field: &str) -> Vec<u8> {
        let mut context = Vec::with_capacity(64);
        push_part(&mut context, self.namespace.as_str().as_bytes());
        push_part(&mut context, selector.as_bytes());
        push_part(&mut context, field.as_bytes());
        push_part(&mut context, FORMAT.as_bytes());
        context
    }
}

impl FieldSealer for FieldCodec {
    fn seals(&self, field: &FieldSpec) -> bool {
        field.secret
    }

    fn seal(
        &self,
        under: KeyId,
        selector: Selector,
        field: &str,
        plain: &[u8],
    ) -> Result<Bytes, SealError> {
        let nonce = self.random.bytes().map_err(|_| SealError)?;
        Ok(self.seal_with(Some(under), &nonce, selector, field, plain).into())
    }

    /// Opens a field under any key of the ring, also after the key's end. A key's end is for
    /// tokens: the credential of this request was made under a key that has not ended, and a field
    /// is sealed again only when it is written.
    fn open(&self, selector: Selector, field: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys.now();
        let key = keys.get(aead::key_id(sealed, suite::FIELD, aead::HEAD)?)?;
        let mut blob = sealed.to_vec();
        let plain =
            aead::open(&key.prepared, aead::HEAD, &self.context(selector, field), &mut blob)?;
        blob.truncate(plain.end);
        blob.drain(..plain.start);
        Some(blob)
    }
}

impl fmt::Debug for FieldCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldCodec").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
