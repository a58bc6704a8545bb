//! From what was asked to one commit: looks at the cells and the state, and says what the store must
//! do and what the client must be told. Pure decisions; `commit` carries them out. Here is what
//! sessions in a store and sessions in their tokens have in common.

mod anew;
mod binding;
pub(super) mod stored;
pub(super) mod token;

use std::sync::Arc;

use super::{
    asked::{End, Requested},
    lifetime,
    saved::Saved,
    state::{State, Status},
};
use crate::{
    cell::{Cell, Context, Emission, model::FieldSet},
    clock::Timestamp,
    engine::{
        Engine,
        backend::{Backend, InToken, Stored},
        hooks::HookAnswers,
        live::{LiveSession, Writer},
    },
    error::{Error, Kind},
    event,
    schema::options::{Create, OnStale},
    store::{Cap, KeyId, Op, PrincipalKey, Selector},
};

/// When a commit is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A handler saves.
    Save,
    /// A handle outside of the client's request saves: that is no use of the session, and the client
    /// cannot be told of a new credential.
    Detached,
    /// The response is about to leave.
    Response,
    /// The response is about to leave, and nothing has looked at the session: a touch, if one is
    /// due, and nothing else.
    TouchOnly,
}

/// The outcome of planning.
pub(crate) enum Planned {
    /// The store has nothing to do.
    Nothing {
        requested: Requested,
        /// A session would have been created, but the client does not consent.
        withheld: bool,
    },
    Work(Work),
    /// The session is over, and nothing can be written to it.
    Over(Saved),
}

/// A plan, with the backend that carries it out.
pub(crate) enum Work {
    Stored(Arc<Stored>, Plan<stored::Write>),
    InToken(Arc<InToken>, Plan<Box<token::Seal>>),
}

/// The steps of a commit, in this order.
pub(crate) struct Plan<W> {
    /// End this session first.
    pub(crate) end: Option<EndSession>,
    pub(crate) write: Option<W>,
    /// The requests that the plan is made of; put back if the plan fails.
    pub(crate) requested: Requested,
    /// The plan only keeps the session up: a touch, a periodic rotation.
    pub(crate) no_user_changes: bool,
    /// A session would have been created, but the client does not consent.
    withheld: bool,
    /// Why the rest of what was asked for cannot be: the error after the end.
    pub(crate) failure: Option<Error>,
}

pub(crate) struct EndSession {
    pub(crate) selector: Selector,
    /// Whose session it is.
    pub(crate) principal: Option<PrincipalKey>,
    /// Until when a token that names the session could pass.
    pub(crate) until: Timestamp,
    /// The session goes on under another selector (the elevation of a session in its token).
    pub(crate) superseded: bool,
}

impl Occasion {
    /// Returns whether this is the last commit of the request.
    pub(crate) const fn is_last(self) -> bool {
        matches!(self, Self::Response | Self::TouchOnly)
    }
}

impl Work {
    /// Returns the selector of the session that is written, or else of the one that is ended.
    pub(crate) fn selector(&self) -> Option<Selector> {
        let (write, end) = match self {
            Self::Stored(_, plan) => (plan.write.as_ref().map(stored::Write::selector), &plan.end),
            Self::InToken(_, plan) => {
                (plan.write.as_ref().map(|seal| seal.envelope.selector), &plan.end)
            }
        };
        write.or_else(|| end.as_ref().map(|end| end.selector))
    }

    /// Returns whether the record is still needed if the plan fails, or if there must be another one: a
    /// payload that gets a new credential without its changes is sealed from the record, and a log-in is
    /// planned again if the floor lies above it.
    pub(crate) fn needs_record(&self) -> bool {
        self.is_log_in() || matches!(self, Self::InToken(_, plan) if plan.requested.rotate)
    }

    /// Returns whether somebody logs in.
    pub(crate) const fn is_log_in(&self) -> bool {
        match self {
            Self::Stored(_, plan) => plan.requested.elevate,
            Self::InToken(_, plan) => plan.requested.elevate,
        }
    }

    /// Returns when the session that is written begins, if it is new or somebody logs in.
    pub(crate) fn begins(&self) -> Option<Timestamp> {
        match self {
            Self::Stored(_, plan) => plan.write.as_ref().and_then(stored::Write::begins),
            Self::InToken(_, plan) => {
                let seal = plan.write.as_ref().filter(|seal| seal.begins);
                seal.map(|seal| seal.envelope.created)
            }
        }
    }

    /// Sets the limit on the sessions of the principal that logs in.
    pub(crate) fn set_cap(&mut self, cap: Option<Cap>) {
        if let Self::Stored(_, Plan { write: Some(write), .. }) = self {
            write.set_cap(cap);
        }
    }

    /// Returns what the plan was made of, and whether the plan only kept the session up.
    pub(crate) fn into_requested(self) -> (Requested, bool) {
        match self {
            Self::Stored(_, plan) => (plan.requested, plan.no_user_changes),
            Self::InToken(_, plan) => (plan.requested, plan.no_user_changes),
        }
    }
}

impl<W> Plan<W> {
    fn nothing(requested: Requested) -> Self {
        Self::end_only(None, requested)
    }

    fn end_only(end: Option<EndSession>, requested: Requested) -> Self {
        let no_user_changes = end.is_none();
        Self { no_user_changes, end, write: None, requested, withheld: false, failure: None }
    }

    /// Ends the session, and nothing goes on. So nobody can be logged in.
    fn destroy(end: Option<EndSession>, requested: Requested) -> Result<Self, Error> {
        if requested.elevate {
            return Err(Error::new(Kind::LogInDestroyed));
        }
        Ok(Self::end_only(end, requested))
    }

    fn write(end: Option<EndSession>, write: W, requested: Requested) -> Self {
        Self { write: Some(write), no_user_changes: false, ..Self::end_only(end, requested) }
    }

    /// Returns the plan, or the news that there is nothing to do.
    fn or_nothing(self, work: impl FnOnce(Self) -> Work) -> Planned {
        if self.end.is_none() && self.write.is_none() {
            Planned::Nothing { requested: self.requested, withheld: self.withheld }
        } else {
            Planned::Work(work(self))
        }
    }
}

/// Plans the commit of everything so far.
pub(crate) fn plan(
    engine: &Engine,
    hooks: &HookAnswers,
    fields: &dyn FieldSet,
    state: &mut State,
    occasion: Occasion,
) -> Result<Planned, Error> {
    // Taken at the end only: serialising a value may fail, or panic.
    let requested = state.requested.clone();
    anew::lose_expired(engine, state);
    anew::resume(engine, fields, state, &requested)?;
    let planner = Planner { engine, hooks, fields, now: engine.now(), occasion };
    let nothing = Planned::Nothing { requested: Requested::default(), withheld: false };
    let outcome = match state.status {
        // A log-in that cannot be is an error.
        Status::Destroyed if requested.elevate => return Err(Error::new(Kind::LogInDestroyed)),
        Status::Lost(_) => Planned::Over(Saved::Lost),
        Status::Destroyed => Planned::Over(Saved::Ended),
        // Nobody must believe that a write was saved, that a session was ended that is still there,
        // or that somebody is logged in who is not.
        Status::Degraded if fields.context().is_written() || requested.any() => {
            return Err(Error::degraded());
        }
        // A log-in is a session of its own. Everything else is about the session that cannot be read.
        Status::UnknownKey
            if !(requested.elevate && requested.end.is_none())
                && (fields.context().is_written() || requested.any()) =>
        {
            return Err(Error::new(Kind::UnknownKey));
        }
        Status::UnknownKey if !requested.any() => nothing,
        Status::Unknown | Status::Degraded => nothing,
        Status::Absent { .. } | Status::Live(_) | Status::UnknownKey => {
            match planner.plan_changes(state, requested) {
                Ok(outcome) => outcome,
                Err(error) => planner.plan_end(state, error)?,
            }
        }
    };
    state.requested = Requested::default();
    Ok(outcome)
}

/// Returns whether nothing was asked of a live session, nothing written to it, and nothing is due:
/// what most requests come to, found without a plan.
pub(crate) fn is_idle(engine: &Engine, context: &Context, state: &State) -> bool {
    let Status::Live(live) = &state.status else { return false };
    !context.is_written()
        && !state.requested.any()
        && !matches!(state.fresh, Some(Err(_)))
        && live.meta.as_ref().is_none_or(|meta| {
            let now = engine.now();
            !lifetime::reissue_is_due(live.writer, meta, now)
                && !lifetime::touch_is_due(meta, now)
                && !lifetime::rotation_is_due(&engine.policy, meta, now)
        })
}

struct Planner<'a> {
    engine: &'a Engine,
    hooks: &'a HookAnswers,
    fields: &'a dyn FieldSet,
    now: Timestamp,
    occasion: Occasion,
}

impl Planner<'_> {
    #[inline]
    fn plan_changes(&self, state: &mut State, requested: Requested) -> Result<Planned, Error> {
        if let Some(Err(error)) = &state.fresh {
            return Err(error.clone());
        }
        Ok(match &self.engine.backend {
            Backend::Stored(stored) => self
                .plan_stored(stored, state, requested)?
                .or_nothing(|plan| Work::Stored(Arc::clone(stored), plan)),
            Backend::InToken(in_token) => self
                .plan_in_token(in_token, state, requested)?
                .or_nothing(|plan| Work::InToken(Arc::clone(in_token), plan)),
        })
    }

    /// Plans the end alone of a session whose end was asked for: what cannot be written does not
    /// keep the session alive.
    #[cold]
    fn plan_end(&self, state: &State, error: Error) -> Result<Planned, Error> {
        let requested = state.requested.clone();
        let Some(end) = self.asked_end(state.live(), &requested) else { return Err(error) };
        let (end, failure) = (Some(end), Some(error));
        Ok(Planned::Work(match &self.engine.backend {
            Backend::Stored(stored) => {
                Work::Stored(Arc::clone(stored), Plan { failure, ..Plan::end_only(end, requested) })
            }
            Backend::InToken(in_token) => {
                let plan = Plan { failure, ..Plan::end_only(end, requested) };
                Work::InToken(Arc::clone(in_token), plan)
            }
        }))
    }

    /// Returns the end of the live session, if its end was asked for.
    fn asked_end(&self, live: Option<&LiveSession>, requested: &Requested) -> Option<EndSession> {
        requested.end.and(live).map(|live| self.end_session(live, false))
    }

    fn end_session(&self, live: &LiveSession, superseded: bool) -> EndSession {
        let meta = live.meta.as_ref();
        EndSession {
            selector: live.selector,
            principal: meta.and_then(|meta| meta.principal.clone()),
            until: meta.map_or(self.now, |meta| meta.lifetime.absolute_until),
            superseded,
        }
    }

    /// No session is created. One that is to end does. A log-in without a session is an error.
    fn withheld<W>(&self, end: Option<EndSession>, requested: Requested) -> Result<Plan<W>, Error> {
        event::withheld(self.engine.name());
        if requested.elevate {
            return Err(Error::new(Kind::NoConsent));
        }
        Ok(Plan { withheld: true, ..Plan::end_only(end, requested) })
    }

    /// Returns whether a session is created although nothing is in it.
    fn starts_empty(&self, state: &State, requested: &Requested) -> bool {
        let policy = &self.engine.policy;
        let was_presented = matches!(state.status, Status::Absent { stale: true });
        requested.elevate
            || requested.create
            || (self.occasion.is_last()
                && state.is_taken
                && requested.end.is_none()
                && (policy.create == Create::Eager
                    || (was_presented && policy.on_stale == OnStale::NewSession)))
    }

    /// Returns the id of the key of the session's present token, if the next token is made under that
    /// key, too.
    fn stays_under(&self, live: &LiveSession) -> Option<KeyId> {
        let stays = live.writer == Writer::Passed;
        stays.then(|| self.fields.context().record()).flatten().map(|record| record.meta.key_id)
    }

    /// Returns the key by which the store indexes the principal of a log-in.
    fn index_key(&self, requested: &Requested) -> Option<PrincipalKey> {
        requested.principal.as_ref().map(|principal| self.engine.index_key(principal))
    }

    fn fresh_selector(&self, state: &mut State) -> Result<Selector, Error> {
        let selector = state.fresh_selector(self.engine, self.hooks);
        match &state.fresh {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(selector),
        }
    }

    /// Returns what was written since the load, or since the last save.
    fn changes(&self) -> Result<Emission, Error> {
        let context = self.fields.context();
        if !context.is_written() {
            return Ok(Emission::default());
        }
        self.emit(Emission::default(), |cell, out| cell.emit_changes(context, out))
    }

    /// Returns every value that is not its default, as `Set` and `Insert` ops, in the order of the
    /// fields' names: so a record has them, too.
    fn values(&self) -> Result<Vec<Op>, Error> {
        let context = self.fields.context();
        if !context.is_written() && context.record().is_none() {
            return Ok(Vec::new());
        }
        let mut emission = Emission::with_room(self.engine.spec.fields.len());
        self.fields.cells(&mut |cells| {
            for at in &self.engine.by_name {
                cells[*at].emit_value(context, &mut emission);
            }
        });
        Ok(emission.checked()?.ops)
    }

    fn seal_secrets(&self, key_id: KeyId, selector: Selector, ops: &mut [Op]) -> Result<(), Error> {
        let sealed = self.fields.context().seal(self.engine.spec.fields, key_id, selector, ops);
        sealed.map_err(|_| Error::new(Kind::Random))
    }

    fn emit(
        &self,
        mut emission: Emission,
        mut emit: impl FnMut(&dyn Cell, &mut Emission),
    ) -> Result<Emission, Error> {
        self.fields.cells(&mut |cells| {
            for cell in cells {
                emit(*cell, &mut emission);
            }
        });
        emission.checked()
    }
}

/// Returns whether the handler has destroyed the session: nothing goes on then.
fn is_destroyed(requested: &Requested) -> bool {
    requested.end == Some(End::Destroy)
}
