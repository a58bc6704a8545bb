//! One session layer after start-up: the settled policy, the carrier, the token codecs and the
//! store, without the session type's generics. `load` finds and judges what a request presents;
//! nothing here decides about changes (that is `request::plan`).

pub(crate) mod backend;
pub(crate) mod bind;
#[cfg(feature = "axum")]
pub(crate) mod challenge;
pub(crate) mod claim;
pub(crate) mod hooks;
pub(crate) mod junk;
pub(crate) mod live;
pub(crate) mod load;
pub(crate) mod loopback;
pub(crate) mod policy;
pub(crate) mod revocation;

use std::sync::Arc;

use http::request::Parts;

use self::{
    backend::Backend,
    hooks::{HookAnswers, Hooks},
    policy::Policy,
};
use crate::{
    cell::FieldSealer,
    clock::{Clock, Timestamp},
    error::{Error, Kind},
    event::{self, Reason},
    schema::{Spec, Transport, options::Resend},
    store::{Namespace, PrincipalKey, Selector, StoreKey},
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
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) hooks: Hooks,
    pub(crate) loopback_only: bool,
    pub(crate) junk: junk::Junk,
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

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
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
        if reason.is_junk()
            && let Some(count) = self.junk.note(self.now())
        {
            event::junk(self.name(), count);
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
