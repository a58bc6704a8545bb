//! The choice of a `Secure` cookie: always, never, or by the request.

use http::request::Parts;

/// The responses whose session cookie is `Secure`
/// ([`SessionLayerBuilder::secure`](crate::SessionLayerBuilder::secure)).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SecureCookie {
    /// All responses. Browsers then send the cookie only over https.
    Always,
    /// No response. **The cookie also travels over plain http, where anybody on the way can take
    /// it.**
    Never,
    /// Responses to requests for which the function returns `true`.
    ///
    /// ```
    /// use session_runtime::policy::SecureCookie;
    ///
    /// // A server that speaks TLS itself on one of its two ports.
    /// let secure = SecureCookie::When(|parts| parts.uri.port_u16() == Some(8443));
    /// # let _ = secure;
    /// ```
    When(fn(&Parts) -> bool),
}

/// A deployment's settings for its cookie.
#[derive(Clone, Debug, Default)]
pub(crate) struct CookieOptions {
    /// True if browsers accept the cookie over plain http, for development.
    pub(crate) insecure_dev: bool,
    /// The override of the session type's `secure`.
    pub(crate) secure: Option<SecureCookie>,
    /// Further attributes, not checked yet.
    pub(crate) attributes: Vec<String>,
}

impl CookieOptions {
    /// Checks that no cookie setting is used with a transport without a cookie. Returns what is
    /// wrong.
    pub(super) fn check_unused(&self) -> Result<(), String> {
        let option = match self {
            Self { secure: Some(_), .. } => "secure",
            Self { attributes, .. } if !attributes.is_empty() => "cookie_attribute",
            _ => return Ok(()),
        };
        Err(format!("`{option}` is for cookies; drop it, or the `transport`"))
    }

    /// Returns true if the cookie is `Secure` on every response, before `insecure_dev` applies.
    pub(super) fn is_always_secure(&self, by_spec: bool) -> bool {
        match self.secure {
            None => by_spec,
            Some(SecureCookie::Always) => true,
            Some(SecureCookie::Never | SecureCookie::When(_)) => false,
        }
    }
}
