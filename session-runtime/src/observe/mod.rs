//! What a deployment can watch: an [`Observer`] gets one call for each thing that happens. Every fact in
//! a call has few values, so that each can be a label of a metric; none is a token, a session id, a
//! principal or a field's value. Nothing here reads a session or counts as its use.

#[cfg(any(test, feature = "metrics"))]
mod metrics;
pub(crate) mod span;
#[cfg(test)]
mod tests;
mod watcher;

use std::{sync::Arc, time::Duration};

use crate::store::PoolUse;

#[cfg(feature = "metrics")]
pub use metrics::Metrics;
pub(crate) use watcher::Watcher;

/// Sees what the sessions of a layer do, to count and to measure it. Set by
/// [`SessionLayerBuilder::observe`](crate::SessionLayerBuilder::observe).
///
/// A method is called in the middle of a request, so that it must be quick and must not block. Without
/// an observer, nothing is measured, and no clock is read. Later versions add methods, and fields to
/// the arguments, without breaking an observer.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use session_runtime::observe::{Observer, Request, RequestOutcome};
///
/// #[derive(Default)]
/// struct Refused(AtomicU64);
///
/// impl Observer for Refused {
///     fn request(&self, request: &Request) {
///         if request.outcome == RequestOutcome::Refused {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Sees a request that has looked for its session.
    fn request(&self, request: &Request) {
        let _ = request;
    }

    /// Sees that changes of a request were committed, or were not. A request without changes has no
    /// commit.
    fn commit(&self, commit: &Commit) {
        let _ = commit;
    }

    /// Sees an operation of a store that has come to an end.
    fn operation(&self, operation: &Operation) {
        let _ = operation;
    }

    /// Sees that a session got a new credential.
    fn rotation(&self, rotation: &Rotation) {
        let _ = rotation;
    }

    /// Sees that a log-in has evicted sessions of its principal.
    fn eviction(&self, eviction: &Eviction) {
        let _ = eviction;
    }

    /// Sees a stored field that does not decode: once for each session and field.
    fn undecodable(&self, undecodable: &Undecodable) {
        let _ = undecodable;
    }

    /// Sees that expired sessions were removed from a store.
    fn sweep(&self, sweep: &Sweep) {
        let _ = sweep;
    }

    /// Sees that a session whose end was asked for was not ended, and lives on.
    fn not_ended(&self, not_ended: &NotEnded) {
        let _ = not_ended;
    }

    /// Sees that a store went down or came up again. A layer begins with a store that is up.
    fn store_state(&self, state: &StoreState) {
        let _ = state;
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn request(&self, request: &Request) {
        (**self).request(request);
    }

    fn commit(&self, commit: &Commit) {
        (**self).commit(commit);
    }

    fn operation(&self, operation: &Operation) {
        (**self).operation(operation);
    }

    fn rotation(&self, rotation: &Rotation) {
        (**self).rotation(rotation);
    }

    fn eviction(&self, eviction: &Eviction) {
        (**self).eviction(eviction);
    }

    fn undecodable(&self, undecodable: &Undecodable) {
        (**self).undecodable(undecodable);
    }

    fn sweep(&self, sweep: &Sweep) {
        (**self).sweep(sweep);
    }

    fn not_ended(&self, not_ended: &NotEnded) {
        (**self).not_ended(not_ended);
    }

    fn store_state(&self, state: &StoreState) {
        (**self).store_state(state);
    }
}

/// The outcome of a request's search for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestOutcome {
    /// The request presents no token.
    NoToken,
    /// The session is live.
    Live,
    /// The token is no live session, for a [reason](Request::reason).
    Refused,
    /// The store failed, and the request goes on without its session (`on_store_error = "degrade"`).
    Degraded,
    /// The store failed, and so did the request. The [reason](Request::reason) is the type of the
    /// error.
    Failed,
}

impl RequestOutcome {
    /// Returns the name of the outcome, as the value of a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Live => "live",
            Self::Refused => "refused",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }
}

/// A request that has looked for its session.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// The outcome.
    pub outcome: RequestOutcome,
    /// The reason why the token was refused or the store failed: one of a few words, such as
    /// `expired`, `unknown` or `forged`.
    pub reason: Option<&'static str>,
    /// True if the session is live, and its token was made under another key than the first of the ring.
    /// While such requests come, the older keys must stay in the ring.
    pub older_key: bool,
}

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitResult {
    /// A session was created.
    Created,
    /// A session was changed.
    Changed,
    /// A session was ended.
    Ended,
    /// The changes were dropped, since the session was over before the commit.
    Lost,
    /// The changes were refused, since they rest on what another request has changed.
    Conflict,
    /// The store failed, or the changes cannot be stored. The [error's type](Commit::error_type) says
    /// which.
    Failed,
}

impl CommitResult {
    /// Returns the name of the result, as the value of a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Ended => "ended",
            Self::Lost => "lost",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

/// A commit of the changes of a request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Commit {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// The result.
    pub result: CommitResult,
    /// The type of the error if the commit failed: one of a few words, such as `store`, `deadline` or
    /// `too_large`.
    pub error_type: Option<&'static str>,
}

/// An operation of a store that has come to an end.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// The [name](crate::store::Store::name) of the store.
    pub store: &'static str,
    /// The operation: `load`, `insert`, `commit`, `remove`, `list`, `count`, `floor`, `end_all`, `sweep`,
    /// `probe` or `check`.
    pub operation: &'static str,
    /// The type of the error if the operation failed: `store`, `deadline`, `down` or `crowded` if the
    /// store was not asked, `conflict`, or `cancelled` if the request was given up.
    pub error_type: Option<&'static str>,
    /// The time from the call to the end, with all retries.
    pub duration: Duration,
    /// The number of times that the operation began again, because another request was in between.
    pub retries: u32,
    /// The use of the store's pool of connections at the end, if the store has a pool.
    pub pool: Option<PoolUse>,
}

/// A new credential of a session.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rotation {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// True if the rotation is a log-in.
    pub log_in: bool,
}

/// Sessions that gave way to a newer one of their principal.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Eviction {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// The number of sessions.
    pub sessions: u64,
}

/// A stored field that does not decode.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Undecodable {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// The stored name of the field.
    pub field: &'static str,
}

/// A sweep, which removes expired sessions in steps.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sweep {
    /// The namespace of the session type whose layer has swept. The store may hold others, too.
    pub session_type: &'static str,
    /// The [name](crate::store::Store::name) of the store.
    pub store: &'static str,
    /// The number of sessions that were removed.
    pub removed: u64,
    /// True if expired sessions are left, because the sweep had no more steps or the store failed.
    pub is_cut_short: bool,
    /// The time that the sweep took.
    pub duration: Duration,
}

/// A session whose end was asked for, by a log-out or otherwise, and that lives on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NotEnded {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// The type of the error: one of a few words, such as `store`, `deadline` or `down`.
    pub error_type: &'static str,
}

/// The state of a store, as far as its layer knows.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoreState {
    /// The namespace of the session type.
    pub session_type: &'static str,
    /// The [name](crate::store::Store::name) of the store.
    pub store: &'static str,
    /// False from the moment in which operations are refused at once, until the store answers again.
    pub is_up: bool,
}
