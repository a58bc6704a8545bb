//! [`Session`], the handle that handlers hold, which dereferences to the generated field accessors.
//! A handle is a view of the one [`RequestSession`] that everything in a request shares. The
//! life-cycle methods here only record the request; nothing happens before the commit.

pub(crate) mod detached;
mod login;
pub(crate) mod session_page;
pub(crate) mod sessions;
pub(crate) mod sessions_of;
mod transact;

use std::{
    fmt,
    ops::Deref,
    sync::Arc,
    time::{Duration, SystemTime},
};

use self::session_page::SessionInfo;
use crate::{
    cell::{
        Cell,
        model::{FieldSet, SessionType},
    },
    error::Error,
    event,
    request::{
        RequestSession,
        asked::{End, IdleLimit, LifetimeOverride, Requested},
        commit::save,
        saved::Saved,
    },
    store::{FieldName, session_id::SessionId},
    token::session_token::SessionToken,
};

/// The session of a request: the handle that handlers extract.
///
/// A handle dereferences to the accessors that `#[derive(Session)]` generates, so you read and
/// write fields as `session.cart()`, `session.set_theme(…)`. Handles are cheap to clone. Every
/// clone in one request, in middleware, the handler and tasks, is the same session. All methods
/// take `&self`.
///
/// Changes are committed when the handler's response is ready, before its head is sent. The commit
/// contains the fields that changed, and how they changed; never the whole record.
///
/// ```
/// # use session_runtime::Session;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Session)]
/// struct Visitor {
///     #[session(counter)]
///     visits: i64,
///     theme: String,
/// }
///
/// async fn home(session: Session<Visitor>) -> String {
///     session.add_visits(1);
///     if session.theme().is_empty() {
///         session.set_theme("light".to_owned());
///     }
///     format!("visit {}", session.visits())
/// }
/// ```
pub struct Session<T: SessionType> {
    session: Arc<RequestSession<T>>,
}

impl<T: SessionType> Session<T> {
    pub(crate) const fn of(session: Arc<RequestSession<T>>) -> Self {
        Self { session }
    }

    /// Returns what the handle is a view of.
    #[cfg(feature = "testing")]
    pub(crate) const fn shared(&self) -> &Arc<RequestSession<T>> {
        &self.session
    }

    /// Returns the session id: the session's public name, for lists and logs. It exists from the
    /// first request on, before the session is stored, and is useless as a token.
    ///
    /// The session id changes at log-out. For payloads in the token it also changes at log-in and
    /// [`rotate`](Self::rotate), and with `.revocation(store)` at
    /// [`remember_for`](Self::remember_for).
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        let core = &self.session.core;
        SessionId(core.state().selector(core))
    }

    /// **Anybody who has the token is in the session, so a page's scripts must not get it;** that
    /// is the purpose of `HttpOnly`.
    ///
    /// Returns the token as the client holds it, for the first message of a WebSocket, or for a
    /// native client that keeps the token elsewhere. Returns `None` before the session is saved,
    /// and after its end. After [`save`](Self::save), returns the new token, if there is a new one.
    ///
    /// ```
    /// # use session_runtime::{Error, Session};
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<u64> }
    /// async fn log_in(session: Session<Shop>) -> Result<String, Error> {
    ///     session.log_in(7);
    ///     session.save().await?;
    ///     let token = session.session_token();
    ///     Ok(token.map(|token| token.as_str().to_owned()).unwrap_or_default())
    /// }
    /// ```
    #[must_use]
    pub fn session_token(&self) -> Option<SessionToken> {
        let core = &self.session.core;
        let state = core.state();
        state.live()?;
        state.token.as_ref()?.text(&core.engine.carrier, core.hooks.cookie).map(SessionToken::new)
    }

    /// Returns true if the request came without a live session.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.session.core.state().live().is_none()
    }

    /// Returns the time when the session expires if nothing uses it after this request: the earlier
    /// of the idle and the absolute limit.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.session.expires().into()
    }

    /// Returns the facts about the session: its id, since when it exists, how long it goes on, and
    /// the present values of the fields that are marked `listed`.
    ///
    /// ```
    /// # use session_runtime::Session;
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// async fn left(session: Session<Shop>) -> String {
    ///     format!("logged out in {} s", session.info().remaining.as_secs())
    /// }
    /// ```
    #[must_use]
    pub fn info(&self) -> SessionInfo<T> {
        SessionInfo::of_request(&self.session)
    }

    /// Gives the session a new credential at the commit; the old credential is superseded at once.
    /// Call this after any change of privilege (OWASP Session Management). [`log_in`](Self::log_in)
    /// does so by itself.
    pub fn rotate(&self) {
        self.note(|requested| requested.rotate = true);
    }

    /// Restarts the idle time with this request, even if the touch throttle would not. The absolute
    /// limit stays.
    pub fn touch(&self) {
        self.note(|requested| requested.touch = true);
    }

    /// Remembers the session ("remember me"): it lives for `length` from now, used or not, and the
    /// client keeps the token when the browser closes (cookies: at most 400 days, RFC 6265bis). The
    /// record keeps this lifetime, so later requests honour it.
    pub fn remember_for(&self, length: Duration) {
        self.note(|requested| {
            let remember = Some(length);
            let asked = LifetimeOverride { remember, ..LifetimeOverride::default() };
            requested.lifetime = Some(Box::new(asked));
        });
    }

    /// Sets this session's absolute limit to `length` from now, regardless of use. Overrides the
    /// layer's `absolute` in either direction. The idle limit stays, and the client still drops or
    /// keeps the token when the browser closes. The record keeps the limit; a new log-in restores
    /// the layer's lifetimes.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use session_runtime::Session;
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<u64> }
    /// async fn log_in_as_guest(session: Session<Shop>) {
    ///     session.log_in(7);
    ///     session.set_absolute(Duration::from_secs(60 * 60));
    ///     session.set_idle(Some(Duration::from_secs(5 * 60)));
    /// }
    /// ```
    pub fn set_absolute(&self, length: Duration) {
        self.note(|requested| requested.lifetime.get_or_insert_default().absolute = Some(length));
    }

    /// Sets this session's idle limit, as [`set_absolute`](Self::set_absolute) sets the absolute one.
    /// `None` removes the limit, except from a session without an absolute limit, which must be
    /// able to expire.
    pub fn set_idle(&self, idle: Option<Duration>) {
        let idle = idle.map_or(IdleLimit::None, IdleLimit::After);
        self.note(|requested| requested.lifetime.get_or_insert_default().idle = Some(idle));
    }

    /// Resets every field except the principal. The session and its credential stay.
    pub fn clear(&self) {
        self.clear_but(|cell| cell.spec().principal);
    }

    /// Ends the session at the commit, which removes it from the store and makes the client forget
    /// the token. Later writes of this request are not saved, of which an event tells. A log-in that
    /// is not saved yet, or a later one, makes the response an error.
    pub fn destroy(&self) {
        let context = self.session.fields().context();
        self.session.fields().each(&mut |cell| cell.clear(context));
        // What is written from now on is told.
        context.take_written();
        self.note(|requested| {
            // A log-in that is not saved is in vain, and must be told so.
            let elevate = requested.elevate;
            *requested = Requested { end: Some(End::Destroy), elevate, ..Requested::default() }
        });
    }

    /// Commits all changes so far, without waiting for the response. Returns what happened:
    /// [`Lost`](Saved::Lost) or [`Ended`](Saved::Ended) whenever something was written to a session
    /// that is over. The response carries the token, if there is a new one, whatever the response's status.
    /// For a payload in the token, asks the revocation store whether the session is over; what is saved
    /// with the response instead asks only under [`OnLost::Conflict`](crate::policy::OnLost::Conflict).
    ///
    /// # Errors
    ///
    /// Returns an error for a [conflict](Error::is_conflict), a store that is
    /// [unavailable](Error::is_unavailable), a session or token that is [too large](Error::is_too_large),
    /// a value that does not [serialise](Error::is_encode), and [too late](Error::is_closed) if the
    /// response was already committed. Changes that were not saved stay pending. If the store may have
    /// made them all the same, because only its answer is missing, this request saves nothing more: each
    /// later save, and the response, is the same error, since a second attempt could count twice.
    pub async fn save(&self) -> Result<Saved, Error> {
        save(Arc::clone(&self.session)).await
    }

    /// Stores the session now, even if it is empty, with all changes so far. A session that is
    /// already stored is touched, as by [`touch`](Self::touch). Fields that did not change are
    /// not written, since that would undo the changes of parallel requests. Returns what happened.
    ///
    /// ```
    /// # use session_runtime::{Error, Session};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// /// For a client that wants a token before there is anything to remember.
    /// async fn begin(session: Session<Shop>) -> Result<String, Error> {
    ///     session.create().await?;
    ///     Ok(session.session_id().to_string())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save).
    pub async fn create(&self) -> Result<Saved, Error> {
        self.note(|requested| requested.create = true);
        self.save().await
    }

    /// Asks the store whether the session is live at this moment: neither expired, nor ended, nor
    /// superseded by another request. Costs a load, even if the session was already loaded, and
    /// bypasses caches. Saves nothing, and does not count as use.
    ///
    /// Returns `false` for a session that is not stored yet. For a payload in the token, asks the
    /// revocation store; without one, checks only the clock.
    ///
    /// ```
    /// # use axum::http::StatusCode;
    /// # use session_runtime::{Error, Session};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// /// Before something that cannot be undone: is the session still there?
    /// async fn pay(session: Session<Shop>) -> Result<StatusCode, Error> {
    ///     Ok(match session.is_live().await? {
    ///         true => StatusCode::ACCEPTED,
    ///         false => StatusCode::CONFLICT,
    ///     })
    /// }
    /// ```
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable).
    pub async fn is_live(&self) -> Result<bool, Error> {
        self.session.is_live().await
    }

    /// Returns a copy of every field's present value.
    #[must_use]
    pub fn snapshot(&self) -> T {
        T::snapshot(self.session.fields())
    }

    /// Writes every field except the principal, as if by their setters.
    pub fn replace(&self, value: T) {
        T::replace(self.session.fields(), value);
    }

    fn note(&self, note: impl FnOnce(&mut Requested)) {
        if self.session.fields().context().is_closed() {
            event::late_write(self.session.core.engine.name(), "(life cycle)");
        }
        note(&mut self.session.core.state().requested);
    }

    fn clear_but(&self, keeps: impl Fn(&dyn Cell) -> bool) {
        let fields = self.session.fields();
        let mut kept: Vec<FieldName> = Vec::new();
        fields.each(&mut |cell| {
            if keeps(cell) {
                kept.extend(cell.spec().names().map(FieldName::Borrowed));
            } else {
                cell.clear(fields.context());
            }
        });
        self.note(|requested| {
            if let Some(before) = &requested.cleared {
                kept.retain(|name| before.contains(name));
            }
            requested.cleared = Some(kept.into());
        });
    }
}

impl<T: SessionType> Clone for Session<T> {
    fn clone(&self) -> Self {
        Self { session: Arc::clone(&self.session) }
    }
}

impl<T: SessionType> Deref for Session<T> {
    type Target = T::Fields;

    fn deref(&self) -> &T::Fields {
        self.session.fields()
    }
}

impl<T: SessionType> fmt::Debug for Session<T> {
    /// Prints the session's name and session id, and no field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.session.core.state().live().map(|live| live.selector);
        f.debug_struct("Session")
            .field("name", &self.session.core.engine.name())
            .field("id", &live)
            .finish_non_exhaustive()
    }
}
