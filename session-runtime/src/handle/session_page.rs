//! The answers of the registry: a page of a principal's sessions, the place where the list goes on,
//! and the number of sessions that were ended. Must not know a store.

use std::{fmt, str::FromStr, time::SystemTime};

use crate::{
    clock::Timestamp,
    store::{Cursor, Selector, session_id::SessionId},
};

/// One session of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session id.
    pub id: SessionId,
    /// The time of its creation.
    pub created: SystemTime,
    /// The time of its principal's log-in.
    pub logged_in: SystemTime,
    /// The time of its last use, up to the touch throttle (a twentieth of the idle time, at most 60
    /// seconds).
    pub last_seen: SystemTime,
    /// True for the session of this request.
    pub current: bool,
}

/// A page of a principal's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions, the latest log-in first. There may be fewer than fit a page, even none, before
    /// the list ends.
    pub sessions: Vec<SessionInfo>,
    /// The place where the list goes on; `None` at its end.
    pub next: Option<SessionCursor>,
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
