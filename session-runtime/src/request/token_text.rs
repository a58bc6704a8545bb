//! The text of a token: as the request presented it, or as it was just made. Kept without a copy,
//! and never printed.

use std::fmt;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::transport::Carrier;

/// The token of the session that a request is in.
pub(crate) enum Held {
    /// Somewhere in this header of the request.
    Presented(HeaderValue),
    Issued(String),
}

impl Held {
    pub(crate) fn text(&self, carrier: &Carrier) -> Option<&str> {
        match self {
            Self::Presented(header) => std::str::from_utf8(carrier.token_in(header)?).ok(),
            Self::Issued(text) => Some(text),
        }
    }
}

/// The token of a session, as the client holds it: whoever has it is in the session. It is not
/// printed, and wiped when dropped. See [`Session::session_token`](crate::Session::session_token).
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text: base64url without padding.
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
