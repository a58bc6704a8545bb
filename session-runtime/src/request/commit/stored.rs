//! Carries out the plan for a session in a store: ends the old session, inserts or commits, and notes
//! what the store has answered.

use std::sync::Arc;

use super::{Saved, enter, leave, max_age, note_ended, resend, settle_fields};
use crate::{
    cell::model::FieldSet,
    engine::{
        Engine,
        backend::Stored,
        live::{LiveSession, LoadedMeta, Writer},
    },
    error::{Error, Kind},
    event,
    request::{
        plan::{
            EndSession, Occasion, Plan,
            stored::{Change, Write},
        },
        state::{Core, LoadedRecord, Outgoing, State, Status},
        token_text::TokenText,
    },
    store::{Commit, CommitOutcome, InsertOutcome, Notice, Selector},
    token::{Credential, Issued},
};

pub(super) async fn execute(
    core: &Core,
    fields: &dyn FieldSet,
    stored: &Stored,
    plan: &mut Plan<Write>,
    occasion: Occasion,
) -> Result<Saved, Error> {
    let engine = &*core.engine;
    if let Some(end) = &plan.end {
        // Few plans end a session, so that this is in a box, out of the way of the others.
        Box::pin(end_session(engine, stored, end)).await?;
        leave(core, &mut core.state(), &plan.requested);
    }
    let elevate = plan.requested.elevate;
    match plan.write.take() {
        None => plan.failure.take().map_or(Ok(Saved::Ended), Err),
        Some(Write::Insert(insert)) => {
            let meta = LoadedMeta::of(&insert.record.meta);
            // After the last commit nobody reads what the session started from.
            let saved = (!occasion.is_last()).then(|| Arc::new(insert.record.clone()));
            // What is taken out of the box before the store answers makes every future larger.
            let outcome = stored.store.insert(&insert.key, insert.record, insert.cap).await?;
            let key = insert.key;
            engine.note_evicted(&stored.store, &inserted(engine, outcome)?);
            settle_fields(fields);
            if let Some(record) = saved {
                fields.context().settle(record, key.selector);
            }
            let Issued { token, check, key_id } = insert.issued;
            let credential =
                Credential { selector: key.selector, check, key_id, current_key: true };
            let live = LiveSession::of_credential(credential, Writer::Current, false, Some(meta));
            enter(engine, &mut core.state(), live, token);
            event::created(engine.name(), key.selector);
            if elevate {
                engine.note_elevated(key.selector);
            }
            Ok(if plan.end.is_some() { Saved::Ended } else { Saved::Created })
        }
        Some(Write::Commit(change)) => {
            let outcome = match stored.store.commit(&change.key, &change.commit).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    core.state().note_unanswered(&change.commit, &error);
                    return Err(error);
                }
            };
            let Change { key, commit, issued } = *change;
            match outcome {
                CommitOutcome::Committed { rotated, ended, .. } => {
                    engine.note_evicted(&stored.store, &ended);
                    if commit.principal.is_some() {
                        stored.store.announce(Notice::Session(key.clone()));
                    }
                    settle_fields(fields);
                    if !occasion.is_last() {
                        fields.context().rebase(|record| {
                            record.note(&commit.ops);
                            if let Some(principal) = &commit.principal {
                                record.meta.set_principal(principal.clone(), commit.now);
                            }
                            if let (Some(rotation), true) = (&commit.rotation, rotated) {
                                record.meta.issue(rotation.check, rotation.key_id);
                            }
                        });
                    }
                    let mut state = core.state();
                    committed(engine, &mut state, &commit, issued.filter(|_| rotated), elevate);
                    if occasion.is_last() {
                        resend(core, &mut state);
                    }
                    match &commit.rotation {
                        Some(_) if elevate => engine.note_elevated(key.selector),
                        Some(_) if rotated => engine.note_rotated(key.selector),
                        _ => event::committed(engine.name(), key.selector),
                    }
                    Ok(Saved::Updated)
                }
                CommitOutcome::Conflict { field } => {
                    Err(Error::new(Kind::Conflict { field: field.into_owned() }))
                }
                CommitOutcome::Refused { field, why } => Err(Error::new(Kind::refused(field, why))),
                CommitOutcome::Full => Err(Error::new(Kind::TooManySessions)),
                CommitOutcome::TooLarge { size, fields } => {
                    let limit = commit.max_bytes.unwrap_or_default();
                    Err(Error::session_too_large(size, limit, fields))
                }
                CommitOutcome::Gone | CommitOutcome::Superseded => {
                    if outcome == CommitOutcome::Gone {
                        event::gone(engine.name(), key.selector);
                    } else {
                        event::stale(engine.name(), key.selector);
                    }
                    // Another request has told the client already, or is about to: a word from
                    // here could overwrite what that one says.
                    core.state().lose();
                    Ok(Saved::Lost)
                }
            }
        }
    }
}

async fn end_session(engine: &Engine, stored: &Stored, end: &EndSession) -> Result<(), Error> {
    let removed = stored.store.end(&engine.key(end.selector)).await;
    removed.inspect_err(|error| engine.note_not_ended(end.selector, error))?;
    note_ended(engine, end);
    Ok(())
}

/// Returns the sessions that an insert has evicted, or why there was no insert.
fn inserted(engine: &Engine, outcome: InsertOutcome) -> Result<Vec<Selector>, Error> {
    match outcome {
        InsertOutcome::Inserted { ended } => Ok(ended),
        InsertOutcome::Exists => Err(engine.taken()),
        InsertOutcome::Full => Err(Error::new(Kind::TooManySessions)),
    }
}

/// Notes a commit that went through.
fn committed(
    engine: &Engine,
    state: &mut State,
    commit: &Commit,
    issued: Option<Issued>,
    elevate: bool,
) {
    state.loaded.reduce(if elevate { LoadedRecord::Rebound } else { LoadedRecord::Changed });
    let has_token = state.token.is_some();
    let Status::Live(live) = &mut state.status else { return };
    let told_before = max_age(engine, live);
    if let Some(meta) = &mut live.meta {
        if commit.is_use() {
            meta.last_seen = meta.last_seen.max(commit.now);
        }
        if let Some(lifetime) = commit.lifetime {
            meta.lifetime = lifetime;
        }
        if let Some(principal) = &commit.principal {
            meta.principal.clone_from(principal);
        }
    }
    let told_now = max_age(engine, live);
    if let Some(issued) = issued {
        // A session that has passed this process' key stays under its own.
        if live.writer != Writer::Passed || issued.key_id != live.key_id {
            live.writer = Writer::Current;
        }
        (live.check, live.key_id, live.in_grace) = (issued.check, issued.key_id, false);
        if let Some(meta) = &mut live.meta {
            meta.rotated = commit.now;
        }
        state.token = Some(TokenText::Issued(issued.token));
        state.outgoing = Outgoing::Token { max_age: told_now };
    } else if told_now != told_before && has_token && engine.may_resend() {
        // The same token, to be kept for longer (or shorter) than the client was told.
        state.outgoing = Outgoing::Token { max_age: told_now };
    }
}
