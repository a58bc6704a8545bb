//! Tokens in headers: one of the session's own name both ways, or `Authorization: Bearer` (RFC
//! 6750) in requests. Knows nothing of a token's content.

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};

use super::{Found, TAKEN, insert, sensitive};

/// The most bytes of name and value together: the usual limit of servers for one header line.
pub(super) const LIMIT: usize = 8192;

const SCHEME: &[u8] = b"bearer";

#[derive(Debug)]
pub(super) struct HeaderCarrier {
    name: HeaderName,
    bearer: bool,
}

impl HeaderCarrier {
    pub(super) fn new(name: &str, bearer: bool) -> Result<Self, String> {
        let header = HeaderName::try_from(name)
            .map_err(|_| format!("`{name}` cannot be the name of a header"))?;
        if TAKEN.contains(&header) {
            return Err(format!("the header `{name}` has another meaning already"));
        }
        Ok(Self { name: header, bearer })
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns the header in which requests carry the token.
    pub(super) fn request(&self) -> HeaderName {
        if self.bearer { AUTHORIZATION } else { self.name.clone() }
    }

    /// Finds our header. A value with a comma or a space, as proxies make by joining two values, is
    /// one value; no token looks like it. An empty value counts as no value, since an expired token
    /// leaves it behind.
    pub(super) fn find<'h>(&self, headers: &'h HeaderMap) -> Found<'h> {
        let name = if self.bearer { &AUTHORIZATION } else { &self.name };
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if headers.contains_key(name) { Found::Duplicate } else { Found::None };
        };
        match self.token_in(value) {
            None | Some(b"") => Found::None,
            Some(token) => Found::One(token, value),
        }
    }

    pub(super) fn token_in<'h>(&self, header: &'h HeaderValue) -> Option<&'h [u8]> {
        let value = header.as_bytes();
        if self.bearer { bearer_token(value) } else { Some(value) }
    }

    pub(super) fn write(&self, headers: &mut HeaderMap, token: &str) {
        insert(headers, self.name.clone(), sensitive(token.to_owned()));
    }

    pub(super) fn expire(&self, headers: &mut HeaderMap) {
        insert(headers, self.name.clone(), HeaderValue::from_static(""));
    }
}

/// Returns the text after the scheme and its spaces. The scheme matches in any case (RFC 9110,
/// section 11.1). Returns `None` for credentials of another scheme, which are not ours to judge.
fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    let mut token = rest.strip_prefix(b" ")?;
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
}
