//! [`Peek`]: the read-only snapshot that handlers extract without using the session. Must not know
//! the loading of a session, or the consequences of a use.

use std::{fmt, ops::Deref};

use http::request::Parts;

use crate::{
    cell::model::SessionType,
    error::Error,
    request::{RequestSession, slot::SessionSlot},
};

/// A read-only snapshot of the session: the fields at the moment when a handler extracts it.
///
/// A snapshot dereferences to `T`, but never mutably. To change a field, a handler extracts
/// [`Session<T>`](struct@crate::Session).
///
/// **A peek does not count as use.** A request that only peeks writes nothing and sends no token.
/// It neither creates nor touches the session, gives it no new credential, and does not answer a
/// stale token. So a session that is only peeked at expires after its idle time. The load is shared
/// with the request's other extractors. If one of them uses the session, its changes are committed
/// as always.
///
/// `Option<Peek<T>>` is `None` if there is no live session. Without `Option`, every field then has
/// its default.
///
/// ```
/// # use session_runtime::{Peek, Session};
/// #[derive(Session)]
/// struct Shop {
///     cart: Vec<u32>,
/// }
///
/// /// Asked every few seconds, which is not to keep anybody logged in.
/// async fn badge(shop: Peek<Shop>) -> String {
///     shop.cart.len().to_string()
/// }
/// ```
pub struct Peek<T> {
    value: T,
}

impl<T: SessionType> Peek<T> {
    /// Returns the snapshot for a request that passed through a `SessionLayer<T>`. For services
    /// without axum; the axum extractor calls this function.
    ///
    /// # Errors
    ///
    /// As [`Session::from_parts`](crate::Session::from_parts).
    pub async fn from_parts(parts: &Parts) -> Result<Self, Error> {
        Ok(Self::of(&*SessionSlot::<T>::find(&parts.extensions)?.look(parts).await?))
    }

    /// Returns the snapshot, or `None` if there is no live session.
    ///
    /// # Errors
    ///
    /// As [`from_parts`](Self::from_parts).
    pub async fn live_from_parts(parts: &Parts) -> Result<Option<Self>, Error> {
        let session = SessionSlot::<T>::find(&parts.extensions)?.look(parts).await?;
        let is_live = session.core.state().live().is_some();
        Ok(is_live.then(|| Self::of(&session)))
    }

    fn of(session: &RequestSession<T>) -> Self {
        Self { value: T::snapshot(session.fields()) }
    }
}

impl<T> Deref for Peek<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: SessionType> fmt::Debug for Peek<T> {
    /// Prints the session's name, and no field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peek").field("name", &T::spec().namespace).finish_non_exhaustive()
    }
}
