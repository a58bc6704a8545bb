//! A store under a seal, for the tests of what is done above it. It knows no rule.

use std::sync::Arc;

use crate::{
    key::KeyRing,
    repository::at_rest::{AtRest, Method},
    store::Store,
    token::{Binding, Purpose, Random, RecordSealer},
};

/// Wraps a store as
/// [`encrypt_at_rest`](crate::SessionLayerBuilder::encrypt_at_rest) does, with a new key: each
/// record is one sealed blob in `store`. Nothing that was sealed before can be read.
///
/// ```
/// # use session_runtime::store::MemoryStore;
/// mod sealed {
///     use super::*;
///
///     async fn memory() -> impl session_runtime::store::Store {
///         session_runtime::testing::conformance::sealed(MemoryStore::default())
///     }
///
///     session_runtime::repository_conformance!(memory);
/// }
/// # fn main() {}
/// ```
///
/// # Panics
///
/// Panics if the operating system has no randomness.
#[must_use]
pub fn sealed(store: impl Store) -> impl Store {
    let keys = KeyRing::generate().expect("the operating system has randomness");
    let binding = Binding::new(Purpose::Record, "cookie", "conformance", "conformance", "", "1");
    let sealer = RecordSealer::new(&keys, &binding, Random::SYSTEM);
    AtRest::new(Arc::new(store), Method::Seal(sealer))
}
