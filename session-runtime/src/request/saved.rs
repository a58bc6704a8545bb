//! The outcome of a commit.

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Saved {
    /// Nothing had changed; the store was not asked.
    Unchanged,
    /// There is a new session.
    Created,
    /// The changes are in the session.
    Updated,
    /// There is no session, and none was created: the client does not consent
    /// ([`consent`](crate::SessionLayerBuilder::consent)). The changes are not saved.
    Withheld,
    /// The session was ended. The fields that are kept are in a new session. What is written to a
    /// destroyed session is dropped, and told by this outcome, too.
    Ended,
    /// The session was over: it expired, or a parallel request ended it or gave it a new credential.
    /// The changes were dropped. A [log-in](crate::Session::log_in) is never dropped.
    Lost,
}
