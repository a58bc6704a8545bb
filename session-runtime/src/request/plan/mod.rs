//! From facts to one commit: looks at the cells and the state, and says what the store must do and
//! what the client must be told. Pure decisions; `commit` carries them out.

mod upkeep;

use std::borrow::Cow;

pub(crate) use self::upkeep::is_idle;
use crate::{
    cell::{Cell, Emission, model::FieldSet, unknown_fields},
    clock::Timestamp,
    engine::{Engine, Residence, hooks::Client, live::Live},
    error::{Error, Kind},
    event,
    request::state::{End, Facts, Origin, State},
    schema::{Create, OnStale},
    store::{
        Cap, Check, Commit, Expected, KeyId, Meta, Op, PrincipalKey, Record, Rotation, Selector,
        StoreKey,
    },
    token::{Envelope, Issued},
};

/// What to do, in this order.
pub(crate) struct Plan {
    /// End this session first.
    pub(crate) end: Option<Ending>,
    pub(crate) write: Write,
    /// The facts that the plan is made of; put back if it fails.
    pub(crate) facts: Facts,
    /// Nothing of the user's is in it: a touch, a periodic rotation.
    pub(crate) upkeep: bool,
}

pub(crate) struct Ending {
    pub(crate) selector: Selector,
    /// Until when a token that names it could pass.
    pub(crate) until: Timestamp,
    /// It goes on under another selector (the elevation of a payload session).
    pub(crate) superseded: bool,
}

/// Boxed, since it goes from one future into the next.
pub(crate) enum Write {
    Nothing,
    /// A session would have been created, but the client does not consent.
    Withheld,
    Insert(Box<Insert>),
    Commit(Box<Change>),
    Seal(Box<Seal>),
}

/// A session that is to be in the store.
pub(crate) struct Insert {
    pub(crate) key: StoreKey,
    pub(crate) record: Record,
    pub(crate) cap: Option<Cap>,
    pub(crate) issued: Issued,
}

/// A commit to a session that is in the store.
pub(crate) struct Change {
    pub(crate) key: StoreKey,
    pub(crate) commit: Commit,
    pub(crate) issued: Option<Issued>,
}

/// A payload for the token.
pub(crate) struct Seal {
    pub(crate) envelope: Envelope,
    pub(crate) principal: Option<PrincipalKey>,
    pub(crate) look_up_epoch: bool,
}

impl Plan {
    fn nothing(facts: Facts) -> Self {
        Self { end: None, write: Write::Nothing, facts, upkeep: true }
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        self.end.is_none() && matches!(self.write, Write::Nothing | Write::Withheld)
    }
}

/// Plans the commit of everything so far. `closing`: the response is about to leave.
pub(crate) fn plan(
    engine: &Engine,
    client: &Client,
    fields: &dyn FieldSet,
    state: &mut State,
    closing: bool,
) -> Result<Plan, Error> {
    // Taken at the end only: serialising a value may fail, or panic.
    let facts = state.facts.clone();
    let planner = Planner { engine, client, fields, now: engine.now(), closing };
    let plan = match state.origin {
        Origin::Unknown | Origin::Over => Plan::nothing(Facts::default()),
        // Nobody must believe that a session was ended that is still there, or that somebody is
        // logged in who is not.
        Origin::Degraded if facts.end.is_some() || facts.elevate => return Err(Error::degraded()),
        Origin::Degraded => {
            if !planner.values()?.is_empty() || facts.any() {
                event::degraded_write(engine.name());
            }
            Plan::nothing(Facts::default())
        }
        Origin::Absent { .. } | Origin::Live(_) => planner.plan(state, facts)?,
    };
    state.facts = Facts::default();
    Ok(plan)
}

struct Planner<'a> {
    engine: &'a Engine,
    client: &'a Client,
    fields: &'a dyn FieldSet,
    now: Timestamp,
    closing: bool,
}

impl Planner<'_> {
    fn plan(&self, state: &mut State, facts: Facts) -> Result<Plan, Error> {
        if let Some(Err(error)) = &state.fresh {
            return Err(error.clone());
        }
        if let (Residence::Server { .. }, Origin::Live(live), None) =
            (&self.engine.residence, &state.origin, facts.end)
        {
            return self.change(state, live, facts);
        }
        let live = state.live().cloned();
        let end = match (&live, facts.end) {
            (Some(live), Some(_)) => Some(self.ending(live, false)),
            _ => None,
        };
        if facts.end == Some(End::Destroy) {
            return Ok(Plan { end, write: Write::Nothing, facts, upkeep: false });
        }
        match (&self.engine.residence, live.filter(|_| facts.end.is_none())) {
            (Residence::Server { .. }, _) => self.create(state, end, facts),
            (Residence::Token { .. }, live) => self.seal(state, live.as_ref(), end, facts),
        }
    }

    fn ending(&self, live: &Live, superseded: bool) -> Ending {
        let until = live.term.as_ref().map_or(self.now, |term| term.lifetime.absolute_until);
        Ending { selector: live.selector, until, superseded }
    }

    /// A session that is not there yet.
    fn create(&self, state: &mut State, end: Option<Ending>, facts: Facts) -> Result<Plan, Error> {
        let mut ops = self.values()?;
        if ops.is_empty() && !self.starts_empty(state, &facts) {
            return Ok(Plan { upkeep: end.is_none(), end, write: Write::Nothing, facts });
        }
        if !self.client.consents {
            return Ok(self.withheld(end, facts));
        }
        let (selector, issued) = self.first_credential(state)?;
        self.seal_secrets(selector, &mut ops)?;
        self.bind_anew(&mut ops)?;
        let mut meta = Meta::new(issued.check, issued.key_id, self.now, self.new_lifetime(&facts));
        meta.set_principal(self.index_key(&facts), self.now);
        let mut record = Record::new(meta);
        record.write_all(ops);
        let key = self.engine.key(selector);
        let cap = self.engine.policy.max_sessions;
        let write = Write::Insert(Box::new(Insert { key, record, cap, issued }));
        Ok(Plan { end, write, facts, upkeep: false })
    }

    /// No session is created; one that is to end does.
    fn withheld(&self, end: Option<Ending>, facts: Facts) -> Plan {
        event::withheld(self.engine.name());
        Plan { upkeep: end.is_none(), end, write: Write::Withheld, facts }
    }

    /// Whether a session comes into being although nothing is in it.
    fn starts_empty(&self, state: &State, facts: &Facts) -> bool {
        let policy = &self.engine.policy;
        let was_presented = matches!(state.origin, Origin::Absent { stale: true });
        facts.elevate
            || facts.force
            || (self.closing
                && facts.end.is_none()
                && (policy.create == Create::Eager
                    || (was_presented && policy.on_stale == OnStale::NewSession)))
    }

    /// A session in the store.
    fn change(&self, state: &State, live: &Live, facts: Facts) -> Result<Plan, Error> {
        let context = self.fields.context();
        let mut emission = match &facts.cleared {
            None => self.changes()?,
            // After a clear the store has nothing, so whatever is there now must be written;
            // what was kept still merges.
            Some(kept) => self.emit(Emission::default(), |cell, out| {
                if kept.iter().any(|kept| kept == cell.spec().name) {
                    cell.emit_changes(context, out);
                } else {
                    cell.emit_value(context, out);
                }
            })?,
        };
        if let Some(kept) = &facts.cleared {
            emission.ops.insert(0, Op::Clear { keep: kept.to_vec() });
            // It changes every group; those of a credential that dies with it compare nothing more.
            if !facts.elevate && !facts.rotate {
                for field in self.engine.spec.fields {
                    if let Some(group) = field.group
                        && !kept.iter().any(|kept| kept == field.name)
                        && !emission.groups.contains(&group)
                    {
                        emission.groups.push(group);
                    }
                }
            }
        }
        let rotation = if state.touch_only { None } else { self.rotation(live, &facts)? };
        let lifetime = self.changed_lifetime(live, &facts);
        let touch =
            facts.extend || live.term.as_ref().is_none_or(|term| Engine::touch_due(term, self.now));
        let nothing_of_the_user = emission.ops.is_empty() && !facts.any();
        // A blind write that wrote nothing has nothing to touch either.
        let wanted = !nothing_of_the_user || (live.term.is_some() && (touch || rotation.is_some()));
        if !wanted {
            return Ok(Plan::nothing(facts));
        }
        let mut commit = Commit::touch(self.now, live.check, live.key_id);
        for group in emission.groups {
            let revision = state.group_revision(group, context.record().as_deref());
            commit.expected.push(Expected { group: Cow::Borrowed(group), revision });
            commit.bump.push(Cow::Borrowed(group));
        }
        self.seal_secrets(live.selector, &mut emission.ops)?;
        self.bind_on(state, live, &facts, &mut emission.ops)?;
        commit.ops = emission.ops;
        commit.lifetime = lifetime;
        if let Residence::Server { store, .. } = &self.engine.residence
            && store.wants_loaded()
            && !state.committed
        {
            commit.loaded = context.record();
        }
        if facts.elevate {
            commit.principal = Some(self.index_key(&facts));
            commit.cap = self.engine.policy.max_sessions;
        }
        let issued = rotation.map(|(issued, grace_until)| {
            let Issued { check, key_id, .. } = issued;
            commit.rotation = Some(Rotation { check, key_id, grace_until });
            issued
        });
        let key = self.engine.key(live.selector);
        let write = Write::Commit(Box::new(Change { key, commit, issued }));
        Ok(Plan { end: None, write, facts, upkeep: nothing_of_the_user })
    }

    /// A payload that travels in the token.
    fn seal(
        &self,
        state: &mut State,
        live: Option<&Live>,
        mut end: Option<Ending>,
        facts: Facts,
    ) -> Result<Plan, Error> {
        let context = self.fields.context();
        if let Some(live) = live
            && self.changes()?.ops.is_empty()
            && !facts.any()
            && !self.reseal_due(live)
        {
            return Ok(Plan::nothing(facts));
        }
        let mut ops = self.values()?;
        if live.is_none() && ops.is_empty() && !self.starts_empty(state, &facts) {
            return Ok(Plan { upkeep: end.is_none(), end, write: Write::Nothing, facts });
        }
        if live.is_none() && !self.client.consents {
            return Ok(self.withheld(end, facts));
        }
        // An ended selector is remembered for as long as its tokens live, so one that lives for
        // another time needs another selector.
        let new_token = facts.elevate
            || facts.rotate
            || (facts.move_end()
                && matches!(self.engine.residence, Residence::Token { revocation: Some(_), .. }));
        let selector = match live {
            Some(live) if !new_token => live.selector,
            _ => self.fresh_selector(state)?,
        };
        self.seal_secrets(selector, &mut ops)?;
        match live {
            // The whole payload is written, so all of what binds it, too.
            Some(live) => self.bind_on(state, live, &facts, &mut ops)?,
            None => self.bind_anew(&mut ops)?,
        }
        let term = live.and_then(|live| live.term.as_ref());
        let lifetime = match (live.and_then(|live| self.changed_lifetime(live, &facts)), term) {
            (Some(lifetime), _) => lifetime,
            (None, Some(term)) => term.lifetime,
            (None, None) => self.new_lifetime(&facts),
        };
        let principal = match (facts.elevate, term) {
            (true, _) => facts.principal.clone(),
            (false, Some(term)) => term.principal.clone(),
            (false, None) => None,
        };
        let mut record = Record::new(Meta::new(Check([0; 16]), KeyId([0; 4]), self.now, lifetime));
        if facts.cleared.is_none()
            && let Some(before) = live.and(context.record()).filter(|_| !state.rebased)
        {
            record.extend(unknown_fields(&before, self.engine.spec.fields));
        }
        record.write_all(ops);
        let envelope = Envelope {
            selector,
            created: term.map_or(self.now, |term| term.created),
            sealed_at: self.now,
            idle_millis: lifetime.idle_millis,
            absolute_until: lifetime.absolute_until,
            generation: live.map_or(0, |live| live.generation.saturating_add(u32::from(new_token))),
            epoch: live.map_or(0, |live| live.epoch),
            persistent: lifetime.persistent,
            fields: record.into_fields(),
        };
        if let (Some(live), true) = (live, new_token) {
            end = Some(self.ending(live, true));
        }
        let look_up_epoch = facts.elevate;
        let write = Write::Seal(Box::new(Seal { envelope, principal, look_up_epoch }));
        Ok(Plan { end, write, facts, upkeep: false })
    }

    fn reseal_due(&self, live: &Live) -> bool {
        !live.current_key
            || live.term.as_ref().is_some_and(|term| Engine::touch_due(term, self.now))
    }

    /// What the principal of a log-in is indexed by.
    fn index_key(&self, facts: &Facts) -> Option<PrincipalKey> {
        facts.principal.as_ref().map(|principal| self.engine.index_key(principal))
    }

    fn fresh_selector(&self, state: &mut State) -> Result<Selector, Error> {
        let selector = state.fresh_selector(self.engine, self.client);
        match &state.fresh {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(selector),
        }
    }

    /// What was written since the load, or since the last save.
    fn changes(&self) -> Result<Emission, Error> {
        let context = self.fields.context();
        if !context.is_written() {
            return Ok(Emission::default());
        }
        self.emit(Emission::default(), |cell, out| cell.emit_changes(context, out))
    }

    /// Every value that is not its default, as `Set` and `Insert` ops, in the order of the fields'
    /// names: so a record has them, too.
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

    fn seal_secrets(&self, selector: Selector, ops: &mut [Op]) -> Result<(), Error> {
        let context = self.fields.context();
        context.seal(self.engine.spec.fields, selector, ops).map_err(|_| Error::new(Kind::Random))
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
