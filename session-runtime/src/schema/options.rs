//! The options of the policy that a struct states and a layer may override. Users find them in
//! [`policy`](crate::policy).

/// The moment when a session is created. `#[session(create = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Create {
    /// `"on_write"`: with the first field that differs from its default.
    #[default]
    OnWrite,
    /// `"eager"`: as soon as a handler extracts `Session<T>`, empty or not. `Option<Session<T>>`,
    /// [`Peek`](crate::Peek) and guards create none.
    Eager,
}

/// The occasions on which a token that the client already has is sent again. `#[session(resend =
/// "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resend {
    /// `"on_change"`: when the token changes, or the time for which the client is to keep the
    /// token.
    #[default]
    OnChange,
    /// `"always"`: on every response to a request that extracted the session. Exception: a request
    /// that only wrote does not send the cookie again, because it does not know the cookie's
    /// lifetime.
    Always,
    /// `"never"`: only a new token is sent.
    Never,
}

/// The reaction to a token that is no live session. `#[session(on_stale = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnStale {
    /// `"clear_token"`: the response makes the client forget the token.
    #[default]
    ClearToken,
    /// `"new_session"`: a fresh session starts at once, empty or not, if a handler extracts
    /// `Session<T>`. Otherwise the response makes the client forget the token.
    NewSession,
    /// `"ignore"`: none. The client continues to send the token.
    Ignore,
}

/// The reaction to a store that is down or slow. `#[session(on_store_error = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnStoreError {
    /// `"fail"`: 503, from the extractor or at the commit.
    #[default]
    Fail,
    /// `"degrade"`: handlers see an anonymous session, whoever the visitor is. Reading works; a
    /// request that writes to the session is 503.
    Degrade,
}

/// The responses that commit. `#[session(commit_on = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommitOn {
    /// `"not_5xx"`: all but server errors, 408 (Request Timeout) and 499 (the client is gone), which
    /// cut a handler off half way. A log-out, [`destroy`](crate::Session::destroy) and
    /// [`rotate`](crate::Session::rotate) take effect all the same.
    #[default]
    Not5xx,
    /// `"always"`: all.
    Always,
}

/// The response to a client whose session ends. `#[session(on_end = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnEnd {
    /// `"expire_token"`: the response makes the client forget the token.
    #[default]
    ExpireToken,
    /// `"silent"`: nothing is sent. The token is dead on the server.
    Silent,
}

/// The answer to a request whose changes are lost: its session was over before the commit.
/// `#[session(on_lost = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnLost {
    /// `"keep"`: the request keeps its own answer. An event tells of the changes, and the response's
    /// extensions have [`Saved::Lost`](crate::Saved::Lost) in a [`Committed`](crate::Committed).
    #[default]
    Keep,
    /// `"conflict"`: 409, by an error that says that the session [is over](crate::Error::is_gone). A
    /// request that changed nothing keeps its answer. With a payload in the token, each write with a
    /// revocation costs a look whether the session was ended meanwhile; without a revocation, nothing
    /// can be known of that.
    Conflict,
}
