//! The options that decide by the request, and what its cookie says: set here, checked by `build`.

use std::sync::Arc;

use super::SessionLayerBuilder;
use http::request::Parts;

use crate::{
    cell::model::SessionType,
    engine::bind::{Bind, OnMismatch},
    transport::SecureCookie,
};

impl<T: SessionType> SessionLayerBuilder<T> {
    /// Whether the cookie is `Secure`, instead of the struct's `secure`: always, never, or as a
    /// function of the request says. It is asked once for each request that uses the session, and
    /// what it says holds for the cookie that is set and for the one that expires it.
    ///
    /// [`proxy::is_https`](crate::transport::proxy::is_https) is the function for servers behind a proxy that
    /// ends TLS. Browsers take a name with `__Host-` or `__Secure-`, `SameSite=None` and
    /// `Partitioned` only on a `Secure` cookie: those need [`SecureCookie::Always`], and anything
    /// else is an error at start. So are other transports than cookies, and
    /// [`insecure_dev`](Self::insecure_dev) beside this.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, SecureCookie, Session, SessionLayer, proxy};
    /// # use session_runtime::store::MemoryStore;
    /// #[derive(Session)]
    /// #[session(name = "shop")]
    /// struct Shop {
    ///     cart: Vec<u32>,
    /// }
    ///
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .secure(SecureCookie::When(proxy::is_https))
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn secure(mut self, secure: SecureCookie) -> Self {
        self.cookie.secure = Some(secure);
        self.hooks.secure(secure);
        self
    }

    /// Adds an attribute to the cookie, as it is: `Priority=High`, or a name alone. May be
    /// repeated. The cookie that expires the token has it too.
    ///
    /// An attribute that the struct has a key for (`Path`, `SameSite`, …), the same one twice, and
    /// what cannot stand there (`;`, control characters) are errors at start.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .cookie_attribute("Priority=High")
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn cookie_attribute(mut self, attribute: &str) -> Self {
        self.cookie.attributes.push(attribute.to_owned());
        self
    }

    /// Asks of each request that uses the session whether a new one may be created. While the
    /// answer is no, none is, and no token is sent: the handler works on a session that is not
    /// saved, and [`save`](crate::Session::save) says [`Withheld`](crate::Saved::Withheld). A
    /// session that is there already goes on as ever.
    ///
    /// Log-ins are creations too, where there was no session: nobody is logged in without consent.
    /// A function that answers yes for the log-in's path makes it essential; a layer without this
    /// is essential as a whole.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .consent(|parts| {
    ///         let cookies = parts.headers.get_all("cookie").iter();
    ///         parts.uri.path() == "/login"
    ///             || cookies.filter_map(|line| line.to_str().ok()).any(|line| {
    ///                 line.split("; ").any(|cookie| cookie == "consent=yes")
    ///             })
    ///     })
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn consent(mut self, consents: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.hooks.consent = Some(Arc::new(consents));
        self
    }

    /// Binds each session to what its client looks like, so that a token that was carried off
    /// shows, or is of no use, elsewhere. May be called once for each kind of [`Bind`].
    ///
    /// What is kept is a keyed hash, under a key of its own, in the record or the token's payload.
    /// It is made when the session is created and renewed at each log-in. Sessions from before
    /// this was switched on, or from before the prefixes were changed, are bound at their next
    /// commit. With several keys in the ring, a hash under an old one is renewed at the next
    /// commit; once its key is gone, it counts as a mismatch.
    ///
    /// A second line of defence only: attackers can copy a `User-Agent`, and honest clients change
    /// networks.
    ///
    /// ```
    /// # use std::net::SocketAddr;
    /// # use axum::extract::ConnectInfo;
    /// # use session_runtime::{Bind, Error, KeyRing, OnMismatch, Session, SessionLayer};
    /// # use session_runtime::store::MemoryStore;
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// let network = Bind::Address {
    ///     of: |parts| {
    ///         let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    ///         Some(peer.0.ip())
    ///     },
    ///     v4_prefix: 16,
    ///     v6_prefix: 48,
    /// };
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .bind(Bind::UserAgent, OnMismatch::Reject)
    ///     .bind(network, OnMismatch::Observe)
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn bind(mut self, bind: Bind, on_mismatch: OnMismatch) -> Self {
        self.binds.push((bind, on_mismatch));
        self
    }

    /// Where the public ids of new sessions come from, instead of the operating system's random
    /// numbers: for tests, and for ids with a scheme of their own. The function sees the request
    /// that begins the session. The secret half of every credential stays random.
    ///
    /// Each id is given once for all time. Sixteen zeros, and an id that a session in the store has
    /// already, are errors of the request that was to create it (500, the message says which).
    ///
    /// ```
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// let next = AtomicU64::new(1);
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .session_ids(move |_request| u128::from(next.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn session_ids(
        mut self,
        generate: impl Fn(&Parts) -> [u8; 16] + Send + Sync + 'static,
    ) -> Self {
        self.hooks.session_ids = Some(Arc::new(generate));
        self
    }

    /// Leaves a `Cache-Control` that a handler has set as it is, also on responses that set or
    /// expire the token. Those get `no-store` otherwise, whatever the handler said: a shared cache
    /// that kept one would give the session to the next visitor (RFC 9111, section 5.2.2.5), so a
    /// handler must not say `public` there. Where it says nothing, `no-store` stays.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .handlers_decide_caching()
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn handlers_decide_caching(mut self) -> Self {
        self.policy.handlers_decide_caching = true;
        self
    }
}
