//! What handlers hold: [`Session`], which dereferences to the generated field accessors. It is a
//! view of the one [`Inner`] that everything in a request shares. The life-cycle methods here note
//! facts; nothing happens before the commit.

pub(crate) mod directory;
mod login;
pub(crate) mod writer;

use std::{
    fmt,
    ops::Deref,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    cell::{
        Cell,
        model::{FieldSet, SessionType},
    },
    engine::Presented,
    error::Error,
    event,
    request::{
        Inner,
        commit::{Saved, save},
        reply::expires_at,
        state::{AskedTerm, End, Facts, IdleLimit, Origin, Outgoing},
        token_text::SessionToken,
    },
    schema::Payload,
    store::{FieldName, session_id::HandleId},
    token::Credential,
};

/// The session of a request: the handle that handlers extract.
///
/// It dereferences to the accessors that `#[derive(Session)]` generated, so fields read and write
/// as `session.cart()`, `session.set_theme(…)`. Cheap to clone; every clone in one request, in
/// middleware, the handler and tasks, is the same session. All methods take `&self`.
///
/// Changes are committed when the handler's response is ready, before its head is sent: which
/// fields changed and how, never the whole record.
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
    inner: Arc<Inner<T>>,
}

impl<T: SessionType> Session<T> {
    pub(crate) const fn of(inner: Arc<Inner<T>>) -> Self {
        Self { inner }
    }

    /// The public name of this session, for lists and logs. It is there from the first request on,
    /// before the session is stored; it opens nothing.
    ///
    /// It changes at log-out, and for payloads in the token at log-in and
    /// [`rotate`](Self::rotate) too, and with `.revocation(store)` at
    /// [`persist_for`](Self::persist_for).
    #[must_use]
    pub fn session_id(&self) -> HandleId {
        let core = &self.inner.core;
        HandleId(core.state().selector(core))
    }

    /// The token of the session as the client holds it: for the first message of a WebSocket, or a
    /// native client that keeps it elsewhere. `None` as long as the session is not saved, and after
    /// its end; after [`save`](Self::save) the new one, if there is a new one.
    ///
    /// Whoever has it is in the session, so scripts of a page must not: that is what `HttpOnly` is
    /// for.
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
        let core = &self.inner.core;
        let state = core.state();
        state.live()?;
        state.token.as_ref()?.text(&core.engine.carrier).map(SessionToken::new)
    }

    /// Whether the request came without a live session.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.inner.core.state().live().is_none()
    }

    /// When the session is over if it is not used after this request: the sooner of idle and
    /// absolute end.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        let engine = &self.inner.core.engine;
        let now = engine.now();
        expires_at(engine, &self.inner.core.state(), now).into()
    }

    /// Gives the session a new credential at the commit; the old one is dead at once (OWASP: renew
    /// after any change of privilege). Log-in does so by itself.
    pub fn rotate(&self) {
        self.note(|facts| facts.rotate = true);
    }

    /// Starts the idle time anew with this request, even if the touch throttle would not. The
    /// absolute end stays.
    pub fn extend(&self) {
        self.note(|facts| facts.extend = true);
    }

    /// "Remember me": the session lives for `length` from now, used or not, and the client keeps
    /// the token when the browser closes (cookies: at most 400 days, RFC 6265bis). Kept in the
    /// record, so later requests honour it.
    pub fn persist_for(&self, length: Duration) {
        self.note(|facts| {
            let asked = AskedTerm { persist: Some(length), ..AskedTerm::default() };
            facts.term = Some(Box::new(asked));
        });
    }

    /// An absolute end of this session's own: `length` from now, sooner or later than the layer
    /// says, however much it is used. The idle limit stays, and so does whether the client keeps
    /// the token when the browser closes. Kept in the record; a new log-in starts a new life, as
    /// the layer says.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use session_runtime::Session;
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<u64> }
    /// async fn log_in_as_guest(session: Session<Shop>) {
    ///     session.log_in(7);
    ///     session.live_for(Duration::from_secs(60 * 60));
    ///     session.idle_for(Some(Duration::from_secs(5 * 60)));
    /// }
    /// ```
    pub fn live_for(&self, length: Duration) {
        self.note(|facts| facts.term.get_or_insert_default().live = Some(length));
    }

    /// An idle limit of this session's own, as [`live_for`](Self::live_for); `None`: it has none.
    /// A session without an absolute end keeps its limit then, since it must end some time.
    pub fn idle_for(&self, idle: Option<Duration>) {
        let idle = idle.map_or(IdleLimit::None, IdleLimit::After);
        self.note(|facts| facts.term.get_or_insert_default().idle = Some(idle));
    }

    /// Empties every field except the principal; the session and its credential stay.
    pub fn clear(&self) {
        self.clear_but(|cell| cell.spec().principal);
    }

    /// Ends the session at the commit: it is removed from the store, and the client is told to
    /// forget the token. What is written to it afterwards, in this request, is not saved.
    pub fn destroy(&self) {
        let context = self.inner.fields().context();
        self.inner.fields().each(&mut |cell| cell.clear(context));
        self.note(|facts| *facts = Facts { end: Some(End::Destroy), ..Facts::default() });
    }

    /// Commits everything so far, now, and says what happened. The response carries the token, if
    /// there is a new one, whatever its status.
    ///
    /// # Errors
    ///
    /// A [conflict](Error::is_conflict), a store that is [unavailable](Error::is_unavailable), a
    /// token that is [too large](Error::is_too_large), a value that does not
    /// [serialise](Error::is_encode); and [too late](Error::is_closed), once the response was
    /// committed. What was not saved stays pending.
    pub async fn save(&self) -> Result<Saved, Error> {
        save(Arc::clone(&self.inner)).await
    }

    /// As [`save`](Self::save), and goes to the store even if nothing has changed: a session that
    /// is there is touched, so that [`Saved::Updated`] says that it is live at this moment; one that
    /// is not there yet is created, empty or not.
    ///
    /// Fields that did not change are not written: that would undo what parallel requests wrote.
    ///
    /// ```
    /// # use axum::http::StatusCode;
    /// # use session_runtime::{Error, Saved, Session};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// /// Before something that cannot be undone: is the session still there?
    /// async fn pay(session: Session<Shop>) -> Result<StatusCode, Error> {
    ///     Ok(match session.force_save().await? {
    ///         Saved::Updated => StatusCode::ACCEPTED,
    ///         _ => StatusCode::CONFLICT,
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save).
    pub async fn force_save(&self) -> Result<Saved, Error> {
        self.note(|facts| facts.force = true);
        self.save().await
    }

    /// Reads, changes and saves, again from a fresh load if a parallel request got in between.
    ///
    /// `change` gets the accessors of a fresh load and may run several times. Pending changes of
    /// this handle are saved first; afterwards it shows what was saved.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save); a conflict after ten attempts.
    pub async fn transact<R>(&self, mut change: impl FnMut(&T::Fields) -> R) -> Result<R, Error> {
        const ATTEMPTS: u32 = 10;
        let stored = self.inner.core.engine.spec.payload == Payload::Server;
        if matches!(self.save().await?, Saved::Lost) || self.is_new() || !stored {
            let result = change(self);
            return self.save().await.map(|_| result);
        }
        let mut attempt = 1;
        loop {
            let Some(credential) = self.credential()? else {
                let result = change(self);
                return self.save().await.map(|_| result);
            };
            let core = &self.inner.core;
            let fresh = Inner::<T>::new(Arc::clone(&core.engine), core.client.clone());
            fresh.load(|| (Presented::Credential(credential), None)).await?;
            if matches!(fresh.core.state().origin, Origin::Absent { .. }) {
                // Over, or it has another credential. What was asked of it is lost then, as every
                // change is; a session of its own would bring it back.
                self.lose(&credential);
                continue;
            }
            let result = change(fresh.fields());
            match save(Arc::clone(&fresh)).await {
                Ok(_) => {
                    self.inner.fields().adopt(fresh.fields());
                    self.follow(&fresh, &credential);
                    return Ok(result);
                }
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// A copy of every field as it is now.
    #[must_use]
    pub fn snapshot(&self) -> T {
        T::snapshot(self.inner.fields())
    }

    /// Writes every field but the principal, as if by their setters.
    pub fn replace(&self, value: T) {
        T::replace(self.inner.fields(), value);
    }

    fn note(&self, note: impl FnOnce(&mut Facts)) {
        if self.inner.fields().context().is_closed() {
            event::late_write(self.inner.core.engine.name(), "(life cycle)");
        }
        note(&mut self.inner.core.state().facts);
    }

    fn clear_but(&self, keeps: impl Fn(&dyn Cell) -> bool) {
        let fields = self.inner.fields();
        let mut kept: Vec<FieldName> = Vec::new();
        fields.each(&mut |cell| {
            if keeps(cell) {
                kept.extend(cell.spec().names().map(FieldName::Borrowed));
            } else {
                cell.clear(fields.context());
            }
        });
        self.note(|facts| {
            if let Some(before) = &facts.cleared {
                kept.retain(|name| before.contains(name));
            }
            facts.cleared = Some(kept.into());
        });
    }

    /// What a second handle on the same session loads; none if it is over.
    fn credential(&self) -> Result<Option<Credential>, Error> {
        match &self.inner.core.state().origin {
            Origin::Live(live) => Ok(Some(Credential {
                selector: live.selector,
                check: live.check,
                key_id: live.key_id,
                current_key: live.current_key,
            })),
            Origin::Degraded => Err(Error::degraded()),
            _ => Ok(None),
        }
    }

    /// Notes that the session is over, unless this request has given it another credential.
    fn lose(&self, credential: &Credential) {
        let mut state = self.inner.core.state();
        if state.live().is_some_and(|live| live.check == credential.check) {
            state.origin = Origin::Over;
        }
    }

    /// Takes over what a second handle knows of the session after its commit.
    fn follow(&self, fresh: &Inner<T>, credential: &Credential) {
        let loaded = fresh.fields().context().record();
        let known = self.inner.fields().context().record();
        let fields = self.inner.core.engine.spec.fields;
        let mut fresh = fresh.core.state();
        let mut state = self.inner.core.state();
        if state.live().is_none_or(|live| live.check != credential.check) {
            return;
        }
        state.origin = fresh.origin.clone();
        if !matches!(fresh.outgoing, Outgoing::Nothing) {
            state.outgoing = std::mem::take(&mut fresh.outgoing);
            state.token = fresh.token.take().or(state.token.take());
        }
        for (&group, &revision) in fresh.groups.iter().flat_map(|groups| &**groups) {
            let before = state.group_revision(group, known.as_deref());
            // Had somebody else written the group, this handle would still show the old values of
            // the fields that the transaction did not write, and must not pass for having compared.
            let alone = fields.iter().filter(|field| field.group == Some(group)).count() == 1;
            if alone || loaded.as_ref().is_some_and(|record| record.group_revision(group) == before)
            {
                state.groups.get_or_insert_default().insert(group, revision);
            }
        }
    }
}

impl<T: SessionType> Clone for Session<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T: SessionType> Deref for Session<T> {
    type Target = T::Fields;

    fn deref(&self) -> &T::Fields {
        self.inner.fields()
    }
}

impl<T: SessionType> fmt::Debug for Session<T> {
    /// Prints the session's name and public id; never a field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.inner.core.state().live().map(|live| live.selector);
        f.debug_struct("Session")
            .field("name", &self.inner.core.engine.name())
            .field("id", &live)
            .finish_non_exhaustive()
    }
}
