//! [`Sessions`]: the registry of a session type, for reaching sessions from elsewhere than their
//! client's request. Of the present request, knows only the session id.

use std::{fmt, marker::PhantomData, sync::Arc};

use http::request::Parts;

use crate::{
    cell::model::SessionType,
    engine::{Engine, backend::Backend},
    error::{Error, Kind},
    event,
    repository::deadline::DeadlineStore,
    request::slot::SessionSlot,
    store::{Selector, session_id::SessionId},
};

/// The sessions of a type, to reach from anywhere. A handler extracts `Sessions<T>`; a background job
/// gets them from [`SessionLayer::sessions`](crate::SessionLayer::sessions). [`of`](Self::of) narrows
/// them to those of one principal.
///
/// ```
/// # use session_runtime::{Error, Session, Sessions};
/// #[derive(Session)]
/// struct Shop {
///     #[session(principal, extract = "CurrentUser")]
///     user: Option<String>,
/// }
///
/// async fn sign_out_everywhere_else(
///     CurrentUser(user): CurrentUser,
///     sessions: Sessions<Shop>,
/// ) -> Result<String, Error> {
///     Ok(format!("ended {}", sessions.of(&user).end_others().await?.count))
/// }
/// ```
pub struct Sessions<T> {
    pub(super) engine: Arc<Engine>,
    /// The session of the present request.
    pub(super) current: Option<Selector>,
    session: PhantomData<fn() -> T>,
}

impl<T: SessionType> Sessions<T> {
    pub(crate) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine, current: None, session: PhantomData }
    }

    /// Returns the sessions for a request that passed through a `SessionLayer<T>`. For services
    /// without axum; the axum extractor calls this function.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no layer for `T` ([`Error::is_missing_layer`]).
    pub fn from_parts(parts: &Parts) -> Result<Self, Error> {
        let slot = SessionSlot::<T>::find(&parts.extensions)?;
        slot.engine.refuse_remote(parts)?;
        slot.session(parts);
        Ok(Self { current: slot.current(parts), ..Self::new(Arc::clone(&slot.engine)) })
    }

    /// **Do not pass a session id that came from a client:** `sessions.of(&user).end(&id)` checks
    /// that the session belongs to the user ([`SessionsOf::end`](crate::SessionsOf::end)).
    ///
    /// Ends a session regardless of its principal. Returns whether the session existed. For
    /// administrators, and for ids that the application itself has kept.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or if the payload
    /// travels in the token: such a session cannot be ended by its id.
    pub async fn end(&self, session: &SessionId) -> Result<bool, Error> {
        let ended = self.store()?.remove(&self.engine.key(session.0)).await?;
        if ended {
            event::ended(self.engine.name(), session.0);
        }
        Ok(ended)
    }

    /// Ends every session of this type, everybody's and nobody's, where payloads travel in the token.
    /// For a leaked key, or a restored backup. Other processes notice within a second.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), for a payload in the
    /// token without [`revocation`](crate::SessionLayerBuilder::revocation), and for sessions in a
    /// store.
    pub async fn end_everything(&self) -> Result<(), Error> {
        let Backend::InToken(in_token) = &self.engine.backend else {
            return Err(Error::new(Kind::EndsOneByOne));
        };
        let revocation =
            in_token.revocation.as_ref().ok_or_else(|| Error::new(Kind::NotListable))?;
        revocation.change_floor(self.engine.now()).await?;
        event::ended_everything(self.engine.name());
        Ok(())
    }

    pub(super) fn store(&self) -> Result<&DeadlineStore, Error> {
        match &self.engine.backend {
            Backend::Stored(stored) => Ok(&stored.store),
            Backend::InToken(_) => Err(Error::new(Kind::NotListable)),
        }
    }
}

impl<T> Clone for Sessions<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), current: self.current, session: PhantomData }
    }
}

impl<T> fmt::Debug for Sessions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("name", &self.engine.name()).finish_non_exhaustive()
    }
}
