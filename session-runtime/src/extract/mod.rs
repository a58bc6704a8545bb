//! The way from a request's parts to handles and snapshots, without axum. The axum extractors call
//! these functions, and so do services over plain `http` types.

#[cfg(feature = "axum")]
pub(crate) mod axum;
pub(crate) mod peek;

use http::request::Parts;

use crate::{cell::model::SessionType, error::Error, handle::Session, request::slot::SessionSlot};

impl<T: SessionType> Session<T> {
    /// Returns the session of a request that passed through a `SessionLayer<T>`. For services
    /// without axum; the axum extractor calls this function.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no layer for `T` ([`Error::is_missing_layer`]), or if the store
    /// is [unavailable](Error::is_unavailable).
    pub async fn from_parts(parts: &Parts) -> Result<Self, Error> {
        let session = SessionSlot::<T>::find(&parts.extensions)?.load(parts).await?;
        session.take();
        Ok(Self::of(session))
    }

    /// Returns the session, or `None` if there is no live one. Looking creates none, whatever
    /// [`create`](crate::SessionLayerBuilder::create) says.
    ///
    /// # Errors
    ///
    /// As [`from_parts`](Self::from_parts).
    pub async fn live_from_parts(parts: &Parts) -> Result<Option<Self>, Error> {
        let session = SessionSlot::<T>::find(&parts.extensions)?.load(parts).await?;
        Ok(Some(Self::of(session)).filter(|session| !session.is_new()))
    }
}
