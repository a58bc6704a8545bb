//! The plan for a session in a store: an insert for a new session, a commit of ops for one that is
//! there, and the credential that the client gets.

use super::{EndSession, Occasion, Plan, Planner, is_destroyed};
use crate::{
    cell::{Emission, expected},
    clock::Timestamp,
    engine::{backend::Stored, live::LiveSession},
    error::{Error, Kind},
    request::{
        asked::Requested,
        lifetime,
        state::{LoadedRecord, State, Status},
    },
    schema::options::OnStoreError,
    store::{
        Cap, Check, Commit, Expected, KeyId, Meta, Op, Record, Rotation, Selector, StoreKey,
        Unpresented, field_sizes,
    },
    token::Issued,
};

/// Boxed, since a write goes from one future into the next.
pub(crate) enum Write {
    Insert(Box<Insert>),
    Commit(Box<Change>),
}

impl Write {
    /// Returns when the session begins, if it is new or somebody logs in.
    pub(super) fn begins(&self) -> Option<Timestamp> {
        match self {
            Self::Insert(insert) => Some(insert.record.meta.began()),
            Self::Commit(change) => change.commit.principal.is_some().then_some(change.commit.now),
        }
    }

    /// Sets the limit under which a principal logs in.
    pub(super) fn set_cap(&mut self, cap: Option<Cap>) {
        match self {
            Self::Insert(insert) => insert.cap = cap,
            Self::Commit(change) => {
                if change.commit.principal.is_some() {
                    change.commit.cap = cap;
                }
            }
        }
    }

    pub(super) fn selector(&self) -> Selector {
        match self {
            Self::Insert(insert) => insert.key.selector,
            Self::Commit(change) => change.key.selector,
        }
    }
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

impl Planner<'_> {
    pub(super) fn plan_stored(
        &self,
        stored: &Stored,
        state: &mut State,
        requested: Requested,
    ) -> Result<Plan<Write>, Error> {
        if let (Status::Live(live), None) = (&state.status, requested.end) {
            return self.change(stored, state, live, requested);
        }
        let end = self.asked_end(state.live(), &requested);
        if is_destroyed(&requested) {
            return Plan::destroy(end, requested);
        }
        self.create(stored, state, end, requested)
    }

    /// A session that is not there yet.
    fn create(
        &self,
        stored: &Stored,
        state: &mut State,
        end: Option<EndSession>,
        requested: Requested,
    ) -> Result<Plan<Write>, Error> {
        let mut ops = self.values()?;
        // A visitor may read while the store is down, just as somebody who returns.
        let no_user_changes = ops.is_empty()
            && !requested.any()
            && self.engine.policy.on_store_error == OnStoreError::Degrade;
        if ops.is_empty() && !self.starts_empty(state, &requested) {
            return Ok(Plan::end_only(end, requested));
        }
        if !self.hooks.consents {
            return self.withheld(end, requested);
        }
        let (selector, issued) = self.first_credential(stored, state)?;
        self.seal_secrets(issued.key_id, selector, &mut ops)?;
        self.bind_anew(issued.key_id, &mut ops)?;
        let lifetime = lifetime::new(&self.engine.policy, &requested, self.now);
        let mut meta = Meta::new(issued.check, issued.key_id, self.now, lifetime);
        meta.set_principal(self.index_key(&requested), self.now);
        meta.revision = first_revision(&issued.check);
        let mut record = Record::new(meta);
        record.write_all(ops);
        if let Some(limit) = self.engine.policy.max_session_bytes {
            let size = record.size();
            if size > limit {
                return Err(Error::session_too_large(size, limit, field_sizes(record.fields())));
            }
        }
        let key = self.engine.key(selector);
        let cap = self.engine.cap();
        let insert = Write::Insert(Box::new(Insert { key, record, cap, issued }));
        Ok(Plan { no_user_changes, ..Plan::write(end, insert, requested) })
    }

    /// A session that is in the store.
    fn change(
        &self,
        stored: &Stored,
        state: &State,
        live: &LiveSession,
        requested: Requested,
    ) -> Result<Plan<Write>, Error> {
        let context = self.fields.context();
        let mut emission = self.emission(&requested)?;
        let rotation = match self.occasion {
            Occasion::TouchOnly | Occasion::Detached => None,
            Occasion::Save | Occasion::Response => self.rotation(stored, live, &requested)?,
        };
        let principal = self.index_key(&requested);
        let policy = &self.engine.policy;
        let meta = live.meta.as_ref();
        let lifetime = lifetime::changed(policy, meta, &requested, principal.as_ref(), self.now);
        let is_detached = self.occasion == Occasion::Detached;
        let is_due = || meta.is_none_or(|meta| lifetime::touch_is_due(meta, self.now));
        let touch = requested.touch || (!is_detached && is_due());
        let no_user_changes = emission.ops.is_empty() && !requested.any();
        let wanted = !no_user_changes || touch || rotation.is_some();
        if !wanted {
            return Ok(Plan::nothing(requested));
        }
        let mut commit = Commit::touch(self.now, live.check, live.key_id);
        commit.expected = self.expected(&emission);
        if is_detached {
            let principal = meta.and_then(|meta| meta.principal.clone());
            commit.unpresented = Some(Unpresented::new(principal, requested.touch));
        }
        if state.only_as_loaded {
            commit.revision = context.record().map(|record| record.meta.revision);
        }
        let key_id = match &rotation {
            Some((issued, _)) => issued.key_id,
            None => context.record().map_or(live.key_id, |record| record.meta.key_id),
        };
        if rotation.is_some() && context.record().is_some_and(|record| record.meta.key_id != key_id)
        {
            // What stays under the old key would be lost with it.
            let resealed = context.reseal(self.engine.spec.fields, key_id, &emission.ops);
            emission.ops.extend(resealed);
        }
        self.seal_secrets(key_id, live.selector, &mut emission.ops)?;
        self.bind_on(state, &requested, key_id, &mut emission.ops)?;
        commit.ops = emission.ops;
        commit.lifetime = lifetime;
        commit.max_bytes = policy.max_session_bytes;
        if stored.store.wants_loaded() && state.loaded == LoadedRecord::AsLoaded {
            commit.loaded = context.record();
        }
        if requested.elevate {
            commit.principal = Some(principal);
            commit.cap = self.engine.cap();
        }
        let issued = rotation.map(|(issued, grace_until)| {
            let Issued { check, key_id, .. } = issued;
            commit.rotation = Some(Rotation { check, key_id, grace_until });
            issued
        });
        let key = self.engine.key(live.selector);
        let change = Write::Commit(Box::new(Change { key, commit, issued }));
        Ok(Plan { no_user_changes, ..Plan::write(None, change, requested) })
    }

    /// Returns what the store must still hold for the ops of an emission.
    fn expected(&self, emission: &Emission) -> Vec<Expected> {
        let Emission { groups, compared, .. } = emission;
        if groups.is_empty() && compared.is_empty() {
            return Vec::new();
        }
        let record = self.fields.context().record();
        let fields = self.engine.spec.fields.iter().filter(|field| {
            field.group.is_some_and(|group| groups.contains(&group))
                || compared.iter().any(|compared| compared.name == field.name)
        });
        fields.map(|field| expected(field, record.as_deref())).collect()
    }

    /// Returns the ops of the cells, and the groups that they write.
    fn emission(&self, requested: &Requested) -> Result<Emission, Error> {
        let Some(kept) = &requested.cleared else { return self.changes() };
        let context = self.fields.context();
        // After a clear the store has nothing, so every value must be written; what was kept still
        // merges.
        let mut emission = self.emit(Emission::default(), |cell, out| {
            if kept.iter().any(|kept| kept == cell.spec().name) {
                cell.emit_changes(context, out);
            } else {
                cell.emit_value(context, out);
            }
        })?;
        emission.ops.insert(0, Op::Clear { keep: kept.to_vec() });
        // A clear changes every group; those of a superseded credential compare nothing more.
        if !requested.elevate && !requested.rotate {
            for field in self.engine.spec.fields {
                if let Some(group) = field.group
                    && !kept.iter().any(|kept| kept == field.name)
                    && !emission.groups.contains(&group)
                {
                    emission.groups.push(group);
                }
            }
        }
        Ok(emission)
    }

    /// Draws the selector and the credential of a session that is to be created.
    fn first_credential(
        &self,
        stored: &Stored,
        state: &mut State,
    ) -> Result<(Selector, Issued), Error> {
        if state.fresh.is_some() || self.hooks.has_ids() {
            let selector = self.fresh_selector(state)?;
            return Ok((selector, self.issue(stored, selector, None)?));
        }
        let drawn = stored.codec.issue_new(self.engine.random);
        let (selector, issued) = drawn.map_err(|_| Error::new(Kind::Random))?;
        state.fresh = Some(Ok(selector));
        Ok((selector, issued))
    }

    fn issue(
        &self,
        stored: &Stored,
        selector: Selector,
        under: Option<KeyId>,
    ) -> Result<Issued, Error> {
        let issued = stored.codec.issue(selector, under, self.engine.random);
        issued.map_err(|_| Error::new(Kind::Random))
    }

    /// Returns the new credential, if one is due, and until when the old credential still passes.
    fn rotation(
        &self,
        stored: &Stored,
        live: &LiveSession,
        requested: &Requested,
    ) -> Result<Option<(Issued, Option<Timestamp>)>, Error> {
        let grace_until = if requested.elevate || requested.rotate {
            None
        } else {
            let Some(meta) = live.meta.as_ref().filter(|_| !live.in_grace) else {
                return Ok(None);
            };
            if !lifetime::reissue_is_due(live.writer, meta, self.now)
                && !lifetime::rotation_is_due(&self.engine.policy, meta, self.now)
            {
                return Ok(None);
            }
            Some(lifetime::grace_until(self.now))
        };
        let under = self.stays_under(live);
        Ok(Some((self.issue(stored, live.selector, under)?, grace_until)))
    }
}

/// Returns the revision of a new record. A deployment that makes its own ids may give one again: a
/// commit to the session that had it before must not find the revision that it knows, so each
/// credential, which is random, begins elsewhere. Below 2^61.
fn first_revision(check: &Check) -> u64 {
    let bits = u128::from_be_bytes(*check.as_bytes()) >> 67;
    u64::try_from(bits).unwrap_or(1)
}
