//! The builder: from a session type's attributes and a deployment's settings to an engine, with
//! every check that can be made at start.

mod build;
mod policy;
mod request;

use std::{marker::PhantomData, sync::Arc};

#[cfg(feature = "axum")]
use crate::engine::challenge::Challenge;
use crate::{
    cell::model::SessionType,
    clock::{Clock, SystemClock},
    engine::{
        bind::{Bind, OnMismatch},
        hooks::Hooks,
        policy::Policy,
    },
    error::Error,
    key::KeyRing,
    layer::SessionLayer,
    schema::Spec,
    store::Store,
    token::Random,
    transport::CookieOptions,
};

impl<T: SessionType> SessionLayer<T> {
    /// Creates a layer with the struct's own policy: sessions of type `T` in `store`, with tokens
    /// under `keys`.
    ///
    /// # Errors
    ///
    /// Returns an error for everything that [`SessionLayerBuilder::build`] refuses.
    pub fn new(store: impl Store, keys: KeyRing) -> Result<Self, Error> {
        Self::builder(keys).store(store).build()
    }

    /// Creates a builder, for every setting that differs from one deployment to another.
    pub fn builder(keys: KeyRing) -> SessionLayerBuilder<T> {
        SessionLayerBuilder::new(keys)
    }
}

/// A deployment's settings for sessions of type `T`. Created by [`SessionLayer::builder`].
///
/// [`build`](Self::build) checks everything, at start.
///
/// ```
/// # use std::time::Duration;
/// # use session_runtime::{Error, KeyRing, Session, SessionLayer};
/// #[derive(Session)]
/// #[session(payload = "sealed")]
/// struct Preferences {
///     theme: String,
/// }
///
/// # fn layer() -> Result<SessionLayer<Preferences>, Error> {
/// let layer = SessionLayer::<Preferences>::builder(KeyRing::ephemeral()?)
///     .accept_replay_until_expiry()
///     .idle(Duration::from_secs(3600))
///     .build()?;
/// # Ok(layer) }
/// # layer().unwrap();
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct SessionLayerBuilder<T> {
    keys: KeyRing,
    store: Option<Arc<dyn Store>>,
    revocation: Option<Arc<dyn Store>>,
    accept_replay: bool,
    encrypt_at_rest: bool,
    audience: String,
    cookie: CookieOptions,
    hooks: Hooks,
    binds: Vec<(Bind, OnMismatch)>,
    clock: Arc<dyn Clock>,
    random: Random,
    #[cfg(feature = "axum")]
    challenge: Option<Challenge>,
    policy: Policy,
    /// True if the deployment, not the struct, set the idle time.
    idle_is_ours: bool,
    session: PhantomData<fn() -> T>,
}

impl<T: SessionType> SessionLayerBuilder<T> {
    pub(crate) fn new(keys: KeyRing) -> Self {
        let spec = T::spec();
        Self {
            keys,
            store: None,
            revocation: None,
            accept_replay: false,
            encrypt_at_rest: false,
            audience: String::new(),
            cookie: CookieOptions::default(),
            hooks: Hooks::default(),
            binds: Vec::new(),
            clock: Arc::new(SystemClock),
            random: Random::SYSTEM,
            #[cfg(feature = "axum")]
            challenge: None,
            policy: Policy::of(spec),
            idle_is_ours: false,
            session: PhantomData,
        }
    }

    /// Sets the store of the sessions (`payload = "server"`).
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the store that ends sessions whose payload travels in the token (ASVS 7.4.1). The store
    /// remembers each ended session until the last copy of its token expires, and an epoch for each
    /// principal. Costs a load a request, and a second load while somebody is logged in.
    pub fn revocation(mut self, store: impl Store) -> Self {
        self.revocation = Some(Arc::new(store));
        self
    }

    /// Seals every field before it goes to the store, each on its own, so that parallel requests
    /// still merge. A reader of the store, or of a dump, then sees neither values nor who is logged
    /// in, since the principal is indexed by a keyed hash. **The names of fields and the times stay
    /// readable.**
    ///
    /// Each value is bound to its namespace, session, field and format (XChaCha20-Poly1305). A
    /// value that was changed, or copied from another field or session, counts as a field that does
    /// not decode. So does a value that was stored before this setting: existing sessions read as
    /// empty.
    ///
    /// Fields that the store itself adds to, compares or inserts into (`counter`, `merge = "max"`,
    /// `set`) cannot be sealed, and are an error at start. While the key ring has several keys,
    /// [`max_sessions`](Self::max_sessions) counts the log-ins under each key separately.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .encrypt_at_rest()
    ///     .build()
    /// # }
    /// ```
    pub fn encrypt_at_rest(mut self) -> Self {
        self.encrypt_at_rest = true;
        self
    }

    /// Accepts that **copies of a token with its payload inside stay valid until they expire, also
    /// after log-out**. Replaces [`revocation`](Self::revocation).
    pub fn accept_replay_until_expiry(mut self) -> Self {
        self.accept_replay = true;
        self
    }

    /// Serves development over plain http: drops `Secure` and the `__Host-` or `__Secure-` prefix.
    /// **Not for production:** requests that are not addressed to localhost, or came through a
    /// proxy, are refused with an error.
    pub fn insecure_dev(mut self) -> Self {
        self.cookie.insecure_dev = true;
        self
    }

    /// Separates deployments that share keys or a store. Tokens and records of one audience do not
    /// exist for another audience.
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.audience);
        self
    }

    /// Sets the source of the time. For tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the answer of guards when nobody is logged in. The default is 401.
    #[cfg(feature = "axum")]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        self.challenge = Some(challenge);
        self
    }
}

impl<T> std::fmt::Debug for SessionLayerBuilder<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionLayerBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

fn refuse(spec: &Spec, message: &str) -> Error {
    Error::config(format!("session `{}` ({}): {message}", spec.bare_name(), spec.type_name))
}
