//! The prefixes of cookie names by which browsers hold a cookie to its attributes
//! (draft-ietf-httpbis-rfc6265bis, sections 4.1.3 and 5.6; `__Http-` and `__Host-Http-` are in its
//! later revisions). Knows nothing of sessions.

use super::attributes::Attributes;

/// A prefix, with the attributes that browsers ask of a cookie whose name begins with the prefix.
#[derive(Debug)]
pub(super) struct Prefix {
    pub(super) text: &'static str,
    /// `HttpOnly`: no script has set the cookie.
    http_only: bool,
    /// `Path=/` and no `Domain`: no other host and no other path has set the cookie.
    host: bool,
}

/// Every prefix, the strongest first. All of them ask for `Secure`. A prefix stands before those
/// that it begins with.
const PREFIXES: [Prefix; 4] = [
    Prefix { text: "__Host-Http-", http_only: true, host: true },
    Prefix { text: "__Host-", http_only: false, host: true },
    Prefix { text: "__Http-", http_only: true, host: false },
    Prefix { text: "__Secure-", http_only: false, host: false },
];

impl Prefix {
    /// Returns the prefix that a name begins with. Matched in any case, as browsers do.
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        PREFIXES.iter().find(|prefix| {
            let head = name.get(..prefix.text.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(prefix.text))
        })
    }

    /// Returns the strongest prefix that a cookie with these attributes can have. `always_secure`:
    /// the cookie is `Secure` on every response.
    pub(super) fn strongest(cookie: &Attributes, always_secure: bool) -> Option<&'static Self> {
        PREFIXES.iter().find(|prefix| prefix.problem(cookie, always_secure).is_none())
    }

    /// Returns true if browsers keep one cookie only of a name with this prefix.
    pub(super) const fn is_of_host(&self) -> bool {
        self.host
    }

    /// Returns the attribute for which browsers refuse a cookie with this prefix.
    pub(super) fn problem(&self, cookie: &Attributes, always_secure: bool) -> Option<&'static str> {
        match () {
            () if !always_secure => Some("needs `Secure` on every response"),
            () if self.http_only && !cookie.http_only => Some("needs `HttpOnly`"),
            () if self.host && cookie.domain.is_some() => Some("can have no `Domain`"),
            () if self.host && cookie.path != "/" => Some("needs `Path=/`"),
            () => None,
        }
    }
}

/// Returns a cookie's name without its prefix.
pub(super) fn strip(name: &str) -> &str {
    Prefix::of(name).map_or(name, |prefix| &name[prefix.text.len()..])
}
