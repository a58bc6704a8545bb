//! [`Sessions`]: the registry of a session type, for reaching sessions from elsewhere than their
//! client's request. Of the present request, knows only the session id.

use std::{fmt, marker::PhantomData, sync::Arc};

use http::request::Parts;

use super::detached::Detached;
use crate::{
    cell::model::SessionType,
    engine::{
        Engine,
        backend::{Backend, Stored},
        hooks::HookAnswers,
        load::{FoundToken, Presented},
    },
    error::{Error, Kind},
    event,
    repository::deadline::DeadlineStore,
    request::{RequestSession, slot::SessionSlot, state::Status},
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

    /// **Do not pass a session id that came from a client,** unless its owner does not matter: a
    /// session id says nothing about who sends it.
    ///
    /// Opens a session from outside of its client's request, or returns `None` if there is no such
    /// live session. Costs a load, which bypasses caches.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), if the session is under a
    /// key that this process may [still get](Error::is_unknown_key), or if the payload travels in the
    /// token: such a session is nowhere but at its client.
    pub async fn open(&self, session: &SessionId) -> Result<Option<Detached<T>>, Error> {
        let presented = Presented::Id(self.stored()?, session.0, None);
        self.open_presented(presented).await
    }

    /// Opens the session of a token, for clients that send the token in another way than requests
    /// do: in the first message of a WebSocket, say. Returns `None` if the token is no live session.
    /// Judges the token as the layer does, except for what the session is
    /// [bound](crate::SessionLayerBuilder::bind) to: there is no request to compare.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_token(&self, token: &str) -> Result<Option<Detached<T>>, Error> {
        let stored = self.stored()?;
        let presented = match stored.codec.verify(token.as_bytes(), || self.engine.now()) {
            Ok(credential) => Presented::Credential(stored, credential),
            Err(reason) => self.engine.rejected(reason),
        };
        self.open_presented(presented).await
    }

    async fn open_presented(&self, presented: Presented<'_>) -> Result<Option<Detached<T>>, Error> {
        let session = RequestSession::<T>::new(Arc::clone(&self.engine), HookAnswers::detached());
        session.load(|| FoundToken::new(presented, None)).await?;
        match session.core.state().status {
            Status::Degraded => return Err(Error::degraded()),
            Status::UnknownKey => return Err(Error::new(Kind::UnknownKey)),
            _ => {}
        }
        Ok(Detached::of(session))
    }

    /// **Do not pass a session id that came from a client,** unless its owner does not matter.
    ///
    /// Changes one session and saves it: opens the session, runs `change`, and saves. If a request
    /// of the client has changed the session meanwhile, repeats this from a fresh load. **`change`
    /// may run several times, so it must have no other effects.** Does not count as use.
    ///
    /// ```
    /// # use session_runtime::{Error, Session, SessionId, Sessions};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32>, sold_out: Vec<u32> }
    /// async fn sold_out(sessions: Sessions<Shop>, id: SessionId, item: u32) -> Result<(), Error> {
    ///     sessions.change(&id, |shop| {
    ///         if shop.cart().contains(&item) {
    ///             shop.update_cart(move |cart| cart.retain(|it| *it != item));
    ///             shop.push_sold_out(item);
    ///         }
    ///     })
    ///     .await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Detached::save`]. Returns an error if there is no such session, or if it is over
    /// ([`Error::is_gone`]), and a conflict only after a hundred attempts.
    pub async fn change<R>(
        &self,
        session: &SessionId,
        change: impl FnMut(&T::Fields) -> R,
    ) -> Result<R, Error> {
        let session = self.open(session).await?.ok_or_else(|| Error::new(Kind::Gone))?;
        session.change(change).await
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

    pub(super) fn stored(&self) -> Result<&Stored, Error> {
        match &self.engine.backend {
            Backend::Stored(stored) => Ok(stored),
            Backend::InToken(_) => Err(Error::new(Kind::OutOfReach)),
        }
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
