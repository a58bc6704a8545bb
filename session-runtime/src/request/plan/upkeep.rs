//! What a commit does to the session itself beside its fields: a new credential, another lifetime,
//! what it is bound to.

use super::Planner;
use crate::{
    cell::Context,
    clock::Timestamp,
    engine::{Engine, GRACE, Residence, live::Live},
    error::{Error, Kind},
    request::state::{Facts, Origin, State},
    store::{FieldName, FieldValue, Lifetime, Op, Record, Selector},
    token::{CredentialCodec, Issued},
};

/// Whether nothing was asked of a live session, nothing written to it, and nothing is due: what
/// most requests come to, told without a plan.
pub(crate) fn is_idle(engine: &Engine, context: &Context, state: &State) -> bool {
    let Origin::Live(live) = &state.origin else { return false };
    !context.is_written()
        && !state.facts.any()
        && !matches!(state.fresh, Some(Err(_)))
        && live.term.as_ref().is_none_or(|term| {
            let now = engine.now();
            live.current_key
                && !Engine::touch_due(term, now)
                && !engine.policy.rotate_every.is_some_and(|every| term.is_older(every, now))
        })
}

impl Planner<'_> {
    /// The selector and the credential of a session that is to be created.
    pub(super) fn first_credential(&self, state: &mut State) -> Result<(Selector, Issued), Error> {
        if state.fresh.is_some() || self.client.has_ids() {
            let selector = self.fresh_selector(state)?;
            return Ok((selector, self.issue(selector)?));
        }
        let drawn = self.credentials()?.issue_new(self.engine.random);
        let (selector, issued) = drawn.map_err(|_| Error::new(Kind::Random))?;
        state.fresh = Some(Ok(selector));
        Ok((selector, issued))
    }

    fn issue(&self, selector: Selector) -> Result<Issued, Error> {
        let issued = self.credentials()?.issue(selector, self.engine.random);
        issued.map_err(|_| Error::new(Kind::Random))
    }

    fn credentials(&self) -> Result<&CredentialCodec, Error> {
        match &self.engine.residence {
            Residence::Server { codec, .. } => Ok(codec),
            // Payload tokens are made from the envelope, never from a credential.
            Residence::Token { .. } => Err(Error::config("a payload token has no credential")),
        }
    }

    /// The new credential, if one is due, and until when the old one still passes.
    pub(super) fn rotation(
        &self,
        live: &Live,
        facts: &Facts,
    ) -> Result<Option<(Issued, Option<Timestamp>)>, Error> {
        let grace = if facts.elevate || facts.rotate {
            None
        } else {
            let Some(term) = live.term.as_ref().filter(|_| !live.previous) else {
                return Ok(None);
            };
            let every = self.engine.policy.rotate_every;
            if live.current_key && !every.is_some_and(|every| term.is_older(every, self.now)) {
                return Ok(None);
            }
            Some(self.now.saturating_add(GRACE))
        };
        Ok(Some((self.issue(live.selector)?, grace)))
    }

    /// How long a session lives that is created with these facts.
    pub(super) fn new_lifetime(&self, facts: &Facts) -> Lifetime {
        facts.lifetime(self.engine.lifetime(self.now), self.now)
    }

    /// A new log-in starts a new life; otherwise the lifetime changes only if it was asked for.
    pub(super) fn changed_lifetime(&self, live: &Live, facts: &Facts) -> Option<Lifetime> {
        if !facts.elevate && facts.term.is_none() {
            return None;
        }
        let before = live.term.as_ref().filter(|term| {
            // Logging in again on a remembered device does not make it forgotten; another
            // principal did not ask for it.
            !facts.elevate || (term.lifetime.persistent && term.principal == self.index_key(facts))
        });
        let before = before.map_or_else(|| self.engine.lifetime(self.now), |term| term.lifetime);
        Some(facts.lifetime(before, self.now))
    }

    /// What binds a session that is created, or that somebody logs in to.
    pub(super) fn bind_anew(&self, ops: &mut Vec<Op>) -> Result<(), Error> {
        self.push_bound(None, ops, |_, _| true)
    }

    /// What binds a session that goes on: as it was, and what is missing.
    pub(super) fn bind_on(
        &self,
        state: &State,
        live: &Live,
        facts: &Facts,
        ops: &mut Vec<Op>,
    ) -> Result<(), Error> {
        if facts.elevate {
            return self.bind_anew(ops);
        }
        // A write that has not looked cannot know what is missing.
        if live.term.is_none() {
            return Ok(());
        }
        let before = self.fields.context().record();
        let before = before.as_deref().filter(|_| !state.rebased && !state.rebound);
        self.push_bound(before, ops, |name, value| {
            facts.cleared.is_some() || before.and_then(|record| record.get(name)) != Some(value)
        })
    }

    fn push_bound(
        &self,
        before: Option<&Record>,
        ops: &mut Vec<Op>,
        is_due: impl Fn(&str, &FieldValue) -> bool,
    ) -> Result<(), Error> {
        let Some(bound) = &self.client.bound else { return Ok(()) };
        let fields: Vec<(FieldName, FieldValue)> =
            bound.fields(before).map_err(|_| Error::new(Kind::Random))?;
        let due = fields.into_iter().filter(|(name, value)| is_due(name, value));
        ops.extend(due.map(|(field, value)| Op::Set { field, value }));
        Ok(())
    }
}
