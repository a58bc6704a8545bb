//! The token of a session as applications see it.

use std::fmt;

use zeroize::Zeroizing;

/// The token of a session as the client holds it. **Anybody who has the token is in the session.** The
/// token is never printed, and is wiped from memory when dropped. See
/// [`Session::session_token`](crate::Session::session_token).
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Returns the text: base64url without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(<redacted>)")
    }
}
