//! One session layer after start-up: the settled policy, the carrier, the token codecs and the
//! store, without the session type's generics. It finds and verifies what a request presents and
//! loads the record; it decides nothing about changes (that is `plan`).

pub(crate) mod bind;
#[cfg(feature = "axum")]
pub(crate) mod challenge;
pub(crate) mod hooks;
pub(crate) mod live;
pub(crate) mod policy;
pub(crate) mod revocation;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, request::Parts};

use crate::{
    cell::FieldSealer,
    clock::{Clock, Timestamp, millis},
    engine::{
        hooks::{Client, ClientRules},
        live::{Live, Term},
        policy::Policy,
        revocation::Revocation,
    },
    error::{Error, Kind},
    event::{self, Reason},
    repository::deadline::TimedStore,
    schema::{OnStoreError, Resend, Spec, Transport},
    store::{
        FieldValue, Lifetime, Meta, Namespace, PrincipalKey, Record, Selector, Standing, StoreKey,
    },
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
    /// The session's bare name.
    pub(crate) name: &'static str,
    /// Where the fields are in the type's list, in the order of their names.
    pub(crate) by_name: Box<[usize]>,
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
    pub(crate) challenge: Option<challenge::Challenge>,
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

/// What a load found.
pub(crate) enum Loaded {
    Absent {
        stale: bool,
    },
    Live(Live, Arc<Record>),
    /// The store failed, and the policy is to go on without it.
    Degraded,
}

/// What a load found, or why that is no live session.
type Judged = Result<Loaded, (Selector, Reason)>;

impl Engine {
    pub(crate) const fn name(&self) -> &'static str {
        self.name
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
        let now = || self.now();
        let presented = match &self.residence {
            Residence::Server { codec, .. } => codec.verify(text, now).map(Presented::Credential),
            Residence::Token { codec, .. } => codec.open(text, now).and_then(|opened| {
                let known = |name: &[u8]| {
                    let mut names = self.spec.fields.iter().map(|field| field.name);
                    names.find(|known| known.as_bytes() == name)
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
                let opened = self.load_payload(*envelope, current_key);
                match (&self.residence, opened) {
                    (Residence::Token { revocation: Some(revocation), .. }, Ok(opened)) => {
                        Box::pin(self.unless_revoked(revocation, opened)).await
                    }
                    (_, opened) => Ok(opened),
                }
            }
        };
        match loaded {
            Ok(Ok(Loaded::Live(live, record))) => {
                event::loaded(self.name(), live.selector);
                if self.is_refused(&live, &record, client) {
                    self.reject(Some(live.selector), Reason::OtherClient);
                    return Ok(Loaded::Absent { stale: true });
                }
                Ok(Loaded::Live(live, record))
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

    async fn load_record(&self, credential: Credential) -> Result<Judged, Error> {
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
            Ok(standing) => standing == Standing::InGrace,
            Err(reason) => return Ok(Err((selector, reason))),
        };
        let live = Live::of_credential(credential, previous, Some(Term::of(&record.meta)));
        Ok(Ok(Loaded::Live(live, record)))
    }

    fn load_payload(&self, envelope: Envelope, current_key: bool) -> Judged {
        let Envelope { selector, sealed_at, .. } = envelope;
        let now = self.now();
        if sealed_at > now.saturating_add(CLOCK_SKEW) {
            return Err((selector, Reason::FromTheFuture));
        }
        let live = Live::of_payload(&envelope, self.principal_of(&envelope), current_key);
        let Some(term) = live.term.as_ref().filter(|term| now < term.expires_at()) else {
            return Err((selector, Reason::Expired));
        };
        let mut record = Record::new(Meta::new(live.check, live.key_id, now, term.lifetime));
        record.extend(envelope.fields);
        Ok(Loaded::Live(live, Arc::new(record)))
    }

    /// A payload session, unless it or all sessions of its principal were ended.
    async fn unless_revoked(
        &self,
        revocation: &Revocation,
        loaded: Loaded,
    ) -> Result<Judged, Error> {
        let Loaded::Live(live, _) = &loaded else { return Ok(Ok(loaded)) };
        let now = self.now();
        let principal = live.term.as_ref().and_then(|term| term.principal.as_ref());
        let revoked = revocation.is_ended(live.selector, now).await?
            || match principal {
                Some(principal) => live.epoch < revocation.epoch(principal, now).await?,
                None => false,
            };
        Ok(if revoked { Err((live.selector, Reason::Revoked)) } else { Ok(loaded) })
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
    pub(crate) fn touch_due(term: &Term, now: Timestamp) -> bool {
        term.lifetime.idle_millis.is_some_and(|idle| {
            let throttle = Duration::from_millis(idle / TOUCH_SHARE).min(TOUCH_AT_MOST);
            now.saturating_since(term.last_seen) >= throttle.max(Duration::from_millis(1))
        })
    }
}

/// Whether a credential opens a record, or why not.
fn judge(meta: &Meta, credential: &Credential, now: Timestamp) -> Result<Standing, Reason> {
    if meta.is_expired(now) {
        return Err(Reason::Expired);
    }
    match meta.standing(&credential.check, credential.key_id, now) {
        Standing::Superseded => Err(Reason::Replaced),
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
