//! [`Peek`]: the read-only snapshot that handlers extract without using the session. Must not know how
//! a session is loaded, or what a use leads to.

use std::{fmt, ops::Deref};

use http::request::Parts;

use crate::{
    cell::model::SessionType,
    error::Error,
    request::{RequestSession, slot::SessionSlot},
};

/// A read-only snapshot of the session: the fields as they are when a handler extracts it.
///
/// It dereferences to `T`, and never mutably: what a handler wants to change, it changes through
/// [`Session<T>`](struct@crate::Session).
///
/// **Peeking is no use of the session.** A request that only peeks writes nothing and sends no token:
/// the session is not created, not kept alive, not given a new credential, and a token that is no live
/// session is not answered. A session that is only peeked at expires after its idle time. The load is
/// shared with the other extractors of the request; if one of them uses the session, what it changes is
/// committed as always.
///
/// `Option<Peek<T>>` is `None` if there is no live session; without `Option`, every field has its
/// default then.
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
    /// Returns the snapshot for a request that passed through a `SessionLayer<T>`; the axum extractor
    /// calls this, and so do services without axum.
    ///
    /// # Errors
    ///
    /// As [`Session::from_parts`](crate::Session::from_parts).
    pub async fn from_parts(parts: &Parts) -> Result<Self, Error> {
        Ok(Self::of(&*SessionSlot::<T>::find(&parts.extensions)?.look(parts).await?))
    }

    /// Returns the snapshot, if there is a live session.
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
    /// Prints the session's name; never a field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peek").field("name", &T::spec().bare_name()).finish_non_exhaustive()
    }
}
