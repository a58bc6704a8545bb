//! The net effect of a list of ops on each field, without knowing the stored values: final values
//! where the ops alone decide, and changes that depend on the stored value. It knows the meaning of
//! ops and no SQL.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::{
    clock::Timestamp,
    store::{
        Check, Commit, CommitOutcome, FieldName, FieldValue, KeyId, Lifetime, Meta, Op, Record,
    },
};

/// The most changes in one statement that depend on stored values. Each combination is a text of
/// its own, and must not fill the cache of prepared statements.
const MOST_CHANGES: usize = 12;

/// The changes of a commit to the fields, as far as one statement can express them.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The stored fields that stay; `None` if all stay.
    pub(super) keep: Option<BTreeSet<FieldName>>,
    /// The fields that are written, whatever is stored.
    pub(super) put: BTreeMap<FieldName, FieldValue>,
    /// The fields that are removed, whatever is stored.
    pub(super) drop: BTreeSet<FieldName>,
    /// The fields that are written if nothing is stored.
    pub(super) once: BTreeMap<FieldName, FieldValue>,
    /// The sets that gain and lose members.
    pub(super) members: BTreeMap<FieldName, Members>,
    /// The numbers to add to stored numbers.
    pub(super) add: BTreeMap<FieldName, i64>,
    /// The numbers to which smaller stored numbers are raised.
    pub(super) max: BTreeMap<FieldName, i64>,
    /// The values that are removed if they are still stored.
    pub(super) take: BTreeMap<FieldName, FieldValue>,
    /// The ranges in which stored numbers must lie; otherwise the commit is a conflict.
    pub(super) ranges: BTreeMap<FieldName, (i64, i64)>,
}

/// The members that a set gains, and those that it loses. No member is in both.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) insert: BTreeSet<Bytes>,
    pub(super) remove: BTreeSet<Bytes>,
    /// True if a member was inserted, even if it was removed again: the field is a set from then
    /// on.
    inserted: bool,
}

/// The knowledge about one field after some of the ops.
enum Known {
    /// The field has this value, or is missing.
    Is(Option<FieldValue>),
    /// The field has the stored value, changed.
    Changed(Change),
}

/// A change that depends on the stored value.
enum Change {
    Add(i128),
    Max(i64),
    Once(FieldValue),
    Take(FieldValue),
    Members(Members),
}

impl Fields {
    /// Returns the net effect of `ops`, or `None` if one statement cannot express it: if two kinds
    /// of op on one field both depend on the stored value, or if only the record decides the
    /// outcome.
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

    /// Returns whether the fields stay as they are.
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

    /// Returns the effect of the first op on a field whose stored value is unknown.
    fn change(&mut self, op: &Op) -> Option<Known> {
        Some(match op {
            // `Clear` does not change one field. In a merge patch, a whole set would merge with the
            // stored one. And a set's text has no fixed order by which to compare it.
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

    /// Returns the effect of a further op on a field that an earlier op has changed.
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

    /// Adds to a number that is the stored number plus `sum`. The range of the result becomes a
    /// range of the stored number.
    fn add(&mut self, field: &FieldName, sum: i128, by: i64, min: i64, max: i64) -> Option<Known> {
        let sum = sum + i128::from(by);
        let range = self.ranges.entry(field.clone()).or_insert((i64::MIN, i64::MAX));
        let low = i128::from(range.0).max(i128::from(min) - sum);
        let high = i128::from(range.1).min(i128::from(max) - sum);
        // No number is in range: the reference says which op conflicts.
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
    /// Returns whether a statement can express the change. If all inserted members were removed
    /// again, a stored value that is no set would have to be removed; there is no SQL for that.
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

/// Applies an op to a known value, as the reference does. Returns `None` if the op is refused.
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
