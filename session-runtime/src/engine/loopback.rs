//! Where `insecure_dev()` works: in builds for development, and for requests from this machine to
//! itself.

use std::{ffi::OsStr, net::IpAddr};

use http::{HeaderName, request::Parts, uri::Authority};

use crate::transport::authority::{authority, host};

/// The environment variable that allows `insecure_dev()` in every build.
pub(crate) const VARIABLE: &str = "SESSION_INSECURE_DEV";

/// Checks that a build may use `insecure_dev()`. `variable` is the value of [`VARIABLE`].
pub(crate) fn check_build(has_assertions: bool, variable: Option<&OsStr>) -> Result<(), String> {
    if has_assertions || variable.is_some_and(|value| value == "allow") {
        return Ok(());
    }
    Err(format!(
        "`insecure_dev` is for development, and this is a build without debug assertions; drop it, \
         or set the environment variable `{VARIABLE}` to `allow`"
    ))
}

/// Returns whether a request was addressed to this machine and came through no proxy.
pub(super) fn is_loopback(parts: &Parts) -> bool {
    if parts.headers.keys().any(speaks_of_a_proxy) {
        return false;
    }
    // A target in absolute form names a host, too (RFC 9112, section 3.2.2).
    let mut authorities = authority(parts).into_iter().chain(parts.uri.authority().cloned());
    authorities.next().is_some_and(|first| is_this_machine(&first))
        && authorities.all(|other| is_this_machine(&other))
}

fn speaks_of_a_proxy(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-")
}

/// Returns true for loopback addresses, and for the names that resolve to nothing else (RFC 6761,
/// section 6.3): `localhost` and all names below it, with or without a dot at the end.
fn is_this_machine(authority: &Authority) -> bool {
    let host = host(authority);
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    last.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insecure_dev_needs_debug_assertions_or_a_variable_that_allows_it() {
        let check = |has_assertions, value: Option<&str>| {
            check_build(has_assertions, value.map(OsStr::new)).is_ok()
        };
        assert!(check(true, None));
        assert!(check(false, Some("allow")));
        for value in [None, Some(""), Some("1"), Some("deny")] {
            assert!(!check(false, value), "{value:?}");
        }
        let message = check_build(false, None).err().unwrap_or_default();
        assert!(message.contains("SESSION_INSECURE_DEV"), "{message}");
    }
}
