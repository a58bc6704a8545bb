//! What a list of ops comes to, field by field, without knowing what the database holds: values
//! that are certain already, and changes that depend on what is there. It knows the meaning of
//! ops and no SQL.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::{
    clock::Timestamp,
    store::{
        Check, Commit, CommitOutcome, FieldName, FieldValue, KeyId, Lifetime, Meta, Op, Record,
    },
};

/// More changes than this that depend on what is there make no statement: each combination is a
/// text of its own, and only a few of them should fill the cache of prepared statements.
const MOST_CHANGES: usize = 12;

/// What a commit does to the fields, if one statement can say it.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Those that stay of what is there; `None`: all.
    pub(super) keep: Option<BTreeSet<FieldName>>,
    /// Written whatever is there.
    pub(super) put: BTreeMap<FieldName, FieldValue>,
    /// Removed whatever is there.
    pub(super) drop: BTreeSet<FieldName>,
    /// Written where nothing is there.
    pub(super) once: BTreeMap<FieldName, FieldValue>,
    /// Sets that members come into, and go out of.
    pub(super) members: BTreeMap<FieldName, Members>,
    /// Numbers that are added to.
    pub(super) add: BTreeMap<FieldName, i64>,
    /// Numbers that are raised.
    pub(super) max: BTreeMap<FieldName, i64>,
    /// Values that go if they are still there.
    pub(super) take: BTreeMap<FieldName, FieldValue>,
    /// The range in which a number that is there must lie, or the commit is a conflict.
    pub(super) ranges: BTreeMap<FieldName, (i64, i64)>,
}

/// Members that come into a set, or go out of it. No member does both.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) insert: BTreeSet<Bytes>,
    pub(super) remove: BTreeSet<Bytes>,
    /// One came, even if it went again: what is there is a set from then on.
    inserted: bool,
}

/// What is known of one field after some of the ops.
enum Known {
    /// It is this, or missing.
    Is(Option<FieldValue>),
    /// What is there, changed.
    Changed(Change),
}

/// A change that depends on what is there.
enum Change {
    Add(i128),
    Max(i64),
    Once(FieldValue),
    Take(FieldValue),
    Members(Members),
}

impl Fields {
    /// What `ops` come to; `None` if it takes more than a statement: two kinds of op on one field
    /// that both depend on what is there, or an outcome that only a look at the record can tell.
    pub(super) fn of(ops: &[Op]) -> Option<Self> {
        let mut plan = Self::default();
        let mut known: BTreeMap<FieldName, Known> = BTreeMap::new();
        for op in ops {
            let Some(field) = field_of(op) else {
                plan.clear(op, &mut known);
                continue;
            };
            let before = known.remove(field);
            let cleared = plan.keep.as_ref().is_some_and(|keep| !is_kept(keep, field));
            let before = before.or_else(|| cleared.then_some(Known::Is(None)));
            let after = match before {
                Some(Known::Is(value)) => apply_to_value(field, value, op)?,
                Some(Known::Changed(change)) => plan.change_again(change, op)?,
                None => plan.change(op)?,
            };
            known.insert(field.clone(), after);
        }
        plan.settle(known)
    }

    /// Whether the fields stay as they are.
    pub(super) fn is_empty(&self) -> bool {
        self.keep.is_none()
            && self.put.is_empty()
            && self.drop.is_empty()
            && self.once.is_empty()
            && self.members.is_empty()
            && self.add.is_empty()
            && self.max.is_empty()
            && self.take.is_empty()
    }

    fn clear(&mut self, op: &Op, known: &mut BTreeMap<FieldName, Known>) {
        let Op::Clear { keep } = op else { return };
        let keep: BTreeSet<FieldName> = keep.iter().cloned().collect();
        for (field, known) in known.iter_mut() {
            if !is_kept(&keep, field) {
                *known = Known::Is(None);
            }
        }
        self.keep = Some(match self.keep.take() {
            Some(kept) => kept.intersection(&keep).cloned().collect(),
            None => keep,
        });
    }

    /// The first op on a field that may hold anything.
    fn change(&mut self, op: &Op) -> Option<Known> {
        Some(match op {
            // Clearing is no change of one field. In a merge patch, the members of two sets would
            // come together. And a set has no order in which to compare its text.
            Op::Clear { .. }
            | Op::Once { value: FieldValue::Set(_), .. }
            | Op::Take { seen: FieldValue::Set(_), .. } => return None,
            Op::Set { value, .. } => Known::Is(Some(value.clone())),
            Op::Unset { .. } => Known::Is(None),
            Op::Add { field, by, min, max } => self.add(field, 0, *by, *min, *max)?,
            Op::Max { value, .. } => Known::Changed(Change::Max(*value)),
            Op::Once { value, .. } => Known::Changed(Change::Once(value.clone())),
            Op::Take { seen, .. } => Known::Changed(Change::Take(seen.clone())),
            Op::Insert { .. } | Op::Remove { .. } => member(Members::default(), op),
        })
    }

    /// Another op on a field that was changed by one before.
    fn change_again(&mut self, change: Change, op: &Op) -> Option<Known> {
        Some(match (change, op) {
            (_, Op::Set { value, .. }) => Known::Is(Some(value.clone())),
            (_, Op::Unset { .. }) => Known::Is(None),
            (Change::Add(sum), Op::Add { field, by, min, max }) => {
                self.add(field, sum, *by, *min, *max)?
            }
            (Change::Max(a), Op::Max { value, .. }) => Known::Changed(Change::Max(a.max(*value))),
            (Change::Once(first), Op::Once { .. }) => Known::Changed(Change::Once(first)),
            (Change::Members(members), Op::Insert { .. } | Op::Remove { .. }) => {
                member(members, op)
            }
            _ => return None,
        })
    }

    /// Adds to a number that is what is there plus `sum`; its range becomes one of what is there.
    fn add(&mut self, field: &FieldName, sum: i128, by: i64, min: i64, max: i64) -> Option<Known> {
        let sum = sum + i128::from(by);
        let range = self.ranges.entry(field.clone()).or_insert((i64::MIN, i64::MAX));
        let low = i128::from(range.0).max(i128::from(min) - sum);
        let high = i128::from(range.1).min(i128::from(max) - sum);
        // No number passes: which op is in the way is for the reference to say.
        *range = (i64::try_from(low).ok()?, i64::try_from(high).ok()?);
        (low <= high).then_some(Known::Changed(Change::Add(sum)))
    }

    fn settle(mut self, known: BTreeMap<FieldName, Known>) -> Option<Self> {
        for (field, known) in known {
            match known {
                Known::Is(Some(value)) => {
                    self.put.insert(field, value);
                }
                Known::Is(None) => {
                    if self.keep.as_ref().is_none_or(|keep| is_kept(keep, &field)) {
                        self.drop.insert(field);
                    }
                }
                Known::Changed(Change::Add(sum)) => {
                    self.add.insert(field, i64::try_from(sum).ok()?);
                }
                Known::Changed(Change::Max(value)) => {
                    self.max.insert(field, value);
                }
                Known::Changed(Change::Once(value)) => {
                    self.once.insert(field, value);
                }
                Known::Changed(Change::Take(seen)) => {
                    self.take.insert(field, seen);
                }
                Known::Changed(Change::Members(members)) => {
                    self.members.insert(field, members);
                }
            }
        }
        let removals = self.members.values().filter(|it| it.insert.is_empty()).count();
        let changes = self.ranges.len() + self.max.len() + self.take.len() + removals;
        (changes <= MOST_CHANGES && self.members.values().all(Members::is_plain)).then_some(self)
    }
}

impl Members {
    /// Members that came and all went again turn another kind of value into nothing, which is one
    /// case more than a statement is worth.
    fn is_plain(&self) -> bool {
        !(self.inserted && self.insert.is_empty())
    }
}

fn member(mut members: Members, op: &Op) -> Known {
    match op {
        Op::Insert { member, .. } => {
            members.inserted = true;
            members.remove.remove(member);
            members.insert.insert(member.clone());
        }
        Op::Remove { member, .. } => {
            members.insert.remove(member);
            members.remove.insert(member.clone());
        }
        _ => {}
    }
    Known::Changed(Change::Members(members))
}

fn field_of(op: &Op) -> Option<&FieldName> {
    match op {
        Op::Clear { .. } => None,
        Op::Set { field, .. }
        | Op::Unset { field }
        | Op::Add { field, .. }
        | Op::Insert { field, .. }
        | Op::Remove { field, .. }
        | Op::Max { field, .. }
        | Op::Once { field, .. }
        | Op::Take { field, .. } => Some(field),
    }
}

fn is_kept(keep: &BTreeSet<FieldName>, field: &str) -> bool {
    keep.contains(field.split_once(':').map_or(field, |(top, _)| top))
}

/// What an op makes of a value that is certain, as the reference does it; `None` if it is refused.
fn apply_to_value(field: &FieldName, value: Option<FieldValue>, op: &Op) -> Option<Known> {
    let (check, key_id) = (Check::from_bytes([0; 16]), KeyId::from_bytes([0; 4]));
    let (start, never) = (Timestamp::default(), Timestamp::MAX);
    let lifetime = Lifetime { idle_millis: None, absolute_until: never, persistent: false };
    let mut record = Record::new(Meta::new(check, key_id, start, lifetime));
    if let Some(value) = value {
        record.set(field.clone(), value);
    }
    let mut commit = Commit::touch(start, check, key_id);
    commit.ops.push(op.clone());
    let committed = matches!(record.apply(&commit), CommitOutcome::Committed { .. });
    committed.then(|| Known::Is(record.get(field).cloned()))
}
