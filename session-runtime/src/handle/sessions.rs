//! [`Sessions`]: the registry of a session type, for reaching sessions from elsewhere than their
//! client's request. Of the present request, knows only the session id.

use std::{fmt, marker::PhantomData, sync::Arc, time::SystemTime};

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
        let ended = self.store()?.end(&self.engine.key(session.0)).await?;
        if ended {
            event::ended(self.engine.name(), session.0);
        }
        Ok(ended)
    }

    /// Ends every session of this type and audience, everybody's and nobody's: for a leaked key, or for
    /// a store that was put back from a backup. Returns when that is written in the store.
    ///
    /// This process accepts none of the sessions any more. Other processes ask the store once a second,
    /// when a request presents a session, and accept none from then on; a process that is started later
    /// asks before its first session. A log-in from now on counts at once, in every process: a log-in
    /// asks the store, too. A request that is under way keeps the session that it has loaded.
    ///
    /// The records of the sessions stay in the store until they expire and are swept. They are over all
    /// the same: lists do not have them, [`open`](Self::open) does not find them, and they do not count
    /// under [`max_sessions`](crate::SessionLayerBuilder::max_sessions). Only
    /// [`SessionsOf::count`](crate::SessionsOf::count) has them until then.
    ///
    /// Sessions in a store are judged by the time of the store's server. Where a store has no time of
    /// its own, or the layer a [`clock`](crate::SessionLayerBuilder::clock) that does not follow the
    /// store, a session from a process whose clock is ahead may live on.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let layer = SessionLayer::<Shop>::new(MemoryStore::default(), KeyRing::ephemeral()?)?;
    /// layer.sessions().end_everything().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), and for a payload in the
    /// token without [`revocation`](crate::SessionLayerBuilder::revocation).
    pub async fn end_everything(&self) -> Result<(), Error> {
        self.engine.raise_floor(None).await
    }

    /// Ends every session of this type and audience that began before a time: that was created before, or
    /// whose principal logged in before, if somebody is logged in. Otherwise as
    /// [`end_everything`](Self::end_everything). An earlier time than that of the last call changes
    /// nothing.
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let layer = SessionLayer::<Shop>::new(MemoryStore::default(), KeyRing::ephemeral()?)?;
    /// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    /// layer.sessions().end_before(an_hour_ago).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`end_everything`](Self::end_everything). Returns an error for a time that is more than a
    /// minute in the future.
    pub async fn end_before(&self, time: SystemTime) -> Result<(), Error> {
        self.engine.raise_floor(Some(time.into())).await
    }

    fn stored(&self) -> Result<&Stored, Error> {
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
