//! Extractors: from a request's parts to handles, owned values and guards, and the rejections that
//! say why not. What axum needs sits behind the feature `axum`; [`Session::from_parts`] works
//! without.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, request::Parts};

use crate::{
    engine::Engine, error::Error, handle::Session, model::SessionType, schema::Transport,
    slot::Slot, writer::Writer,
};

/// Why an extractor gave nothing: an [`Error`], or nobody is logged in.
#[derive(Debug)]
pub struct Rejection(Cause);

#[derive(Debug)]
enum Cause {
    Error(Error),
    Unauthorized { scheme: &'static str },
    Redirect(HeaderValue),
}

impl Rejection {
    /// The status of the response: that of the [`Error`], or 401, or 303.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Cause::Error(error) => error.status(),
            Cause::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Cause::Redirect(_) => StatusCode::SEE_OTHER,
        }
    }

    /// The error, unless it is only that nobody is logged in.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match &self.0 {
            Cause::Error(error) => Some(error),
            _ => None,
        }
    }

    fn unauthorized(engine: &Engine, headers: &HeaderMap) -> Self {
        let challenge = engine.challenge.as_ref();
        if let Some(location) = challenge.and_then(|challenge| challenge.location(headers)) {
            return Self(Cause::Redirect(location.clone()));
        }
        // RFC 9110, 11.6.1: a 401 names a scheme. There is no registered one for cookies.
        let bearer = engine.spec.transport == Transport::Bearer;
        Self(Cause::Unauthorized { scheme: if bearer { "Bearer" } else { "Session" } })
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Cause::Error(error) => error.fmt(f),
            _ => f.write_str("nobody is logged in"),
        }
    }
}

impl std::error::Error for Rejection {}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        Self(Cause::Error(error))
    }
}

impl<T: SessionType> Session<T> {
    /// The session of a request that passed through a `SessionLayer<T>`; what the axum extractor
    /// calls, for services without axum.
    ///
    /// # Errors
    ///
    /// No layer for `T` ([`Error::is_missing_layer`]), or a store that is unavailable.
    pub async fn from_parts(parts: &Parts) -> Result<Self, Error> {
        Ok(Self::of(Slot::<T>::find(&parts.extensions)?.load(parts).await?))
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
        Ok(Self::of(Slot::<T>::find(&parts.extensions)?.write(parts).await?))
    }
}

/// For generated code: an owned copy of the session's fields.
#[doc(hidden)]
pub async fn snapshot<T: SessionType>(parts: &mut Parts) -> Result<T, Rejection> {
    Ok(Session::<T>::from_parts(parts).await?.snapshot())
}

/// For generated code: what a field holds, if anything.
#[doc(hidden)]
pub async fn optional<T: SessionType, V>(
    parts: &mut Parts,
    read: fn(&T::Fields) -> Option<V>,
) -> Result<Option<V>, Rejection> {
    Ok(read(&*Session::<T>::from_parts(parts).await?))
}

/// For generated code: what a field holds, or a challenge.
#[doc(hidden)]
pub async fn required<T: SessionType, V>(
    parts: &mut Parts,
    read: fn(&T::Fields) -> Option<V>,
) -> Result<V, Rejection> {
    let slot: Arc<Slot<T>> = Slot::find(&parts.extensions)?;
    let inner = slot.load(parts).await?;
    read(inner.fields()).ok_or_else(|| Rejection::unauthorized(&slot.engine, &parts.headers))
}

#[cfg(feature = "axum")]
mod axum {
    use axum_core::{
        extract::{FromRequestParts, OptionalFromRequestParts},
        response::{IntoResponse, Response},
    };
    use http::{StatusCode, header, request::Parts};

    use super::{Cause, Rejection};
    use crate::{directory::Directory, handle::Session, model::SessionType, writer::Writer};

    impl IntoResponse for Rejection {
        fn into_response(self) -> Response {
            match self.0 {
                Cause::Error(error) => error.into_response(),
                Cause::Unauthorized { scheme } => {
                    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, scheme)], "Unauthorized")
                        .into_response()
                }
                Cause::Redirect(location) => {
                    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
                }
            }
        }
    }

    impl<T: SessionType, S: Send + Sync> FromRequestParts<S> for Session<T> {
        type Rejection = Rejection;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
            Ok(Self::from_parts(parts).await?)
        }
    }

    impl<T: SessionType, S: Send + Sync> OptionalFromRequestParts<S> for Session<T> {
        type Rejection = Rejection;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
            Ok(Self::live_from_parts(parts).await?)
        }
    }

    impl<T: SessionType, S: Send + Sync> FromRequestParts<S> for Writer<T> {
        type Rejection = Rejection;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
            Ok(Self::from_parts(parts).await?)
        }
    }

    impl<T: SessionType, S: Send + Sync> FromRequestParts<S> for Directory<T> {
        type Rejection = Rejection;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
            Ok(Self::from_parts(parts)?)
        }
    }
}
