//! The transport of a token: the header of a request that carries it, and the header of the
//! response. A [`Carrier`] is made once, at start, from the session's static facts. It reads raw
//! bytes and knows nothing of a token's content.

mod attributes;
pub(crate) mod authority;
mod cookie;
mod everywhere;
mod extra;
mod header;
mod prefix;
pub mod proxy;
mod secure;
mod settings;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self as names, CACHE_CONTROL, Entry, VARY},
    request::Parts,
};

pub use self::secure::SecureCookie;
pub(crate) use self::settings::{CarrierOptions, Domain};
use self::{cookie::CookieCarrier, header::HeaderCarrier};
use crate::schema::{Spec, Transport};

/// The token that a request carries under our name.
#[derive(Clone, Copy)]
pub(crate) enum Found<'h> {
    None,
    /// One value, as raw bytes, and its header. Nothing is verified.
    One(&'h [u8], &'h HeaderValue),
    /// Different values. Nothing shows which of them is ours, so none is accepted.
    Duplicate,
}

impl<'h> Found<'h> {
    /// Adds one more value to the result. An empty value is none, and equal ones are one.
    fn and(self, value: &'h [u8], header: &'h HeaderValue) -> Self {
        match self {
            found if value.is_empty() => found,
            Self::None => Self::One(value, header),
            Self::One(first, header) if first == value => Self::One(first, header),
            Self::One(..) | Self::Duplicate => Self::Duplicate,
        }
    }
}

/// The `Set-Cookie` lines that expire our cookie wherever else a client may have it.
// Boxed where it is kept: it is rare, and each byte of a request's session counts.
#[derive(Debug)]
pub(crate) struct Elsewhere(Vec<HeaderValue>);

/// The facts of one request that its cookie depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CookieContext {
    /// The cookie is `Secure`, where that depends on the request.
    pub(crate) secure: bool,
    /// The port that the request was sent to, where the cookie's name has it.
    pub(crate) port: Option<u16>,
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
    transport: Transport,
    persistent: bool,
    /// The headers that responses vary by.
    vary: HeaderValue,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a program has one for each of its layers")]
enum Kind {
    Cookie(CookieCarrier),
    Header(HeaderCarrier),
}

impl Carrier {
    /// Makes the carrier of a session type. Returns what is wrong with the type's name, attributes
    /// or options, if anything is.
    pub(crate) fn new(spec: &Spec, options: &CarrierOptions) -> Result<Self, String> {
        let transport = options.transport(spec);
        if transport != Transport::Cookie {
            options.check_unused()?;
        }
        let (kind, vary) = match transport {
            Transport::Cookie => {
                let cookie = CookieCarrier::new(options.cookie(spec)?, options)?;
                (Kind::Cookie(cookie), HeaderValue::from_static("Cookie"))
            }
            Transport::Header => {
                let header = HeaderCarrier::new(options.name(spec), false)?;
                let vary = HeaderValue::from(header.request());
                (Kind::Header(header), vary)
            }
            Transport::Bearer => {
                let header = HeaderCarrier::new(options.name(spec), true)?;
                (Kind::Header(header), HeaderValue::from_static("Authorization"))
            }
        };
        Ok(Self { kind, transport, persistent: options.is_persistent(spec), vary })
    }

    /// Returns the name of the cookie or header as sent, but for the port in development.
    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.name(),
            Kind::Header(header) => header.name(),
        }
    }

    /// Returns the kind of the carrier.
    pub(crate) const fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns true if the client is to keep every token for the session's lifetime.
    pub(crate) const fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Returns the transport's name, which tokens are bound to.
    pub(crate) const fn transport_label(&self) -> &'static str {
        match self.transport {
            Transport::Cookie => "cookie",
            Transport::Header => "header",
            Transport::Bearer => "bearer",
        }
    }

    /// Returns the facts of a request that its cookie depends on, but for `Secure`.
    pub(crate) fn context(&self, parts: &Parts, secure: bool) -> CookieContext {
        let port = match &self.kind {
            Kind::Cookie(cookie) => cookie.port(parts),
            Kind::Header(_) => None,
        };
        CookieContext { secure, port }
    }

    /// Finds our token. Parses only what leads to it, and allocates nothing but in development.
    #[inline]
    pub(crate) fn find<'h>(&self, parts: &'h Parts) -> Found<'h> {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.find(&parts.headers, cookie.port(parts)),
            Kind::Header(header) => header.find(&parts.headers),
        }
    }

    /// Returns the token in the header where [`find`](Self::find) has found one.
    pub(crate) fn token_in<'h>(
        &self,
        header: &'h HeaderValue,
        context: CookieContext,
    ) -> Option<&'h [u8]> {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.token_in(header, context.port),
            Kind::Header(carrier) => carrier.token_in(header),
        }
    }

    /// Returns what expires our cookie wherever else the client may have it, for the response to a
    /// request with [different](Found::Duplicate) values. `path` is the one that the client asked
    /// for, which a nested router has shortened.
    pub(crate) fn elsewhere(&self, parts: &Parts, path: &str) -> Option<Box<Elsewhere>> {
        match &self.kind {
            Kind::Cookie(cookie) => Some(Box::new(Elsewhere(cookie.elsewhere(parts, path)))),
            Kind::Header(_) => None,
        }
    }

    /// Returns true if a client may have our token in several scopes.
    pub(crate) const fn may_be_elsewhere(&self) -> bool {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.may_be_elsewhere(),
            Kind::Header(_) => false,
        }
    }

    /// Checks that a token fits.
    pub(crate) fn check(&self, token: &str) -> Result<(), TooLarge> {
        let limit = match &self.kind {
            Kind::Cookie(_) => cookie::LIMIT,
            Kind::Header(_) => header::LIMIT,
        };
        let name = match &self.kind {
            Kind::Cookie(cookie) => cookie.longest_name(),
            Kind::Header(header) => header.name().len(),
        };
        let size = name + token.len();
        if size > limit { Err(TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Writes a token (base64url) into a response, in place of an earlier one of ours. The client
    /// keeps it for `max_age`, or without one until the client closes.
    pub(crate) fn write(
        &self,
        headers: &mut HeaderMap,
        token: &str,
        max_age: Option<Duration>,
        context: CookieContext,
    ) -> Result<(), TooLarge> {
        self.check(token)?;
        match &self.kind {
            Kind::Cookie(cookie) => cookie.write(headers, token, max_age, context),
            Kind::Header(header) => header.write(headers, token),
        }
        Ok(())
    }

    /// Makes the client forget the token.
    pub(crate) fn expire(&self, headers: &mut HeaderMap, context: CookieContext) {
        match &self.kind {
            Kind::Cookie(cookie) => cookie.expire(headers, context),
            Kind::Header(header) => header.expire(headers),
        }
    }

    /// Adds what [`elsewhere`](Self::elsewhere) has returned to a response that sets or expires
    /// the token. They come first: to a browser that does not know `Partitioned`, one of them is
    /// about the cookie itself.
    #[expect(clippy::unused_self, reason = "all that touches a response goes through the carrier")]
    pub(crate) fn expire_elsewhere(&self, headers: &mut HeaderMap, elsewhere: Elsewhere) {
        let others: Vec<_> = headers.get_all(names::SET_COOKIE).iter().cloned().collect();
        headers.remove(names::SET_COOKIE);
        for value in elsewhere.0.into_iter().chain(others) {
            append(headers, names::SET_COOKIE, value);
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
