//! The sessions of a principal: listing them ("my devices") and ending them from elsewhere. Works
//! on the store's principal index. Of the present request, it knows only the session id.

use std::{fmt, marker::PhantomData, str::FromStr, sync::Arc, time::SystemTime};

use http::request::Parts;

use crate::{
    cell::model::{PrincipalType, SessionType},
    clock::Timestamp,
    engine::{Engine, backend::Backend},
    error::{Error, Kind},
    event,
    repository::deadline::DeadlineStore,
    request::slot::SessionSlot,
    schema::principal::Principal,
    store::{Cursor, PrincipalKey, Selector, session_id::SessionId},
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
///     Ok(format!("ended {}", devices.end_others(&user).await?.count))
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

/// A page of a principal's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions, the latest log-in first. There may be fewer than fit a page, even none, before
    /// the list ends.
    pub sessions: Vec<SessionInfo>,
    /// The place where the list goes on; `None` at its end.
    pub next: Option<SessionCursor>,
}

/// A place in the list of a principal's sessions. As text, for the link to the next page, 48
/// hexadecimal digits: the time of a log-in, and the session's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCursor(Cursor);

impl fmt::Display for SessionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cursor { logged_in, selector, .. } = self.0;
        write!(f, "{:016x}{selector}", logged_in.as_millis())
    }
}

impl FromStr for SessionCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (logged_in, selector) = text.split_at_checked(16).ok_or(InvalidCursor)?;
        let is_hex = logged_in.bytes().all(|digit| digit.is_ascii_hexdigit());
        let millis = u64::from_str_radix(logged_in, 16).ok().filter(|_| is_hex);
        let millis = millis.ok_or(InvalidCursor)?;
        let selector = Selector::from_hex(selector).ok_or(InvalidCursor)?;
        Ok(Self(Cursor::new(Timestamp::from_millis(millis), selector)))
    }
}

/// The error of a text that is no [`SessionCursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidCursor;

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no place in a list of sessions: it has 48 hexadecimal digits")
    }
}

impl std::error::Error for InvalidCursor {}

/// The sessions that a call has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "some sessions may be live still, and then the call has to be repeated"]
pub struct EndedSessions {
    /// The number of sessions that this call has ended.
    pub count: u64,
    /// True if no session is left that was to be ended; false if there were too many for one call.
    pub is_done: bool,
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

    fn store(&self) -> Result<&DeadlineStore, Error> {
        match &self.engine.backend {
            Backend::Stored(stored) => Ok(&stored.store),
            Backend::InToken(_) => Err(Error::new(Kind::NotListable)),
        }
    }
}

/// The id of a session type's principals.
type Id<T> = <<T as PrincipalType>::Principal as Principal>::Id;

/// A principal is named by its [id](Principal::id) alone: `&42` or `&"ada".to_owned()`.
impl<T: PrincipalType> Sessions<T> {
    /// Returns a page of the live sessions of a principal, the latest log-in first: the first page,
    /// or the one after `after`, which the page before it has named. A page has up to 64 sessions.
    ///
    /// ```
    /// # use session_runtime::{Error, Session, Sessions};
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<String> }
    /// async fn count(sessions: &Sessions<Shop>, user: &String) -> Result<usize, Error> {
    ///     let (mut count, mut after) = (0, None);
    ///     loop {
    ///         let page = sessions.list(user, after).await?;
    ///         count += page.sessions.len();
    ///         after = page.next;
    ///         if after.is_none() {
    ///             return Ok(count);
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or if the payload
    /// travels in the token: such sessions cannot be listed.
    pub async fn list(
        &self,
        principal: &Id<T>,
        after: Option<SessionCursor>,
    ) -> Result<SessionPage, Error> {
        let Engine { namespace, .. } = &*self.engine;
        let (principals, now) = (self.keys(principal)?, self.engine.now());
        let after = after.map(|after| after.0);
        let (listed, next) = self.store()?.page(namespace, &principals, now, after).await?;
        let live = listed.into_iter().filter(|it| !self.engine.began_too_early(it.logged_in));
        let sessions = live.map(|session| SessionInfo {
            id: SessionId(session.selector),
            created: session.created.into(),
            logged_in: session.logged_in.into(),
            last_seen: session.last_seen.into(),
            current: self.current == Some(session.selector),
        });
        Ok(SessionPage { sessions: sessions.collect(), next: next.map(SessionCursor) })
    }

    /// Ends a session if it belongs to this principal. Returns whether it did.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end(&self, principal: &Id<T>, session: &SessionId) -> Result<bool, Error> {
        let principals = self.keys(principal)?;
        let record = self.store()?.load(&self.engine.key(session.0)).await?;
        // Session ids are public, so an id alone must not end somebody else's session.
        let owner = record.as_ref().and_then(|record| record.meta.principal.as_ref());
        if owner.is_none_or(|owner| !principals.contains(owner)) {
            return Ok(false);
        }
        self.end_by_id(session).await
    }

    /// Ends every session of a principal except the session of this request, or as many as half of
    /// the [deadline](crate::SessionLayerBuilder::deadline) allows: thousands. Call this again until
    /// [`is_done`](EndedSessions::is_done) says so.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list). Also returns an error outside of a request, where there is no
    /// session to leave out.
    pub async fn end_others(&self, principal: &Id<T>) -> Result<EndedSessions, Error> {
        let current = self.current.ok_or_else(|| Error::new(Kind::NoCurrentSession))?;
        self.end_but(principal, Some(current)).await
    }

    /// Ends every session of a principal, or as many as half of the
    /// [deadline](crate::SessionLayerBuilder::deadline) allows: thousands. Call this again until
    /// [`is_done`](EndedSessions::is_done) says so. Payloads in the token are all ended at once, and not
    /// counted.
    ///
    /// ```
    /// # use session_runtime::{Error, Session, Sessions};
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<String> }
    /// async fn lock_out(sessions: &Sessions<Shop>, user: &String) -> Result<(), Error> {
    ///     while !sessions.end_all(user).await?.is_done {}
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable), or for a payload in
    /// the token without [`revocation`](crate::SessionLayerBuilder::revocation).
    pub async fn end_all(&self, principal: &Id<T>) -> Result<EndedSessions, Error> {
        if let Backend::InToken(in_token) = &self.engine.backend
            && let Some(revocation) = &in_token.revocation
        {
            let now = self.engine.now();
            revocation.raise_epoch(&self.key(principal)?, now).await?;
            event::ended_many(self.engine.name(), None);
            return Ok(EndedSessions { count: 0, is_done: true });
        }
        self.end_but(principal, None).await
    }

    async fn end_but(
        &self,
        principal: &Id<T>,
        except: Option<Selector>,
    ) -> Result<EndedSessions, Error> {
        let mut all = EndedSessions { count: 0, is_done: true };
        for principal in self.keys(principal)? {
            let ended = self.store()?.end_all(&self.engine.namespace, &principal, except).await?;
            all.count += ended.sessions;
            all.is_done &= ended.is_done;
        }
        event::ended_many(self.engine.name(), Some(all.count));
        Ok(all)
    }

    /// Returns the keys under which the store may have indexed a principal's sessions.
    fn keys(&self, principal: &Id<T>) -> Result<Vec<PrincipalKey>, Error> {
        Ok(self.engine.index_keys(self.key(principal)?))
    }

    fn key(&self, principal: &Id<T>) -> Result<PrincipalKey, Error> {
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

impl<T> fmt::Debug for Sessions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("name", &self.engine.name()).finish_non_exhaustive()
    }
}
