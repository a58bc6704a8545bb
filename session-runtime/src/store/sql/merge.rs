//! The new value of a JSON column by merge patches (RFC 7396), which MySQL, MariaDB and SQLite
//! implement under different names. It knows no other part of a statement.
//!
//! A merge patch removes a name by `null` and merges objects recursively. No stored value is
//! `null`, and the only objects are sets, whose members a patch adds and removes in the same way.
//!
//! MariaDB (10.11 and earlier, at least) deviates from the RFC. Once it has removed the first name
//! of an object, it searches the next name of the object only in the rest of the patch, and leaves
//! that name unchanged if the patch has it earlier: `JSON_MERGE_PATCH('{"a": 1, "b": 2}', '{"b": 3,
//! "a": null}')` is `{"b": 2}`. So a patch here removes its fields first, and only another removal
//! can be missed; among the members of a set, nothing else can be missed anyway. If an object
//! removes several names, the patch is merged twice: the first pass misses at most one removal, and
//! the second pass finds that name first.

use super::{
    dialect::{Dialect, Located},
    plan::{Fields, Members},
    statement::{Slot, Sql},
    text::{self, Value},
};
use crate::store::{FieldName, FieldValue};

/// A database's names for the functions, and the text around their arguments.
pub(super) struct Functions {
    /// The function that merges patches into a value.
    pub(super) merge: &'static str,
    /// True if `merge` can miss a name after a removal.
    pub(super) misses: bool,
    /// True if `merge` takes only one patch.
    pub(super) merges_one: bool,
    /// The function that makes an object of names and values.
    pub(super) object: &'static str,
    /// The function that returns the larger of two numbers.
    pub(super) greatest: &'static str,
    /// (prefix, suffix) around a path: the condition "a set is there".
    pub(super) is_set: (&'static str, &'static str),
    /// (prefix, suffix) around a path: the stored value, for a comparison.
    pub(super) there: (&'static str, &'static str),
    /// (prefix, suffix) around a bound JSON text: the given value, for a comparison.
    pub(super) given: (&'static str, &'static str),
    /// (prefix, infix, suffix) around a path and bound patches: the condition "the patches empty
    /// the set".
    pub(super) is_emptied: (&'static str, &'static str, &'static str),
    /// (prefix, suffix) around a bound object of names: the patch that removes all other fields.
    pub(super) others: (&'static str, &'static str),
}

impl Functions {
    /// Returns the number of times to merge a patch, of whose objects one removes `removed` names.
    fn passes(&self, removed: usize) -> usize {
        if self.misses && removed > 1 { 2 } else { 1 }
    }
}

/// A chain of nested merges that is being written.
struct Chain {
    mark: usize,
    patches: usize,
}

impl Chain {
    /// Begins a chain. The caller writes the value that is changed next.
    fn begin(sql: &Sql) -> Self {
        Self { mark: sql.mark(), patches: 0 }
    }

    /// Continues the chain. The caller writes the patch next.
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

/// Returns the entry of a patch that removes a field.
fn nothing(field: &FieldName) -> (&str, Value<'_>) {
    (field.as_ref(), Value::Nothing)
}

/// Returns the patches that do not depend on the stored values, with the number of times to merge
/// each.
fn certain(functions: &Functions, fields: &Fields) -> Vec<(String, usize)> {
    let mut patches = Vec::new();
    // A patch would merge a new set with the stored one, so the stored set is removed first.
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
