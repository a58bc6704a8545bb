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
