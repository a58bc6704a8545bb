//! Carries out a plan: talks to the store, then notes in the state what is true now and what the
//! response must carry. `save` and `transact` do it at once, `closing` at the end of the request.

use std::{borrow::Cow, sync::Arc};

use crate::{
    cell::model::{FieldSet, SessionType},
    engine::{
        Engine, Residence,
        live::{Live, Term},
    },
    error::{Error, Kind},
    event,
    request::{
        Inner,
        detached::detached,
        plan::{Change, Ending, Plan, Seal, Write, is_idle, plan},
        reply::{max_age, resend, tell_end, tell_stale},
        seal::{epoch_of, seal},
        state::{Core, End, Facts, Origin, Outgoing, State},
        token_text::Held,
    },
    store::{Commit, CommitOutcome, InsertOutcome, Selector},
    token::{Credential, Envelope, Issued},
};

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Saved {
    /// Nothing had changed; the store was not asked.
    Unchanged,
    /// There is a new session.
    Created,
    /// The changes are in the session.
    Updated,
    /// There is no session, and none was created: the client does not consent
    /// ([`consent`](crate::SessionLayerBuilder::consent)). The changes are not saved.
    Withheld,
    /// The session was ended. What was kept for afterwards is in a new one.
    Ended,
    /// The session was ended, or given a new credential, by a parallel request; the changes were
    /// dropped.
    Lost,
}

/// Commits everything so far, and finishes even if the caller is dropped.
pub(crate) async fn save<T: SessionType>(inner: Arc<Inner<T>>) -> Result<Saved, Error> {
    detached(commit(inner, false)).await
}

/// Commits everything so far. `closing` is the end of the request.
pub(crate) async fn commit<T: SessionType>(
    inner: Arc<Inner<T>>,
    closing: bool,
) -> Result<Saved, Error> {
    let _turn = inner.core.turns.take().await;
    match prepare(&inner, closing)? {
        Prepared::Settled(saved) => Ok(saved),
        Prepared::Planned(plan) => execute(&inner, plan, closing).await,
    }
}

/// A commit after its first half.
pub(crate) enum Prepared {
    Settled(Saved),
    Planned(Plan),
}

/// Plans, and settles what needs no store.
pub(crate) fn prepare<T: SessionType>(inner: &Inner<T>, closing: bool) -> Result<Prepared, Error> {
    let (core, fields) = (&inner.core, inner.fields());
    if closing {
        // Before the cells are read: a write from now on either is seen below or is reported.
        fields.context().close();
    } else if fields.context().is_closed() {
        return Err(Error::new(Kind::Closed));
    } else if matches!(core.state().origin, Origin::Degraded) {
        return Err(Error::degraded());
    }
    let mut state = core.state();
    if is_idle(&core.engine, fields.context(), &state) {
        if closing {
            resend(core, &mut state);
        }
        return Ok(Prepared::Settled(Saved::Unchanged));
    }
    let plan = plan(&core.engine, &core.client, fields, &mut state, closing)?;
    drop(state);
    Ok(if plan.is_nothing() {
        let withheld = matches!(plan.write, Write::Withheld);
        let settled = settle_nothing(core, &plan.facts, closing);
        Prepared::Settled(if withheld { Saved::Withheld } else { settled })
    } else {
        Prepared::Planned(plan)
    })
}

/// Carries out a plan, and puts back what it was made of if that fails.
pub(crate) async fn execute<T: SessionType>(
    inner: &Inner<T>,
    mut plan: Plan,
    closing: bool,
) -> Result<Saved, Error> {
    let core = &inner.core;
    let carried_out = match &plan.write {
        Write::Insert(_) | Write::Commit(_) => {
            store(core, inner.fields(), &mut plan, closing).await
        }
        Write::Nothing | Write::Withheld | Write::Seal(_) => {
            reseal(core, inner.fields(), &mut plan).await
        }
    };
    match carried_out {
        Ok(saved) => Ok(saved),
        Err(error) if plan.upkeep && error.is_unavailable() => {
            event::upkeep_failed(core.engine.name(), &error);
            Ok(Saved::Unchanged)
        }
        Err(error) => {
            if let Some(field) = error.conflict_field() {
                let selector = core.state().selector(core);
                event::conflict(core.engine.name(), selector, field);
            }
            core.state().facts.restore(plan.facts);
            Err(error)
        }
    }
}

/// No store work; the token may have to be spoken of all the same.
fn settle_nothing(core: &Core, facts: &Facts, closing: bool) -> Saved {
    let mut state = core.state();
    let ended = facts.end.is_some();
    if ended {
        leave(core, &mut state, facts);
    } else {
        // They still count when there is something to commit.
        state.facts.restore(facts.clone());
    }
    if closing {
        resend(core, &mut state);
        tell_stale(core, &mut state);
    }
    if ended { Saved::Ended } else { Saved::Unchanged }
}

/// Ends a session, or writes one that is in its token.
async fn reseal(core: &Core, fields: &impl FieldSet, plan: &mut Plan) -> Result<Saved, Error> {
    let engine = &*core.engine;
    // A payload that goes on under a new selector is sealed before the old one is ended, so that
    // an error (too large) ends nothing.
    let text = match &mut plan.write {
        Write::Seal(sealing) => {
            if sealing.look_up_epoch {
                let epoch = epoch_of(engine, sealing.principal.as_ref());
                sealing.envelope.epoch = Box::pin(epoch).await?;
            }
            Some(seal(engine, &sealing.envelope)?)
        }
        _ => None,
    };
    let ended = end_session(engine, plan.end.as_ref()).await?;
    let facts = &plan.facts;
    let mut state = core.state();
    if ended == Ended::Before {
        event::gone(engine.name(), state.selector(core));
        state.origin = Origin::Over;
        return Ok(Saved::Lost);
    }
    if ended == Ended::Now && facts.end.is_some() {
        leave(core, &mut state, facts);
    }
    let (Some(text), Write::Seal(sealing)) = (text, &mut plan.write) else {
        return Ok(Saved::Ended);
    };
    let Seal { envelope, principal, .. } = &mut **sealing;
    let created = !matches!(state.origin, Origin::Live(_));
    state.rebased |= facts.cleared.is_some();
    state.rebound |= facts.elevate;
    enter(engine, &mut state, Live::of_payload(envelope, principal.take(), true), text);
    drop(state);
    settle_fields(fields);
    note_write(engine, envelope, facts, created);
    Ok(if facts.end.is_some() {
        Saved::Ended
    } else if created {
        Saved::Created
    } else {
        Saved::Updated
    })
}

fn note_write(engine: &Engine, envelope: &Envelope, facts: &Facts, created: bool) {
    if facts.elevate {
        event::elevated(engine.name(), envelope.selector);
    }
    if created {
        event::created(engine.name(), envelope.selector);
    } else {
        event::committed(engine.name(), envelope.selector);
    }
}

/// Notes that the client is in this session from now on, and queues its token.
fn enter(engine: &Engine, state: &mut State, live: Live, text: String) {
    if !matches!(state.origin, Origin::Live(_)) {
        // Not the one that was loaded.
        state.rebased = true;
        state.groups = None;
    }
    state.fresh.take_if(|fresh| matches!(fresh, Ok(fresh) if *fresh == live.selector));
    state.outgoing = Outgoing::Token { max_age: max_age(engine, &live) };
    state.token = Some(Held::Issued(text));
    state.origin = Origin::Live(live);
}

/// Notes that the session has ended, and queues that the client is told.
fn leave(core: &Core, state: &mut State, facts: &Facts) {
    tell_end(core, state);
    state.origin = after_end(facts);
}

/// After `destroy` nothing goes on; after `log_out` a fresh session may.
fn after_end(facts: &Facts) -> Origin {
    match facts.end {
        Some(End::LogOut) => Origin::Absent { stale: false },
        _ => Origin::Over,
    }
}

/// What became of the end of a session. `Before`: a parallel request has ended what was to go on.
#[derive(PartialEq)]
enum Ended {
    Nothing,
    Now,
    Before,
}

/// Ends what the plan says. Few plans do, so that it is in a box, out of the way of the others.
async fn end_session(engine: &Engine, end: Option<&Ending>) -> Result<Ended, Error> {
    match end {
        Some(end) => Box::pin(end_this(engine, end)).await,
        None => Ok(Ended::Nothing),
    }
}

async fn end_this(engine: &Engine, end: &Ending) -> Result<Ended, Error> {
    match &engine.residence {
        Residence::Server { store, .. } => {
            store.delete(&engine.key(end.selector)).await?;
        }
        Residence::Token { revocation: Some(revocation), .. } => {
            if !revocation.end(end.selector, engine.now(), end.until).await? && end.superseded {
                return Ok(Ended::Before);
            }
        }
        // Replay until expiry was accepted, out loud, when the layer was built.
        Residence::Token { revocation: None, .. } => {}
    }
    if !end.superseded {
        event::ended(engine.name(), end.selector);
    }
    Ok(Ended::Now)
}

async fn store(
    core: &Core,
    fields: &impl FieldSet,
    plan: &mut Plan,
    closing: bool,
) -> Result<Saved, Error> {
    let engine = &*core.engine;
    let Residence::Server { store, .. } = &engine.residence else { return Ok(Saved::Unchanged) };
    let ended = end_session(engine, plan.end.as_ref()).await? == Ended::Now;
    let facts = &plan.facts;
    if ended {
        leave(core, &mut core.state(), facts);
    }
    match std::mem::replace(&mut plan.write, Write::Nothing) {
        Write::Insert(insert) => {
            let term = Term::of(&insert.record.meta);
            let outcome = store.insert(&insert.key, insert.record, insert.cap).await?;
            let gave_way = inserted(engine, outcome)?;
            let key = insert.key;
            note_ended(engine, &gave_way);
            settle_fields(fields);
            let Issued { token, check, key_id } = insert.issued;
            let credential =
                Credential { selector: key.selector, check, key_id, current_key: true };
            let live = Live::of_credential(credential, false, Some(term));
            enter(engine, &mut core.state(), live, token);
            event::created(engine.name(), key.selector);
            if facts.elevate {
                event::elevated(engine.name(), key.selector);
            }
            Ok(if ended { Saved::Ended } else { Saved::Created })
        }
        Write::Commit(change) => {
            let outcome = store.commit(&change.key, &change.commit).await?;
            let Change { key, commit, issued } = *change;
            match outcome {
                CommitOutcome::Committed { rotated, ended, .. } => {
                    note_ended(engine, &ended);
                    settle_fields(fields);
                    let mut state = core.state();
                    committed(engine, &mut state, &commit, issued.filter(|_| rotated));
                    if closing {
                        resend(core, &mut state);
                    }
                    match &commit.rotation {
                        Some(_) if facts.elevate => event::elevated(engine.name(), key.selector),
                        Some(_) if rotated => event::rotated(engine.name(), key.selector),
                        _ => event::committed(engine.name(), key.selector),
                    }
                    Ok(Saved::Updated)
                }
                CommitOutcome::Conflict { field } => {
                    Err(Error::new(Kind::Conflict { field: field.into_owned() }))
                }
                CommitOutcome::Full => Err(Error::new(Kind::TooManySessions)),
                CommitOutcome::Gone | CommitOutcome::Superseded => {
                    if outcome == CommitOutcome::Gone {
                        event::gone(engine.name(), key.selector);
                    } else {
                        event::stale(engine.name(), key.selector);
                    }
                    // Another request has told the client already, or is about to: a word from
                    // here could overwrite what that one says.
                    core.state().origin = Origin::Over;
                    Ok(Saved::Lost)
                }
            }
        }
        Write::Nothing | Write::Withheld | Write::Seal(_) => Ok(Saved::Ended),
    }
}

/// The sessions that gave way to an insert, or why there was none.
fn inserted(engine: &Engine, outcome: InsertOutcome) -> Result<Vec<Selector>, Error> {
    match outcome {
        InsertOutcome::Inserted { ended } => Ok(ended),
        InsertOutcome::Exists => Err(engine.taken()),
        InsertOutcome::Full => Err(Error::new(Kind::TooManySessions)),
    }
}

/// Those that gave way to a log-in under `max_sessions`.
fn note_ended(engine: &Engine, ended: &[Selector]) {
    for selector in ended {
        event::ended(engine.name(), *selector);
    }
}

fn settle_fields(fields: &impl FieldSet) {
    let context = fields.context();
    if context.is_released() {
        return;
    }
    fields.cells(&mut |cells| cells.iter().for_each(|cell| cell.mark_saved(context)));
}

/// Notes a commit that went through.
fn committed(engine: &Engine, state: &mut State, commit: &Commit, issued: Option<Issued>) {
    state.committed = true;
    for expected in &commit.expected {
        if let Cow::Borrowed(group) = expected.group {
            state.groups.get_or_insert_default().insert(group, expected.revision + 1);
        }
    }
    let has_token = state.token.is_some();
    let Origin::Live(live) = &mut state.origin else { return };
    let told_before = max_age(engine, live);
    if let Some(term) = &mut live.term {
        term.last_seen = term.last_seen.max(commit.now);
        if let Some(lifetime) = commit.lifetime {
            term.lifetime = lifetime;
        }
        if let Some(principal) = &commit.principal {
            term.principal.clone_from(principal);
        }
    }
    let told_now = max_age(engine, live);
    if let Some(issued) = issued {
        (live.check, live.key_id) = (issued.check, issued.key_id);
        (live.current_key, live.previous) = (true, false);
        if let Some(term) = &mut live.term {
            term.rotated = commit.now;
        }
        state.token = Some(Held::Issued(issued.token));
        state.outgoing = Outgoing::Token { max_age: told_now };
    } else if told_now != told_before && has_token && engine.may_resend() {
        // The same token, to be kept for longer (or shorter) than the client was told.
        state.outgoing = Outgoing::Token { max_age: told_now };
    }
}
