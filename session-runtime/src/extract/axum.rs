//! The axum extractors, the functions that generated extractors call, and the rejections.

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};

use crate::{
    causes,
    cell::model::SessionType,
    engine::Engine,
    error::Error,
    extract::peek::Peek,
    handle::{Session, sessions::Sessions},
    request::slot::SessionSlot,
    schema::Transport,
};

/// The reason why an extractor failed: an [`Error`], or nobody is logged in.
pub struct Rejection(Cause);

enum Cause {
    Error(Error),
    Unauthorized { scheme: &'static str },
    Redirect(StatusCode, HeaderValue),
}

impl Rejection {
    /// Returns the status of the response: the status of the [`Error`], or 401, or the status of
    /// the [`Challenge`](crate::Challenge).
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Cause::Error(error) => error.status(),
            Cause::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Cause::Redirect(status, _) => *status,
        }
    }

    /// Returns the error, or `None` if the only reason is that nobody is logged in.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match &self.0 {
            Cause::Error(error) => Some(error),
            _ => None,
        }
    }

    fn unauthorized(engine: &Engine, headers: &HeaderMap) -> Self {
        let challenge = engine.challenge.as_ref();
        if let Some((status, location)) = challenge.and_then(|it| it.location(headers)) {
            return Self(Cause::Redirect(status, location.clone()));
        }
        // RFC 9110, 11.6.1: a 401 names a scheme. No scheme is registered for cookies.
        let bearer = engine.carrier.transport() == Transport::Bearer;
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

impl std::fmt::Debug for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        causes::fmt(self, f)
    }
}

impl std::error::Error for Rejection {
    // The message is the error's own, so the causes are the error's, too.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error()?.source()
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        Self(Cause::Error(error))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self.0 {
            Cause::Error(error) => error.into_response(),
            Cause::Unauthorized { scheme } => {
                (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, scheme)], "Unauthorized")
                    .into_response()
            }
            Cause::Redirect(status, location) => {
                (status, [(header::LOCATION, location)]).into_response()
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

impl<T: SessionType, S: Send + Sync> FromRequestParts<S> for Peek<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self::from_parts(parts).await?)
    }
}

impl<T: SessionType, S: Send + Sync> OptionalFromRequestParts<S> for Peek<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(Self::live_from_parts(parts).await?)
    }
}

impl<T: SessionType, S: Send + Sync> FromRequestParts<S> for Sessions<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self::from_parts(parts)?)
    }
}

/// For generated code: returns the field's value in a guard, if there is one.
#[doc(hidden)]
#[expect(
    clippy::manual_async_fn,
    reason = "callers' compilers need not find out that it is `Send`"
)]
pub fn optional<T: SessionType, V, G>(
    parts: &mut Parts,
    read: fn(&T::Fields) -> Option<V>,
    guard: fn(V) -> G,
) -> impl Future<Output = Result<Option<G>, Rejection>> + Send {
    async move {
        let session = SessionSlot::<T>::find(&parts.extensions)?.load(parts).await?;
        Ok(read(session.fields()).map(guard))
    }
}

/// For generated code: returns the field's value in a guard, or a challenge.
#[doc(hidden)]
#[expect(
    clippy::manual_async_fn,
    reason = "callers' compilers need not find out that it is `Send`"
)]
pub fn required<T: SessionType, V, G>(
    parts: &mut Parts,
    read: fn(&T::Fields) -> Option<V>,
    guard: fn(V) -> G,
) -> impl Future<Output = Result<G, Rejection>> + Send {
    async move {
        let slot = SessionSlot::<T>::find(&parts.extensions)?;
        let session = slot.load(parts).await?;
        let present = read(session.fields()).map(guard);
        present.ok_or_else(|| Rejection::unauthorized(&slot.engine, &parts.headers))
    }
}
