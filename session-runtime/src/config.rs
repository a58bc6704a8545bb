//! From a session type's attributes and a deployment's facts to an engine: the builder, and every
//! check that can be made at start.

use std::{marker::PhantomData, sync::Arc, time::Duration};

#[cfg(feature = "axum")]
use crate::challenge::Challenge;
use crate::{
    cell::FieldSealer,
    clock::{Clock, SystemClock},
    engine::{Engine, Residence},
    error::Error,
    key::KeyRing,
    layer::SessionLayer,
    model::SessionType,
    names::claim,
    policy,
    revocation::Revocation,
    schema::{CommitOn, Create, OnEnd, OnStale, OnStoreError, Payload, Policy, Resend, Spec},
    store::{Cap, Namespace, OnMaxSessions, Store},
    timed::TimedStore,
    token::{
        Binding, CredentialCodec, FieldCodec, IndexCodec, PayloadCodec, Purpose, Random, Which,
    },
    transport::Carrier,
};

/// How a token's fields are written; part of what every token is bound to.
const SCHEMA: &str = "fields/1";

impl<T: SessionType> SessionLayer<T> {
    /// Sessions of type `T` in `store`, with tokens under `keys`, and the struct's own policy.
    ///
    /// # Errors
    ///
    /// Whatever [`SessionLayerBuilder::build`] refuses.
    pub fn new(store: impl Store, keys: KeyRing) -> Result<Self, Error> {
        Self::builder(keys).store(store).build()
    }

    /// For everything that differs from one deployment to another.
    pub fn builder(keys: KeyRing) -> SessionLayerBuilder<T> {
        SessionLayerBuilder::new(keys)
    }
}

/// Settles a deployment's facts for sessions of type `T`; made by
/// [`SessionLayer::builder`].
///
/// Everything is checked by [`build`](Self::build), at start.
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
    insecure_dev: bool,
    audience: String,
    clock: Arc<dyn Clock>,
    random: Random,
    #[cfg(feature = "axum")]
    challenge: Option<Challenge>,
    policy: policy::Policy,
    /// Whether the deployment, not the struct, said how long sessions idle.
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
            insecure_dev: false,
            audience: String::new(),
            clock: Arc::new(SystemClock),
            random: Random::SYSTEM,
            #[cfg(feature = "axum")]
            challenge: None,
            policy: policy::Policy::of(spec),
            idle_is_ours: false,
            session: PhantomData,
        }
    }

    /// Where the sessions are kept (`payload = "server"`).
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// What ends sessions whose payload travels in the token: this store remembers ended ones
    /// until their last copy is over, and an epoch for each principal. Costs a load a request, and
    /// a second one while somebody is logged in (ASVS 7.4.1).
    pub fn revocation(mut self, store: impl Store) -> Self {
        self.revocation = Some(Arc::new(store));
        self
    }

    /// Seals every field before it goes to the store, each on its own, so that parallel requests
    /// still merge: whoever reads the store, or a dump of it, sees neither values nor who is
    /// logged in (the principal is indexed by a keyed hash). Names of fields and times stay
    /// readable.
    ///
    /// Each value is bound to namespace, session, field and format (XChaCha20-Poly1305): one that
    /// was changed, or copied from another field or session, counts as a field that does not
    /// decode. So do values from before this was switched on: those sessions read as empty.
    ///
    /// Fields that the store itself adds to, compares or inserts into (`counter`,
    /// `merge = "max"`, `set`) cannot be sealed, and are an error at start. While the key ring
    /// has several keys, [`max_sessions`](Self::max_sessions) counts the log-ins under each apart.
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

    /// Says that copies of a token whose payload it carries stay valid until they expire, also
    /// after log-out. Instead of [`revocation`](Self::revocation).
    pub fn accept_replay_until_expiry(mut self) -> Self {
        self.accept_replay = true;
        self
    }

    /// For development over plain http: drops `Secure` and the `__Host-` or `__Secure-` prefix.
    /// Requests that are not addressed to localhost, or came through a proxy, are refused with an
    /// error.
    pub fn insecure_dev(mut self) -> Self {
        self.insecure_dev = true;
        self
    }

    /// Separates deployments that share keys or a store: tokens and records of one audience do not
    /// exist for another.
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.audience);
        self
    }

    /// How long a session lives without use, instead of the struct's `idle`.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.policy.idle = Some(idle);
        self.idle_is_ours = true;
        self
    }

    /// How long a session lives at all, instead of the struct's `absolute`.
    ///
    /// Where it is shorter than the struct's `idle`, it is the idle limit too.
    pub fn absolute(mut self, absolute: Duration) -> Self {
        if !self.idle_is_ours {
            self.policy.idle = self.policy.idle.map(|idle| idle.min(absolute));
        }
        self.policy.absolute = Some(absolute);
        self
    }

    /// Gives a session a new credential when its present one is this old. The old one still passes
    /// for 30 seconds, so requests on their way survive.
    pub fn rotate_every(mut self, every: Duration) -> Self {
        self.policy.rotate_every = Some(every);
        self
    }

    /// How many live sessions one principal may have, counted by the store at each log-in, and
    /// what happens at the next one: the session with the earliest log-in ends, or the log-in
    /// fails with [`is_too_many_sessions`](Error::is_too_many_sessions) (403). Needs
    /// `payload = "server"` and a field marked `principal` (ASVS 7.1.2).
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, OnMaxSessions, Session, SessionLayer};
    /// # use session_runtime::store::MemoryStore;
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<u64> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .max_sessions(3, OnMaxSessions::EndOldest)
    ///     .build()
    /// # }
    /// ```
    pub fn max_sessions(mut self, sessions: u32, on_max: OnMaxSessions) -> Self {
        self.policy.max_sessions = Some(Cap { sessions, on_max });
        self
    }

    /// How long one store operation may take (2 seconds by default).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = deadline;
        self
    }

    /// Where the time comes from; for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What a guard answers when nobody is logged in, instead of 401.
    #[cfg(feature = "axum")]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// When a session comes into being, instead of the struct's `create`.
    pub fn create(mut self, create: Create) -> Self {
        self.policy.create = create;
        self
    }

    /// When a token is sent again, instead of the struct's `resend`.
    pub fn resend(mut self, resend: Resend) -> Self {
        self.policy.resend = resend;
        self
    }

    /// What a stale token leads to, instead of the struct's `on_stale`.
    pub fn on_stale(mut self, on_stale: OnStale) -> Self {
        self.policy.on_stale = on_stale;
        self
    }

    /// What a store error leads to, instead of the struct's `on_store_error`.
    pub fn on_store_error(mut self, on_store_error: OnStoreError) -> Self {
        self.policy.on_store_error = on_store_error;
        self
    }

    /// Which responses commit, instead of the struct's `commit_on`.
    pub fn commit_on(mut self, commit_on: CommitOn) -> Self {
        self.policy.commit_on = commit_on;
        self
    }

    /// What the client is told at the end, instead of the struct's `on_end`.
    pub fn on_end(mut self, on_end: OnEnd) -> Self {
        self.policy.on_end = on_end;
        self
    }

    /// Checks everything and derives the keys.
    ///
    /// # Errors
    ///
    /// Always [`is_config`](Error::is_config): a store that is missing or not for this payload;
    /// a payload in the token with neither [`revocation`](Self::revocation) nor
    /// [`accept_replay_until_expiry`](Self::accept_replay_until_expiry); an ephemeral key ring with
    /// a store that outlives the process; times that are zero or contradict each other; another
    /// session type of the same name, transport and keys.
    pub fn build(self) -> Result<SessionLayer<T>, Error> {
        let spec = T::spec();
        self.policy.check(spec).map_err(|message| refuse(spec, &message))?;
        #[cfg(feature = "axum")]
        if let Some(challenge) = &self.challenge {
            challenge.check().map_err(|message| refuse(spec, &message))?;
        }
        let carrier =
            Carrier::new(spec, self.insecure_dev).map_err(|message| refuse(spec, &message))?;
        let transport = carrier.transport_label();
        let name = carrier.name().to_owned();
        let bind = |purpose| Binding::new(purpose, transport, &name, &self.audience, SCHEMA);
        let namespace = self.namespace(spec)?;
        let (residence, seals_fields) = match spec.payload {
            Payload::Server => {
                let store = self.server_store(spec)?;
                let codec = CredentialCodec::new(&self.keys, &bind(Purpose::Credential));
                (Residence::Server { store, codec }, true)
            }
            Payload::Sealed => {
                let codec = PayloadCodec::sealed(&self.keys, &bind(Purpose::Sealed));
                (Residence::Token { codec, revocation: self.ending(spec, &namespace)? }, false)
            }
            Payload::Signed => {
                let codec = PayloadCodec::signed(&self.keys, &bind(Purpose::Signed));
                (Residence::Token { codec, revocation: self.ending(spec, &namespace)? }, true)
            }
        };
        let which = self.sealed_fields(spec)?.filter(|_| seals_fields);
        let sealer = which.map(|which| {
            let binding = bind(Purpose::Field);
            Arc::new(FieldCodec::new(&self.keys, &binding, &namespace, self.random, which))
                as Arc<dyn FieldSealer>
        });
        let index =
            self.encrypt_at_rest.then(|| IndexCodec::new(&self.keys, &bind(Purpose::Index)));
        claim::<T>(&self.keys, transport, &name, &self.audience).map_err(|owner| {
            let message = format!(
                "the {transport} `{name}` belongs to the session type `{owner}` already; give one \
                 of them another `#[session(name = \"…\")]`",
            );
            refuse(spec, &message)
        })?;
        let engine = Engine {
            spec,
            policy: self.policy,
            carrier,
            namespace,
            residence,
            sealer,
            index,
            clock: self.clock,
            random: self.random,
            loopback_only: self.insecure_dev,
            #[cfg(feature = "axum")]
            challenge: self.challenge,
        };
        Ok(SessionLayer { engine: Arc::new(engine), session: PhantomData })
    }

    fn namespace(&self, spec: &Spec) -> Result<Namespace, Error> {
        let name = spec.bare_name();
        if self.audience.is_empty() {
            return Ok(Namespace::new(name));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !self.audience.bytes().all(plain) {
            return Err(refuse(spec, "an audience is ASCII letters, digits, `-`, `.` and `_`"));
        }
        Ok(Namespace::new(&format!("{name}@{}", self.audience)))
    }

    /// Which fields are sealed on their own, if any.
    fn sealed_fields(&self, spec: &Spec) -> Result<Option<Which>, Error> {
        if !self.encrypt_at_rest {
            return Ok(spec.fields.iter().any(|field| field.secret).then_some(Which::Secret));
        }
        if spec.payload != Payload::Server {
            return Err(refuse(
                spec,
                "`encrypt_at_rest` is for `payload = \"server\"`; `payload = \"sealed\"` is \
                 encrypted as it is",
            ));
        }
        for field in spec.fields {
            let what = match field.policy {
                Policy::Counter => "counter",
                Policy::Set => "set",
                Policy::Max => "merge = \"max\"",
                _ => continue,
            };
            return Err(refuse(
                spec,
                &format!(
                    "the field `{}` is `{what}`, which the store itself works on, so it cannot be \
                     sealed as `encrypt_at_rest` would; make it `merge = \"cas\"`, or keep it in \
                     another session type",
                    field.name
                ),
            ));
        }
        Ok(Some(Which::All))
    }

    fn server_store(&self, spec: &Spec) -> Result<TimedStore, Error> {
        if self.revocation.is_some() || self.accept_replay {
            return Err(refuse(
                spec,
                "`revocation` and `accept_replay_until_expiry` are for `payload = \"sealed\"` and \
                 `\"signed\"`; a session in a store ends with its record",
            ));
        }
        let Some(store) = &self.store else {
            return Err(refuse(spec, "it needs a store: `.store(MemoryStore::default())`"));
        };
        self.check_ephemeral(spec, &**store)?;
        Ok(self.timed(store))
    }

    fn ending(&self, spec: &Spec, namespace: &Namespace) -> Result<Option<Revocation>, Error> {
        if self.store.is_some() {
            return Err(refuse(
                spec,
                "its payload is in the token, so it has no store; use `.builder(keys)` with \
                 `.revocation(store)`, or `payload = \"server\"`",
            ));
        }
        match (&self.revocation, self.accept_replay) {
            (Some(_), true) => Err(refuse(
                spec,
                "`revocation` and `accept_replay_until_expiry` contradict each other; drop one",
            )),
            (None, false) => Err(refuse(
                spec,
                "a payload in the token can be replayed after log-out; add `.revocation(store)`, \
                 or say `.accept_replay_until_expiry()`",
            )),
            (None, true) => Ok(None),
            (Some(store), false) => {
                self.check_ephemeral(spec, &**store)?;
                Ok(Some(Revocation::new(self.timed(store), namespace)))
            }
        }
    }

    fn timed(&self, store: &Arc<dyn Store>) -> TimedStore {
        TimedStore::new(Arc::clone(store), self.policy.deadline)
    }

    fn check_ephemeral(&self, spec: &Spec, store: &dyn Store) -> Result<(), Error> {
        let properties = store.properties();
        if self.keys.is_ephemeral() && (properties.shared || properties.durable) {
            return Err(refuse(
                spec,
                "an ephemeral key ring dies with this process, but its store does not; use \
                 `KeyRing::from_file_or_create`, `from_file` or `from_env`",
            ));
        }
        Ok(())
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
