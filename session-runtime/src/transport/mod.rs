//! The transport of a token: the header of a request that carries it, and the header of the
//! response. A [`Carrier`] is made once, at start, from the session's static facts. It reads raw
//! bytes and knows nothing of a token's content.

mod cookie;
mod extra;
mod header;
pub mod proxy;
mod secure;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self as names, CACHE_CONTROL, Entry, VARY},
};

pub(crate) use self::secure::CookieOptions;
pub use self::secure::SecureCookie;
use self::{cookie::CookieCarrier, header::HeaderCarrier};
use crate::schema::{Spec, Transport};

/// The token that a request carries under our name.
#[derive(Clone, Copy)]
pub(crate) enum Found<'h> {
    None,
    /// One value, as raw bytes, and its header. Nothing is verified.
    One(&'h [u8], &'h HeaderValue),
    /// More than one value. Nothing shows which of them is ours, so none is accepted.
    Duplicate,
}

impl<'h> Found<'h> {
    /// Adds one more value to the result.
    fn and(self, value: &'h [u8], header: &'h HeaderValue) -> Self {
        match self {
            Self::None => Self::One(value, header),
            Self::One(..) | Self::Duplicate => Self::Duplicate,
        }
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::One(..) => "One(<redacted>)",
            Self::Duplicate => "Duplicate",
        })
    }
}

/// The error of a token that its transport does not carry: name and value together are too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) size: usize,
    pub(crate) limit: usize,
}

/// Reads and writes the tokens of one session type.
#[derive(Debug)]
pub(crate) struct Carrier {
    kind: Kind,
    label: &'static str,
    /// The headers that responses vary by.
    vary: HeaderValue,
}

#[derive(Debug)]
enum Kind {
    Cookie(CookieCarrier),
    Header(HeaderCarrier),
}

impl Carrier {
    /// Makes the carrier of a session type. Returns what is wrong with the type's name, attributes
    /// or options, if anything is.
    pub(crate) fn new(spec: &Spec, options: &CookieOptions) -> Result<Self, String> {
        if spec.transport != Transport::Cookie {
            options.check_unused()?;
        }
        let (kind, label, vary) = match spec.transport {
            Transport::Cookie => {
                let cookie = CookieCarrier::new(spec.name, &spec.cookie, options)?;
                (Kind::Cookie(cookie), "cookie", HeaderValue::from_static("Cookie"))
            }
            Transport::Header => {
                let header = HeaderCarrier::new(spec.name, false)?;
                let vary = HeaderValue::from(header.request());
                (Kind::Header(header), "header", vary)
            }
            Transport::Bearer => {
                let header = HeaderCarrier::new(spec.name, true)?;
                (Kind::Header(header), "bearer", HeaderValue::from_static("Authorization"))
            }
        };
        Ok(Self { kind, label, vary })
    }

    /// Returns the name of the cookie or header as sent.
    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.name(),
            Kind::Header(header) => header.name(),
        }
    }

    /// Returns the transport's name, which tokens are bound to.
    pub(crate) const fn transport_label(&self) -> &'static str {
        self.label
    }

    /// Finds our token. Parses only what leads to it, and allocates nothing.
    pub(crate) fn find<'h>(&self, headers: &'h HeaderMap) -> Found<'h> {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.find(headers),
            Kind::Header(header) => header.find(headers),
        }
    }

    /// Returns the token in the header where [`find`](Self::find) has found one.
    pub(crate) fn token_in<'h>(&self, header: &'h HeaderValue) -> Option<&'h [u8]> {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.token_in(header),
            Kind::Header(carrier) => carrier.token_in(header),
        }
    }

    /// Checks that a token fits.
    pub(crate) fn check(&self, token: &str) -> Result<(), TooLarge> {
        let limit = match &self.kind {
            Kind::Cookie(_) => cookie::LIMIT,
            Kind::Header(_) => header::LIMIT,
        };
        let size = self.name().len() + token.len();
        if size > limit { Err(TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Writes a token (base64url) into a response, in place of an earlier one of ours. The client
    /// keeps it for `max_age`, or without one until the client closes. `secure` makes the cookie
    /// `Secure`, if that depends on the request. Both apply to cookies only.
    pub(crate) fn write(
        &self,
        headers: &mut HeaderMap,
        token: &str,
        max_age: Option<Duration>,
        secure: bool,
    ) -> Result<(), TooLarge> {
        self.check(token)?;
        match &self.kind {
            Kind::Cookie(cookie) => cookie.write(headers, token, max_age, secure),
            Kind::Header(header) => header.write(headers, token),
        }
        Ok(())
    }

    /// Makes the client forget the token.
    pub(crate) fn expire(&self, headers: &mut HeaderMap, secure: bool) {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.expire(headers, secure),
            Kind::Header(header) => header.expire(headers),
        }
    }

    /// Marks a response that depends on the session, so that caches give it to no other client (RFC
    /// 9110, section 12.5.5).
    pub(crate) fn mark_read(&self, headers: &mut HeaderMap) {
        let ours = self.vary.as_bytes();
        let covers = |value: &HeaderValue| {
            let mut names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            names.any(|name| name == b"*" || name.eq_ignore_ascii_case(ours))
        };
        match headers.try_entry(VARY) {
            Ok(Entry::Vacant(vacant)) => {
                let _ = vacant.try_insert(self.vary.clone());
            }
            Ok(Entry::Occupied(mut there)) if !there.iter().any(covers) => {
                there.append(self.vary.clone());
            }
            Ok(Entry::Occupied(_)) | Err(_) => {}
        }
    }

    /// Marks a response that carries a token, so that no cache keeps it (RFC 9111, section
    /// 5.2.2.5). Overrides the handler's own `Cache-Control`.
    #[expect(clippy::unused_self, reason = "all that touches a response goes through the carrier")]
    pub(crate) fn mark_private(&self, headers: &mut HeaderMap) {
        insert(headers, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

// A `HeaderMap` takes 32,768 entries, and its `append` and `insert` panic beyond that. No server
// sends such a response, so it does not matter that our header is missing from it.

fn append(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = headers.try_append(name, value);
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name, value);
}

/// Makes a header value that contains a token and that logs must not show.
fn sensitive(text: String) -> HeaderValue {
    // Names and attributes are checked at start, and a token is base64url.
    let mut value = HeaderValue::try_from(text).expect("a token is visible ASCII");
    value.set_sensitive(true);
    value
}

/// Headers with a meaning of their own, whose names a session must not take.
const TAKEN: [HeaderName; 12] = [
    names::AUTHORIZATION,
    CACHE_CONTROL,
    names::CONNECTION,
    names::CONTENT_LENGTH,
    names::CONTENT_TYPE,
    names::COOKIE,
    names::HOST,
    names::LOCATION,
    names::SET_COOKIE,
    names::TRANSFER_ENCODING,
    names::UPGRADE,
    VARY,
];
