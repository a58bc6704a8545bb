//! Every check that can be made at start, and the engine that results.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use super::{Protection, SessionLayerBuilder, refuse};
use crate::{
    cell::{FieldSealer, model::SessionType},
    engine::{
        Engine,
        backend::{Backend, InToken, Stored},
        background::Background,
        bind::Binds,
        floor::Floor,
        loopback::{VARIABLE, check_build},
        policy::Policy,
        revocation::Revocation,
        time::Time,
        warnings::Warnings,
    },
    error::Error,
    key::{RingKeys, watch::KeyWatch},
    layer::{SessionLayer, name_registry::claim},
    observe::Watcher,
    repository::{
        at_rest::{AtRest, Method},
        deadline::DeadlineStore,
    },
    schema::{FieldSpec, Payload, Spec},
    store::{Namespace, Properties, Store},
    token::{
        BindCodec, Binding, CredentialCodec, FieldCodec, IndexCodec, PayloadCodec, Purpose,
        RecordSealer, RecordSigner,
    },
    transport::Carrier,
};

/// The format of a token's fields. Every token is bound to it.
const SCHEMA: &str = "fields/1";

impl<T: SessionType> SessionLayerBuilder<T> {
    /// Checks every setting, derives the keys and returns the layer.
    ///
    /// # Errors
    ///
    /// Returns an error that is always [`is_config`](Error::is_config), for:
    ///
    /// - a store that is missing, or does not fit this payload;
    /// - a payload in the token with neither [`revocation`](Self::revocation) nor
    ///   [`accept_replay_until_expiry`](Self::accept_replay_until_expiry);
    /// - an ephemeral key ring with a store that outlives the process;
    /// - a [`revocation`](Self::revocation) store that does not, or that evicts, with keys that last;
    /// - times that are zero or contradict each other, and a `not_before` in the future;
    /// - another session type of the same name and transport, or the same namespace, with a key in
    ///   common;
    /// - [`insecure_dev`](Self::insecure_dev) in a build without debug assertions.
    pub fn build(mut self) -> Result<SessionLayer<T>, Error> {
        let spec = T::spec();
        if self.carrier.insecure_dev {
            let variable = std::env::var_os(VARIABLE);
            check_build(cfg!(debug_assertions), variable.as_deref())
                .map_err(|message| refuse(spec, &message))?;
        }
        self.policy.check(spec).map_err(|message| refuse(spec, &message))?;
        if self.policy.not_before > self.clock.now() {
            return Err(refuse(spec, "`not_before` is in the future: every session would be over"));
        }
        #[cfg(feature = "axum")]
        if let Some(challenge) = &self.challenge {
            challenge.check().map_err(|message| refuse(spec, &message))?;
        }
        let carrier =
            Carrier::new(spec, &self.carrier).map_err(|message| refuse(spec, &message))?;
        let transport = carrier.transport_label();
        let name = carrier.name().to_owned();
        let bind = |purpose| {
            Binding::new(purpose, transport, &name, spec.namespace, &self.audience, SCHEMA)
        };
        for (index, (bind, _)) in self.binds.iter().enumerate() {
            bind.check(&self.binds[..index]).map_err(|message| refuse(spec, &message))?;
        }
        if !self.binds.is_empty() {
            let codec = BindCodec::new(&self.keys, &bind(Purpose::Bind), self.random);
            let list = std::mem::take(&mut self.binds);
            self.hooks.binds = Some(Arc::new(Binds { list, codec }));
        }
        let namespace = self.namespace(spec)?;
        let keys = self.watch(spec.namespace, transport, &name);
        let (backend, seals_fields) = match spec.payload {
            Payload::Server => {
                let method = self.method_at_rest(&bind);
                let (store, floor) = self.server_store(spec, &namespace, method, &keys)?;
                let codec = CredentialCodec::new(&self.keys, &bind(Purpose::Credential));
                (Backend::Stored(Arc::new(Stored { store, floor, codec })), true)
            }
            Payload::Sealed => {
                let codec = PayloadCodec::sealed(&self.keys, &bind(Purpose::Sealed));
                (self.in_token(spec, &namespace, codec)?, false)
            }
            Payload::Signed => {
                let codec = PayloadCodec::signed(&self.keys, &bind(Purpose::Signed));
                (self.in_token(spec, &namespace, codec)?, true)
            }
        };
        let has_secrets = seals_fields && spec.fields.iter().any(|field| field.secret);
        let sealer = has_secrets.then(|| {
            let binding = bind(Purpose::Field);
            Arc::new(FieldCodec::new(&self.keys, &binding, &namespace, self.random))
                as Arc<dyn FieldSealer>
        });
        let index = (self.at_rest == Protection::Encrypted)
            .then(|| IndexCodec::new(&self.keys, &bind(Purpose::Index)));
        self.keys.join(&keys).map_err(|message| refuse(spec, &message))?;
        let time = Arc::new(Time::new(spec.namespace, Arc::clone(&self.clock), backend.store()));
        let background =
            Background::new(spec.namespace, Arc::clone(&time), backend.store(), self.random);
        let watcher = self.watcher();
        let engine = Engine {
            spec,
            name: spec.namespace,
            by_name: by_name(spec.fields),
            identity: T::identity,
            policy: self.policy,
            carrier,
            namespace,
            backend,
            sealer,
            index,
            time,
            background: Arc::new(background),
            random: self.random,
            hooks: self.hooks,
            loopback_only: self.carrier.insecure_dev,
            warnings: Warnings::default(),
            keys,
            under_way: Arc::default(),
            watcher,
            #[cfg(feature = "axum")]
            challenge: self.challenge,
        };
        Ok(SessionLayer { engine: Arc::new(engine), session: PhantomData })
    }

    /// Returns the watch over the keys. It claims the session type's names under each of them.
    fn watch(&self, session: &'static str, transport: &'static str, name: &str) -> Arc<KeyWatch> {
        let (name, audience, claims) =
            (name.to_owned(), self.audience.clone(), self.is_of_this_program);
        let claim = move |keys: &RingKeys| {
            if claims { claim::<T>(keys, transport, &name, &audience) } else { Ok(()) }
        };
        // A key that was drawn at the start is in no other process.
        let is_alone = self.keys.is_ephemeral();
        let grace = if is_alone { Duration::ZERO } else { self.policy.unknown_key_grace };
        let clock = Arc::clone(&self.clock);
        Arc::new(KeyWatch::new(session, clock, grace, Box::new(claim)))
    }

    fn namespace(&self, spec: &Spec) -> Result<Namespace, Error> {
        Namespace::of(spec.namespace, &self.audience)
            .ok_or_else(|| refuse(spec, "an audience is ASCII letters, digits, `-`, `.` and `_`"))
    }

    /// Returns the method that protects the records in the store, if they are not to lie there open.
    fn method_at_rest(&self, bind: &impl Fn(Purpose) -> Binding) -> Option<Method> {
        match self.at_rest {
            Protection::Open => None,
            Protection::Signed => {
                let binding = bind(Purpose::SignedRecord);
                Some(Method::Sign(RecordSigner::new(&self.keys, &binding)))
            }
            Protection::Encrypted => {
                let binding = bind(Purpose::Record);
                Some(Method::Seal(RecordSealer::new(&self.keys, &binding, self.random)))
            }
        }
    }

    fn server_store(
        &self,
        spec: &Spec,
        namespace: &Namespace,
        at_rest: Option<Method>,
        keys: &Arc<KeyWatch>,
    ) -> Result<(DeadlineStore, Arc<Floor>), Error> {
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
        let open = self.under_deadline(store, namespace);
        // Not sealed: whoever ends everything for a leaked key has another one, or none.
        let floor = Arc::new(Floor::new(open.clone(), namespace, self.random, false));
        let Some(method) = at_rest else { return Ok((open, floor)) };
        let sealed = AtRest::new(Arc::clone(store), method).watched(Arc::clone(keys));
        Ok((open.over(Arc::new(sealed)), floor))
    }

    fn in_token(
        &self,
        spec: &Spec,
        namespace: &Namespace,
        codec: PayloadCodec,
    ) -> Result<Backend, Error> {
        let revocation = self.revocation_of(spec, namespace)?;
        Ok(Backend::InToken(Arc::new(InToken { codec, revocation })))
    }

    fn revocation_of(
        &self,
        spec: &Spec,
        namespace: &Namespace,
    ) -> Result<Option<Revocation>, Error> {
        if self.at_rest != Protection::Open {
            return Err(refuse(
                spec,
                "`encrypt_at_rest` and `sign_at_rest` are for `payload = \"server\"`; a payload in \
                 the token is encrypted or signed as it is",
            ));
        }
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
                self.check_forgetful(spec, &**store)?;
                let store = self.under_deadline(store, namespace);
                let floor = Floor::new(store.clone(), namespace, self.random, true);
                Ok(Some(Revocation::new(store, namespace, Arc::new(floor))))
            }
        }
    }

    fn under_deadline(&self, store: &Arc<dyn Store>, namespace: &Namespace) -> DeadlineStore {
        let Policy { load_deadline, commit_deadline, max_waiting, .. } = self.policy;
        let (store, namespace) = (Arc::clone(store), namespace.clone());
        DeadlineStore::new(store, namespace, load_deadline, commit_deadline, max_waiting)
            .watched_by(self.watcher())
    }

    fn watcher(&self) -> Option<Watcher> {
        self.observer
            .as_ref()
            .map(|observer| Watcher::new(Arc::clone(observer), T::spec().namespace))
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

    /// Refuses a revocation store that may forget an ended session whose token still passes.
    fn check_forgetful(&self, spec: &Spec, store: &dyn Store) -> Result<(), Error> {
        let Properties { durable, evicts, .. } = store.properties();
        if self.keys.is_ephemeral() || (durable && !evicts) {
            return Ok(());
        }
        Err(refuse(
            spec,
            if evicts {
                "its revocation store evicts records when it is full, and the token of a session \
                 whose note is gone passes again; set Redis' `maxmemory-policy` to `noeviction`"
            } else {
                "its revocation store forgets with this process which sessions have ended, but its \
                 keys last, and so do the tokens; use a store that outlives the process, such as \
                 `EmbeddedStore`"
            },
        ))
    }
}

fn by_name(fields: &[FieldSpec]) -> Box<[usize]> {
    let mut by_name: Vec<usize> = (0..fields.len()).collect();
    by_name.sort_by_key(|at| fields[*at].name);
    by_name.into()
}
