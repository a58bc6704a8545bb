//! The cookies of a browser, by the rules of RFC 6265bis: which are kept, for how long, and which are
//! sent with a request. Knows nothing of sessions.

use cookie::{Cookie, SameSite, time::OffsetDateTime};

use crate::clock::Timestamp;

/// The address of a request, as far as cookies depend on the address.
#[derive(Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) is_https: bool,
}

#[derive(Clone, Default)]
pub(super) struct Jar {
    /// In the order of creation.
    cookies: Vec<Kept>,
}

#[derive(Clone)]
struct Kept {
    cookie: Cookie<'static>,
    /// The host, or with `Domain` the domain.
    domain: String,
    is_host_only: bool,
    path: String,
    /// `None`: until the browser closes.
    expires: Option<Timestamp>,
}

impl Jar {
    /// Keeps the cookie of a `Set-Cookie` line, or removes an older one, or ignores the line.
    pub(super) fn set(&mut self, line: &str, from: Address<'_>, now: Timestamp) {
        let Ok(cookie) = Cookie::parse(line.to_owned()) else { return };
        let Some(kept) = Kept::new(cookie, from, now) else { return };
        let is_over = kept.is_expired(now);
        match self.cookies.iter_mut().find(|other| other.is_replaced_by(&kept)) {
            Some(other) => *other = kept,
            None => self.cookies.push(kept),
        }
        if is_over {
            self.cookies.retain(|cookie| !cookie.is_expired(now));
        }
    }

    /// Returns the `Cookie` header of a request, if there is a cookie to send.
    pub(super) fn header(&self, to: Address<'_>, now: Timestamp) -> Option<String> {
        let mut sent: Vec<&Kept> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.is_for(to) && !cookie.is_expired(now))
            .collect();
        // Stable: of equal paths, the older cookie comes first.
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = sent
            .iter()
            .map(|kept| format!("{}={}", kept.cookie.name(), kept.cookie.value()))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Returns a cookie's value, whatever the cookie is for.
    pub(super) fn value(&self, name: &str, now: Timestamp) -> Option<&str> {
        let mut live = self.cookies.iter().filter(|kept| !kept.is_expired(now));
        live.find(|kept| kept.cookie.name() == name).map(|kept| kept.cookie.value())
    }

    /// Removes the cookies that last until the browser closes.
    pub(super) fn close(&mut self) {
        self.cookies.retain(|kept| kept.expires.is_some());
    }
}

impl Kept {
    /// Returns the cookie as it is kept, or `None` if a browser would refuse the cookie.
    fn new(cookie: Cookie<'static>, from: Address<'_>, now: Timestamp) -> Option<Self> {
        let secure = cookie.secure() == Some(true);
        let domain =
            cookie.domain().map(str::to_ascii_lowercase).filter(|domain| !domain.is_empty());
        let path = cookie.path().filter(|path| path.starts_with('/'));
        let is_refused = (secure && !from.is_https)
            || (cookie.same_site() == Some(SameSite::None) && !secure)
            || domain.as_deref().is_some_and(|domain| !is_within(from.host, domain))
            || !keeps_prefix(&cookie, secure, domain.is_some(), path);
        if is_refused {
            return None;
        }
        let after = |age: cookie::time::Duration| {
            let age = u64::try_from(age.whole_milliseconds()).unwrap_or(0);
            now.saturating_add(std::time::Duration::from_millis(age))
        };
        let at = |time: OffsetDateTime| Timestamp::from(std::time::SystemTime::from(time));
        let expires = cookie.max_age().map(after).or_else(|| cookie.expires_datetime().map(at));
        let path = path.map_or_else(|| default_path(from.path), str::to_owned);
        let is_host_only = domain.is_none();
        let domain = domain.unwrap_or_else(|| from.host.to_ascii_lowercase());
        Some(Self { cookie, domain, is_host_only, path, expires })
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn is_replaced_by(&self, other: &Self) -> bool {
        let key = |kept: &Self| (kept.domain.clone(), kept.is_host_only, kept.path.clone());
        self.cookie.name() == other.cookie.name() && key(self) == key(other)
    }

    fn is_for(&self, to: Address<'_>) -> bool {
        let host = to.host.to_ascii_lowercase();
        let is_host =
            if self.is_host_only { host == self.domain } else { is_within(&host, &self.domain) };
        let is_path = to.path.strip_prefix(&self.path).is_some_and(|rest| {
            rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/')
        });
        is_host && is_path && (to.is_https || self.cookie.secure() != Some(true))
    }
}

/// Returns whether a host is a domain, or lies below the domain.
fn is_within(host: &str, domain: &str) -> bool {
    let below = host.len().checked_sub(domain.len()).map(|at| host.split_at(at));
    below.is_some_and(|(above, end)| {
        end.eq_ignore_ascii_case(domain) && (above.is_empty() || above.ends_with('.'))
    })
}

/// Returns whether a cookie keeps what the prefix of its name says.
fn keeps_prefix(cookie: &Cookie<'_>, secure: bool, has_domain: bool, path: Option<&str>) -> bool {
    let name = cookie.name().to_ascii_lowercase();
    let begins = |prefix: &str| name.starts_with(prefix);
    let is_host = begins("__host-");
    let is_http = begins("__http-") || begins("__host-http-");
    let is_prefixed = is_host || is_http || begins("__secure-");
    (!is_prefixed || secure)
        && (!is_host || (!has_domain && path == Some("/")))
        && (!is_http || cookie.http_only() == Some(true))
}

/// Returns the path of a cookie that has none: the directory of the request (RFC 6265bis, 5.1.4).
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => path[..end].to_owned(),
    }
}
