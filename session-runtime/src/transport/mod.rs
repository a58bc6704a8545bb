//! How a token travels: which header it is found in, and how the response carries it. A
//! [`Carrier`] is made once, at start, from the session's static facts; it reads raw bytes and
//! knows nothing of what a token means.

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

/// What a request carries under our name.
#[derive(Clone, Copy)]
pub(crate) enum Found<'h> {
    None,
    /// One value, as raw bytes, and the header it is in; nothing is known about it.
    One(&'h [u8], &'h HeaderValue),
    /// More than one. Which of them is ours cannot be known, so none of them is taken.
    Duplicate,
}

impl<'h> Found<'h> {
    /// With one more value seen.
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

/// A token that its transport does not take: name and value together are too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) size: usize,
    pub(crate) limit: usize,
}

/// Carries tokens of one session type in and out.
#[derive(Debug)]
pub(crate) struct Carrier {
    kind: Kind,
    label: &'static str,
    /// What responses vary by.
    vary: HeaderValue,
}

#[derive(Debug)]
enum Kind {
    Cookie(CookieCarrier),
    Header(HeaderCarrier),
}

impl Carrier {
    /// The carrier for a session type, or what is wrong with its name, attributes or options.
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

    /// The name of the cookie or header, as it is on the wire.
    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.name(),
            Kind::Header(header) => header.name(),
        }
    }

    /// The transport's name, as tokens are bound to it.
    pub(crate) const fn transport_label(&self) -> &'static str {
        self.label
    }

    /// Looks for our token. Parses nothing but what leads to it, and allocates nothing.
    pub(crate) fn find<'h>(&self, headers: &'h HeaderMap) -> Found<'h> {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.find(headers),
            Kind::Header(header) => header.find(headers),
        }
    }

    /// The token in a header of a request that [`find`](Self::find) has found one in.
    pub(crate) fn token_in<'h>(&self, header: &'h HeaderValue) -> Option<&'h [u8]> {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.token_in(header),
            Kind::Header(carrier) => carrier.token_in(header),
        }
    }

    /// Whether a token fits.
    pub(crate) fn check(&self, token: &str) -> Result<(), TooLarge> {
        let limit = match &self.kind {
            Kind::Cookie(_) => cookie::LIMIT,
            Kind::Header(_) => header::LIMIT,
        };
        let size = self.name().len() + token.len();
        if size > limit { Err(TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Puts a token (base64url) into a response, instead of an earlier one of ours. `max_age` is
    /// how long the client keeps it; without, until it closes. `secure` is whether the cookie is to
    /// be `Secure`, where that depends on the request. Only cookies can say either.
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

    /// Tells the client to forget the token.
    pub(crate) fn expire(&self, headers: &mut HeaderMap, secure: bool) {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.expire(headers, secure),
            Kind::Header(header) => header.expire(headers),
        }
    }

    /// The response depends on the session, so caches must not give it to another client (RFC
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

    /// The response carries a token, so no cache may keep it (RFC 9111, section 5.2.2.5), whatever
    /// the handler said.
    #[expect(clippy::unused_self, reason = "all that touches a response goes through the carrier")]
    pub(crate) fn mark_private(&self, headers: &mut HeaderMap) {
        insert(headers, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

// A `HeaderMap` takes 32,768 entries, and its `append` and `insert` panic beyond that. No server
// sends such a response, so that a header of ours is missing from it is of no matter.

fn append(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = headers.try_append(name, value);
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name, value);
}

/// A header value with a token in it, which logs must not show.
fn sensitive(text: String) -> HeaderValue {
    // Names and attributes are checked at start, and a token is base64url.
    let mut value = HeaderValue::try_from(text).expect("a token is visible ASCII");
    value.set_sensitive(true);
    value
}

/// Headers that mean something else already, so that a session cannot have their name.
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
