//! Tokens in cookies (RFC 6265, and its revision draft-ietf-httpbis-rfc6265bis, called "bis" here).
//! Finds our cookie in the raw `Cookie` bytes; writes `Set-Cookie` from a part that the crate
//! `cookie` rendered once, at start. Knows nothing of a token's content.

use std::time::Duration;

use cookie::{Cookie, SameSite, time};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};
use memchr::memchr;

use super::{
    CookieOptions, Found, SecureCookie, append,
    extra::{self, fits, is_token},
    sensitive,
};
use crate::schema::{CookieSpec, strip_prefix};

/// The most bytes of name and value together. Browsers drop a larger cookie (bis, section 5.6).
pub(super) const LIMIT: usize = 4096;
/// The longest `Max-Age` that browsers honour: 400 days (bis, section 5.5).
const MAX_AGE: u64 = 400 * 24 * 60 * 60;

#[derive(Debug)]
pub(super) struct CookieCarrier {
    name: String,
    fixed: Fixed,
    /// The same without `Secure`, for types where the request decides.
    plain: Option<Fixed>,
}

/// The constant parts of our `Set-Cookie`.
#[derive(Debug)]
struct Fixed {
    /// The attributes in the form in which they follow the value: `; HttpOnly; …`.
    attributes: String,
    /// The whole `Set-Cookie` that makes the browser drop our cookie.
    expired: HeaderValue,
}

impl CookieCarrier {
    pub(super) fn new(
        name: &str,
        spec: &CookieSpec,
        options: &CookieOptions,
    ) -> Result<Self, String> {
        let always = options.is_always_secure(spec.secure);
        check(name, spec, always)?;
        extra::check(name, &options.attributes)?;
        let by_request = match options.secure {
            Some(_) if options.insecure_dev => {
                return Err(
                    "`secure` and `insecure_dev` contradict each other; drop one".to_owned()
                );
            }
            secure => matches!(secure, Some(SecureCookie::When(_))),
        };
        let name = if options.insecure_dev { strip_prefix(name) } else { name };
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("`{name}` cannot be the name of a cookie"));
        }
        let plain = by_request.then(|| Fixed::new(name, spec, options, false)).transpose()?;
        let fixed = Fixed::new(name, spec, options, always || by_request)?;
        Ok(Self { name: name.to_owned(), fixed, plain })
    }

    fn fixed(&self, secure: bool) -> &Fixed {
        self.plain.as_ref().filter(|_| !secure).unwrap_or(&self.fixed)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Finds our cookie. **Compares names byte for byte, without decoding:** if `%5F_Host-id` or
    /// `__host-id` passed for `__Host-id`, a neighbouring site could set the cookie that the prefix
    /// protects. HTTP/2 clients may split cookies over several headers (RFC 9113, section 8.2.3).
    pub(super) fn find<'h>(&self, headers: &'h HeaderMap) -> Found<'h> {
        let mut found = Found::None;
        for header in headers.get_all(COOKIE) {
            for pair in pairs(header) {
                if let Some(value) = value_of(pair, self.name.as_bytes()) {
                    found = found.and(value, header);
                }
            }
        }
        found
    }

    pub(super) fn token_in<'h>(&self, header: &'h HeaderValue) -> Option<&'h [u8]> {
        pairs(header).find_map(|pair| value_of(pair, self.name.as_bytes()))
    }

    pub(super) fn write(
        &self,
        headers: &mut HeaderMap,
        token: &str,
        max_age: Option<Duration>,
        secure: bool,
    ) {
        let attributes = &self.fixed(secure).attributes;
        // Rounded up: a moment after the start of a one-minute session, its cookie still lives for
        // a minute. And a cookie for the last second is not deleted by its own `Max-Age`.
        let seconds = |age: Duration| age.as_millis().div_ceil(1000).min(MAX_AGE.into());
        let seconds = max_age.map(|age| seconds(age).to_string());
        // Exactly this capacity: a header value takes over a buffer that has no spare room.
        let more = seconds.as_ref().map_or(0, |seconds| "; Max-Age=".len() + seconds.len());
        let mut text =
            String::with_capacity(self.name.len() + 1 + token.len() + attributes.len() + more);
        text.extend([&self.name, "=", token, attributes]);
        if let Some(seconds) = &seconds {
            text.extend(["; Max-Age=", seconds]);
        }
        self.set(headers, sensitive(text));
    }

    pub(super) fn expire(&self, headers: &mut HeaderMap, secure: bool) {
        self.set(headers, self.fixed(secure).expired.clone());
    }

    /// Adds our `Set-Cookie`, and removes an earlier one of ours: a response should not set a
    /// cookie twice (RFC 6265, section 4.1.1). Other cookies' `Set-Cookie` stay.
    fn set(&self, headers: &mut HeaderMap, value: HeaderValue) {
        let ours = |value: &HeaderValue| value_of(value.as_bytes(), self.name.as_bytes()).is_some();
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
}

impl Fixed {
    fn new(
        name: &str,
        spec: &CookieSpec,
        options: &CookieOptions,
        secure: bool,
    ) -> Result<Self, String> {
        let CookieOptions { insecure_dev, attributes: extra, .. } = options;
        let insecure_dev = *insecure_dev;
        let mut cookie = Cookie::build((name, ""))
            .http_only(spec.http_only)
            // Always written, since browsers differ in their default.
            .same_site(match spec.same_site {
                // Browsers refuse `None` without `Secure`; `Lax` is the closest value that works.
                SameSite::None if insecure_dev => SameSite::Lax,
                same_site => same_site,
            })
            .partitioned(spec.partitioned && !insecure_dev)
            .secure(secure && !insecure_dev)
            .path(spec.path)
            .build();
        if let Some(domain) = spec.domain {
            // The crate drops a leading dot: it has no meaning since RFC 6265 (section 5.2.3).
            cookie.set_domain(domain);
        }
        let render = |cookie: &Cookie<'_>| {
            let mut text = cookie.to_string();
            for attribute in extra {
                text.extend(["; ", attribute]);
            }
            text
        };
        let attributes = render(&cookie).split_off(name.len() + "=".len());
        // With the same attributes as at its creation: browsers distinguish cookies by some of
        // them. Not `make_removal`, whose date depends on when the program started.
        cookie.set_max_age(time::Duration::ZERO);
        cookie.set_expires(time::OffsetDateTime::UNIX_EPOCH);
        let expired = HeaderValue::try_from(render(&cookie))
            .map_err(|_| format!("the attributes of cookie `{name}` are not visible ASCII"))?;
        Ok(Self { attributes, expired })
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

/// Checks the facts. The derive already refuses these mistakes, but somebody else may have written
/// them.
fn check(name: &str, spec: &CookieSpec, secure: bool) -> Result<(), String> {
    let bare = strip_prefix(name);
    let prefix = &name[..name.len() - bare.len()];
    let refuse = |what: &str| Err(format!("cookie `{name}`: {what}"));
    if !prefix.is_empty() && !secure {
        return refuse("a name with this prefix needs `Secure` on every response");
    }
    if prefix.eq_ignore_ascii_case("__Host-") && (spec.path != "/" || spec.domain.is_some()) {
        return refuse("a name that begins with `__Host-` needs `Path=/` and no `Domain`");
    }
    if spec.same_site == SameSite::None && !secure {
        return refuse("`SameSite=None` needs `Secure` on every response");
    }
    if spec.partitioned && !secure {
        return refuse("`Partitioned` needs `Secure` on every response");
    }
    if !spec.path.starts_with('/') || !fits(spec.path) || spec.path != spec.path.trim() {
        return refuse("its path must begin with `/` and be visible ASCII without `;`");
    }
    let in_domain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
    if spec
        .domain
        .is_some_and(|domain| domain.is_empty() || !fits(domain) || !domain.bytes().all(in_domain))
    {
        return refuse("its domain must be letters, digits, `-` and `.`");
    }
    Ok(())
}
