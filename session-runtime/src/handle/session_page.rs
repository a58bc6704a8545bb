//! The answers about sessions: the facts about one, a page of a principal's, the place where a list
//! goes on, and the number of sessions that were ended. Asks no store.

use std::{
    fmt,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    cell::{
        Context,
        model::{FieldSet as _, SessionType},
    },
    clock::Timestamp,
    engine::Engine,
    repository::principal::EndedAll,
    request::RequestSession,
    store::{Cursor, Meta, Record, Selector, session_id::SessionId},
};

/// The facts about one session: of a list, or of the present request
/// ([`Session::info`](crate::Session::info)).
#[non_exhaustive]
pub struct SessionInfo<T: SessionType> {
    /// The session id.
    pub id: SessionId,
    /// The time of its creation.
    pub created: SystemTime,
    /// The time of its principal's log-in. `None` if nobody is logged in, and for a payload in the
    /// token, which does not say.
    pub logged_in: Option<SystemTime>,
    /// The time of its last use, up to the touch throttle (a twentieth of the idle time, at most 60
    /// seconds).
    pub last_seen: SystemTime,
    /// The time when it expires if nothing uses it: the earlier of the idle and the absolute limit.
    pub expires_at: SystemTime,
    /// The time that was left until then.
    pub remaining: Duration,
    /// True for the session of this request.
    pub current: bool,
    /// The fields that are marked `#[session(listed)]`; `()` if none is.
    pub listed: T::Listed,
}

impl<T: SessionType> SessionInfo<T> {
    /// Returns the facts in a record.
    pub(super) fn of(
        engine: &Arc<Engine>,
        selector: Selector,
        record: Arc<Record>,
        current: Option<Selector>,
    ) -> Self {
        let (now, expires_at) = (engine.now(), record.meta.expires_at());
        let Meta { created, logged_in, last_seen, .. } = record.meta;
        let context = Context::new(engine.spec, engine.sealer.clone(), Arc::clone(engine) as _);
        context.settle(record, selector);
        Self {
            id: SessionId(selector),
            created: created.into(),
            logged_in: logged_in.map(SystemTime::from),
            last_seen: last_seen.into(),
            expires_at: expires_at.into(),
            remaining: expires_at.saturating_since(now),
            current: current == Some(selector),
            listed: T::listed(&T::fields(context)),
        }
    }

    /// Returns the facts that a request knows about its session.
    pub(super) fn of_request(session: &RequestSession<T>) -> Self {
        let core = &session.core;
        let record = session.fields().context().record();
        let (now, expires_at) = (core.engine.now(), session.expires());
        let mut state = core.state();
        let selector = state.selector(core);
        let live = state.live().filter(|live| live.selector == selector);
        let meta = live.and_then(|live| live.meta.as_ref());
        let (created, last_seen) = meta.map_or((now, now), |meta| (meta.created, meta.last_seen));
        let logged_in = record.filter(|_| live.is_some()).and_then(|record| record.meta.logged_in);
        drop(state);
        Self {
            id: SessionId(selector),
            created: created.into(),
            logged_in: logged_in.map(SystemTime::from),
            last_seen: last_seen.into(),
            expires_at: expires_at.into(),
            remaining: expires_at.saturating_since(now),
            current: !core.hooks.is_detached,
            listed: T::listed(session.fields()),
        }
    }
}

impl<T: SessionType> Clone for SessionInfo<T> {
    fn clone(&self) -> Self {
        Self { listed: self.listed.clone(), ..*self }
    }
}

impl<T: SessionType> fmt::Debug for SessionInfo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, created, logged_in, last_seen, expires_at, remaining, current, listed } =
            self;
        f.debug_struct("SessionInfo")
            .field("id", id)
            .field("created", created)
            .field("logged_in", logged_in)
            .field("last_seen", last_seen)
            .field("expires_at", expires_at)
            .field("remaining", remaining)
            .field("current", current)
            .field("listed", listed)
            .finish()
    }
}

/// A page of a principal's sessions.
#[non_exhaustive]
pub struct SessionPage<T: SessionType> {
    /// The sessions, the latest log-in first. There may be fewer than fit a page, even none, before
    /// the list ends.
    pub sessions: Vec<SessionInfo<T>>,
    /// The place where the list goes on; `None` at its end.
    pub next: Option<SessionCursor>,
}

impl<T: SessionType> Clone for SessionPage<T> {
    fn clone(&self) -> Self {
        Self { sessions: self.sessions.clone(), next: self.next }
    }
}

impl<T: SessionType> fmt::Debug for SessionPage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, next } = self;
        f.debug_struct("SessionPage").field("sessions", sessions).field("next", next).finish()
    }
}

/// A place in the list of a principal's sessions. As text, for the link to the next page, 48
/// hexadecimal digits: the time of a log-in, and the session's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCursor(pub(crate) Cursor);

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

impl From<EndedAll> for EndedSessions {
    fn from(EndedAll { sessions, is_done }: EndedAll) -> Self {
        Self { count: sessions, is_done }
    }
}
