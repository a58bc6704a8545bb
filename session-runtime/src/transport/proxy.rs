//! A reverse proxy's statements about the request that it passed on. **Each function here trusts
//! headers that clients can send, too:** use it only behind a proxy that writes them.

use http::{HeaderMap, HeaderValue, request::Parts};

/// Returns true if the client reached the proxy in front of this server over https, according to
/// `Forwarded: proto=…` (RFC 7239) or `X-Forwarded-Proto`. For
/// [`SecureCookie::When`](crate::policy::SecureCookie::When).
///
/// **Use this only behind a proxy that writes one of these headers.** The *last* value of the last
/// header line counts. Proxies append, so the last value is the nearest proxy's; all values before
/// it may come from the client. With several proxies, the proxy that ends TLS must be the nearest,
/// or the others must pass on its value instead of appending their own. If both headers are there,
/// either suffices: a header that a client adds can make a cookie `Secure`, never prevent it. A
/// malformed `Forwarded` element counts as absent.
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

/// Returns the `proto` of the last element of a `Forwarded` value. Returns `None` if the value is
/// malformed or contains two.
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

/// Returns a token (RFC 9110, section 5.6.2) and the rest of the bytes.
fn token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = bytes.iter().position(|byte| !is_token(byte)).unwrap_or(bytes.len());
    (end > 0).then(|| bytes.split_at(end))
}

/// Returns a token or an unquoted string, and the rest of the bytes.
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
