//! The expiry of a cookie in every scope in which a browser may have it. A browser keeps one cookie
//! for each domain and path, and sends all of them under one name. So a cookie of another domain or
//! path, set by an earlier deployment or planted by a neighbour, would hide ours for good.

use std::net::IpAddr;

use http::{HeaderValue, request::Parts};

use super::{
    attributes::Attributes,
    authority::{authority, host},
    extra::fits,
};

/// The most cookies that a response expires. Each is a line of up to some hundred bytes, and
/// servers and proxies limit the head of a response. Enough for five domains and four segments.
const MOST: usize = 54;

/// Returns a `Set-Cookie` for each scope that a request could have got the cookie from, except the
/// cookie's own. `is_alone`: the name lets browsers keep the own scope only. `path` is the one that the
/// client asked for.
pub(super) fn values(
    name: &str,
    own: &Attributes,
    secure: bool,
    is_alone: bool,
    parts: &Parts,
    path: &str,
) -> Vec<HeaderValue> {
    let mut values = Vec::new();
    let mut expire = |domain: Option<&str>, path: &str, partitioned: bool| {
        let mut text = format!("{name}=; Max-Age=0; Path={path}");
        if let Some(domain) = domain {
            text.extend(["; Domain=", domain]);
        }
        // Browsers hold a cookie that expires to the rules for names, too.
        for (attribute, is_there) in
            [("; HttpOnly", own.http_only), ("; Secure", secure), ("; Partitioned", partitioned)]
        {
            text.push_str(if is_there { attribute } else { "" });
        }
        // The path is the request's, which may hold what no attribute can.
        values.extend(HeaderValue::try_from(text).ok().filter(|_| fits(path)));
    };
    let own_domain = own.domain.as_deref().map(|domain| domain.trim_start_matches('.'));
    // A browser keeps a partitioned cookie beside another one of the same scope.
    if secure {
        expire(own_domain, &own.path, !own.partitioned);
    }
    if is_alone {
        return values;
    }
    let authority = authority(parts);
    let host = authority.as_ref().map_or("", host).to_ascii_lowercase();
    let domains = std::iter::once(None).chain(domains(&host).map(Some));
    for domain in domains {
        for path in paths(path) {
            if domain != own_domain || path != own.path {
                expire(domain, path, own.partitioned);
            }
        }
    }
    values.truncate(MOST);
    values
}

/// Returns the host and each domain above it that has a dot. An address has no domain.
fn domains(host: &str) -> impl Iterator<Item = &str> {
    let in_domain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
    let is_name = host.parse::<IpAddr>().is_err() && host.bytes().all(in_domain);
    let first = Some(host).filter(|host| is_name && !host.is_empty());
    std::iter::successors(first, |domain| {
        domain.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'))
    })
}

/// Returns the paths of cookies that a browser sends to this path (RFC 6265, section 5.1.4), with
/// and without the slash at the end.
fn paths(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().filter(|(_, c)| *c == '/').flat_map(|(at, _)| [at, at + 1]);
    ends.chain([path.len()])
        .filter(|end| *end > 0)
        .scan(0, |last, end| Some((std::mem::replace(last, end), end)))
        .filter(|(last, end)| last != end)
        .map(|(_, end)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_of_a_path_is_one_that_browsers_send_a_cookie_from() {
        let all = |path| paths(path).collect::<Vec<_>>();
        assert_eq!(all("/"), ["/"]);
        assert_eq!(all("/a"), ["/", "/a"]);
        assert_eq!(all("/a/b"), ["/", "/a", "/a/", "/a/b"]);
        assert_eq!(all("/a/b/"), ["/", "/a", "/a/", "/a/b", "/a/b/"]);
    }

    #[test]
    fn each_domain_above_a_host_is_one_that_browsers_send_a_cookie_from() {
        let all = |host| domains(host).collect::<Vec<_>>();
        assert_eq!(all("a.b.example.com"), ["a.b.example.com", "b.example.com", "example.com"]);
        assert_eq!(all("localhost"), ["localhost"]);
        for none in ["", "127.0.0.1", "::1", "a b", "a;b"] {
            assert_eq!(all(none), [""; 0], "{none}");
        }
    }
}
