//! The one error type: opaque, cheap to clone, with a predicate for each cause that a caller can
//! act on. Never holds a token, a key or a field's value.

#[cfg(test)]
mod tests;
mod unavailable;

use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;

use crate::{
    causes,
    event::Failure,
    key::KeyError,
    store::{Refusal, StoreError},
};

const UNKNOWN_KEY: &str = "the client's session is under a key that this process does not know yet; nothing was changed. \
     Give the key to every process where it does not write (`@read-only`), before any process writes \
     with it";

/// An error of the runtime.
///
/// The causes are not a public enum, so that a new cause breaks no caller. The `is_*` methods
/// distinguish the causes that a program may handle differently. **Send a client only the
/// [`status`](Self::status); the text is for logs.**
///
/// ```
/// # use session_runtime::Error;
/// fn log(error: &Error) {
///     if error.is_unavailable() {
///         eprintln!("the session store is down: {error}");
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Kind>);

#[derive(Debug)]
pub(crate) enum Kind {
    Config(String),
    Key(KeyError),
    Store {
        operation: &'static str,
        source: StoreError,
    },
    Deadline {
        operation: &'static str,
        after: Duration,
    },
    /// A failure that the event of an outage tells of.
    WhileDown(Error),
    /// The store is known to be down, and was not asked.
    Down {
        operation: &'static str,
        down_for: Duration,
        cause: Error,
    },
    /// Too many operations wait, so that the store was not asked.
    Crowded {
        operation: &'static str,
        limit: u64,
        is_told: bool,
    },
    Conflict {
        field: String,
    },
    TooManySessions,
    TooLarge {
        what: Large,
        size: usize,
        limit: usize,
        fields: Vec<(String, usize)>,
    },
    Encode {
        field: String,
        message: String,
    },
    OutOfRange {
        field: String,
    },
    Panicked {
        field: String,
    },
    Identity {
        field: String,
    },
    Gone,
    /// A log-in lost its session, and the request had compared a field with that session.
    LogInConflict {
        field: String,
    },
    /// The request logged a principal in, and destroyed the session.
    LogInDestroyed,
    /// A log-in or a transaction needs a session that the client does not consent to.
    NoConsent,
    Random,
    SessionIds(&'static str),
    Closed,
    MissingLayer {
        type_name: &'static str,
    },
    /// A request passed two layers of one session type that have different settings.
    TwoLayers {
        type_name: &'static str,
        outer: String,
        inner: String,
    },
    Degraded,
    /// The session is under a key that this process may still get.
    UnknownKey,
    NotLoopback,
    NotListable,
    /// A session whose payload is in the token was to be opened without a request.
    OutOfReach,
    /// All sessions were to end that begin before a time that has not come.
    InTheFuture,
    NoCurrentSession,
    Interrupted,
}

/// The thing that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Large {
    Session,
    Token,
}

impl Kind {
    /// Returns the cause of a change to a field that was refused.
    pub(crate) fn refused(field: impl Into<String>, why: Refusal) -> Self {
        let field = field.into();
        match why {
            Refusal::OutOfRange => Self::OutOfRange { field },
            Refusal::Encode(message) => Self::Encode { field, message },
            Refusal::Panicked => Self::Panicked { field },
            Refusal::Identity => Self::Identity { field },
            Refusal::Random => Self::Random,
        }
    }
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config(message.into()))
    }

    /// Returns true if the configuration cannot work or is not safe. Comes from the builder or a
    /// key ring, at start.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(*self.0, Kind::Config(_) | Kind::Key(_))
    }

    /// Returns true if the store was down, full, broken, or slower than its deadline, or if too many
    /// requests waited for the store. Nothing was changed, except that after a deadline nobody knows
    /// whether it was.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(
            *self.0,
            Kind::Store { .. }
                | Kind::Deadline { .. }
                | Kind::WhileDown(_)
                | Kind::Down { .. }
                | Kind::Crowded { .. }
                | Kind::Degraded
                | Kind::Interrupted
        )
    }

    /// Returns true if the store was not asked, since it is known to be down, or since
    /// [too many requests](crate::SessionLayerBuilder::max_waiting) wait for it already. Nothing
    /// was changed: what the request was to end is not ended. Such an error
    /// [`is_unavailable`](Self::is_unavailable), too.
    #[must_use]
    pub fn is_not_tried(&self) -> bool {
        matches!(*self.0, Kind::Down { .. } | Kind::Crowded { .. })
    }

    /// Returns true if a parallel request changed a field that is compared (`merge = "cas"`,
    /// `group`, what was taken). Nothing was changed. [`transact`](crate::Session::transact) tries
    /// again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(*self.0, Kind::Conflict { .. } | Kind::LogInConflict { .. })
    }

    /// Returns true if a counter would leave the range of its type. The message names the field.
    /// Nothing was changed.
    #[must_use]
    pub fn is_out_of_range(&self) -> bool {
        matches!(*self.0, Kind::OutOfRange { .. })
    }

    /// Returns true if the session is over: it has expired, was ended, or has another credential.
    /// Nothing was changed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(*self.0, Kind::Gone)
    }

    /// Returns true if a log-in or a [`transact`](crate::Session::transact) needs a new session, and
    /// the client does not [consent](crate::SessionLayerBuilder::consent) to one. Nothing was changed,
    /// and nobody is logged in.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        matches!(*self.0, Kind::NoConsent)
    }

    /// Returns true if the principal already has as many sessions as
    /// [`max_sessions`](crate::SessionLayerBuilder::max_sessions) allows with `RefuseNew`. Nothing
    /// was changed, and nobody is logged in.
    #[must_use]
    pub fn is_too_many_sessions(&self) -> bool {
        matches!(*self.0, Kind::TooManySessions)
    }

    /// Returns true if a session in a store would be larger than
    /// [`max_session_bytes`](crate::SessionLayerBuilder::max_session_bytes), or if a token with its
    /// payload does not fit a cookie (4096 bytes with the cookie's name, RFC 6265bis) or a header.
    /// Nothing was changed. The message names the fields and their sizes in bytes.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(*self.0, Kind::TooLarge { .. })
    }

    /// Returns true if a field's value does not serialise, or would read back as another value. The
    /// message names the field.
    #[must_use]
    pub fn is_encode(&self) -> bool {
        matches!(*self.0, Kind::Encode { .. })
    }

    /// Returns true if the response was already committed, so that the session cannot change any
    /// more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.0, Kind::Closed)
    }

    /// Returns true if the request did not pass through a `SessionLayer` for this session type.
    #[must_use]
    pub fn is_missing_layer(&self) -> bool {
        matches!(*self.0, Kind::MissingLayer { .. })
    }

    /// Returns true if the client's token is under a key that is not in this process' ring, while the
    /// [`unknown_key_grace`](crate::SessionLayerBuilder::unknown_key_grace) lasts: other processes may
    /// have the key already. Nothing was changed; the client keeps its token, and may try again.
    #[must_use]
    pub fn is_unknown_key(&self) -> bool {
        matches!(*self.0, Kind::UnknownKey)
    }

    /// Returns the status for a response that reports this error: 409 for a conflict and for a
    /// session that is over, 422 for a number out of range, for a value that does not serialise and
    /// for a session that is too large, 403 for one session too many and for a log-in without
    /// consent, 503 for a store that is unavailable and for an unknown key, 421 for a request that `insecure_dev()` refuses,
    /// otherwise 500.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match *self.0 {
            Kind::Conflict { .. } | Kind::LogInConflict { .. } | Kind::Gone => StatusCode::CONFLICT,
            Kind::OutOfRange { .. } | Kind::TooLarge { .. } | Kind::Encode { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Kind::TooManySessions | Kind::NoConsent => StatusCode::FORBIDDEN,
            _ if self.is_unavailable() || self.is_unknown_key() => StatusCode::SERVICE_UNAVAILABLE,
            Kind::NotLoopback => StatusCode::MISDIRECTED_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Creates the error of a commit whose load failed: nothing may be written over what the store
    /// holds.
    pub(crate) fn degraded() -> Self {
        Self::new(Kind::Degraded)
    }

    /// Creates the error of a session that would be too large for its store.
    pub(crate) fn session_too_large(
        size: usize,
        limit: usize,
        fields: Vec<(String, usize)>,
    ) -> Self {
        Self::new(Kind::TooLarge { what: Large::Session, size, limit, fields })
    }

    pub(crate) fn conflict_field(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Conflict { field } | Kind::LogInConflict { field } => Some(field),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Config(message) => f.write_str(message),
            Kind::Key(error) => error.fmt(f),
            Kind::Conflict { field } if field.is_empty() => {
                f.write_str("the session was changed by parallel requests, at each attempt")
            }
            Kind::Conflict { field } => write!(
                f,
                "session field `{field}` was changed by a parallel request; use `transact` to try \
                 again",
            ),
            Kind::OutOfRange { field } => {
                write!(f, "session field `{field}` would leave the range of its type")
            }
            Kind::Panicked { field } => {
                write!(f, "a closure that changes the session field `{field}` panicked")
            }
            Kind::Identity { field } => write!(
                f,
                "a change of session field `{field}` changed who is logged in, so it was not made; \
                 another principal is logged in by `log_in`",
            ),
            Kind::Gone => f.write_str("the session is over; nothing was changed"),
            Kind::LogInConflict { field } => write!(
                f,
                "the session was over before the log-in, and the request had compared its field \
                 `{field}`; nobody is logged in",
            ),
            Kind::LogInDestroyed => f.write_str(
                "one request logged somebody in and destroyed the session; nobody is logged in",
            ),
            Kind::NoConsent => f.write_str(
                "this needs a session, and the client does not consent to one; nothing was saved, \
                 and nobody is logged in",
            ),
            Kind::TooManySessions => f.write_str(
                "the principal has as many sessions as `max_sessions` allows; one must end first",
            ),
            Kind::TooLarge { what, size, limit, fields } => {
                let (what, way_out) = match what {
                    Large::Session => ("session", "raise `max_session_bytes`"),
                    Large::Token => ("session token", "use `payload = \"server\"`"),
                };
                write!(f, "{what} of {size} bytes is over the limit of {limit}; fields: ")?;
                for (index, (name, size)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}`{name}` {size} bytes")?;
                }
                write!(f, "; keep less in it, or {way_out}")
            }
            Kind::Encode { field, message } => {
                write!(f, "session field `{field}` does not serialise: {message}")
            }
            Kind::Random => f.write_str("the operating system gave no random bytes"),
            Kind::SessionIds(what) => write!(
                f,
                "the function given to `session_ids` gave {what}; each call must give an id that \
                 was never given before",
            ),
            Kind::Closed => f.write_str(
                "the response was committed already; this session cannot change any more",
            ),
            Kind::MissingLayer { type_name } => write!(
                f,
                "no session layer for `{type_name}` on this route; add \
                 `.layer(SessionLayer::<{type_name}>::new(store, keys)?)` to the router",
            ),
            Kind::TwoLayers { type_name, outer, inner } => write!(
                f,
                "a session layer for `{type_name}` with other settings is inside of another one: \
                 {inner}, inside of {outer}; build the layer once, and use clones of it",
            ),
            Kind::UnknownKey => f.write_str(UNKNOWN_KEY),
            Kind::NotLoopback => f.write_str(
                "`insecure_dev()` serves requests to localhost only, and not through a proxy; \
                 serve https and remove it",
            ),
            Kind::NotListable => f.write_str(
                "sessions whose payload travels in the token cannot be listed or ended one by one; \
                 `end_all` works with `.revocation(store)`",
            ),
            Kind::OutOfReach => f.write_str(
                "a session whose payload travels in the token is nowhere but at its client, so it \
                 cannot be opened or changed from elsewhere; use `payload = \"server\"`",
            ),
            Kind::InTheFuture => f.write_str(
                "the time before which all sessions are to end is in the future: log-ins until then \
                 would be over at once",
            ),
            Kind::NoCurrentSession => {
                f.write_str("no current session to leave out: extract `Sessions` in a handler")
            }
            Kind::Interrupted => f.write_str("the commit of a session was interrupted"),
            Kind::Store { .. }
            | Kind::Deadline { .. }
            | Kind::WhileDown(_)
            | Kind::Down { .. }
            | Kind::Crowded { .. }
            | Kind::Degraded => self.fmt_of_store(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Kind::Store { source, .. } => Some(source),
            Kind::WhileDown(error) => error.source(),
            Kind::Down { cause, .. } => Some(cause),
            Kind::Key(error) => Some(error),
            _ => None,
        }
    }
}

impl Failure for Error {
    fn type_name(&self) -> &'static str {
        match &*self.0 {
            Kind::Config(_) | Kind::Key(_) => "config",
            Kind::Store { .. } => "store",
            Kind::Deadline { .. } => "deadline",
            Kind::WhileDown(error) => error.type_name(),
            Kind::Down { .. } => "down",
            Kind::Crowded { .. } => "crowded",
            Kind::Conflict { .. } => "conflict",
            Kind::TooManySessions => "too_many_sessions",
            Kind::TooLarge { .. } => "too_large",
            Kind::Encode { .. } => "encode",
            Kind::OutOfRange { .. } => "out_of_range",
            Kind::Panicked { .. } => "panicked",
            Kind::Identity { .. } => "identity",
            Kind::Gone => "gone",
            Kind::LogInConflict { .. } => "log_in_conflict",
            Kind::LogInDestroyed => "log_in_destroyed",
            Kind::NoConsent => "no_consent",
            Kind::Random => "random",
            Kind::SessionIds(_) => "session_ids",
            Kind::Closed => "closed",
            Kind::MissingLayer { .. } => "missing_layer",
            Kind::TwoLayers { .. } => "two_layers",
            Kind::Degraded => "degraded",
            Kind::OutOfReach => "out_of_reach",
            Kind::UnknownKey => "unknown_key",
            Kind::NotLoopback => "not_loopback",
            Kind::NotListable => "not_listable",
            Kind::InTheFuture => "in_the_future",
            Kind::NoCurrentSession => "no_current_session",
            Kind::Interrupted => "interrupted",
        }
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::new(Kind::Key(error))
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for Error {
    /// Answers with the status and its usual phrase, for a 503 with `Retry-After: 1`, and logs the details by `tracing`. Only the
    /// refusal of `insecure_dev()` is also shown to the client, who is the developer.
    fn into_response(self) -> axum_core::response::Response {
        let status = self.status();
        self.report(|error| crate::event::failed(error, status.is_server_error()));
        let body = match *self.0 {
            Kind::NotLoopback => self.to_string(),
            _ => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let mut response = (status, body).into_response();
        self.ask_to_retry(status, response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}
