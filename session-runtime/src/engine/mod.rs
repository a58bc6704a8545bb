//! One session layer after start-up: the settled policy, the carrier, the token codecs and the
//! store, without the session type's generics. `load` finds and judges what a request presents;
//! nothing here decides about changes (that is `request::plan`).

pub(crate) mod backend;
pub(crate) mod background;
pub(crate) mod bind;
#[cfg(feature = "axum")]
pub(crate) mod challenge;
pub(crate) mod claim;
pub(crate) mod floor;
pub(crate) mod hooks;
pub(crate) mod live;
pub(crate) mod load;
pub(crate) mod loopback;
pub(crate) mod policy;
pub(crate) mod revocation;
pub(crate) mod time;
pub(crate) mod under_way;
pub(crate) mod warnings;

use std::sync::Arc;

use http::request::Parts;

use self::{
    backend::Backend,
    background::Background,
    hooks::{HookAnswers, Hooks},
    policy::Policy,
    time::Time,
};
use crate::{
    cell::FieldSealer,
    clock::Timestamp,
    error::{Error, Kind},
    event::{self, Reason},
    key::watch::KeyWatch,
    observe::{RequestOutcome, Watcher},
    repository::deadline::DeadlineStore,
    schema::{Spec, Transport, options::Resend},
    store::{Cap, Namespace, Notice, PrincipalKey, Selector, StoreKey},
    token::{IndexCodec, Random},
    transport::Carrier,
};

pub(crate) struct Engine {
    pub(crate) spec: &'static Spec,
    /// The session's bare name.
    pub(crate) name: &'static str,
    /// Where the fields are in the type's list, in the order of their names.
    pub(crate) by_name: Box<[usize]>,
    pub(crate) policy: Policy,
    pub(crate) carrier: Carrier,
    pub(crate) namespace: Namespace,
    pub(crate) backend: Backend,
    pub(crate) sealer: Option<Arc<dyn FieldSealer>>,
    /// Returns the JSON text of a principal's id, from the principal's stored form.
    pub(crate) identity: fn(&[u8]) -> Option<String>,
    /// Hides principals from the store, under encryption at rest.
    pub(crate) index: Option<IndexCodec>,
    pub(crate) time: Arc<Time>,
    pub(crate) background: Arc<Background>,
    pub(crate) random: Random,
    pub(crate) hooks: Hooks,
    pub(crate) loopback_only: bool,
    pub(crate) warnings: warnings::Warnings,
    /// Knows whether this process may be behind with its keys.
    pub(crate) keys: Arc<KeyWatch>,
    pub(crate) under_way: Arc<under_way::UnderWay>,
    pub(crate) watcher: Option<Watcher>,
    #[cfg(feature = "axum")]
    pub(crate) challenge: Option<challenge::Challenge>,
}

impl Engine {
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Describes the layer for a message, so that two layers of one session type can be told apart.
    pub(crate) fn settings(&self) -> String {
        let (transport, name) = (self.carrier.transport_label(), self.carrier.name());
        format!("the {transport} `{name}` for `{}`", self.namespace.as_str())
    }

    /// Returns the present time: that of the store's server, as far as it is known. The floor is in the
    /// past, so a clock that shows an earlier time than the floor is behind: by that clock, whatever
    /// begins now would be over.
    pub(crate) fn now(&self) -> Timestamp {
        self.not_below_the_floor(self.time.now())
    }

    fn not_below_the_floor(&self, time: Timestamp) -> Timestamp {
        self.backend.floor().map_or(time, |floor| floor.before().max(time))
    }

    /// Returns the time before which a session must not have begun: the floor, as far as it is known, or
    /// the layer's `not_before`. What began since this layer asked for the time is not before
    /// `not_before`, whatever the clock says that `not_before` is from.
    pub(crate) fn not_before(&self) -> Timestamp {
        self.not_below_the_floor(self.policy.not_before.min(self.time.begun()))
    }

    /// Returns the limit on a principal's sessions. Those that are over do not count.
    pub(crate) fn cap(&self) -> Option<Cap> {
        self.policy.max_sessions.map(|cap| cap.not_before(self.not_before()))
    }

    /// Returns whether what is known of the floor is too old to judge a session by, or to begin one.
    pub(crate) fn is_floor_old(&self) -> bool {
        self.backend.floor().is_some_and(|floor| floor.is_old(self.time.now()))
    }

    /// Looks at the floor if what is known of the floor is old.
    pub(crate) async fn look_at_floor_if_old(&self) -> Result<(), Error> {
        match self.backend.floor() {
            Some(floor) => floor.look_if_old(self.time.now()).await,
            None => Ok(()),
        }
    }

    /// Looks at the floor now, for a log-in: what begins after the floor must not be over.
    pub(crate) async fn look_at_floor(&self) -> Result<(), Error> {
        match self.backend.floor() {
            Some(floor) => floor.look(self.time.now()).await,
            None => Ok(()),
        }
    }

    /// Returns the present time, to judge by that something is over. Knows the floor afterwards.
    pub(crate) async fn present_time(&self) -> Result<Timestamp, Error> {
        self.time_above_the_floor(self.time.is_old()).await
    }

    /// Returns the present time, measured anew if `measures` says so. Knows the floor afterwards.
    pub(crate) async fn time_above_the_floor(&self, measures: bool) -> Result<Timestamp, Error> {
        if measures {
            self.time.measure().await?;
        }
        self.look_at_floor_if_old().await?;
        Ok(self.now())
    }

    /// Ends every session, or those that began before a time. The time is that of the store.
    pub(crate) async fn raise_floor(&self, to: Option<Timestamp>) -> Result<(), Error> {
        let floor = self.backend.floor().ok_or_else(|| Error::new(Kind::NotListable))?;
        self.time.measure().await?;
        floor.raise(self.name, to, self.time.now()).await
    }

    /// Returns whether the time is known by which the first token can be judged.
    pub(crate) fn is_begun(&self) -> bool {
        self.time.is_begun()
    }

    /// Asks for the time, for the first token.
    pub(crate) async fn begin(&self) {
        self.time.begin().await;
    }

    /// Returns whether a time is before this process had its present keys.
    pub(crate) fn is_before_keys(&self, time: Timestamp) -> bool {
        self.keys.is_before(self.time.of_this_machine(time))
    }

    /// Starts what goes on beside the requests. Costs a look at a flag once that is done.
    pub(crate) fn start(&self) {
        Background::start(&self.background);
    }

    pub(crate) fn key(&self, selector: Selector) -> StoreKey {
        StoreKey { namespace: self.namespace.clone(), selector }
    }

    /// Returns the key by which the store indexes a log-in of this principal.
    pub(crate) fn index_key(&self, principal: &PrincipalKey) -> PrincipalKey {
        self.index.as_ref().map_or_else(|| principal.clone(), |index| index.hide(principal))
    }

    /// Returns every key by which the store may have indexed the principal's log-ins.
    pub(crate) fn index_keys(&self, principal: PrincipalKey) -> Vec<PrincipalKey> {
        match &self.index {
            None => vec![principal],
            Some(index) => index.hide_under_each(&principal),
        }
    }

    pub(crate) fn reject(&self, selector: Option<Selector>, reason: Reason) {
        event::rejected(self.name(), selector, reason);
        if let Some(watcher) = &self.watcher {
            watcher.request(RequestOutcome::Refused, Some(reason.as_str()));
        }
        self.warnings.note(self.name(), reason, || self.now());
    }

    /// Returns the name of the store of the sessions. Sessions in their tokens have none.
    pub(crate) fn store_name(&self) -> Option<&'static str> {
        match &self.backend {
            Backend::Stored(stored) => Some(stored.store.name()),
            Backend::InToken(_) => None,
        }
    }

    /// Notes a log-in.
    pub(crate) fn note_elevated(&self, selector: Selector) {
        event::elevated(self.name(), selector);
        if let Some(watcher) = &self.watcher {
            watcher.rotation(true);
        }
    }

    /// Notes a new credential of a session that stays whose it was.
    pub(crate) fn note_rotated(&self, selector: Selector) {
        event::rotated(self.name(), selector);
        if let Some(watcher) = &self.watcher {
            watcher.rotation(false);
        }
    }

    /// Notes that a session whose end was asked for was not ended.
    pub(crate) fn note_not_ended(&self, selector: Selector, error: &Error) {
        event::not_ended(self.name(), selector, error);
        if let Some(watcher) = &self.watcher {
            watcher.not_ended(error);
        }
    }

    /// Notes, and announces, the sessions that a log-in has evicted under `max_sessions`.
    pub(crate) fn note_evicted(&self, store: &DeadlineStore, evicted: &[Selector]) {
        if evicted.is_empty() {
            return;
        }
        for selector in evicted {
            event::evicted(self.name(), *selector);
            store.announce(Notice::Session(self.key(*selector)));
        }
        if let Some(watcher) = &self.watcher {
            watcher.eviction(evicted.len() as u64);
        }
    }

    /// Draws the selector of a session to be created.
    pub(crate) fn new_selector(&self, hooks: &HookAnswers) -> Result<Selector, Error> {
        match hooks.session_id() {
            None => self.random.bytes().map(Selector).map_err(|_| Error::new(Kind::Random)),
            Some(zeros) if zeros == [0; 16] => Err(Error::new(Kind::SessionIds("sixteen zeros"))),
            Some(id) => Ok(Selector(id)),
        }
    }

    /// Returns the error for an insert that met a session that exists already.
    pub(crate) fn taken(&self) -> Error {
        Error::new(match self.hooks.session_ids {
            Some(_) => Kind::SessionIds("the id of a session that exists"),
            // 128 random bits: this is a broken source of randomness, not chance.
            None => Kind::Random,
        })
    }

    /// Refuses what `insecure_dev()` must not serve. The `Host` a browser sends is the address the
    /// user typed, so a public deployment fails on its first request.
    pub(crate) fn refuse_remote(&self, parts: &Parts) -> Result<(), Error> {
        if !self.loopback_only || loopback::is_loopback(parts) {
            return Ok(());
        }
        Err(Error::new(Kind::NotLoopback))
    }

    /// Returns whether a token that the client has may be sent again for its lifetime's sake.
    pub(crate) fn may_resend(&self) -> bool {
        match self.policy.resend {
            Resend::Always => true,
            Resend::OnChange => self.carrier.transport() == Transport::Cookie,
            Resend::Never => false,
        }
    }
}
