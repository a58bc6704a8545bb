//! The effect of a commit on a record: the reference semantics. Stores that can keep a record in
//! memory while they change it call [`Record::apply`]; the others must end in the same state.

use super::{
    commit::{Commit, CommitOutcome, Unpresented},
    op::{Change, FieldName, FieldValue, Op, Refusal, Rotation},
    record::{Previous, Record, Standing},
    vec_map::VecMap,
};

impl Record {
    /// Applies a commit. Every outcome but `Committed` leaves the record as it was. This is the
    /// reference that every store is compared with. It ignores [`Commit::cap`], which concerns
    /// other records too: see [`Store`](super::Store), rule 7; and [`Commit::max_bytes`], which is
    /// checked above the stores.
    pub fn apply(&mut self, commit: &Commit) -> CommitOutcome {
        let standing = match self.admits(commit) {
            Ok(standing) => standing,
            Err(outcome) => return outcome,
        };
        if commit.is_touch() {
            self.meta.last_seen = self.meta.last_seen.max(commit.now);
            return CommitOutcome::committed(self.meta.revision, false);
        }
        if commit.revision.is_some_and(|revision| revision != self.meta.revision) {
            return CommitOutcome::Conflict { field: FieldName::Borrowed("") };
        }
        for expected in &commit.expected {
            if self.fields.get(&expected.field) != expected.seen.as_ref() {
                return CommitOutcome::Conflict { field: expected.field.clone() };
            }
        }
        // An op that fails behind another one must not leave half of the list applied.
        let can_fail_half_way = commit.ops.iter().skip(1).any(|op| can_fail(&self.fields, op));
        let before = can_fail_half_way.then(|| self.fields.clone());
        for op in &commit.ops {
            if let Err((field, why)) = apply_op(&mut self.fields, op) {
                if let Some(before) = before {
                    self.fields = before;
                }
                return CommitOutcome::Refused { field, why };
            }
        }
        if let Some(principal) = &commit.principal {
            self.meta.set_principal(principal.clone(), commit.now);
        }
        let rotated = self.rotate(commit, standing);
        if commit.is_use() {
            self.meta.last_seen = self.meta.last_seen.max(commit.now);
        }
        if let Some(lifetime) = commit.lifetime {
            self.meta.lifetime = lifetime;
        }
        self.meta.revision += 1;
        CommitOutcome::committed(self.meta.revision, rotated)
    }

    /// Returns the standing of a commit's credential, or why no commit with it applies.
    pub(crate) fn admits(&self, commit: &Commit) -> Result<Standing, CommitOutcome> {
        if self.meta.is_expired(commit.now) {
            return Err(CommitOutcome::Gone);
        }
        if let Some(Unpresented { principal, .. }) = &commit.unpresented {
            let is_theirs = principal.is_none() || *principal == self.meta.principal;
            return if is_theirs { Ok(Standing::Current) } else { Err(CommitOutcome::Superseded) };
        }
        match self.meta.standing(&commit.check, commit.key_id, commit.now) {
            Standing::Superseded => Err(CommitOutcome::Superseded),
            standing => Ok(standing),
        }
    }

    fn rotate(&mut self, commit: &Commit, standing: Standing) -> bool {
        let Some(Rotation { check, key_id, grace_until }) = &commit.rotation else {
            return false;
        };
        if grace_until.is_some() && standing == Standing::InGrace {
            return false;
        }
        self.meta.previous = grace_until.map(|until| Previous {
            check: self.meta.check,
            key_id: self.meta.key_id,
            until,
        });
        self.meta.issue(*check, *key_id);
        self.meta.rotated = commit.now;
        true
    }

    /// Carries out the ops of a commit on a copy of the record that it was made for. An op that is
    /// refused changes nothing.
    pub(crate) fn note(&mut self, ops: &[Op]) {
        for op in ops {
            let _ = apply_op(&mut self.fields, op);
        }
    }

    /// Carries out ops that cannot fail (`Set`, `Insert`) on a record that is being built.
    pub(crate) fn write_all(&mut self, ops: Vec<Op>) {
        self.fields.reserve(ops.len());
        for op in ops {
            if let Op::Set { field, value } = op {
                self.fields.append(field, value);
                continue;
            }
            let written = apply_op(&mut self.fields, &op);
            debug_assert!(written.is_ok(), "a whole value is neither added nor changed");
        }
    }
}

/// Returns whether an op may be refused: a number out of range, or a change that runs again.
fn can_fail(fields: &VecMap<FieldValue>, op: &Op) -> bool {
    match op {
        Op::Add { .. } => true,
        Op::Update { field, change } => fields.get(field) != change.base.as_ref(),
        _ => false,
    }
}

fn apply_op(fields: &mut VecMap<FieldValue>, op: &Op) -> Result<(), (FieldName, Refusal)> {
    match op {
        Op::Clear { keep } => fields.retain(|name| keep.iter().any(|kept| kept == name)),
        Op::Set { field, value } => set(fields, field, value),
        Op::Unset { field } => {
            fields.remove(field);
        }
        Op::Add { field, by, min, max } => {
            let sum = number(fields, field)
                .unwrap_or(0)
                .checked_add(*by)
                .filter(|sum| (*min..=*max).contains(sum))
                .ok_or_else(|| (field.clone(), Refusal::OutOfRange))?;
            fields.insert(field.clone(), FieldValue::Int(sum));
        }
        Op::Insert { field, member } => match fields.get_mut(field) {
            Some(FieldValue::Set(members)) => {
                members.insert(member.clone());
            }
            _ => {
                fields.insert(field.clone(), FieldValue::Set([member.clone()].into()));
            }
        },
        Op::Remove { field, member } => {
            if let Some(FieldValue::Set(members)) = fields.get_mut(field) {
                members.remove(member);
                if members.is_empty() {
                    fields.remove(field);
                }
            }
        }
        Op::Max { field, value } => {
            if number(fields, field).is_none_or(|there| *value > there) {
                fields.insert(field.clone(), FieldValue::Int(*value));
            }
        }
        Op::Once { field, value } => {
            fields.get_or_insert_with(field, || value.kept());
        }
        Op::Take { field, seen } => {
            if fields.get(field) == Some(seen) {
                fields.remove(field);
            }
        }
        Op::Update { field, change } => {
            let Change { base, value, again } = &**change;
            let there = fields.get(field);
            let changed;
            let value = if there == base.as_ref() {
                value
            } else {
                changed = again.run(there).map_err(|why| (field.clone(), why))?;
                &changed
            };
            match value {
                Some(value) => set(fields, field, value),
                None => fields.remove(field),
            }
        }
    }
    Ok(())
}

fn set(fields: &mut VecMap<FieldValue>, field: &FieldName, value: &FieldValue) {
    match fields.get_mut(field) {
        Some(there) => there.keep(value),
        None => fields.insert(field.clone(), value.kept()),
    }
}

/// Returns the number in a field, also in the form of a field without a policy. A value of another kind
/// counts as missing: the field's policy was changed.
fn number(fields: &VecMap<FieldValue>, field: &str) -> Option<i64> {
    fields.get(field)?.number()
}
