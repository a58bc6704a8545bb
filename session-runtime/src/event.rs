//! The `tracing` events of a session's life. They are in one place so that each is worded once, and
//! none can print a token, a key or a field's value. Events name a session by its session id. Their
//! target is `session_runtime`.

use std::fmt::Display;

use tracing::{debug, error, info, warn};

use crate::store::Selector;

/// The reason why a presented token is no live session. The response is the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The text has not the exact form of a token: length, alphabet, padding, version or suite.
    Malformed,
    /// The request carries more than one token of our name.
    Duplicate,
    /// The token was made under a key that is not in the ring.
    UnknownKey,
    /// The token was made under a key whose `not_after` has passed.
    RetiredKey,
    /// The tag or seal does not verify.
    Forged,
    /// There is no such session.
    Unknown,
    /// The session has expired.
    Expired,
    /// The credential is superseded: a sign of theft, or a late parallel request.
    Replaced,
    /// The session was ended, or all sessions of its principal were.
    Revoked,
    /// A field with `on_decode_error = "reject"` does not decode.
    Undecodable,
    /// The payload was sealed in the future, beyond the tolerance for clocks that differ.
    FromTheFuture,
    /// The session is bound to another client than the one that presents it.
    OtherClient,
}

impl Reason {
    /// Returns true if anybody can cause the reason, without a token that was ever made here.
    pub(crate) const fn is_junk(self) -> bool {
        matches!(self, Self::Malformed | Self::Duplicate | Self::Forged)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Duplicate => "duplicate",
            Self::UnknownKey => "unknown_key",
            Self::RetiredKey => "retired_key",
            Self::Forged => "forged",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
            Self::Undecodable => "undecodable",
            Self::FromTheFuture => "from_the_future",
            Self::OtherClient => "other_client",
        }
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident => $level:ident, $message:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name(session: &str, handle: Selector) {
            $level!(target: "session_runtime", session, %handle, $message);
        }
    )*};
}

events! {
    created => debug, "session created";
    loaded => debug, "session loaded";
    committed => debug, "session committed";
    elevated => info, "session elevated: the principal changed, the old credential is dead";
    rotated => debug, "session rotated: it has a new credential";
    log_in_anew => info, "session was over before the log-in could be committed; the log-in takes place in a fresh session";
    ended => info, "session ended";
    gone => info, "session was over before its changes could be committed; they were dropped";
    stale => info, "session has a newer credential; the changes made under the old one were dropped";
}

/// Logs that a presented token was not accepted, and why.
pub(crate) fn rejected(session: &str, handle: Option<Selector>, reason: Reason) {
    let handle = handle.map(tracing::field::display);
    let why = reason.as_str();
    match reason {
        Reason::Expired => {
            debug!(target: "session_runtime", session, handle, reason = why, "session expired");
        }
        Reason::Unknown
        | Reason::Revoked
        | Reason::UnknownKey
        | Reason::RetiredKey
        | Reason::Malformed
        | Reason::Duplicate
        | Reason::Forged => {
            debug!(target: "session_runtime", session, handle, reason = why, "session token rejected");
        }
        _ => {
            warn!(target: "session_runtime", session, handle, reason = why, "session token rejected");
        }
    }
}

/// Logs the number of tokens since the last such event that nobody here made. Each has an event of
/// its own at debug level.
pub(crate) fn junk(session: &str, count: u64) {
    warn!(
        target: "session_runtime", session, count,
        "session tokens rejected that were not made here: malformed, forged, or several at once",
    );
}

/// Logs that a client presents a session that is bound to another client.
pub(crate) fn mismatch(session: &str, handle: Selector, bind: &str) {
    warn!(target: "session_runtime", session, %handle, bind, "session presented by another client");
}

/// Logs a write to a session that is over.
pub(crate) fn written_after_end(session: &str, handle: Option<Selector>) {
    let handle = handle.map(tracing::field::display);
    warn!(
        target: "session_runtime", session, handle,
        "session was written to after its end; the changes were dropped",
    );
}

/// Logs that a handle outside of a request was dropped with changes that nobody saved.
pub(crate) fn dropped_unsaved(session: &str, handle: Selector) {
    warn!(
        target: "session_runtime", session, %handle,
        "detached session was dropped with changes that were not saved; call `save` before",
    );
}

/// Logs that a session was not created because the client does not consent.
pub(crate) fn withheld(session: &str) {
    debug!(target: "session_runtime", session, "session not created: no consent");
}

/// Logs that a commit conflicts with a parallel commit.
pub(crate) fn conflict(session: &str, handle: Selector, field: &str) {
    info!(target: "session_runtime", session, %handle, field, "session commit conflicts with a parallel one");
}

/// Logs that a field's stored bytes do not decode.
pub(crate) fn decode_failure(session: &str, field: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, field, %error, "session field does not decode");
}

/// Logs that a record is not as it was sealed or signed at rest.
pub(crate) fn unopened(session: &str, handle: Selector, reason: Reason) {
    let why = reason.as_str();
    warn!(
        target: "session_runtime", session, %handle, reason = why,
        "session record does not open; it counts as missing: it was changed or moved in the store, \
         or stored without encryption or signature, or under a key that is not in the ring",
    );
}

/// Logs a write after the commit.
pub(crate) fn late_write(session: &str, field: &str) {
    warn!(
        target: "session_runtime", session, field,
        "session field written after the response was committed; the write is not saved",
    );
}

/// Logs that the store could not remove expired sessions. The next sweep tries again.
pub(crate) fn sweep_failed(error: &impl Display) {
    warn!(target: "session_runtime", %error, "sessions that are over could not be removed");
}

/// Logs that the store failed and the session continues empty and read-only.
pub(crate) fn degraded(session: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, %error, "session store failed; anonymous and read-only");
}

/// Logs that the store refused a touch or a rotation. None of the user's changes is lost.
pub(crate) fn upkeep_failed(session: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, %error, "session could not be touched or rotated");
}

/// Logs that a request could not touch a session that its handler did not extract.
pub(crate) fn touch_failed(session: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, %error, "session could not be kept alive");
}

/// Logs that a commit failed. The response is an error, too.
pub(crate) fn commit_failed(session: &str, error: &impl Display) {
    error!(target: "session_runtime", session, %error, "session commit failed");
}

/// Logs that a session would be larger than its store or token may hold. The response is an error, too.
pub(crate) fn too_large(session: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, %error, "session too large; nothing of it was saved");
}

/// Logs that a request was refused because of how the layers are put together.
pub(crate) fn refused(session: &str, error: &impl Display) {
    error!(target: "session_runtime", session, %error, "session request refused");
}

/// Logs that a response did not commit the changes of its request.
pub(crate) fn discarded(session: &str) {
    debug!(target: "session_runtime", session, "session changes discarded with a server error");
}

/// Logs that sessions of a principal were ended.
pub(crate) fn ended_many(session: &str, count: Option<u64>) {
    info!(target: "session_runtime", session, count, "sessions of a principal ended");
}

pub(crate) fn revocation_begins(namespace: &str) {
    warn!(
        target: "session_runtime", namespace,
        "the revocation store was empty; every session that began before is over"
    );
}

pub(crate) fn ended_everything(session: &str) {
    warn!(target: "session_runtime", session, "every session ended");
}

/// Logs an error that an extractor or a handler answered with.
#[cfg(feature = "axum")]
pub(crate) fn failed(error: &impl Display, severe: bool) {
    if severe {
        error!(target: "session_runtime", %error, "session error");
    } else {
        info!(target: "session_runtime", %error, "session request refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_by_their_own_names() {
        let reasons = [
            Reason::Malformed,
            Reason::Duplicate,
            Reason::UnknownKey,
            Reason::RetiredKey,
            Reason::Forged,
            Reason::Unknown,
            Reason::Expired,
            Reason::Replaced,
            Reason::Revoked,
            Reason::Undecodable,
            Reason::FromTheFuture,
            Reason::OtherClient,
        ];
        for reason in reasons {
            let name = reason.as_str().replace('_', "");
            assert_eq!(name, format!("{reason:?}").to_lowercase());
        }
    }
}
