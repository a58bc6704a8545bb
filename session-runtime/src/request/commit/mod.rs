//! Carries out a plan, then notes in the state what is true now and what the response must carry.
//! `save` and `transact` do so at once, `finish` at the end of the request. Here is what sessions in
//! a store and sessions in their tokens have in common.

mod stored;
mod token;

use std::sync::Arc;

use super::{
    RequestSession,
    asked::{End, Requested},
    detached::detached,
    plan::{EndSession, Occasion, Planned, Work, is_idle, plan},
    reply::{expire_if_ended, expire_if_stale, max_age, resend},
    saved::Saved,
    state::{Core, LoadedRecord, Outgoing, State, Status},
    token_text::TokenText,
};
use crate::{
    cell::model::{FieldSet, SessionType},
    clock::Timestamp,
    engine::{Engine, live::LiveSession},
    error::{Error, Kind},
    event::{self, Failure},
    observe::{CommitResult, span},
    schema::options::OnLost,
};

/// Commits everything so far, and finishes even if the caller is dropped.
pub(crate) async fn save<T: SessionType>(session: Arc<RequestSession<T>>) -> Result<Saved, Error> {
    let under_way = Arc::clone(&session.core.engine.under_way);
    let is_detached = session.core.hooks.is_detached;
    let occasion = if is_detached { Occasion::Detached } else { Occasion::Save };
    detached(&under_way, commit(session, occasion)).await
}

/// Commits everything so far.
pub(crate) async fn commit<T: SessionType>(
    session: Arc<RequestSession<T>>,
    occasion: Occasion,
) -> Result<Saved, Error> {
    let _guard = session.core.lock.lock().await;
    commit_locked(&session.core, session.fields(), occasion).await
}

/// Commits what the cells hold, under the lock of their session.
pub(super) async fn commit_locked(
    core: &Core,
    fields: &dyn FieldSet,
    occasion: Occasion,
) -> Result<Saved, Error> {
    match prepare(core, fields, occasion)? {
        Prepared::Settled(saved) => Ok(saved),
        Prepared::Planned(work) => execute(core, fields, work, occasion).await,
    }
}

/// A commit after its first half.
pub(super) enum Prepared {
    Settled(Saved),
    Planned(Work),
}

/// Plans, and settles what needs no store.
pub(super) fn prepare(
    core: &Core,
    fields: &dyn FieldSet,
    occasion: Occasion,
) -> Result<Prepared, Error> {
    if occasion.is_last() {
        // Before the cells are read: a write from now on either is seen below or is reported.
        fields.context().close();
    } else if fields.context().is_closed() {
        return Err(Error::new(Kind::Closed));
    } else if matches!(core.state().status, Status::Degraded) {
        return Err(Error::degraded());
    }
    // Asked at every commit, so that the next one knows what came after this one.
    let written = fields.context().take_written();
    let mut state = core.state();
    if is_idle(&core.engine, fields.context(), &state) {
        if occasion.is_last() {
            resend(core, &mut state);
        }
        return Ok(Prepared::Settled(Saved::Unchanged));
    }
    let asked = state.requested.any();
    if written && state.requested.end == Some(End::Destroy) {
        let selector = state.live().map(|live| live.selector);
        event::written_after_end(core.engine.name(), selector);
    }
    let planned = plan(&core.engine, &core.hooks, fields, &mut state, occasion);
    drop(state);
    let planned = planned.inspect_err(|error| note_result(core, &Err(error.clone())))?;
    Ok(match planned {
        Planned::Over(saved) => {
            let saved = settle_over(core, saved, written, asked);
            Prepared::Settled(or_conflict(core, saved, occasion)?)
        }
        Planned::Nothing { requested, withheld } => {
            let settled = settle_nothing(core, requested, occasion);
            Prepared::Settled(if withheld { Saved::Withheld } else { settled })
        }
        Planned::Work(work) => Prepared::Planned(work),
    })
}

/// Carries out a plan, and puts back what it was made of if that fails.
pub(super) async fn execute(
    core: &Core,
    fields: &dyn FieldSet,
    mut work: Work,
    occasion: Occasion,
) -> Result<Saved, Error> {
    let engine = &*core.engine;
    // Few requests begin a session, so that this is in a box, out of the way of the others.
    if let Some(begins) = work.begins()
        && (work.is_log_in() || engine.is_floor_old())
    {
        match Box::pin(look_at_floor(engine, &mut work, begins)).await {
            Ok(true) => {}
            Ok(false) => {
                core.state().requested.restore(work.into_requested().0);
                return Box::pin(plan_again(core, fields, occasion)).await;
            }
            Err(error) => {
                let (requested, no_user_changes) = work.into_requested();
                return settle(core, requested, no_user_changes, occasion, Err(error));
            }
        }
    }
    let span = span::commit(engine.name(), || work.selector(), || engine.store_name());
    // By reference: a plan that is moved would be in this future twice.
    let carried_out = match span {
        None => carry_out(core, fields, &mut work, occasion).await,
        // In a box, so that the future of every other commit is no larger.
        Some(span) => {
            let carry_out = carry_out(core, fields, &mut work, occasion);
            Box::pin(span::within(span, carry_out)).await
        }
    };
    let (requested, no_user_changes) = work.into_requested();
    match carried_out {
        Ok(Saved::Lost) if requested.elevate => {
            note_result(core, &Ok(Saved::Lost));
            core.state().requested.restore(requested);
            // Few log-ins come here, so that this is in a box, out of the way of the others.
            Box::pin(plan_again(core, fields, occasion)).await
        }
        other => settle(core, requested, no_user_changes, occasion, other),
    }
}

async fn carry_out(
    core: &Core,
    fields: &dyn FieldSet,
    work: &mut Work,
    occasion: Occasion,
) -> Result<Saved, Error> {
    match work {
        Work::Stored(stored, plan) => stored::execute(core, fields, stored, plan, occasion).await,
        Work::InToken(in_token, plan) => {
            token::execute(core, fields, in_token, plan, occasion).await
        }
    }
}

/// Looks at the floor before a session begins: afresh for a log-in, which must not be over, whoever has
/// ended everything just now. Returns whether the session begins above the floor.
async fn look_at_floor(engine: &Engine, work: &mut Work, begins: Timestamp) -> Result<bool, Error> {
    if work.is_log_in() {
        engine.look_at_floor().await?;
    } else {
        engine.look_at_floor_if_old().await?;
    }
    work.set_cap(engine.cap());
    Ok(begins >= engine.not_before())
}

/// Commits by another plan: a log-in to a fresh session, since the one of the request is lost; or a
/// session that begins by another time, since the floor shows that this process' clock is behind.
async fn plan_again(
    core: &Core,
    fields: &dyn FieldSet,
    occasion: Occasion,
) -> Result<Saved, Error> {
    let planned = plan(&core.engine, &core.hooks, fields, &mut core.state(), occasion)?;
    let mut work = match planned {
        Planned::Work(work) => work,
        Planned::Over(saved) => return Ok(saved),
        Planned::Nothing { requested, .. } => return Ok(settle_nothing(core, requested, occasion)),
    };
    let carried_out = carry_out(core, fields, &mut work, occasion).await;
    let (requested, no_user_changes) = work.into_requested();
    settle(core, requested, no_user_changes, occasion, carried_out)
}

/// Puts back what a plan was made of if the plan failed.
fn settle(
    core: &Core,
    requested: Requested,
    no_user_changes: bool,
    occasion: Occasion,
    carried_out: Result<Saved, Error>,
) -> Result<Saved, Error> {
    note_result(core, &carried_out);
    match carried_out {
        Err(error) if no_user_changes && error.is_unavailable() => {
            error.report(|error| event::upkeep_failed(core.engine.name(), error));
            Ok(Saved::Unchanged)
        }
        Err(error) => {
            if let Some(field) = error.conflict_field() {
                let selector = core.state().selector(core);
                event::conflict(core.engine.name(), selector, field);
            }
            core.state().requested.restore(requested);
            Err(error)
        }
        Ok(saved) if !no_user_changes => or_conflict(core, saved, occasion),
        saved => saved,
    }
}

/// Returns the outcome of the last commit, or the error of changes that are lost where a response may
/// not keep silent about that.
fn or_conflict(core: &Core, saved: Saved, occasion: Occasion) -> Result<Saved, Error> {
    let is_told = occasion.is_last() && core.engine.policy.on_lost == OnLost::Conflict;
    if saved == Saved::Lost && is_told { Err(Error::new(Kind::Gone)) } else { Ok(saved) }
}

/// Settles a commit to a session that is over. Returns `saved` if there is anything to say that of.
fn settle_over(core: &Core, saved: Saved, written: bool, asked: bool) -> Saved {
    if !written && !asked {
        return Saved::Unchanged;
    }
    let selector = match &core.state().status {
        Status::Lost(live) => Some(live.selector),
        _ => None,
    };
    event::written_after_end(core.engine.name(), selector);
    note_result(core, &Ok(saved));
    saved
}

/// Shows the result of a commit to the observer, if there is one.
fn note_result(core: &Core, result: &Result<Saved, Error>) {
    let Some(watcher) = &core.engine.watcher else { return };
    let (result, error_type) = match result {
        Ok(Saved::Created) => (CommitResult::Created, None),
        Ok(Saved::Updated) => (CommitResult::Changed, None),
        Ok(Saved::Ended) => (CommitResult::Ended, None),
        Ok(Saved::Lost) => (CommitResult::Lost, None),
        Ok(_) => return,
        Err(error) if error.is_conflict() => (CommitResult::Conflict, Some(error.type_name())),
        Err(error) => (CommitResult::Failed, Some(error.type_name())),
    };
    watcher.commit(result, error_type);
}

/// Settles a commit that has no work for the store. The client may have to be told of its token all
/// the same.
fn settle_nothing(core: &Core, requested: Requested, occasion: Occasion) -> Saved {
    let mut state = core.state();
    let ended = requested.end.is_some();
    if ended {
        leave(core, &mut state, &requested);
    } else {
        // What was asked for still counts when there is something to commit.
        state.requested.restore(requested);
    }
    if occasion.is_last() {
        resend(core, &mut state);
        expire_if_stale(core, &mut state);
    }
    if ended { Saved::Ended } else { Saved::Unchanged }
}

/// Notes that the client is in this session from now on, and queues its token.
fn enter(engine: &Engine, state: &mut State, live: LiveSession, text: String) {
    if !matches!(state.status, Status::Live(_)) {
        // Another session than the one that was loaded.
        state.loaded = LoadedRecord::Replaced;
    }
    state.fresh.take_if(|fresh| matches!(fresh, Ok(fresh) if *fresh == live.selector));
    state.outgoing = Outgoing::Token { max_age: max_age(engine, &live) };
    state.token = Some(TokenText::Issued(text));
    state.status = Status::Live(live);
}

/// Notes that the session has ended, and queues that the client is told.
fn leave(core: &Core, state: &mut State, requested: &Requested) {
    expire_if_ended(core, state);
    state.status = match requested.end {
        // A fresh session may follow.
        Some(End::LogOut) => Status::Absent { stale: false },
        _ => Status::Destroyed,
    };
}

fn note_ended(engine: &Engine, end: &EndSession) {
    if !end.superseded {
        event::ended(engine.name(), end.selector);
    }
}

/// Notes that the changes of the last plan need not be saved any more.
pub(crate) fn settle_fields(fields: &dyn FieldSet) {
    let context = fields.context();
    if context.is_released() {
        return;
    }
    fields.cells(&mut |cells| cells.iter().for_each(|cell| cell.mark_saved(context)));
}
