//! The sessions of a principal: listing them ("my devices") and ending them from elsewhere. Works
//! on the store's principal index. Of the present request, it knows only the session id.

use std::{cmp::Reverse, marker::PhantomData, sync::Arc, time::SystemTime};

use http::request::Parts;

use crate::{
    cell::model::{PrincipalType, SessionType},
    engine::{Engine, backend::Backend},
    error::{Error, Kind},
    event,
    repository::deadline::DeadlineStore,
    request::slot::SessionSlot,
    store::{PrincipalKey, Selector, session_id::SessionId},
};

/// The sessions of a principal. A handler extracts `Sessions<T>`; a background job gets them from
/// [`SessionLayer::sessions`](crate::SessionLayer::sessions).
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
///     devices: Sessions<Shop>,
/// ) -> Result<String, Error> {
///     Ok(format!("ended {}", devices.end_others(&user).await?))
/// }
/// ```
pub struct Sessions<T> {
    engine: Arc<Engine>,
    current: Option<Selector>,
    session: PhantomData<fn() -> T>,
}

/// One session of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session id.
    pub id: SessionId,
    /// The time of its creation.
    pub created: SystemTime,
    /// The time of its principal's log-in.
    pub logged_in: SystemTime,
    /// The time of its last use, up to the touch throttle (a twentieth of the idle time, at most 60
    /// seconds).
    pub last_seen: SystemTime,
    /// True for the session of this request.
    pub current: bool,
}

impl<T: SessionType> Sessions<T> {
    pub(crate) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine, current: None, session: PhantomData }
    }

    /// Returns the directory for a request that passed through a `SessionLayer<T>`. For services
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

    /// **Do not pass a session id that came from a client:** use [`end`](Self::end), which checks
    /// that the session belongs to the principal.
    ///
    /// Ends a session regardless of its principal. Returns whether the session existed. For
    /// administrators, and for ids that the application itself has kept.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or if the payload
    /// travels in the token: such a session cannot be ended by its id.
    pub async fn end_by_id(&self, session: &SessionId) -> Result<bool, Error> {
        let ended = self.store()?.delete(&self.engine.key(session.0)).await?;
        if ended {
            event::ended(self.engine.name(), session.0);
        }
        Ok(ended)
    }

    fn store(&self) -> Result<&DeadlineStore, Error> {
        match &self.engine.backend {
            Backend::Stored(stored) => Ok(&stored.store),
            Backend::InToken(_) => Err(Error::new(Kind::NotListable)),
        }
    }
}

impl<T: PrincipalType> Sessions<T> {
    /// Returns the live sessions of a principal, the newest first.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or if the payload
    /// travels in the token: such sessions cannot be listed.
    pub async fn list(&self, principal: &T::Principal) -> Result<Vec<SessionInfo>, Error> {
        let Engine { namespace, .. } = &*self.engine;
        let mut listed = Vec::new();
        for principal in self.keys(principal)? {
            listed.extend(self.store()?.list(namespace, &principal, self.engine.now()).await?);
        }
        listed.sort_by_key(|session| Reverse(session.created));
        Ok(listed
            .into_iter()
            .map(|session| SessionInfo {
                id: SessionId(session.selector),
                created: session.created.into(),
                logged_in: session.logged_in.into(),
                last_seen: session.last_seen.into(),
                current: self.current == Some(session.selector),
            })
            .collect())
    }

    /// Ends a session if it belongs to this principal. Returns whether it did.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end(&self, principal: &T::Principal, session: &SessionId) -> Result<bool, Error> {
        let principals = self.keys(principal)?;
        let record = self.store()?.load(&self.engine.key(session.0)).await?;
        // Session ids are public, so an id alone must not end somebody else's session.
        let owner = record.as_ref().and_then(|record| record.meta.principal.as_ref());
        if owner.is_none_or(|owner| !principals.contains(owner)) {
            return Ok(false);
        }
        self.end_by_id(session).await
    }

    /// Ends every session of a principal except the session of this request. Returns the number of
    /// ended sessions.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list). Also returns an error outside of a request, where there is no
    /// session to leave out.
    pub async fn end_others(&self, principal: &T::Principal) -> Result<u64, Error> {
        let current = self.current.ok_or_else(|| Error::new(Kind::NoCurrentSession))?;
        self.end_but(principal, Some(current)).await
    }

    /// Ends every session of a principal. Returns the number of ended sessions, or 0 if they cannot
    /// be counted (payloads in the token).
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or for a payload in
    /// the token without [`revocation`](crate::SessionLayerBuilder::revocation).
    pub async fn end_all(&self, principal: &T::Principal) -> Result<u64, Error> {
        if let Backend::InToken(in_token) = &self.engine.backend
            && let Some(revocation) = &in_token.revocation
        {
            let now = self.engine.now();
            revocation.raise_epoch(&self.key(principal)?, now).await?;
            event::ended_many(self.engine.name(), None);
            return Ok(0);
        }
        self.end_but(principal, None).await
    }

    async fn end_but(
        &self,
        principal: &T::Principal,
        except: Option<Selector>,
    ) -> Result<u64, Error> {
        let mut count = 0;
        for principal in self.keys(principal)? {
            count += self.store()?.delete_all(&self.engine.namespace, &principal, except).await?;
        }
        event::ended_many(self.engine.name(), Some(count));
        Ok(count)
    }

    /// Returns the keys under which the store may have indexed a principal's sessions.
    fn keys(&self, principal: &T::Principal) -> Result<Vec<PrincipalKey>, Error> {
        Ok(self.engine.index_keys(self.key(principal)?))
    }

    fn key(&self, principal: &T::Principal) -> Result<PrincipalKey, Error> {
        PrincipalKey::of(principal).map_err(|message| {
            let field = self.engine.spec.fields.iter().find(|field| field.principal);
            Error::new(Kind::Encode {
                field: field.map_or("principal", |field| field.name).to_owned(),
                message,
            })
        })
    }
}

impl<T> Clone for Sessions<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), current: self.current, session: PhantomData }
    }
}

impl<T> std::fmt::Debug for Sessions<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("name", &self.engine.name()).finish_non_exhaustive()
    }
}
