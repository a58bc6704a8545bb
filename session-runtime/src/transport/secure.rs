//! When a cookie is `Secure`: always, never, or as the request says.

use http::request::Parts;

/// Whether the cookie of a session is `Secure`
/// ([`SessionLayerBuilder::secure`](crate::SessionLayerBuilder::secure)).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SecureCookie {
    /// On every response: browsers send it back over https only.
    Always,
    /// On none: it travels over plain http too, where anybody on the way can take it.
    Never,
    /// On responses to requests of which this says `true`.
    ///
    /// ```
    /// use session_runtime::SecureCookie;
    ///
    /// // A server that speaks TLS itself on one of its two ports.
    /// let secure = SecureCookie::When(|parts| parts.uri.port_u16() == Some(8443));
    /// # let _ = secure;
    /// ```
    When(fn(&Parts) -> bool),
}

/// What a deployment says about its cookie.
#[derive(Clone, Debug, Default)]
pub(crate) struct CookieOptions {
    /// Cookies that browsers accept over plain http, for development.
    pub(crate) insecure_dev: bool,
    /// Instead of the session type's `secure`.
    pub(crate) secure: Option<SecureCookie>,
    /// More attributes, not checked yet.
    pub(crate) attributes: Vec<String>,
}

impl CookieOptions {
    /// What is wrong with them for a transport that has no cookie.
    pub(super) fn check_unused(&self) -> Result<(), String> {
        let option = match self {
            Self { secure: Some(_), .. } => "secure",
            Self { attributes, .. } if !attributes.is_empty() => "cookie_attribute",
            _ => return Ok(()),
        };
        Err(format!("`{option}` is for cookies; drop it, or the `transport`"))
    }

    /// Whether the cookie is `Secure` on every response, before `insecure_dev` has its say.
    pub(super) fn is_always_secure(&self, by_spec: bool) -> bool {
        match self.secure {
            None => by_spec,
            Some(SecureCookie::Always) => true,
            Some(SecureCookie::Never | SecureCookie::When(_)) => false,
        }
    }
}
