//! The `tracing` events of a session's life, in one place so that each is worded once and none can
//! print a token, a key or a field's value. Sessions are named by their handle id. The target of
//! all is `session_runtime`.

use std::fmt::Display;

use tracing::{debug, error, info, warn};

use crate::store::Selector;

/// Why a presented token is no live session. The response is the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not the exact form of a token: length, alphabet, padding, version or suite.
    Malformed,
    /// More than one token of our name.
    Duplicate,
    /// Made under a key that is not in the ring.
    UnknownKey,
    /// Made under a key whose `not_after` has passed.
    RetiredKey,
    /// The tag or seal does not verify.
    Forged,
    /// There is no such session.
    Unknown,
    /// The session is over.
    Expired,
    /// The credential was replaced by a newer one: a sign of theft, or a late parallel request.
    Replaced,
    /// It was ended, or all of its principal's sessions were.
    Revoked,
    /// A field with `on_decode_error = "reject"` does not decode.
    Undecodable,
    /// Sealed in the future, beyond what clocks differ by.
    FromTheFuture,
    /// It is bound to another client than the one that presents it.
    OtherClient,
}

impl Reason {
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
    ended => info, "session ended";
    gone => info, "session was over before its changes could be committed; they were dropped";
    stale => info, "session has a newer credential; the changes made under the old one were dropped";
}

/// A presented token was not accepted.
pub(crate) fn rejected(session: &str, handle: Option<Selector>, reason: Reason) {
    let handle = handle.map(tracing::field::display);
    let why = reason.as_str();
    match reason {
        Reason::Expired => {
            debug!(target: "session_runtime", session, handle, reason = why, "session expired");
        }
        Reason::Unknown | Reason::Revoked | Reason::UnknownKey | Reason::RetiredKey => {
            debug!(target: "session_runtime", session, handle, reason = why, "session token rejected");
        }
        _ => {
            warn!(target: "session_runtime", session, handle, reason = why, "session token rejected");
        }
    }
}

/// A session is presented by another client than it is bound to.
pub(crate) fn mismatch(session: &str, handle: Selector, bind: &str) {
    warn!(target: "session_runtime", session, %handle, bind, "session presented by another client");
}

/// A session that was not created, since the client does not consent.
pub(crate) fn withheld(session: &str) {
    debug!(target: "session_runtime", session, "session not created: no consent");
}

/// A commit met a conflicting one.
pub(crate) fn conflict(session: &str, handle: Selector, field: &str) {
    info!(target: "session_runtime", session, %handle, field, "session commit conflicts with a parallel one");
}

/// A field's stored bytes do not decode.
pub(crate) fn decode_failure(session: &str, field: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, field, %error, "session field does not decode");
}

/// A write after the commit.
pub(crate) fn late_write(session: &str, field: &str) {
    warn!(
        target: "session_runtime", session, field,
        "session field written after the response was committed; the write is not saved",
    );
}

/// Two tasks of one request updated one field at the same time.
pub(crate) fn overlapping_update(session: &str, field: &str) {
    warn!(
        target: "session_runtime", session, field,
        "session field updated while another update of it ran; the other one's change is lost",
    );
}

/// The store could not remove what is over; the next sweep tries again.
pub(crate) fn sweep_failed(error: &impl Display) {
    warn!(target: "session_runtime", %error, "sessions that are over could not be removed");
}

/// The store failed, and the session goes on empty and read-only.
pub(crate) fn degraded(session: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, %error, "session store failed; anonymous and read-only");
}

/// A write on a degraded session.
pub(crate) fn degraded_write(session: &str) {
    warn!(target: "session_runtime", session, "session changes dropped: its store failed at the load");
}

/// A touch or a rotation that the store did not take; nothing of the user's is lost.
pub(crate) fn upkeep_failed(session: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, %error, "session could not be touched or rotated");
}

/// A session that the handler did not look at could not be kept alive.
pub(crate) fn touch_failed(session: &str, error: &impl Display) {
    warn!(target: "session_runtime", session, %error, "session could not be kept alive");
}

/// A commit that failed; the response says so.
pub(crate) fn commit_failed(session: &str, error: &impl Display) {
    error!(target: "session_runtime", session, %error, "session commit failed");
}

/// Changes of a response that does not commit.
pub(crate) fn discarded(session: &str) {
    debug!(target: "session_runtime", session, "session changes discarded with a server error");
}

/// The sessions of a principal were ended.
pub(crate) fn ended_many(session: &str, count: Option<u64>) {
    info!(target: "session_runtime", session, count, "sessions of a principal ended");
}

/// An error that an extractor or a handler answered with.
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
