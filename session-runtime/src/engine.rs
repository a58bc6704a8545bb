//! One session layer after start-up: the settled policy, the carrier, the token codecs and the
//! store, without the session type's generics. It finds and verifies what a request presents and
//! loads the record; it decides nothing about changes (that is `plan`).

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, request::Parts};

use crate::{
    cell::FieldSealer,
    client::{Client, ClientRules},
    clock::{Clock, Timestamp, millis},
    error::{Error, Kind},
    event::{self, Reason},
    policy::Policy,
    revocation::Revocation,
    schema::{OnStoreError, Resend, Spec, Transport},
    store::{
        Check, FieldValue, KeyId, Lifetime, Meta, Namespace, PrincipalKey, Record, Selector,
        Standing, StoreKey,
    },
    timed::TimedStore,
    token::{Credential, CredentialCodec, Envelope, IndexCodec, PayloadCodec, Random},
    transport::{Carrier, Found},
};

/// How far the clocks of two machines may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
/// How long a credential that a periodic rotation replaced still passes, so that requests that are
/// on their way with it survive.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// The longest time between two touches, and the share of the idle time that one may be late.
const TOUCH_AT_MOST: Duration = Duration::from_secs(60);
const TOUCH_SHARE: u64 = 20;

pub(crate) struct Engine {
    pub(crate) spec: &'static Spec,
    pub(crate) policy: Policy,
    pub(crate) carrier: Carrier,
    pub(crate) namespace: Namespace,
    pub(crate) residence: Residence,
    pub(crate) sealer: Option<Arc<dyn FieldSealer>>,
    /// Hides principals from the store, under encryption at rest.
    pub(crate) index: Option<IndexCodec>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) client: ClientRules,
    pub(crate) loopback_only: bool,
    #[cfg(feature = "axum")]
    pub(crate) challenge: Option<crate::challenge::Challenge>,
}

/// Where the fields are.
pub(crate) enum Residence {
    Server { store: TimedStore, codec: CredentialCodec },
    Token { codec: PayloadCodec, revocation: Option<Revocation> },
}

/// What a request presents, verified as far as that goes without a store.
pub(crate) enum Presented {
    Nothing,
    Rejected,
    Credential(Credential),
    Payload(Box<Envelope>, bool),
}

/// A live session as far as this request knows it.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) selector: Selector,
    /// What the store knows the credential by; unused for payloads in tokens.
    pub(crate) check: Check,
    pub(crate) key_id: KeyId,
    /// Whether the writing key made the token.
    pub(crate) current_key: bool,
    /// Whether the credential was replaced and is within its grace.
    pub(crate) previous: bool,
    /// The fixed part of the record; none if nothing was loaded (`Writer`).
    pub(crate) meta: Option<Meta>,
    /// Counts elevations and rotations of a payload in the token.
    pub(crate) generation: u32,
    pub(crate) epoch: u64,
}

impl Live {
    /// A session in a store.
    pub(crate) const fn of_credential(
        credential: Credential,
        previous: bool,
        meta: Option<Meta>,
    ) -> Self {
        let Credential { selector, check, key_id, current_key } = credential;
        Self { selector, check, key_id, current_key, previous, meta, generation: 0, epoch: 0 }
    }

    /// A session in its token.
    pub(crate) fn of_payload(
        envelope: &Envelope,
        principal: Option<PrincipalKey>,
        current_key: bool,
    ) -> Self {
        let Envelope { selector, generation, epoch, .. } = *envelope;
        let lifetime = Lifetime {
            idle_millis: envelope.idle_millis,
            absolute_until: envelope.absolute_until,
            persistent: envelope.persistent,
        };
        let (check, key_id) = (Check([0; 16]), KeyId([0; 4]));
        let mut meta = Meta::new(check, key_id, envelope.created, lifetime);
        (meta.last_seen, meta.rotated) = (envelope.sealed_at, envelope.sealed_at);
        meta.set_principal(principal, envelope.created);
        let meta = Some(meta);
        Self { selector, check, key_id, current_key, previous: false, meta, generation, epoch }
    }
}

/// What a load found.
pub(crate) enum Loaded {
    Absent {
        stale: bool,
    },
    Live(Box<Live>, Arc<Record>),
    /// The store failed, and the policy is to go on without it.
    Degraded,
}

impl Engine {
    pub(crate) fn name(&self) -> &'static str {
        self.spec.bare_name()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn key(&self, selector: Selector) -> StoreKey {
        StoreKey { namespace: self.namespace.clone(), selector }
    }

    /// What the store indexes a log-in of this principal by.
    pub(crate) fn index_key(&self, principal: &PrincipalKey) -> PrincipalKey {
        self.index.as_ref().map_or_else(|| principal.clone(), |index| index.hide(principal))
    }

    /// Everything that the store may have indexed a principal's log-ins by.
    pub(crate) fn index_keys(&self, principal: PrincipalKey) -> Vec<PrincipalKey> {
        match &self.index {
            None => vec![principal],
            Some(index) => index.hide_under_each(&principal),
        }
    }

    pub(crate) fn reject(&self, selector: Option<Selector>, reason: Reason) {
        event::rejected(self.name(), selector, reason);
    }

    /// The public id of a session to be created.
    pub(crate) fn new_selector(&self, client: &Client) -> Result<Selector, Error> {
        match client.session_id() {
            None => self.random.bytes().map(Selector).map_err(|_| Error::new(Kind::Random)),
            Some(zeros) if zeros == [0; 16] => Err(Error::new(Kind::SessionIds("sixteen zeros"))),
            Some(id) => Ok(Selector(id)),
        }
    }

    /// Why an insert met a session that is there already.
    pub(crate) fn taken(&self) -> Error {
        Error::new(match self.client.session_ids {
            Some(_) => Kind::SessionIds("the id of a session that exists"),
            // 128 random bits: this is a broken source of randomness, not chance.
            None => Kind::Random,
        })
    }

    /// Refuses what `insecure_dev()` must not serve. The `Host` a browser sends is the address the
    /// user typed, so a public deployment fails on its first request.
    pub(crate) fn admit(&self, parts: &Parts) -> Result<(), Error> {
        if !self.loopback_only || is_loopback(parts) {
            return Ok(());
        }
        Err(Error::new(Kind::NotLoopback))
    }

    /// Finds and verifies the token, without touching a store. With it comes the header it is in.
    pub(crate) fn present(&self, headers: &HeaderMap) -> (Presented, Option<HeaderValue>) {
        let (text, header) = match self.carrier.find(headers) {
            Found::None => return (Presented::Nothing, None),
            Found::Duplicate => {
                self.reject(None, Reason::Duplicate);
                return (Presented::Rejected, None);
            }
            Found::One(text, header) => (text, header),
        };
        let now = self.now();
        let presented = match &self.residence {
            Residence::Server { codec, .. } => codec.verify(text, now).map(Presented::Credential),
            Residence::Token { codec, .. } => codec.open(text, now).and_then(|opened| {
                let known = |name: &str| {
                    self.spec.fields.iter().map(|field| field.name).find(|known| *known == name)
                };
                Envelope::decode(&opened.plain, known)
                    .map(|envelope| Presented::Payload(Box::new(envelope), opened.current_key))
                    .ok_or(Reason::Malformed)
            }),
        };
        match presented {
            Ok(presented) => (presented, Some(header.clone())),
            Err(reason) => {
                self.reject(None, reason);
                (Presented::Rejected, None)
            }
        }
    }

    /// Whether a token that the client has may be sent again for its lifetime's sake.
    pub(crate) fn may_resend(&self) -> bool {
        match self.policy.resend {
            Resend::Always => true,
            Resend::OnChange => self.spec.transport == Transport::Cookie,
            Resend::Never => false,
        }
    }

    /// Turns what was presented into a live session, or nothing.
    pub(crate) async fn load(
        &self,
        presented: Presented,
        client: &Client,
    ) -> Result<Loaded, Error> {
        let loaded = match presented {
            Presented::Nothing => return Ok(Loaded::Absent { stale: false }),
            Presented::Rejected => return Ok(Loaded::Absent { stale: true }),
            Presented::Credential(credential) => self.load_record(credential).await,
            Presented::Payload(envelope, current_key) => {
                self.load_payload(*envelope, current_key).await
            }
        };
        match loaded {
            Ok(Ok(Loaded::Live(live, record))) if self.is_refused(&live, &record, client) => {
                self.reject(Some(live.selector), Reason::OtherClient);
                Ok(Loaded::Absent { stale: true })
            }
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err((selector, reason))) => {
                self.reject(Some(selector), reason);
                Ok(Loaded::Absent { stale: true })
            }
            Err(error)
                if error.is_unavailable()
                    && self.policy.on_store_error == OnStoreError::Degrade =>
            {
                event::degraded(self.name(), &error);
                Ok(Loaded::Degraded)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a session is bound to another client than the one that presents it, and that is not
    /// let pass.
    fn is_refused(&self, live: &Live, record: &Record, client: &Client) -> bool {
        let Some(bound) = &client.bound else { return false };
        let mut refused = false;
        for mismatch in bound.mismatches(record) {
            event::mismatch(self.name(), live.selector, mismatch.kind);
            refused |= mismatch.rejects;
        }
        refused
    }

    async fn load_record(
        &self,
        credential: Credential,
    ) -> Result<Result<Loaded, (Selector, Reason)>, Error> {
        let Residence::Server { store, .. } = &self.residence else {
            return Ok(Err((credential.selector, Reason::Malformed)));
        };
        let selector = credential.selector;
        let key = self.key(selector);
        let Some(mut record) = store.load(&key).await? else {
            return Ok(Err((selector, Reason::Unknown)));
        };
        let now = self.now();
        let mut judged = judge(&record.meta, &credential, now);
        // A cache may not know yet of a touch or a new credential, which must log nobody out.
        if judged.is_err()
            && let Some(present) = store.reload(&key).await?
        {
            record = present;
            judged = judge(&record.meta, &credential, now);
        }
        let previous = match judged {
            Ok(standing) => standing == Standing::Previous,
            Err(reason) => return Ok(Err((selector, reason))),
        };
        let live = Live::of_credential(credential, previous, Some(record.meta.clone()));
        event::loaded(self.name(), selector);
        Ok(Ok(Loaded::Live(Box::new(live), record)))
    }

    async fn load_payload(
        &self,
        envelope: Envelope,
        current_key: bool,
    ) -> Result<Result<Loaded, (Selector, Reason)>, Error> {
        let Envelope { selector, sealed_at, epoch, .. } = envelope;
        let now = self.now();
        if sealed_at > now.saturating_add(CLOCK_SKEW) {
            return Ok(Err((selector, Reason::FromTheFuture)));
        }
        let live = Live::of_payload(&envelope, self.principal_of(&envelope), current_key);
        let Some(meta) = live.meta.clone().filter(|meta| !meta.is_expired(now)) else {
            return Ok(Err((selector, Reason::Expired)));
        };
        if let Residence::Token { revocation: Some(revocation), .. } = &self.residence {
            if revocation.is_ended(selector, now).await? {
                return Ok(Err((selector, Reason::Revoked)));
            }
            if let Some(principal) = &meta.principal
                && epoch < revocation.epoch(principal, now).await?
            {
                return Ok(Err((selector, Reason::Revoked)));
            }
        }
        let mut record = Record::new(meta);
        record.extend(envelope.fields);
        event::loaded(self.name(), selector);
        Ok(Ok(Loaded::Live(Box::new(live), Arc::new(record))))
    }

    fn principal_of(&self, envelope: &Envelope) -> Option<PrincipalKey> {
        let field = self.spec.fields.iter().find(|field| field.principal)?;
        let stored = |name: &str| envelope.fields.iter().find(|(stored, _)| stored == name);
        match field.names().find_map(stored)? {
            (_, FieldValue::Bytes(json)) => std::str::from_utf8(json).ok().map(PrincipalKey::new),
            _ => None,
        }
    }

    /// How long a new session lives.
    pub(crate) fn lifetime(&self, now: Timestamp) -> Lifetime {
        Lifetime {
            idle_millis: self.policy.idle.map(millis),
            absolute_until: self
                .policy
                .absolute
                .map_or(Timestamp::MAX, |absolute| now.saturating_add(absolute)),
            persistent: false,
        }
    }

    /// Whether a use at `now` is far enough from the last one recorded to be recorded too: a
    /// twentieth of the idle time, at most a minute. Sessions end that much early at most.
    pub(crate) fn touch_due(meta: &Meta, now: Timestamp) -> bool {
        meta.lifetime.idle_millis.is_some_and(|idle| {
            let throttle = Duration::from_millis(idle / TOUCH_SHARE).min(TOUCH_AT_MOST);
            now.saturating_since(meta.last_seen) >= throttle.max(Duration::from_millis(1))
        })
    }
}

/// Whether a credential opens a record, or why not.
fn judge(meta: &Meta, credential: &Credential, now: Timestamp) -> Result<Standing, Reason> {
    if meta.is_expired(now) {
        return Err(Reason::Expired);
    }
    match meta.standing(&credential.check, credential.key_id, now) {
        Standing::Former => Err(Reason::Replaced),
        standing => Ok(standing),
    }
}

/// Whether a request was addressed to this machine and came through no proxy.
fn is_loopback(parts: &Parts) -> bool {
    if parts.headers.contains_key("forwarded") || parts.headers.contains_key("x-forwarded-for") {
        return false;
    }
    let host = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
    let Some(authority) = authority.as_ref().or_else(|| parts.uri.authority()) else {
        return false;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
