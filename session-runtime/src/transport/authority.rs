//! The host and the port that a request is addressed to. Knows nothing of cookies.

use http::{header::HOST, request::Parts, uri::Authority};

/// Returns the authority in the `Host` header, or without one that of the request's target, where
/// HTTP/2 has it.
pub(crate) fn authority(parts: &Parts) -> Option<Authority> {
    match parts.headers.get(HOST) {
        Some(host) => host.to_str().ok()?.parse().ok(),
        None => parts.uri.authority().cloned(),
    }
}

/// Returns the host of an authority, without the brackets of an IPv6 address.
pub(crate) fn host(authority: &Authority) -> &str {
    authority.host().trim_start_matches('[').trim_end_matches(']')
}
