//! What a reverse proxy says of the request it passed on. Each function here trusts headers, which
//! clients can send too: choosing one says that a proxy stands in front and writes them.

use http::{HeaderMap, HeaderValue, request::Parts};

/// Whether the proxy in front of this server was reached over https, by what it says in
/// `Forwarded: proto=…` (RFC 7239) or `X-Forwarded-Proto`. For
/// [`SecureCookie::When`](crate::SecureCookie::When).
///
/// The *last* value counts, in the last header line: proxies append, so it is the word of the
/// nearest one; all before it may have come from the client. Behind several proxies, the one that
/// ends TLS must be the nearest, or the others must pass on what it says instead of adding their
/// own. Where both headers are there, either suffices: a header that a client adds can make a cookie
/// `Secure`, never keep it from being so. A `Forwarded` element that is not well formed says
/// nothing.
///
/// ```
/// use session_runtime::proxy;
///
/// let (parts, ()) = http::Request::builder()
///     .header("forwarded", "for=203.0.113.7;proto=http, for=10.0.0.1;proto=https")
///     .body(())
///     .unwrap()
///     .into_parts();
/// assert!(proxy::is_https(&parts));
/// ```
#[must_use]
pub fn is_https(parts: &Parts) -> bool {
    let is_https = |proto: &[u8]| proto.eq_ignore_ascii_case(b"https");
    let forwarded = last(&parts.headers, "forwarded").and_then(proto);
    forwarded.is_some_and(|proto| is_https(&proto))
        || last(&parts.headers, "x-forwarded-proto").is_some_and(|value| {
            value
                .rsplit(|byte| *byte == b',')
                .next()
                .is_some_and(|proto| is_https(proto.trim_ascii()))
        })
}

fn last<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    headers.get_all(name).iter().next_back().map(HeaderValue::as_bytes)
}

/// The `proto` of the last element of a `Forwarded` value; none if the value is not well formed or
/// says it twice.
fn proto(value: &[u8]) -> Option<Vec<u8>> {
    let mut rest = value;
    let mut found = None;
    loop {
        rest = rest.trim_ascii_start();
        if let Some((name, after)) = token(rest) {
            let (value, after) = pair_value(after.strip_prefix(b"=")?)?;
            if name.eq_ignore_ascii_case(b"proto") && found.replace(value).is_some() {
                return None;
            }
            rest = after.trim_ascii_start();
        }
        match rest.split_first() {
            None => return found,
            Some((b';', after)) => rest = after,
            Some((b',', after)) => (rest, found) = (after, None),
            Some(_) => return None,
        }
    }
}

/// A token (RFC 9110, section 5.6.2) and what follows it.
fn token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = bytes.iter().position(|byte| !is_token(byte)).unwrap_or(bytes.len());
    (end > 0).then(|| bytes.split_at(end))
}

/// A token or quoted string, unquoted, and what follows it.
fn pair_value(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = bytes.strip_prefix(b"\"") else {
        return token(bytes).map(|(value, rest)| (value.to_vec(), rest));
    };
    let mut value = Vec::new();
    let mut rest = quoted;
    loop {
        match rest {
            [b'"', after @ ..] => return Some((value, after)),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(headers: &[(&'static str, &str)]) -> bool {
        let mut parts = http::Request::new(()).into_parts().0;
        for (name, value) in headers {
            parts.headers.append(*name, HeaderValue::from_str(value).expect("a header value"));
        }
        is_https(&parts)
    }

    #[test]
    fn the_last_value_counts() {
        for (value, https) in [
            ("https", true),
            ("HTTPS", true),
            ("http", false),
            ("http, https", true),
            ("https, http", false),
            ("https,", false),
            ("", false),
            ("httpsx", false),
        ] {
            assert_eq!(says(&[("x-forwarded-proto", value)]), https, "{value}");
        }
        for (value, https) in [
            ("proto=https", true),
            ("for=1.2.3.4;Proto=\"https\";by=x", true),
            ("for=1.2.3.4; proto=https", true),
            ("for=\"a,b;proto=http\";proto=https", true),
            ("for=\"\\\"\";proto=https", true),
            (";proto=https;", true),
            ("proto=http, proto=https", true),
            ("proto=https, for=1.2.3.4", false),
            ("proto=https, proto=http", false),
            ("proto=https;proto=https", false),
            ("proto", false),
            ("proto=", false),
            ("proto=\"https", false),
            ("for=\"x;proto=https", false),
            ("proto=https x", false),
            ("for=[::1];proto=https", false),
            ("xproto=https", false),
        ] {
            assert_eq!(says(&[("forwarded", value)]), https, "{value}");
        }
    }

    #[test]
    fn the_last_line_counts_and_either_header_suffices() {
        assert!(says(&[("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")]));
        assert!(!says(&[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]));
        assert!(says(&[("forwarded", "proto=http"), ("x-forwarded-proto", "https")]));
        assert!(says(&[("forwarded", "proto=https"), ("x-forwarded-proto", "http")]));
        assert!(!says(&[]));
    }
}
