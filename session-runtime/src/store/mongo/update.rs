//! A commit as one update: a condition under which it applies, and a pipeline that carries out its
//! ops in order. This file owns the translation. Sending the update, and judging a document that
//! did not match, happen elsewhere.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use mongodb::bson::{Bson, Document, doc};

use super::document::{
    ABSOLUTE, CHECK, EXPIRES, FAR_MILLIS, FIELDS, GROUPS, ID, IDLE, KEY, LOGGED_IN, NEVER, OWNER,
    PERSISTENT, PREVIOUS, PRINCIPAL, PURGE, REVISION, ROTATED, SEEN, SLACK_MILLIS, TICKET, UNTIL,
    UNUSUAL, binary, escape, from_value, owner, usual, usual_revision, usual_time,
};
use crate::store::{Commit, FieldName, Op, Rotation, StoreKey};

/// The most stages of a pipeline; servers allow a thousand.
const MOST_STAGES: usize = 100;
/// The value that removes the field it is assigned to.
const NOTHING: &str = "$$REMOVE";

/// One update of one document.
pub(super) struct Update {
    pub(super) filter: Document,
    pub(super) pipeline: Vec<Document>,
}

impl Update {
    /// Returns the update that carries out a commit, with its rotation if it has one. Returns
    /// `None` if one update cannot do it: a number is beyond the usual range, or a field is added
    /// to after another change. A commit may apply although this update does not. `ticket` is the
    /// log-in's, if it is one under a cap.
    pub(super) fn of(key: &StoreKey, commit: &Commit, ticket: Option<i64>) -> Option<Self> {
        let now = usual_time(commit.now).filter(|now| *now < NEVER)?;
        let (check, key_id) = (commit.check.as_bytes(), commit.key_id.as_bytes());
        let current = doc! { CHECK: binary(check), KEY: binary(key_id) };
        // A rotation with grace is skipped under the previous credential, while the rest of the
        // commit applies. That is rare and left to the caller.
        let is_shared = |rotation: &Rotation| rotation.grace_until.is_some();
        let mut conditions = vec![if commit.rotation.as_ref().is_some_and(is_shared) {
            current
        } else {
            doc! { "$or": [current, {
                path(PREVIOUS, CHECK): binary(check),
                path(PREVIOUS, KEY): binary(key_id),
                path(PREVIOUS, UNTIL): { "$gt": now },
            }] }
        }];
        for expected in &commit.expected {
            let group = path(GROUPS, &escape(&expected.group));
            let revision = usual_revision(expected.revision)?;
            conditions.push(if revision == 0 {
                doc! { group: { "$in": [Bson::Null, Bson::Int64(0)] } }
            } else {
                doc! { group: revision }
            });
        }
        let mut changes = Changes::default();
        if !commit.ops.iter().all(|op| changes.add(op)) {
            return None;
        }
        let Changes { mut stages, conditions: of_ops, .. } = changes;
        if stages.len() > MOST_STAGES {
            return None;
        }
        conditions.extend(of_ops);
        if stages.is_empty() {
            stages.push(Document::new());
        }
        stages[0].extend(meta(key, commit, ticket, now)?);
        stages.push(doc! { EXPIRES: expires() });
        stages.push(doc! { PURGE: purge(now) });
        Some(Self {
            filter: doc! {
                ID: key.to_string(),
                UNUSUAL: Bson::Null,
                EXPIRES: { "$gt": now },
                "$and": conditions,
            },
            pipeline: stages.into_iter().map(|stage| doc! { "$set": stage }).collect(),
        })
    }
}

fn path(outer: &str, inner: &str) -> String {
    format!("{outer}.{inner}")
}

/// Returns an expression for the value at a path.
fn at(path: &str) -> String {
    format!("${path}")
}

/// Returns a value of ours that is not to be read as an expression.
fn literal(value: impl Into<Bson>) -> Bson {
    Bson::Document(doc! { "$literal": value.into() })
}

/// Returns the changes of the fixed part, in terms of its values before.
fn meta(key: &StoreKey, commit: &Commit, ticket: Option<i64>, now: i64) -> Option<Document> {
    let mut set = doc! {
        SEEN: { "$max": [at(SEEN), now] },
        REVISION: { "$add": [at(REVISION), 1_i64] },
    };
    let mut bumps: HashMap<&str, i64> = HashMap::new();
    for group in &commit.bump {
        *bumps.entry(group).or_default() += 1;
    }
    for (group, by) in bumps {
        let group = path(GROUPS, &escape(group));
        let before = doc! { "$ifNull": [at(&group), 0_i64] };
        set.insert(group, doc! { "$add": [before, by] });
    }
    if let Some(lifetime) = commit.lifetime {
        let idle = match lifetime.idle_millis {
            Some(idle) => Bson::Int64(usual(idle)?),
            None => NOTHING.into(),
        };
        set.extend(doc! {
            IDLE: idle,
            ABSOLUTE: usual_time(lifetime.absolute_until)?,
            PERSISTENT: lifetime.persistent,
        });
    }
    match &commit.principal {
        None => {}
        Some(None) => {
            set.extend(
                [PRINCIPAL, OWNER, LOGGED_IN, TICKET].map(|it| (it.to_owned(), NOTHING.into())),
            );
        }
        Some(Some(principal)) => set.extend(doc! {
            PRINCIPAL: literal(principal.as_str()),
            OWNER: owner(&key.namespace, principal),
            LOGGED_IN: now,
            TICKET: ticket.map_or_else(|| NOTHING.into(), Bson::Int64),
        }),
    }
    if let Some(rotation) = &commit.rotation {
        set.extend(rotate(rotation, now)?);
    }
    Some(set)
}

fn rotate(rotation: &Rotation, now: i64) -> Option<Document> {
    let previous = match rotation.grace_until {
        Some(until) => {
            let until = usual_time(until)?;
            Bson::Document(doc! { CHECK: at(CHECK), KEY: at(KEY), UNTIL: until })
        }
        None => NOTHING.into(),
    };
    let (check, key) = (binary(rotation.check.as_bytes()), binary(rotation.key_id.as_bytes()));
    Some(doc! { CHECK: check, KEY: key, ROTATED: now, PREVIOUS: previous })
}

/// Returns an expression for the end of a session, from its lifetime and last use.
fn expires() -> Document {
    let idle = doc! { "$ifNull": [at(IDLE), NEVER] };
    // Never added up beyond the largest number, where servers go on with fractions.
    let is_far = doc! { "$gte": [idle, { "$subtract": [NEVER, at(SEEN)] }] };
    let idle_end = doc! { "$add": [at(SEEN), at(IDLE)] };
    doc! { "$cond": [is_far, at(ABSOLUTE), { "$min": [at(ABSOLUTE), idle_end] }] }
}

/// Returns an expression for the date when the server may remove the session, by its own clock.
fn purge(now: i64) -> Document {
    let date = doc! { "$add": ["$$NOW", { "$subtract": [at(EXPIRES), now] }, SLACK_MILLIS] };
    let far = now.saturating_add(FAR_MILLIS);
    doc! { "$cond": [{ "$gte": [at(EXPIRES), far] }, NOTHING, date] }
}

/// The ops, each in the first stage after those it must follow: an assignment in a stage sees the
/// document as it was before that stage.
#[derive(Default)]
struct Changes<'a> {
    stages: Vec<Document>,
    /// The conditions on the document under which the ops apply.
    conditions: Vec<Document>,
    fields: HashMap<&'a str, Field<'a>>,
    /// No op goes into a stage before this one.
    first: usize,
}

/// The changes of a field so far.
#[derive(Default)]
struct Field<'a> {
    /// The first stage in which the field can be changed again.
    next: usize,
    /// The members inserted and removed in the stage before that, if it does nothing else.
    members: Option<Members<'a>>,
}

#[derive(Clone, Default)]
struct Members<'a> {
    inserted: BTreeSet<&'a Bytes>,
    removed: BTreeSet<&'a Bytes>,
    /// True if any member was ever inserted, which makes a set of whatever was there.
    makes_set: bool,
}

impl<'a> Changes<'a> {
    /// Adds an op. Returns whether it can be expressed in terms of the document as it was.
    fn add(&mut self, op: &'a Op) -> bool {
        match op {
            Op::Clear { keep } => self.clear(keep),
            Op::Set { field, value } => self.assign(field, literal(from_value(value))),
            Op::Unset { field } => self.assign(field, NOTHING.into()),
            Op::Add { field, by, min, max } => {
                if self.first > 0 || self.fields.contains_key(field.as_ref()) {
                    return false;
                }
                let field_path = path(FIELDS, &escape(field));
                let sum = doc! { "$add": [at(&field_path), *by] };
                self.assign(field, if_number(&field_path, sum, *by).into());
                self.conditions.push(addable(&field_path, *by, *min, *max));
            }
            Op::Insert { field, member } => self.change_members(field, member, true),
            Op::Remove { field, member } => self.change_members(field, member, false),
            Op::Max { field, value } => {
                let field_path = path(FIELDS, &escape(field));
                let larger = doc! { "$max": [at(&field_path), *value] };
                self.assign(field, if_number(&field_path, larger, *value).into());
            }
            Op::Once { field, value } => {
                let before = at(&path(FIELDS, &escape(field)));
                self.assign(field, doc! { "$ifNull": [before, literal(from_value(value))] }.into());
            }
            Op::Take { field, seen } => {
                let before = at(&path(FIELDS, &escape(field)));
                let seen = from_value(seen);
                let is_seen = if matches!(seen, Bson::Array(_)) {
                    // A server may keep the members in any order.
                    let equal = doc! { "$setEquals": [&before, literal(seen)] };
                    doc! { "$cond": [{ "$isArray": [&before] }, equal, false] }
                } else {
                    doc! { "$eq": [&before, literal(seen)] }
                };
                self.assign(field, doc! { "$cond": [is_seen, NOTHING, before] }.into());
            }
        }
        true
    }

    fn assign(&mut self, field: &'a FieldName, value: Bson) {
        let position = self.fields.entry(field).or_default().next.max(self.first);
        self.put(position, path(FIELDS, &escape(field)), value);
        self.fields.insert(field, Field { next: position + 1, members: None });
    }

    fn put(&mut self, position: usize, name: String, value: Bson) {
        if self.stages.len() <= position {
            self.stages.resize(position + 1, Document::new());
        }
        self.stages[position].insert(name, value);
    }

    /// Adds a member to insert or remove. Consecutive ones become one assignment, in which the last
    /// change of each member counts.
    fn change_members(&mut self, field: &'a FieldName, member: &'a Bytes, goes_in: bool) {
        let known = self.fields.entry(field).or_default();
        let (position, mut members) = match known.members.take() {
            Some(members) if known.next > self.first => (known.next - 1, members),
            _ => (known.next.max(self.first), Members::default()),
        };
        members.makes_set |= goes_in;
        let (to, from) = if goes_in {
            (&mut members.inserted, &mut members.removed)
        } else {
            (&mut members.removed, &mut members.inserted)
        };
        to.insert(member);
        from.remove(member);
        let field_path = path(FIELDS, &escape(field));
        let value = members.apply(&at(&field_path));
        self.fields.insert(field, Field { next: position + 1, members: Some(members) });
        self.put(position, field_path, value);
    }

    fn clear(&mut self, keep: &[FieldName]) {
        let value = if keep.is_empty() {
            literal(Document::new())
        } else {
            let keep: Vec<Bson> = keep.iter().map(|name| escape(name).into()).collect();
            let top = doc! { "$arrayElemAt": [{ "$split": ["$$field.k", ":"] }, 0] };
            let kept = doc! { "$filter": {
                "input": { "$objectToArray": at(FIELDS) },
                "as": "field",
                "cond": { "$in": [top, literal(keep)] },
            } };
            doc! { "$arrayToObject": kept }.into()
        };
        let position = self.stages.len();
        self.put(position, FIELDS.to_owned(), value);
        self.first = position + 1;
    }
}

impl Members<'_> {
    /// Returns an expression for the set after these changes, or for nothing if the set is empty
    /// then.
    fn apply(&self, before: &str) -> Bson {
        let array = |members: &BTreeSet<&Bytes>| {
            literal(members.iter().map(|member| binary(member)).collect::<Vec<_>>())
        };
        let is_set = doc! { "$isArray": [before] };
        let left = |set: Bson| doc! { "$setDifference": [set, array(&self.removed)] };
        if !self.makes_set {
            let left = left(before.into());
            let empty = doc! { "$eq": [{ "$size": &left }, 0] };
            return doc! { "$cond": [
                is_set,
                { "$cond": [empty, NOTHING, left] },
                before,
            ] }
            .into();
        }
        let set = doc! { "$cond": [is_set, before, literal(Vec::<Bson>::new())] };
        let all = doc! { "$setUnion": [left(set.into()), array(&self.inserted)] };
        if self.inserted.is_empty() {
            return doc! { "$cond": [{ "$eq": [{ "$size": &all }, 0] }, NOTHING, all] }.into();
        }
        all.into()
    }
}

/// Returns `number` if the value is a number, otherwise `other`.
fn if_number(path: &str, number: Document, other: i64) -> Document {
    doc! { "$cond": [{ "$eq": [{ "$type": at(path) }, "long"] }, number, other] }
}

/// Returns the condition that a sum is within its range and a number at all.
fn addable(path: &str, by: i64, min: i64, max: i64) -> Document {
    let bound = |bound: i64| {
        (i128::from(bound) - i128::from(by)).clamp(i128::from(i64::MIN), i128::from(i64::MAX))
    };
    // Clamped to the range of the numbers, so the casts lose nothing.
    #[allow(clippy::cast_possible_truncation)]
    let (least, most) = (bound(min) as i64, bound(max) as i64);
    let mut either = Vec::new();
    let reachable =
        |start: i64| start.checked_add(by).is_some_and(|sum| (min..=max).contains(&sum));
    if least <= most && (reachable(least) || reachable(most)) {
        either.push(doc! { path: { "$gte": least, "$lte": most } });
    }
    if reachable(0) {
        either.push(doc! { path: { "$not": { "$type": "long" } } });
    }
    // An empty list of alternatives is not allowed; no document lacks its name.
    if either.is_empty() {
        doc! { ID: Bson::Null }
    } else {
        doc! { "$or": either }
    }
}
