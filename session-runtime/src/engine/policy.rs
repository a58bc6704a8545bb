//! The policy options of one session layer, as the struct's attributes and the builder settled
//! them.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    schema::{
        Payload, Spec,
        options::{CommitOn, Create, OnEnd, OnLost, OnStale, OnStoreError, Resend},
    },
    store::{Cap, OnMaxSessions},
};

/// The time for which an unknown key may be a new one, if the layer says nothing.
const UNKNOWN_KEY_GRACE: Duration = Duration::from_secs(15 * 60);

/// The time after which a store operation counts as failed, unless the builder says otherwise.
const DEADLINE: Duration = Duration::from_secs(2);

/// The most operations that wait for the store, unless the builder says otherwise: more than a store
/// that is well has waiting, and few enough for the memory of a small machine.
const MAX_WAITING: usize = 1024;

/// The most sessions of a principal, unless the builder says otherwise: more than anybody has devices,
/// and few enough for a list.
const MAX_SESSIONS: Cap = Cap::new(100, OnMaxSessions::EndOldest);

/// The most bytes of a session in a store, unless the builder says otherwise.
const MAX_SESSION_BYTES: usize = 64 * 1024;

/// The requests that touch a session, which restarts its idle time. Touches are throttled: at most
/// one in a twentieth of the idle time, or in a minute if that is shorter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TouchOn {
    /// Requests that extract the session, other than by [`Peek`](crate::Peek).
    #[default]
    Extracted,
    /// All requests that present the session's token, also when nothing extracts the session:
    /// pictures, health checks, other routes below the layer. Each costs a load, and a touch when
    /// one is due.
    ///
    /// If the store fails there, an event says so, and the client does not notice. Nothing else
    /// happens on such a request: no session is created, none is rotated, and no stale token is
    /// answered. Unless a token is sent again, the response is the handler's alone. A response that
    /// does not commit (5xx, 408) does not touch.
    AnyRequest,
}

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) idle: Option<Duration>,
    pub(crate) absolute: Option<Duration>,
    pub(crate) rotate_every: Option<Duration>,
    pub(crate) unknown_key_grace: Duration,
    /// What began earlier is over.
    pub(crate) not_before: Timestamp,
    pub(crate) load_deadline: Duration,
    pub(crate) commit_deadline: Duration,
    /// The most operations of the layer that wait for the store.
    pub(crate) max_waiting: usize,
    pub(crate) touch_on: TouchOn,
    /// `None`: no limit, or nothing to count.
    pub(crate) max_sessions: Option<Cap>,
    /// `None`: no limit, or that of the token.
    pub(crate) max_session_bytes: Option<usize>,
    pub(crate) create: Create,
    pub(crate) resend: Resend,
    pub(crate) on_stale: OnStale,
    pub(crate) on_store_error: OnStoreError,
    pub(crate) commit_on: CommitOn,
    pub(crate) on_end: OnEnd,
    pub(crate) on_lost: OnLost,
    /// True if a handler's own `Cache-Control` stays, also beside a token.
    pub(crate) handlers_decide_caching: bool,
}

impl Policy {
    /// Returns the policy of the struct's attributes.
    pub(crate) fn of(spec: &Spec) -> Self {
        let is_stored = spec.payload == Payload::Server;
        let is_counted = is_stored && spec.fields.iter().any(|field| field.principal);
        Self {
            idle: spec.idle,
            absolute: spec.absolute,
            rotate_every: None,
            unknown_key_grace: UNKNOWN_KEY_GRACE,
            not_before: Timestamp::default(),
            load_deadline: DEADLINE,
            commit_deadline: DEADLINE,
            max_waiting: MAX_WAITING,
            touch_on: TouchOn::Extracted,
            max_sessions: is_counted.then_some(MAX_SESSIONS),
            max_session_bytes: is_stored.then_some(MAX_SESSION_BYTES),
            create: spec.create,
            resend: spec.resend,
            on_stale: spec.on_stale,
            on_store_error: spec.on_store_error,
            commit_on: spec.commit_on,
            on_end: spec.on_end,
            on_lost: spec.on_lost,
            handlers_decide_caching: false,
        }
    }

    /// Checks the options together. Returns what is wrong with them.
    pub(crate) fn check(&self, spec: &Spec) -> Result<(), String> {
        let Self { idle, absolute, rotate_every, load_deadline, commit_deadline, .. } = self;
        let times = [
            ("idle", *idle),
            ("absolute", *absolute),
            ("rotate_every", *rotate_every),
            ("load_deadline", Some(*load_deadline)),
            ("commit_deadline", Some(*commit_deadline)),
        ];
        for (what, time) in times {
            if time.is_some_and(|time| time < Duration::from_millis(1)) {
                return Err(format!("`{what}` must be at least a millisecond"));
            }
        }
        if self.max_waiting == 0 {
            return Err("`max_waiting` must be at least 1".to_owned());
        }
        if rotate_every.is_some() && spec.payload != Payload::Server {
            return Err("`rotate_every` is for `payload = \"server\"`; a payload in the token is \
                        written anew whenever it changes"
                .to_owned());
        }
        match self.max_session_bytes {
            Some(_) if spec.payload != Payload::Server => {
                return Err("`max_session_bytes` is for `payload = \"server\"`; a payload in the \
                            token has to fit a cookie or header"
                    .to_owned());
            }
            Some(0) => return Err("`max_session_bytes` must be at least 1".to_owned()),
            None | Some(_) => {}
        }
        match self.max_sessions {
            Some(_) if spec.payload != Payload::Server => {
                return Err(
                    "`max_sessions` is for `payload = \"server\"`; payloads that travel in \
                            tokens cannot be counted"
                        .to_owned(),
                );
            }
            Some(_) if !spec.fields.iter().any(|field| field.principal) => {
                return Err("`max_sessions` counts log-ins, and there is no field marked \
                            `principal`"
                    .to_owned());
            }
            Some(cap) if cap.sessions == 0 => {
                return Err("`max_sessions` must be at least 1".to_owned());
            }
            None | Some(_) => {}
        }
        match (idle, absolute) {
            (Some(idle), Some(absolute)) if idle > absolute => {
                Err(format!("`idle` ({idle:?}) is longer than `absolute` ({absolute:?})"))
            }
            (None, None) => Err("`idle` and `absolute` cannot both be \"never\"".to_owned()),
            _ => Ok(()),
        }
    }
}
