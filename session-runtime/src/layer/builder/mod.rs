//! The builder: from a session type's attributes and a deployment's settings to an engine, with
//! every check that can be made at start.

mod build;
mod carrier;
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
    observe::Observer,
    schema::Spec,
    store::Store,
    token::Random,
    transport::CarrierOptions,
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
    at_rest: Protection,
    audience: String,
    carrier: CarrierOptions,
    hooks: Hooks,
    binds: Vec<(Bind, OnMismatch)>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    random: Random,
    #[cfg(feature = "axum")]
    challenge: Option<Challenge>,
    policy: Policy,
    /// False if the layer stands for another program, for tests of both in one.
    is_of_this_program: bool,
    /// True if the deployment, not the struct, set the idle time.
    idle_is_ours: bool,
    session: PhantomData<fn() -> T>,
}

/// The protection of the records in the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    Open,
    Signed,
    Encrypted,
}

impl<T: SessionType> SessionLayerBuilder<T> {
    pub(crate) fn new(keys: KeyRing) -> Self {
        let spec = T::spec();
        Self {
            keys,
            store: None,
            revocation: None,
            accept_replay: false,
            at_rest: Protection::Open,
            audience: String::new(),
            carrier: CarrierOptions::default(),
            hooks: Hooks::default(),
            binds: Vec::new(),
            clock: Arc::new(SystemClock),
            observer: None,
            random: Random::SYSTEM,
            #[cfg(feature = "axum")]
            challenge: None,
            policy: Policy::of(spec),
            is_of_this_program: true,
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
    /// remembers each ended session until the last copy of its token has expired for a minute, an
    /// epoch for each principal, and a floor for everybody. A store without a floor was emptied, so
    /// every session that began before is over. That is so, too, when a program that had accepted
    /// replay begins to use a revocation store.
    ///
    /// The store has to outlive the process and must not evict, unless the keys are ephemeral, too.
    /// Costs a load a request, a second load while somebody is logged in, a load a second for the
    /// floor ([`Sessions::end_everything`](crate::Sessions::end_everything)), and for each log-in two
    /// loads.
    pub fn revocation(mut self, store: impl Store) -> Self {
        self.revocation = Some(Arc::new(store));
        self
    }

    /// Seals each session before it goes to the store: the names and values of its fields become
    /// one blob. A reader of the store, or of a dump, then sees neither of them, nor who is logged
    /// in, since the principal is indexed by a keyed hash. The times, the size of the blob and the
    /// number of sessions of each principal stay visible. Parallel requests merge as without this
    /// setting, counters and sets included.
    ///
    /// The blob is bound to its session and to everything else in the record but the time of the
    /// last use (XChaCha20-Poly1305): the credentials, the principal, the lifetime, the revision. A
    /// record that was changed, or copied from another session, does not open. **A record that does
    /// not open counts as missing:** its client is anonymous and gets a new session, no commit
    /// changes the record, and a warning in the log gives the reason. So it is with sessions that
    /// were stored before this setting, or under a key that is not in the ring any more. A record under
    /// a key that may be new is an error (503) until
    /// [`unknown_key_grace`](Self::unknown_key_grace) is over. **Who can write to the store can put a
    /// whole older record back, undetected.**
    ///
    /// A record is sealed under the key of its session's token, and moves to a new key with the token.
    /// While the key ring has several keys,
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
        self.at_rest = Protection::Encrypted;
        self
    }

    /// Signs each session before it goes to the store (HMAC-SHA256). The fields stay readable, for
    /// SQL for example; a record that was changed is found out, and counts as missing, just as with
    /// [`encrypt_at_rest`](Self::encrypt_at_rest), beside which this setting has no effect.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .sign_at_rest()
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn sign_at_rest(mut self) -> Self {
        if self.at_rest == Protection::Open {
            self.at_rest = Protection::Signed;
        }
        self
    }

    /// Accepts that **copies of a token with its payload inside stay valid until they expire, also
    /// after log-out**. Replaces [`revocation`](Self::revocation).
    pub fn accept_replay_until_expiry(mut self) -> Self {
        self.accept_replay = true;
        self
    }

    /// Serves development over plain http: drops `Secure` from the cookie, and the prefix from the
    /// cookie's name. In place of the prefix, the name ends in the port that the request was sent to
    /// (`shop-3000`), since browsers send a cookie to every port of a host: two programs on one
    /// machine do not overwrite each other's cookie.
    ///
    /// **Not for production:** requests that are not addressed to localhost, or that speak of a
    /// proxy (`Forwarded`, `X-Forwarded-…`, `X-Real-IP`, `Via`), are refused with an error (421). In
    /// a build without debug assertions, `build` refuses this setting, unless the environment
    /// variable `SESSION_INSECURE_DEV` is `allow`.
    pub fn insecure_dev(mut self) -> Self {
        self.carrier.insecure_dev = true;
        self
    }

    /// Separates deployments that share keys or a store. Tokens and records of one audience do not
    /// exist for another audience.
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.audience);
        self
    }

    /// Lets this layer stand for another program than the other layers of this one: its session type
    /// may have a name or a namespace that another type has under the same keys. For tests of two
    /// versions of a program in one.
    #[cfg(feature = "testing")]
    pub fn as_another_program(mut self) -> Self {
        self.is_of_this_program = false;
        self
    }

    /// Sets the source of the time. For tests, or for a deployment with a time of its own: nobody
    /// compares such a clock with that of the store's server, unless it
    /// [follows the store](Clock::follows_store).
    ///
    /// Without this setting, sessions expire by the clock of the store's server, so that one machine
    /// with a wrong clock ends no session. The layer asks for the server's time before its first
    /// request, and about once a minute. **A payload in the token without a revocation store has only
    /// this machine's clock.**
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the [`Observer`] of the layer, which counts and measures what the sessions do. With the
    /// feature `metrics`, `observe::Metrics` is one.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
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
    Error::config(format!("session `{}` ({}): {message}", spec.namespace, spec.type_name))
}
