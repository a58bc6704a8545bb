//! From a request's parts to handles and snapshots, without axum: what its extractors call, and what services
//! over plain `http` types call themselves.

#[cfg(feature = "axum")]
pub(crate) mod axum;
pub(crate) mod peek;

use http::request::Parts;

use crate::{
    cell::model::SessionType,
    error::Error,
    handle::{Session, writer::Writer},
    request::slot::SessionSlot,
};

impl<T: SessionType> Session<T> {
    /// The session of a request that passed through a `SessionLayer<T>`; what the axum extractor
    /// calls, for services without axum.
    ///
    /// # Errors
    ///
    /// No layer for `T` ([`Error::is_missing_layer`]), or a store that is unavailable.
    pub async fn from_parts(parts: &Parts) -> Result<Self, Error> {
        Ok(Self::of(SessionSlot::<T>::find(&parts.extensions)?.load(parts).await?))
    }

    /// The session, if it is a live one.
    ///
    /// # Errors
    ///
    /// As [`from_parts`](Self::from_parts).
    pub async fn live_from_parts(parts: &Parts) -> Result<Option<Self>, Error> {
        Ok(Some(Self::from_parts(parts).await?).filter(|session| !session.is_new()))
    }
}

impl<T: SessionType> Writer<T> {
    /// The write-only session of a request that passed through a `SessionLayer<T>`.
    ///
    /// # Errors
    ///
    /// As [`Session::from_parts`]; the store is not asked before the commit.
    pub async fn from_parts(parts: &Parts) -> Result<Self, Error> {
        Ok(Self::of(SessionSlot::<T>::find(&parts.extensions)?.write(parts).await?))
    }
}
