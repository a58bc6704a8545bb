//! The options that depend on the request. Set here, checked by `build`.

use std::sync::Arc;

use super::SessionLayerBuilder;
use http::request::Parts;

use crate::{
    cell::model::SessionType,
    engine::bind::{Bind, OnMismatch},
};

impl<T: SessionType> SessionLayerBuilder<T> {
    /// Sets a function that says, for each request that uses the session, whether a new session may
    /// be created. While it returns false, no session is created and no token is sent: the handler
    /// works on a session that is not saved, and [`save`](crate::Session::save) returns
    /// [`Withheld`](crate::Saved::Withheld). An existing session is not affected.
    ///
    /// A log-in without a session creates one, so nobody is logged in without consent. A function
    /// that returns true for the log-in's path makes the log-in essential. Without this option,
    /// every session is essential.
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

    /// Sets the page for the errors of sessions: of a commit (409 for a conflict, 422 for a number out
    /// of range or a session that is too large, 503 for a store that is down), and of an extractor or
    /// a handler that answers with an [`Error`](crate::Error). The default is the status alone.
    ///
    /// A page with the status 503 gets `Retry-After: 1`, unless the page says another time. A page with
    /// a status of success gets the error's [status](crate::Error::status), since nothing
    /// was saved. A redirect, and another error, stay as they are. **Show a client no text of the
    /// error;** the text is for logs.
    ///
    /// ```
    /// # use axum::response::Html;
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .error_pages(|error| {
    ///         Html(match error.is_conflict() {
    ///             true => "Somebody else was quicker. Please look again.",
    ///             false => "That did not work. Please try again later.",
    ///         })
    ///     })
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    #[cfg(feature = "axum")]
    pub fn error_pages<R: axum_core::response::IntoResponse>(
        mut self,
        page: impl Fn(&crate::Error) -> R + Send + Sync + 'static,
    ) -> Self {
        self.hooks.error_page = Some(Arc::new(move |error| page(error).into_response()));
        self
    }

    /// Binds each session to properties of its client, so that a stolen token is noticed, or is
    /// useless, on another client. May be called once for each kind of [`Bind`]. **This is a second
    /// line of defence only:** attackers can copy a `User-Agent`, and honest clients change
    /// networks.
    ///
    /// A keyed hash, under a key of its own, is kept in the record or in the token's payload. It is
    /// made when the session is created, and renewed at each log-in. Sessions that are older than
    /// this setting, or than a change of the prefixes, are bound at their next commit. With several
    /// keys in the ring, a hash under an old key is renewed at the next commit; once its key is
    /// removed, the hash counts as a mismatch.
    ///
    /// ```
    /// # use std::net::SocketAddr;
    /// # use axum::extract::ConnectInfo;
    /// # use session_runtime::{policy::{Bind, OnMismatch}, Error, KeyRing, Session, SessionLayer};
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

    /// Sets the source of new sessions' ids, instead of random numbers of the operating system. For
    /// tests, and for ids with a scheme of their own. The function gets the request that creates
    /// the session. The secret half of every credential stays random.
    ///
    /// **Each call must return an id that was never returned before.** Sixteen zeros, or an id that
    /// a session in the store already has, are an error of the request that was to create the
    /// session (500; the message says which).
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

    /// Leaves a handler's own `Cache-Control` as it is, also on responses that set or expire the
    /// token. **Such a handler must not say `public`:** a shared cache that keeps the response
    /// gives the session to the next visitor (RFC 9111, section 5.2.2.5). Without this option,
    /// those responses always get `no-store`; with it, they still do where the handler says
    /// nothing.
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
