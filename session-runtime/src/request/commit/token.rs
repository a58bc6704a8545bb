//! Carries out the plan for a session in its token: seals the payload, ends the old selector, and
//! notes what the client holds from now on.

use std::sync::Arc;

use super::{Saved, enter, leave, note_ended, settle_fields};
use crate::{
    cell::model::FieldSet,
    engine::{
        Engine,
        backend::InToken,
        live::{LiveSession, Writer},
    },
    error::{Error, Kind, Large},
    event,
    request::{
        plan::{EndSession, Occasion, Plan, token::Seal},
        state::{Core, LoadedRecord, Status},
    },
    schema::options::OnLost,
    store::{Check, Lifetime, Meta, Record, field_sizes},
    transport::TooLarge,
};

pub(super) async fn execute(
    core: &Core,
    fields: &dyn FieldSet,
    in_token: &InToken,
    plan: &mut Plan<Box<Seal>>,
    occasion: Occasion,
) -> Result<Saved, Error> {
    let engine = &*core.engine;
    let mut write = plan.write.take();
    // A payload that goes on under a new selector is sealed before the old one is ended, so that
    // an error (too large) ends nothing.
    let text = match &mut write {
        Some(sealing) => {
            if let (true, Some(revocation)) = (sealing.begins, &in_token.revocation) {
                let mark = revocation.mark(sealing.principal.as_ref());
                sealing.envelope.epoch = Box::pin(mark).await?;
            }
            Some(seal(engine, in_token, sealing)?)
        }
        None => None,
    };
    let tells = !occasion.is_last() || engine.policy.on_lost == OnLost::Conflict;
    if text.is_some() && plan.end.is_none() && tells {
        // A payload is sealed whatever other requests do, so this must be asked for.
        let live = core.state().live().cloned();
        if let Some(live) = live
            && !Box::pin(engine.is_live(&live, &core.hooks)).await?
        {
            event::gone(engine.name(), live.selector);
            core.state().lose();
            return Ok(Saved::Lost);
        }
    }
    let requested = &plan.requested;
    if let Some(end) = &plan.end {
        // Few plans end a session, so that this is in a box, out of the way of the others.
        let goes_on = Box::pin(end_session(engine, in_token, end)).await?;
        let mut state = core.state();
        if !goes_on {
            event::gone(engine.name(), state.selector(core));
            state.lose();
            return Ok(Saved::Lost);
        }
        if requested.end.is_some() {
            leave(core, &mut state, requested);
        }
    }
    let (Some(text), Some(sealing)) = (text, write) else {
        return plan.failure.take().map_or(Ok(Saved::Ended), Err);
    };
    let Seal { envelope, principal, key_id, .. } = *sealing;
    let mut state = core.state();
    let created = !matches!(state.status, Status::Live(_));
    state.loaded.reduce(if requested.cleared.is_some() {
        LoadedRecord::Replaced
    } else if requested.elevate {
        LoadedRecord::Rebound
    } else {
        LoadedRecord::Changed
    });
    let codec = &in_token.codec;
    let is_old = engine.is_before_keys(envelope.rekeyed);
    let writer = Writer::of(codec.place(key_id), codec.writer(None), &envelope.former_keys, is_old);
    let live = LiveSession::of_payload(&envelope, principal, key_id, writer);
    enter(engine, &mut state, live, text);
    drop(state);
    settle_fields(fields);
    if !occasion.is_last() {
        let lifetime = Lifetime {
            idle_millis: envelope.idle_millis,
            absolute_until: envelope.absolute_until,
            persistent: envelope.persistent,
        };
        let meta = Meta::new(Check([0; 16]), key_id, envelope.sealed_at, lifetime);
        let mut record = Record::new(meta);
        record.meta.former_keys.clone_from(&envelope.former_keys);
        record.extend(envelope.fields.iter().cloned());
        fields.context().settle(Arc::new(record), envelope.selector);
    }
    if requested.elevate {
        engine.note_elevated(envelope.selector);
    }
    if created {
        event::created(engine.name(), envelope.selector);
    } else {
        event::committed(engine.name(), envelope.selector);
    }
    Ok(if requested.end.is_some() {
        Saved::Ended
    } else if created {
        Saved::Created
    } else {
        Saved::Updated
    })
}

/// Ends a selector. Returns whether the session may go on under another one: not if a parallel
/// request has ended the selector before.
async fn end_session(engine: &Engine, in_token: &InToken, end: &EndSession) -> Result<bool, Error> {
    // Without a revocation, replay until expiry was accepted, out loud, when the layer was built.
    if let Some(revocation) = &in_token.revocation {
        let ending = revocation.end(end.selector, end.principal.as_ref(), engine.now(), end.until);
        let ended_now = ending.await.inspect_err(|error| {
            if !end.superseded {
                engine.note_not_ended(end.selector, error);
            }
        })?;
        if !ended_now && end.superseded {
            return Ok(false);
        }
    }
    note_ended(engine, end);
    Ok(true)
}

/// Writes the token of a payload. The error for a token that is too large names the fields, the
/// largest first.
fn seal(engine: &Engine, in_token: &InToken, sealing: &Seal) -> Result<String, Error> {
    let Seal { envelope, key_id, .. } = sealing;
    let text = in_token.codec.write(envelope, Some(*key_id), engine.random);
    let text = text.map_err(|_| Error::new(Kind::Random))?;
    engine.carrier.check(&text).map_err(|too_large| {
        let TooLarge { size, limit } = too_large;
        let fields = envelope.fields.iter().map(|(name, value)| (name.as_ref(), value));
        let (what, fields) = (Large::Token, field_sizes(fields));
        Error::new(Kind::TooLarge { what, size, limit, fields })
    })?;
    Ok(text)
}
