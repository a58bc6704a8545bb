//! The sessions of a principal: listing them ("my devices") and ending them from elsewhere. Works
//! on the store's principal index; knows nothing of the present request but which session it is.

use std::{cmp::Reverse, marker::PhantomData, sync::Arc, time::SystemTime};

use http::request::Parts;

use crate::{
    cell::model::{PrincipalType, SessionType},
    engine::{Engine, backend::Backend},
    error::{Error, Kind},
    event,
    repository::deadline::DeadlineStore,
    request::slot::SessionSlot,
    store::{PrincipalKey, Selector, session_id::HandleId},
};

/// The sessions of a principal, as a handler extracts it or as
/// [`SessionLayer::directory`](crate::SessionLayer::directory) gives it to a background job.
///
/// ```
/// # use session_runtime::{Directory, Error, Session};
/// #[derive(Session)]
/// struct Shop {
///     #[session(principal, extract = "CurrentUser")]
///     user: Option<String>,
/// }
///
/// async fn sign_out_everywhere_else(
///     CurrentUser(user): CurrentUser,
///     devices: Directory<Shop>,
/// ) -> Result<String, Error> {
///     Ok(format!("ended {}", devices.end_others(&user).await?))
/// }
/// ```
pub struct Directory<T> {
    engine: Arc<Engine>,
    current: Option<Selector>,
    session: PhantomData<fn() -> T>,
}

/// One session of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its public name.
    pub handle: HandleId,
    /// When it was created.
    pub created: SystemTime,
    /// When its principal logged in.
    pub logged_in: SystemTime,
    /// When it was last used, up to the touch throttle (a twentieth of the idle time, at most 60
    /// seconds).
    pub last_seen: SystemTime,
    /// Whether it is the session of this request.
    pub current: bool,
}

impl<T: SessionType> Directory<T> {
    pub(crate) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine, current: None, session: PhantomData }
    }

    /// The directory, as seen from a request that passed through a `SessionLayer<T>`.
    ///
    /// # Errors
    ///
    /// No layer for `T` ([`Error::is_missing_layer`]).
    pub fn from_parts(parts: &Parts) -> Result<Self, Error> {
        let slot = SessionSlot::<T>::find(&parts.extensions)?;
        slot.engine.refuse_remote(parts)?;
        slot.session(parts);
        Ok(Self { current: slot.current(parts), ..Self::new(Arc::clone(&slot.engine)) })
    }

    /// Ends one session, whoever is in it; whether it was there. For administrators, and for ids
    /// that the application itself has kept: of what a client sends, only [`end`](Self::end) asks
    /// whether it is the client's own.
    ///
    /// # Errors
    ///
    /// A store that is unavailable; a payload that travels in the token cannot be ended so.
    pub async fn end_by_id(&self, handle: &HandleId) -> Result<bool, Error> {
        let ended = self.store()?.delete(&self.engine.key(handle.0)).await?;
        if ended {
            event::ended(self.engine.name(), handle.0);
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

impl<T: PrincipalType> Directory<T> {
    /// The live sessions of a principal, the newest first.
    ///
    /// # Errors
    ///
    /// A store that is unavailable; a payload that travels in the token cannot be listed.
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
                handle: HandleId(session.selector),
                created: session.created.into(),
                logged_in: session.logged_in.into(),
                last_seen: session.last_seen.into(),
                current: self.current == Some(session.selector),
            })
            .collect())
    }

    /// Ends one session, if it is this principal's; whether it was.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end(&self, principal: &T::Principal, handle: &HandleId) -> Result<bool, Error> {
        let principals = self.keys(principal)?;
        let record = self.store()?.load(&self.engine.key(handle.0)).await?;
        // Handles are public, so a handle alone must not end somebody else's session.
        let owner = record.as_ref().and_then(|record| record.meta.principal.as_ref());
        if owner.is_none_or(|owner| !principals.contains(owner)) {
            return Ok(false);
        }
        self.end_by_id(handle).await
    }

    /// Ends every session of a principal but this request's; how many.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); and if there is no session of this request to leave out.
    pub async fn end_others(&self, principal: &T::Principal) -> Result<u64, Error> {
        let current = self.current.ok_or_else(|| Error::new(Kind::NoCurrentSession))?;
        self.end_but(principal, Some(current)).await
    }

    /// Ends every session of a principal; how many, or 0 where they cannot be counted (payloads
    /// that travel in the token).
    ///
    /// # Errors
    ///
    /// A store that is unavailable; a payload in the token without `.revocation(store)`.
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

    /// What the store may have indexed a principal's sessions by.
    fn keys(&self, principal: &T::Principal) -> Result<Vec<PrincipalKey>, Error> {
        Ok(self.engine.index_keys(self.key(principal)?))
    }

    fn key(&self, principal: &T::Principal) -> Result<PrincipalKey, Error> {
        PrincipalKey::of(principal).map_err(|message| {
            let field = self.engine.spec.fields.iter().find(|field| field.principal);
            Error::new(Kind::Encode {
                field: field.map_or("principal", |field| field.name),
                message,
            })
        })
    }
}

impl<T> Clone for Directory<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), current: self.current, session: PhantomData }
    }
}

impl<T> std::fmt::Debug for Directory<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("name", &self.engine.name()).finish_non_exhaustive()
    }
}
