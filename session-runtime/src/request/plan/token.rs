//! The plan for a session in its token: the payload to seal, and the selector to end if the session
//! goes on under another one.

use super::{EndSession, Plan, Planner, is_destroyed};
use crate::{
    cell::unknown_fields,
    engine::{backend::InToken, live::LiveSession},
    error::Error,
    request::{
        asked::Requested,
        lifetime,
        state::{LoadedRecord, State},
    },
    store::{Check, KeyId, Meta, PrincipalKey, Record, note_former},
    token::Envelope,
};

/// A payload for the token.
pub(crate) struct Seal {
    pub(crate) envelope: Envelope,
    pub(crate) principal: Option<PrincipalKey>,
    /// The session begins, or its principal logs in.
    pub(crate) begins: bool,
    /// The key that is to write the payload.
    pub(crate) key_id: KeyId,
}

impl Planner<'_> {
    pub(super) fn plan_in_token(
        &self,
        in_token: &InToken,
        state: &mut State,
        requested: Requested,
    ) -> Result<Plan<Box<Seal>>, Error> {
        let live = state.live().cloned();
        let end = self.asked_end(live.as_ref(), &requested);
        if is_destroyed(&requested) {
            return Plan::destroy(end, requested);
        }
        let live = live.filter(|_| requested.end.is_none());
        self.seal(in_token, state, live.as_ref(), end, requested)
    }

    fn seal(
        &self,
        in_token: &InToken,
        state: &mut State,
        live: Option<&LiveSession>,
        mut end: Option<EndSession>,
        requested: Requested,
    ) -> Result<Plan<Box<Seal>>, Error> {
        let no_user_changes = live.is_some() && !requested.any() && self.changes()?.ops.is_empty();
        if no_user_changes && live.is_some_and(|live| !self.reseal_is_due(live)) {
            return Ok(Plan::nothing(requested));
        }
        let mut ops = self.values()?;
        if live.is_none() && ops.is_empty() && !self.starts_empty(state, &requested) {
            return Ok(Plan::end_only(end, requested));
        }
        if live.is_none() && !self.hooks.consents {
            return self.withheld(end, requested);
        }
        // An ended selector is remembered for as long as its tokens live, so one that lives for
        // another time needs another selector.
        let new_token = requested.elevate
            || requested.rotate
            || (requested.moves_absolute() && in_token.revocation.is_some());
        let selector = match live {
            Some(live) if !new_token => live.selector,
            _ => self.fresh_selector(state)?,
        };
        // A new key waits, unless the token is another one anyway.
        let waits = |live: &LiveSession| {
            let is_due = |meta| lifetime::reissue_is_due(live.writer, meta, self.now);
            !new_token && !live.meta.as_ref().is_some_and(is_due)
        };
        let under = live
            .and_then(|live| if waits(live) { Some(live.key_id) } else { self.stays_under(live) });
        let key_id = in_token.codec.writer(under);
        self.seal_secrets(key_id, selector, &mut ops)?;
        match live {
            // The whole payload is written, so all of what binds the session, too.
            Some(_) => self.bind_on(state, &requested, key_id, &mut ops)?,
            None => self.bind_anew(key_id, &mut ops)?,
        }
        let policy = &self.engine.policy;
        let meta = live.and_then(|live| live.meta.as_ref());
        let indexed = self.index_key(&requested);
        let lifetime = match meta {
            None => lifetime::new(policy, &requested, self.now),
            Some(meta) => {
                lifetime::changed(policy, Some(meta), &requested, indexed.as_ref(), self.now)
                    .unwrap_or(meta.lifetime)
            }
        };
        let principal = if requested.elevate {
            requested.principal.clone()
        } else {
            meta.and_then(|meta| meta.principal.clone())
        };
        // A log-in begins a session, as far as the floor is concerned.
        let goes_on = meta.filter(|_| !requested.elevate);
        let created = goes_on.map_or(self.now, |meta| meta.created);
        let (mut rekeyed, mut former_keys) = (created, Vec::new());
        if let (Some(live), Some(meta)) = (live, meta) {
            let stays = live.key_id == key_id && !requested.elevate;
            rekeyed = if stays { meta.rotated } else { self.now };
            let before = self.fields.context().record();
            former_keys = before.map_or_else(Vec::new, |record| record.meta.former_keys.clone());
            note_former(&mut former_keys, live.key_id, key_id);
        }
        let mut record = Record::new(Meta::new(Check([0; 16]), key_id, self.now, lifetime));
        if requested.cleared.is_none()
            && state.loaded < LoadedRecord::Replaced
            && let Some(before) = live.and(self.fields.context().record())
        {
            record.extend(unknown_fields(&before, self.engine.spec.fields));
        }
        record.write_all(ops);
        let envelope = Envelope {
            selector,
            created,
            sealed_at: self.now,
            idle_millis: lifetime.idle_millis,
            absolute_until: lifetime.absolute_until,
            generation: live.map_or(0, |live| live.generation.saturating_add(u32::from(new_token))),
            epoch: live.map_or(0, |live| live.epoch),
            persistent: lifetime.persistent,
            rekeyed,
            former_keys,
            fields: record.into_fields(),
        };
        if let (Some(live), true) = (live, new_token) {
            end = Some(self.end_session(live, true));
        }
        let begins = requested.elevate || live.is_none();
        let seal = Box::new(Seal { envelope, principal, begins, key_id });
        Ok(Plan { no_user_changes, ..Plan::write(end, seal, requested) })
    }

    fn reseal_is_due(&self, live: &LiveSession) -> bool {
        live.meta.as_ref().is_some_and(|meta| {
            lifetime::reissue_is_due(live.writer, meta, self.now)
                || lifetime::touch_is_due(meta, self.now)
        })
    }
}
