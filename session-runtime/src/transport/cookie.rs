//! Tokens in cookies (RFC 6265, and its revision draft-ietf-httpbis-rfc6265bis, called "bis" here).
//! Finds our cookie in the raw `Cookie` bytes; writes `Set-Cookie` from a part that the crate
//! `cookie` rendered once, at start. Knows nothing of a token's content.

use std::{borrow::Cow, time::Duration};

use cookie::{Cookie, SameSite, time};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
    request::Parts,
};
use memchr::memchr;

use super::{
    CarrierOptions, CookieContext, Found, append,
    attributes::Attributes,
    authority::authority,
    everywhere, sensitive,
    settings::{CookieSettings, Secured},
};

/// The most bytes of name and value together. Browsers drop a larger cookie (bis, section 5.6).
pub(super) const LIMIT: usize = 4096;
/// The longest `Max-Age` that browsers honour: 400 days (bis, section 5.5).
const MAX_AGE: u64 = 400 * 24 * 60 * 60;

#[derive(Debug)]
pub(super) struct CookieCarrier {
    settings: CookieSettings,
    fixed: Fixed,
    /// The same without `Secure`, for types where the request decides.
    plain: Option<Fixed>,
}

/// The constant parts of our `Set-Cookie`.
#[derive(Debug)]
struct Fixed {
    /// The attributes in the form in which they follow the value: `; HttpOnly; …`.
    attributes: String,
    /// The attributes that make the browser drop our cookie.
    expiry: String,
    /// The whole `Set-Cookie` that makes the browser drop our cookie, under the constant name.
    expired: HeaderValue,
}

impl CookieCarrier {
    pub(super) fn new(settings: CookieSettings, options: &CarrierOptions) -> Result<Self, String> {
        let secured = settings.secured;
        let fixed = |secure| Fixed::new(&settings, options, secure);
        let plain = (secured == Secured::ByRequest).then(|| fixed(false)).transpose()?;
        let fixed = fixed(secured != Secured::Never)?;
        Ok(Self { settings, fixed, plain })
    }

    fn fixed(&self, secure: bool) -> &Fixed {
        self.plain.as_ref().filter(|_| !secure).unwrap_or(&self.fixed)
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Returns true if a browser may have our cookie in other scopes than ours.
    pub(super) const fn may_be_elsewhere(&self) -> bool {
        !self.settings.is_alone
    }

    /// Returns the number of bytes of the longest name that a request can lead to.
    pub(super) fn longest_name(&self) -> usize {
        let port = if self.settings.by_port { "-65535".len() } else { 0 };
        self.settings.name.len() + port
    }

    /// Returns the port that a request was sent to, if the cookie's name has it.
    pub(super) fn port(&self, parts: &Parts) -> Option<u16> {
        self.settings.by_port.then(|| authority(parts)?.port_u16()).flatten()
    }

    /// Returns the name for requests to this port. Cookies know no ports (RFC 6265, section 8.5):
    /// two programs on one host would otherwise overwrite each other's cookie.
    fn name_at(&self, port: Option<u16>) -> Cow<'_, str> {
        let name = self.name();
        port.map_or(Cow::Borrowed(name), |port| Cow::Owned(format!("{name}-{port}")))
    }

    /// Finds our cookie. **Compares names byte for byte, without decoding:** if `%5F_Host-id` or
    /// `__host-id` passed for `__Host-id`, a neighbouring site could set the cookie that the prefix
    /// protects. HTTP/2 clients may split cookies over several headers (RFC 9113, section 8.2.3).
    #[inline]
    pub(super) fn find<'h>(&self, headers: &'h HeaderMap, port: Option<u16>) -> Found<'h> {
        let name = self.name_at(port);
        let mut found = Found::None;
        for header in headers.get_all(COOKIE) {
            for pair in pairs(header) {
                if let Some(value) = value_of(pair, name.as_bytes()) {
                    found = found.and(value, header);
                }
            }
        }
        found
    }

    pub(super) fn token_in<'h>(
        &self,
        header: &'h HeaderValue,
        port: Option<u16>,
    ) -> Option<&'h [u8]> {
        let name = self.name_at(port);
        pairs(header)
            .filter_map(|pair| value_of(pair, name.as_bytes()))
            .find(|value| !value.is_empty())
    }

    pub(super) fn write(
        &self,
        headers: &mut HeaderMap,
        token: &str,
        max_age: Option<Duration>,
        CookieContext { secure, port }: CookieContext,
    ) {
        let (name, attributes) = (self.name_at(port), &self.fixed(secure).attributes);
        // Rounded up: a moment after the start of a one-minute session, its cookie still lives for
        // a minute. And a cookie for the last second is not deleted by its own `Max-Age`.
        let seconds = |age: Duration| age.as_millis().div_ceil(1000).min(MAX_AGE.into());
        let seconds = max_age.map(|age| seconds(age).to_string());
        // Exactly this capacity: a header value takes over a buffer that has no spare room.
        let more = seconds.as_ref().map_or(0, |seconds| "; Max-Age=".len() + seconds.len());
        let mut text =
            String::with_capacity(name.len() + 1 + token.len() + attributes.len() + more);
        text.extend([&name, "=", token, attributes]);
        if let Some(seconds) = &seconds {
            text.extend(["; Max-Age=", seconds]);
        }
        set(headers, &name, sensitive(text));
    }

    pub(super) fn expire(
        &self,
        headers: &mut HeaderMap,
        CookieContext { secure, port }: CookieContext,
    ) {
        let (name, fixed) = (self.name_at(port), self.fixed(secure));
        let expired = match port {
            None => fixed.expired.clone(),
            Some(_) => sensitive(format!("{name}={}", fixed.expiry)),
        };
        set(headers, &name, expired);
    }

    /// Returns what expires our cookie wherever else the client may have it.
    pub(super) fn elsewhere(&self, parts: &Parts, path: &str) -> Vec<HeaderValue> {
        let CookieSettings { attributes, is_alone, .. } = &self.settings;
        // Attributes beyond these are not told from others by the browser.
        let secure = self.fixed.attributes.contains("; Secure");
        let name = self.name_at(self.port(parts));
        everywhere::values(&name, attributes, secure, *is_alone, parts, path)
    }
}

/// Adds our `Set-Cookie`, and removes an earlier one of ours: a response should not set a cookie
/// twice (RFC 6265, section 4.1.1). Other cookies' `Set-Cookie` stay.
fn set(headers: &mut HeaderMap, name: &str, value: HeaderValue) {
    let ours = |value: &HeaderValue| value_of(value.as_bytes(), name.as_bytes()).is_some();
    if headers.get_all(SET_COOKIE).iter().any(ours) {
        let others: Vec<_> =
            headers.get_all(SET_COOKIE).iter().filter(|value| !ours(value)).cloned().collect();
        headers.remove(SET_COOKIE);
        for value in others {
            append(headers, SET_COOKIE, value);
        }
    }
    append(headers, SET_COOKIE, value);
}

impl Fixed {
    fn new(
        settings: &CookieSettings,
        options: &CarrierOptions,
        secure: bool,
    ) -> Result<Self, String> {
        let CookieSettings { name, attributes, .. } = settings;
        let Attributes { path, domain, same_site, http_only, partitioned } = attributes;
        let CarrierOptions { insecure_dev, attributes: extra, .. } = options;
        let insecure_dev = *insecure_dev;
        let mut cookie = Cookie::build(("", ""))
            .http_only(*http_only)
            // Always written, since browsers differ in their default.
            .same_site(match same_site {
                // Browsers refuse `None` without `Secure`; `Lax` is the closest value that works.
                SameSite::None if insecure_dev => SameSite::Lax,
                same_site => *same_site,
            })
            .partitioned(*partitioned && !insecure_dev)
            .secure(secure && !insecure_dev)
            .path(path.as_str())
            .build();
        if let Some(domain) = domain {
            // The crate drops a leading dot: it has no meaning since RFC 6265 (section 5.2.3).
            cookie.set_domain(domain.as_str());
        }
        let render = |cookie: &Cookie<'_>| {
            let mut text = cookie.to_string();
            for attribute in extra {
                text.extend(["; ", attribute]);
            }
            text.split_off("=".len())
        };
        let attributes = render(&cookie);
        // With the same attributes as at its creation: browsers distinguish cookies by some of
        // them. Not `make_removal`, whose date depends on when the program started.
        cookie.set_max_age(time::Duration::ZERO);
        cookie.set_expires(time::OffsetDateTime::UNIX_EPOCH);
        let expiry = render(&cookie);
        let expired = HeaderValue::try_from(format!("{name}={expiry}"))
            .map_err(|_| format!("the attributes of cookie `{name}` are not visible ASCII"))?;
        Ok(Self { attributes, expiry, expired })
    }
}

/// Returns the pairs in a `Cookie` header.
fn pairs(header: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header.as_bytes());
    std::iter::from_fn(move || {
        let bytes = rest?;
        let (pair, after) = match memchr(b';', bytes) {
            Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
            None => (bytes, None),
        };
        rest = after;
        Some(pair)
    })
}

/// Returns the text after `name=` in one cookie pair. A pair without `=` has no name and is not
/// ours.
fn value_of<'h>(pair: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    trim(pair).strip_prefix(name)?.strip_prefix(b"=")
}

/// Removes spaces and tabs at both ends. Other white space is not white space in a header.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
