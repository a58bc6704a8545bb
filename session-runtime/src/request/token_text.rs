//! The text of the token of the session that a request is in: as the request presented the token, or
//! as it was just issued. Kept without a copy, and never printed.

use http::HeaderValue;

use crate::transport::{Carrier, CookieContext};

pub(crate) enum TokenText {
    /// Somewhere in this header of the request.
    Presented(HeaderValue),
    Issued(String),
}

impl TokenText {
    pub(crate) fn text(&self, carrier: &Carrier, context: CookieContext) -> Option<&str> {
        match self {
            Self::Presented(header) => std::str::from_utf8(carrier.token_in(header, context)?).ok(),
            Self::Issued(text) => Some(text),
        }
    }
}
