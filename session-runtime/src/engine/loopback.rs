//! Which requests `insecure_dev()` serves: those from this machine to itself.

use http::request::Parts;

/// Returns whether a request was addressed to this machine and came through no proxy.
pub(super) fn is_loopback(parts: &Parts) -> bool {
    if parts.headers.contains_key("forwarded") || parts.headers.contains_key("x-forwarded-for") {
        return false;
    }
    let host = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
    let Some(authority) = authority.as_ref().or_else(|| parts.uri.authority()) else {
        return false;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
