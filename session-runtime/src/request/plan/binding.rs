//! Which traits of the client a commit binds the session to.

use super::Planner;
use crate::{
    error::{Error, Kind},
    request::{
        asked::Requested,
        state::{LoadedRecord, State},
    },
    store::{FieldName, FieldValue, KeyId, Op, Record},
};

impl Planner<'_> {
    /// Binds a session that is created, or that somebody logs in to.
    pub(super) fn bind_anew(&self, key_id: KeyId, ops: &mut Vec<Op>) -> Result<(), Error> {
        self.push_bound(None, key_id, ops, |_, _| true)
    }

    /// Keeps a session bound that goes on, and adds the traits that are missing.
    pub(super) fn bind_on(
        &self,
        state: &State,
        requested: &Requested,
        key_id: KeyId,
        ops: &mut Vec<Op>,
    ) -> Result<(), Error> {
        if requested.elevate {
            return self.bind_anew(key_id, ops);
        }
        let before = self.fields.context().record();
        let before = before.as_deref().filter(|_| state.loaded < LoadedRecord::Rebound);
        self.push_bound(before, key_id, ops, |name, value| {
            requested.cleared.is_some() || before.and_then(|record| record.get(name)) != Some(value)
        })
    }

    fn push_bound(
        &self,
        before: Option<&Record>,
        key_id: KeyId,
        ops: &mut Vec<Op>,
        is_due: impl Fn(&str, &FieldValue) -> bool,
    ) -> Result<(), Error> {
        let Some(bound) = &self.hooks.bound else { return Ok(()) };
        let fields: Vec<(FieldName, FieldValue)> =
            bound.fields(key_id, before).map_err(|_| Error::new(Kind::Random))?;
        let due = fields.into_iter().filter(|(name, value)| is_due(name, value));
        ops.extend(due.map(|(field, value)| Op::Set { field, value }));
        Ok(())
    }
}
