//! The options of the token's carrier: the transport, the name, and the cookie's attributes. Plain
//! setters; `transport` checks the combination at `build`.

use super::SessionLayerBuilder;
use crate::{
    SameSite,
    cell::model::SessionType,
    schema::{Prefix, Transport},
    transport::{Domain, SecureCookie},
};

impl<T: SessionType> SessionLayerBuilder<T> {
    /// Sets the carrier of the token, instead of the struct's `transport`. Tokens of one transport
    /// are not accepted from another.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.carrier.transport = Some(transport);
        self
    }

    /// Sets the name of the cookie or header, instead of the struct's `name`. To a cookie's name,
    /// the [`prefix`](Self::prefix) is added. A token is accepted under the name only under which
    /// the token was made.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .name("staging-shop") // the cookie is `__Host-Http-staging-shop`
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn name(mut self, name: &str) -> Self {
        self.carrier.name = Some(name.to_owned());
        self
    }

    /// Sets the prefix of the cookie's name, instead of the struct's `prefix`. A prefix that is
    /// written in the name itself stays, and `build` checks the attributes for it as browsers do.
    pub fn prefix(mut self, prefix: Prefix) -> Self {
        self.carrier.prefix = Some(prefix);
        self
    }

    /// Sets the cookie's `Path`, instead of the struct's `path`.
    pub fn path(mut self, path: &str) -> Self {
        self.carrier.path = Some(path.to_owned());
        self
    }

    /// Sets the cookie's `Domain`, instead of the struct's `domain`. `None`: this host only. **With
    /// a domain, every host below it gets the cookie and can set another in its place.**
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .domain("example.com") // the cookie is `__Http-shop`
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn domain<'d>(mut self, domain: impl Into<Option<&'d str>>) -> Self {
        let below = |domain: &str| Domain::Below(domain.to_owned());
        self.carrier.domain = Some(domain.into().map_or(Domain::ThisHost, below));
        self
    }

    /// Sets the cookie's `SameSite`, instead of the struct's `same_site`.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.carrier.same_site = Some(same_site);
        self
    }

    /// Makes the cookie `HttpOnly` or not, instead of the struct's `http_only`. **Without
    /// `HttpOnly`, every script in a page can take the token.**
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.carrier.http_only = Some(http_only);
        self
    }

    /// Makes the cookie `Partitioned` or not, instead of the struct's `partitioned`.
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.carrier.partitioned = Some(partitioned);
        self
    }

    /// Gives the cookie a `Max-Age` or not, instead of the struct's `persistent`. Without one, the
    /// cookie ends with the browser, unless [`remember_for`](crate::Session::remember_for) is
    /// called.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.carrier.persistent = Some(persistent);
        self
    }

    /// Makes the cookie `Secure` always, never, or by a function of the request. Replaces the
    /// struct's `secure`. The function is called once for each request that uses the session; its
    /// answer holds for the cookie that is set and for the one that expires it.
    ///
    /// [`proxy::is_https`](crate::transport::proxy::is_https) is the function for servers behind a
    /// proxy that ends TLS. Browsers accept a name with a prefix, `SameSite=None` and `Partitioned`
    /// only on a `Secure` cookie. So with another value than [`SecureCookie::Always`], the name gets
    /// no prefix, and a prefix that is written in the name, `SameSite=None` and `Partitioned` are
    /// errors at start. A transport other than a cookie, or
    /// [`insecure_dev`](Self::insecure_dev) beside this option, is an error, too.
    ///
    /// ```
    /// # use session_runtime::{proxy, Error, KeyRing, Session, SessionLayer};
    /// # use session_runtime::policy::SecureCookie;
    /// # use session_runtime::store::MemoryStore;
    /// #[derive(Session)]
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
        self.carrier.secure = Some(secure);
        self.hooks.secure(secure);
        self
    }

    /// Adds an attribute to the cookie, exactly as given: `Priority=High`, or a name alone. May be
    /// called several times. The cookie that expires the token has the attribute, too.
    ///
    /// `build` refuses an attribute that the struct has a key for (`Path`, `SameSite`, …), one that
    /// is given twice, and characters that an attribute cannot have (`;`, control characters).
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
        self.carrier.attributes.push(attribute.to_owned());
        self
    }
}
