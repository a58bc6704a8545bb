//! Tokens in cookies (RFC 6265, and its revision draft-ietf-httpbis-rfc6265bis, called "bis"
//! here). Finds ours in the raw `Cookie` bytes; writes `Set-Cookie` from a part that was rendered
//! once, at start. Knows nothing of what a token means.

use std::time::Duration;

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
use crate::schema::{CookieSpec, SameSite, strip_prefix};

/// The most bytes of name and value together: browsers drop a cookie that is larger (bis,
/// section 5.6).
pub(super) const LIMIT: usize = 4096;
/// The longest `Max-Age` that browsers honour: 400 days (bis, section 5.5).
const MAX_AGE: u64 = 400 * 24 * 60 * 60;

#[derive(Debug)]
pub(super) struct CookieCarrier {
    name: String,
    fixed: Fixed,
    /// The same without `Secure`, where the request decides.
    plain: Option<Fixed>,
}

/// What is the same in every `Set-Cookie` of ours.
#[derive(Debug)]
struct Fixed {
    /// The attributes as they follow the value: `; HttpOnly; …`.
    attributes: String,
    /// The whole `Set-Cookie` that makes the browser drop ours.
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

    /// Compares names byte for byte, with nothing decoded: had `%5F_Host-id` or `__host-id` passed
    /// for `__Host-id`, a neighbouring site could set what the prefix forbids it to. HTTP/2
    /// clients may split cookies over several headers (RFC 9113, section 8.2.3).
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
        // Rounded up: a moment after a session of a minute was made, its cookie still lives for a
        // minute, and one for the last second is not deleted by it.
        let seconds = |age: Duration| age.as_millis().div_ceil(1000).min(MAX_AGE.into());
        let seconds = max_age.map(|age| seconds(age).to_string());
        // Exactly: a header value takes over what has no room left.
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

    /// Adds our `Set-Cookie`. An earlier one of ours goes: a response should not set a cookie
    /// twice (RFC 6265, section 4.1.1). Those of others stay.
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
        let mut attributes = String::new();
        if spec.http_only {
            attributes.push_str("; HttpOnly");
        }
        // Always written, since browsers differ in their default.
        attributes.push_str(match spec.same_site {
            // Browsers refuse `None` without `Secure`, so this is the closest that works.
            SameSite::None if insecure_dev => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
        });
        if spec.partitioned && !insecure_dev {
            attributes.push_str("; Partitioned");
        }
        if secure && !insecure_dev {
            attributes.push_str("; Secure");
        }
        attributes.extend(["; Path=", spec.path]);
        if let Some(domain) = spec.domain {
            // A dot before it has no meaning since RFC 6265 (section 5.2.3).
            attributes.extend(["; Domain=", domain.strip_prefix('.').unwrap_or(domain)]);
        }
        for attribute in extra {
            attributes.extend(["; ", attribute]);
        }
        // With the very attributes it was set with: browsers tell cookies apart by some of them.
        let expired =
            format!("{name}={attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        let expired = HeaderValue::try_from(expired)
            .map_err(|_| format!("the attributes of cookie `{name}` are not visible ASCII"))?;
        Ok(Self { attributes, expired })
    }
}

/// The pairs in a `Cookie` header.
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

/// What follows `name=` in one cookie pair. A pair without `=` has no name, and is none of ours.
fn value_of<'h>(pair: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    trim(pair).strip_prefix(name)?.strip_prefix(b"=")
}

/// Without the spaces and tabs around it; other white space is not white space in a header.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The derive refuses these when it compiles; here they are refused whoever wrote the facts.
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
