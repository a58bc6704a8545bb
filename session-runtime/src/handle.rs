//! What handlers hold: [`Session`], which dereferences to the generated field accessors, and
//! [`Writer`], which only writes. Both are views of one [`Inner`] that everything in a request
//! shares. The life-cycle methods here note facts; nothing happens before the commit.

use std::{
    fmt,
    ops::Deref,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    cell::{Cell, Context},
    commit::{self, Saved, commit_detached},
    engine::{Engine, Live, Loaded, Presented},
    error::Error,
    schema::{FieldSet, OnDecodeError, Payload, PrincipalType, SessionType},
    state::{Core, End, Facts, Origin, Outgoing},
    store::{FieldName, PrincipalKey, Selector},
};

/// Everything that one request has of one session: shared by its extractors, middleware and tasks.
pub(crate) struct Inner<T: SessionType> {
    writer: T::Writer,
    pub(crate) core: Core,
    loading: tokio::sync::OnceCell<()>,
}

impl<T: SessionType> Inner<T> {
    pub(crate) fn new(engine: Arc<Engine>) -> Arc<Self> {
        let context = Context::new(engine.name(), engine.sealer.clone());
        Arc::new(Self {
            writer: T::writer(context),
            core: Core::new(engine),
            loading: tokio::sync::OnceCell::new(),
        })
    }

    pub(crate) fn fields(&self) -> &T::Fields {
        self.writer.as_ref()
    }

    /// Loads the session, once for all extractors of the request.
    pub(crate) async fn load(
        self: &Arc<Self>,
        presented: Presented,
        text: Option<String>,
    ) -> Result<(), Error> {
        let load = || async { self.settle(self.core.engine.load(presented).await?, text) };
        self.loading.get_or_try_init(load).await.map(drop)
    }

    fn settle(&self, loaded: Loaded, text: Option<String>) -> Result<(), Error> {
        let engine = &self.core.engine;
        let context = self.fields().context();
        let origin = match loaded {
            Loaded::Degraded => {
                context.settle(None);
                Origin::Degraded
            }
            Loaded::Absent { stale } => {
                context.settle(None);
                Origin::Absent { stale }
            }
            Loaded::Live(live, record) => {
                let selector = live.selector;
                context.settle(Some((record, selector)));
                let mut undecodable = None;
                self.fields().each(&mut |cell| {
                    let spec = cell.spec();
                    if spec.on_decode_error == OnDecodeError::Reject
                        && let Err(error) = cell.verify(context)
                    {
                        undecodable = Some((spec, error));
                    }
                });
                if let Some((spec, error)) = undecodable {
                    crate::event::decode_failure(engine.name(), spec.name, &error);
                    engine.reject(Some(selector), crate::event::Reason::Undecodable);
                    // The cells have the record already; a session that is rejected starts anew.
                    self.fields().each(&mut |cell| cell.clear(context));
                    Origin::Absent { stale: true }
                } else {
                    Origin::Live(Box::new(live))
                }
            }
        };
        let mut state = self.core.state();
        if matches!(origin, Origin::Live(_)) {
            state.presented = text;
        }
        state.origin = origin;
        Ok(())
    }

    /// For a writer: takes the credential at its word; the commit itself checks it.
    pub(crate) fn take_unchecked(&self, presented: &Presented, text: Option<String>) {
        let mut state = self.core.state();
        if !matches!(state.origin, Origin::Unknown) {
            return;
        }
        match presented {
            Presented::Credential(credential) => {
                state.presented = text;
                state.origin = Origin::Live(Box::new(Live {
                    selector: credential.selector,
                    check: credential.check,
                    key_id: credential.key_id,
                    current_key: credential.current_key,
                    previous: false,
                    meta: None,
                    generation: 0,
                    epoch: 0,
                }));
            }
            Presented::Nothing | Presented::Rejected | Presented::Payload(..) => {
                self.fields().context().settle(None);
                let stale = !matches!(presented, Presented::Nothing);
                state.origin = Origin::Absent { stale };
            }
        }
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loading.initialized()
    }
}

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
    /// It changes only with [`log_out`](PrincipalType) and, for payloads in the token, at log-in.
    #[must_use]
    pub fn session_id(&self) -> HandleId {
        let core = &self.inner.core;
        HandleId(core.state().selector(&core.engine))
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
        commit::expires_at(engine, &self.inner.core.state(), now).into()
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
        self.note(|facts| facts.persist = Some(length));
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
        commit_detached(Arc::clone(&self.inner), false).await
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
            let (fresh, presented) = self.again()?;
            fresh.load(presented, None).await?;
            let result = change(fresh.fields());
            match commit_detached(Arc::clone(&fresh), false).await {
                Ok(_) => {
                    self.inner.fields().adopt(fresh.fields());
                    self.follow(&fresh);
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
            crate::event::late_write(self.inner.core.engine.name(), "(life cycle)");
        }
        note(&mut self.inner.core.state().facts);
    }

    fn clear_but(&self, keeps: impl Fn(&dyn Cell) -> bool) {
        let fields = self.inner.fields();
        let mut kept: Vec<FieldName> = Vec::new();
        fields.each(&mut |cell| {
            if keeps(cell) {
                kept.push(FieldName::Borrowed(cell.spec().name));
                kept.extend(cell.spec().aliases.iter().copied().map(FieldName::Borrowed));
            } else {
                cell.clear(fields.context());
            }
        });
        self.note(|facts| {
            if let Some(before) = &facts.cleared {
                kept.retain(|name| before.contains(name));
            }
            facts.cleared = Some(kept);
        });
    }

    /// A second handle on the same session, to be loaded anew.
    fn again(&self) -> Result<(Arc<Inner<T>>, Presented), Error> {
        let state = self.inner.core.state();
        match &state.origin {
            Origin::Live(live) => {
                let credential = crate::token::Credential {
                    selector: live.selector,
                    check: live.check,
                    key_id: live.key_id,
                    current_key: live.current_key,
                };
                let fresh = Inner::new(Arc::clone(&self.inner.core.engine));
                Ok((fresh, Presented::Credential(credential)))
            }
            Origin::Degraded => Err(Error::degraded()),
            _ => Ok((Inner::new(Arc::clone(&self.inner.core.engine)), Presented::Nothing)),
        }
    }

    /// Takes over what a second handle knows of the session after its commit.
    fn follow(&self, fresh: &Inner<T>) {
        let mut fresh = fresh.core.state();
        let mut state = self.inner.core.state();
        state.origin = fresh.origin.clone();
        if !matches!(fresh.outgoing, Outgoing::Nothing) {
            state.outgoing = std::mem::take(&mut fresh.outgoing);
        }
        state.groups.extend(fresh.groups.iter().map(|(group, revision)| (*group, *revision)));
    }
}

/// Logging in and out, for session types with a field marked `principal`.
impl<T: PrincipalType> Session<T> {
    /// Says whose session it is. At the commit the session gets a new credential and a new
    /// lifetime; the old credential is dead at once (no fixation).
    ///
    /// From nobody to somebody, the fields stay, except those marked `clear_on_login`; from one
    /// principal to another, only those marked `keep` do.
    pub fn log_in(&self, principal: impl Into<T::Principal>) {
        let fields = self.inner.fields();
        let context = fields.context();
        let cell = T::principal(fields);
        let principal = principal.into();
        let before = cell.get(context).as_ref().map(principal_key);
        let key = principal_key(&principal);
        match before {
            Some(before) if before != key => {
                self.clear_but(|cell| cell.spec().keep || cell.spec().principal);
            }
            None => fields.each(&mut |cell| {
                if cell.spec().clear_on_login {
                    cell.clear(context);
                }
            }),
            Some(_) => {}
        }
        cell.set(context, Some(principal));
        self.note(|facts| {
            facts.elevate = true;
            // A value that does not serialise fails the commit, with the field's name.
            facts.principal = key.ok();
        });
    }

    /// Ends the session at the commit: its record is removed and the token is dead. Fields marked
    /// `keep`, and what is written from now on, go into a fresh anonymous session.
    pub fn log_out(&self) {
        let fields = self.inner.fields();
        fields.each(&mut |cell| {
            if !cell.spec().keep {
                cell.clear(fields.context());
            }
        });
        self.note(|facts| *facts = Facts { end: Some(End::LogOut), ..Facts::default() });
    }
}

pub(crate) fn principal_key<P: Serialize>(principal: &P) -> Result<PrincipalKey, String> {
    serde_json::to_string(principal)
        .map(|json| PrincipalKey::new(&json))
        .map_err(|error| error.to_string())
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

/// A session that is only written to: nothing is loaded, and the commit itself checks the
/// credential, so a request costs one round trip to the store.
///
/// It dereferences to the generated write-only accessors. Fields that are compared (`group`,
/// `merge = "cas"`) need a load, and so have none here.
///
/// ```
/// # use session_runtime::{Session, Writer};
/// #[derive(Session)]
/// struct Visitor {
///     #[session(counter)]
///     visits: i64,
/// }
///
/// async fn pixel(visitor: Writer<Visitor>) {
///     visitor.add_visits(1);
/// }
/// ```
pub struct Writer<T: SessionType> {
    inner: Arc<Inner<T>>,
}

impl<T: SessionType> Writer<T> {
    pub(crate) const fn of(inner: Arc<Inner<T>>) -> Self {
        Self { inner }
    }

    /// Commits everything so far, now; as [`Session::save`].
    pub async fn save(&self) -> Result<Saved, Error> {
        commit_detached(Arc::clone(&self.inner), false).await
    }
}

impl<T: SessionType> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T: SessionType> Deref for Writer<T> {
    type Target = T::Writer;

    fn deref(&self) -> &T::Writer {
        &self.inner.writer
    }
}

impl<T: SessionType> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("name", &self.inner.core.engine.name())
            .finish_non_exhaustive()
    }
}

/// The public name of a session, for lists and logs: 32 hex digits. It is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub(crate) Selector);

impl fmt::Display for HandleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no handle id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session handle is 32 hex digits in lower case")]
pub struct ParseHandleIdError;

impl std::str::FromStr for HandleId {
    type Err = ParseHandleIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Selector::from_hex(text).map(Self).ok_or(ParseHandleIdError)
    }
}

impl Serialize for HandleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HandleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
