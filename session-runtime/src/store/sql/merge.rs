//! The new value of a JSON column by merge patches (RFC 7396), as MySQL, MariaDB and SQLite do it
//! under different names. It knows no other part of a statement.
//!
//! A merge patch removes a name with `null` and goes into objects. No value here is `null`, and
//! the only objects are sets, whose members come and go just so.
//!
//! MariaDB does not do it as the RFC says (10.11 and before, at least): once it has removed the
//! first name of an object, it looks for the next one only in what follows in the patch, and leaves
//! that name as it is if the patch has it further ahead. `JSON_MERGE_PATCH('{"a": 1, "b": 2}',
//! '{"b": 3, "a": null}')` is `{"b": 2}`. So the fields that a patch removes come first in it, and
//! only another removal can be missed; of the members of a set, that is so anyhow. If an object
//! removes several names, the patch is merged again: at most one was missed, and leads now.

use super::{
    dialect::{Dialect, Located},
    plan::{Fields, Members},
    statement::{Slot, Sql},
    text::{self, Value},
};
use crate::store::{FieldName, FieldValue};

/// What the databases call the functions.
pub(super) struct Functions {
    /// Merges patches into a value.
    pub(super) merge: &'static str,
    /// Whether it misses a name after it has removed those before it.
    pub(super) misses: bool,
    /// Whether it takes only one patch.
    pub(super) merges_one: bool,
    /// Makes an object of names and values.
    pub(super) object: &'static str,
    /// The larger of two numbers.
    pub(super) greatest: &'static str,
    /// Before and after a set's path: the condition that a set is there.
    pub(super) is_set: (&'static str, &'static str),
    /// Before and after a value of the column at a path, to compare it.
    pub(super) there: (&'static str, &'static str),
    /// Before and after a bound JSON text, to compare it.
    pub(super) given: (&'static str, &'static str),
    /// Before and after a set's path, and after bound merge patches: the condition that they empty
    /// the set.
    pub(super) is_emptied: (&'static str, &'static str, &'static str),
    /// Before and after a bound array of names: a patch that removes from the fields all others.
    pub(super) others: (&'static str, &'static str),
}

impl Functions {
    /// How often a patch is merged of whose objects one removes so many names.
    fn passes(&self, removed: usize) -> usize {
        if self.misses && removed > 1 { 2 } else { 1 }
    }
}

/// A chain of merges that is being written.
struct Chain {
    mark: usize,
    patches: usize,
}

impl Chain {
    /// Begins it; the value that is changed comes next.
    fn begin(sql: &Sql) -> Self {
        Self { mark: sql.mark(), patches: 0 }
    }

    /// Goes on with a patch.
    fn patch(&mut self, sql: &mut Sql, functions: &Functions) {
        let first = self.patches == 0;
        sql.text(if functions.merges_one && !first { "), " } else { ", " });
        self.patches += 1;
    }

    fn end(self, sql: &mut Sql, functions: &Functions) {
        let calls = if functions.merges_one { self.patches } else { self.patches.min(1) };
        sql.open(self.mark, functions.merge, calls);
        sql.text(if calls > 0 { ")" } else { "" });
    }
}

/// Writes the new value of the `fields` column.
pub(super) fn fields(dialect: &dyn Dialect, functions: &Functions, sql: &mut Sql, fields: &Fields) {
    let mut chain = Chain::begin(sql);
    if !fields.once.is_empty() {
        let once = fields.once.iter().map(|(name, value)| (name.as_ref(), Value::Field(value)));
        sql.json(text::object(once));
        chain.patch(sql, functions);
    }
    base(functions, sql, fields);
    for (patch, passes) in certain(functions, fields) {
        let patch = sql.bind(patch);
        for _ in 0..passes {
            chain.patch(sql, functions);
            sql.json_slot(patch);
        }
    }
    let entry = |sql: &mut Sql, key: Slot| {
        sql.text(functions.object).slot(key).text(", ");
    };
    let remove_if = |sql: &mut Sql, key: Slot| {
        sql.text(" THEN ");
        entry(sql, key);
        sql.text("NULL) ELSE ");
    };
    for (field, by) in &fields.add {
        let at = dialect.locate(sql, &text::name(field));
        chain.patch(sql, functions);
        entry(sql, at.key);
        sql.text("COALESCE(");
        dialect.number(sql, "fields", at);
        sql.text(", 0) + ").value(*by).text(")");
    }
    for (field, value) in &fields.max {
        let at = dialect.locate(sql, &text::name(field));
        let value = sql.bind(*value);
        chain.patch(sql, functions);
        entry(sql, at.key);
        sql.text(functions.greatest).text("(COALESCE(");
        dialect.number(sql, "fields", at);
        sql.text(", ").slot(value).text("), ").slot(value).text("))");
    }
    for (field, seen) in &fields.take {
        let at = dialect.locate(sql, &text::name(field));
        chain.patch(sql, functions);
        sql.text("CASE WHEN ").text(functions.there.0).slot(at.path).text(functions.there.1);
        sql.text(" = ").text(functions.given.0).value(text::value(seen)).text(functions.given.1);
        remove_if(sql, at.key);
        sql.text("'{}' END");
    }
    for (field, members) in fields.members.iter().filter(|(_, it)| it.insert.is_empty()) {
        let Members { insert, remove, .. } = members;
        let at = dialect.locate(sql, &text::name(field));
        let patch = sql.bind(text::value_json(&Value::Members { insert, remove }));
        let named =
            text::object(std::iter::once((field.as_ref(), Value::Members { insert, remove })));
        let named = sql.bind(named);
        let (before, between, after) = functions.is_emptied;
        let passes = functions.passes(remove.len());
        for _ in 0..passes {
            chain.patch(sql, functions);
            sql.text("CASE WHEN NOT COALESCE(").text(functions.is_set.0).slot(at.path);
            sql.text(functions.is_set.1).text(", FALSE) THEN '{}' WHEN ");
            sql.text(before).slot(at.path).text(between);
            for _ in 0..passes {
                sql.text(", ").slot(patch);
            }
            sql.text(after);
            remove_if(sql, at.key);
            sql.json_slot(named).text(" END");
        }
    }
    chain.end(sql, functions);
}

/// Writes the new value of the `group_revisions` column.
pub(super) fn bump(
    dialect: &dyn Dialect,
    functions: &Functions,
    sql: &mut Sql,
    groups: &[(Located, i64)],
) {
    let mut chain = Chain::begin(sql);
    sql.text("group_revisions");
    for (at, by) in groups {
        chain.patch(sql, functions);
        sql.text(functions.object).slot(at.key).text(", COALESCE(");
        dialect.number(sql, "group_revisions", *at);
        sql.text(", 0) + ").value(*by).text(")");
    }
    chain.end(sql, functions);
}

/// Binds an escaped name, as a key and as a path.
pub(super) fn locate(sql: &mut Sql, name: &str) -> Located {
    Located { key: sql.bind(name), path: sql.bind(text::path(name)) }
}

fn base(functions: &Functions, sql: &mut Sql, fields: &Fields) {
    match &fields.keep {
        None => {
            sql.text("fields");
        }
        Some(keep) if keep.is_empty() => {
            sql.text("'{}'");
        }
        Some(keep) => {
            let one = FieldValue::Int(1);
            let keep = keep.iter().map(|name| (name.as_ref(), Value::Field(&one)));
            sql.text(functions.merge).text("fields, ").text(functions.others.0);
            sql.value(text::object(keep)).text(functions.others.1).text(")");
        }
    }
}

/// The entry of a patch that removes a field.
fn nothing(field: &FieldName) -> (&str, Value<'_>) {
    (field.as_ref(), Value::Nothing)
}

/// The patches that do not depend on what is there, and how often each is merged.
fn certain(functions: &Functions, fields: &Fields) -> Vec<(String, usize)> {
    let mut patches = Vec::new();
    // A set would come together with the one that is there: that goes first.
    let is_set = |(_, value): &(_, &FieldValue)| matches!(value, FieldValue::Set(_));
    let sets: Vec<_> = fields.put.iter().filter(is_set).map(|(field, _)| nothing(field)).collect();
    if !sets.is_empty() {
        let passes = functions.passes(sets.len());
        patches.push((text::object(sets.into_iter()), passes));
    }
    let put = fields.put.iter().map(|(field, value)| (field.as_ref(), Value::Field(value)));
    let grown = fields.members.iter().filter(|(_, it)| !it.insert.is_empty());
    let members = grown.clone().map(|(field, Members { insert, remove, .. })| {
        (field.as_ref(), Value::Members { insert, remove })
    });
    let mut patch = fields.drop.iter().map(nothing).chain(put).chain(members).peekable();
    if patch.peek().is_some() {
        let removed = grown.map(|(_, it)| it.remove.len()).fold(fields.drop.len(), usize::max);
        patches.push((text::object(patch), functions.passes(removed)));
    }
    patches
}
