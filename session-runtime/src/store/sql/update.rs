//! A commit as one `UPDATE`: every precondition in its `WHERE`, every change in its `SET`. It knows
//! the columns and the meaning of a commit for each; the dialect knows the functions for JSON.
//!
//! MySQL and MariaDB assign from the left to the right, and a column that was assigned reads as
//! its new value from there on; so each column is assigned after the last one that reads it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{
    dialect::Dialect,
    error::Fault,
    plan::Fields,
    row,
    statement::{Answer, Kind, Slot, Sql, Statement},
    table::{self, Table},
    text,
};
use crate::store::{Commit, CommitOutcome, Lifetime, Rotation, StoreKey};

/// "Never", as a column holds it.
const NEVER: &str = "9223372036854775807";

/// Returns the statement that applies `commit`, whose ops have the net effect `fields`. If the
/// commit does not apply, the statement finds no row.
pub(super) fn update(table: &Table, key: &StoreKey, commit: &Commit, fields: &Fields) -> Statement {
    let dialect = table.dialect;
    let mut sql = table.sql();
    let now = sql.bind(row::time(commit.now));
    let presented = sql.bind(row::credential(commit.key_id, &commit.check));

    sql.text("UPDATE ").text(&table.quoted("")).text(" SET ");
    if !fields.is_empty() {
        sql.text("fields = ");
        dialect.fields(&mut sql, fields);
        sql.text(", ");
    }
    if !commit.bump.is_empty() {
        let mut groups: BTreeMap<Cow<'_, str>, i64> = BTreeMap::new();
        for group in &commit.bump {
            *groups.entry(text::name(group)).or_insert(0) += 1;
        }
        let bumped: Vec<_> =
            groups.iter().map(|(group, by)| (dialect.locate(&mut sql, group), *by)).collect();
        sql.text("group_revisions = ");
        dialect.bump(&mut sql, &bumped);
        sql.text(", ");
    }
    if let Some(principal) = &commit.principal {
        let (text, whole) = row::principal(principal.as_ref());
        sql.text("principal = ").value(text);
        sql.text(", principal_bytes = ").value(whole);
        let logged_in = principal.as_ref().map(|_| row::time(commit.now));
        sql.text(", logged_in_at = ").value(logged_in).text(", ");
    }
    expiry(dialect, &mut sql, commit.lifetime, now);
    rotate(dialect, &mut sql, commit.rotation.as_ref(), presented, now);

    table::is_key(&mut sql, key);
    sql.text(" AND exact_numbers IS NULL AND expires_at > ").slot(now);
    sql.text(" AND (credential_check = ").slot(presented);
    sql.text(" OR (previous_check = ").slot(presented);
    sql.text(" AND previous_until > ").slot(now).text("))");
    for expected in &commit.expected {
        let at = dialect.locate(&mut sql, &text::name(&expected.group));
        sql.text(" AND COALESCE(");
        dialect.number(&mut sql, "group_revisions", at);
        sql.text(", 0) = ").value(row::number(expected.revision));
    }
    for (field, (low, high)) in &fields.ranges {
        let at = dialect.locate(&mut sql, &text::name(field));
        sql.text(" AND COALESCE(");
        dialect.number(&mut sql, "fields", at);
        sql.text(", 0) BETWEEN ").value(*low).text(" AND ").value(*high);
    }
    if dialect.is_returning() {
        sql.text(" RETURNING revision, rotated_revision");
        return sql.answering(&[Kind::Int, Kind::Int]);
    }
    sql.finish()
}

/// Reads the answer to an update. Returns `None` if the update found no row.
pub(super) fn committed(
    mut answer: Answer,
    commit: &Commit,
) -> Result<Option<CommitOutcome>, Fault> {
    let (revision, rotated) = match answer.rows.pop() {
        Some(row) => row::revisions(row)?,
        None if answer.affected > 0 => (answer.last_id / 2, answer.last_id % 2 == 1),
        None => return Ok(None),
    };
    Ok(Some(CommitOutcome::committed(revision, rotated && commit.rotation.is_some())))
}

/// Writes the columns that say how long the session lives.
fn expiry(dialect: &dyn Dialect, sql: &mut Sql, lifetime: Option<Lifetime>, now: Slot) {
    let (greatest, least) = dialect.greatest_and_least();
    let seen = |sql: &mut Sql| {
        sql.text(greatest).text("(last_seen_at, ").slot(now).text(")");
    };
    let idle_end = |sql: &mut Sql, idle: &dyn Fn(&mut Sql)| {
        sql.text("CASE WHEN ");
        seen(sql);
        sql.text(" > ").text(NEVER).text(" - ");
        idle(sql);
        sql.text(" THEN ").text(NEVER).text(" ELSE ");
        seen(sql);
        sql.text(" + ");
        idle(sql);
        sql.text(" END");
    };

    sql.text("expires_at = ");
    let absolute = lifetime.map(|lifetime| sql.bind(row::time(lifetime.absolute_until)));
    let idle = lifetime.and_then(|lifetime| lifetime.idle_millis);
    let idle = idle.map(|idle| sql.bind(row::number(idle)));
    match (absolute, idle) {
        (Some(absolute), Some(idle)) => {
            sql.text(least).text("(").slot(absolute).text(", ");
            idle_end(sql, &|sql| {
                sql.slot(idle);
            });
            sql.text(")");
        }
        (Some(absolute), None) => {
            sql.slot(absolute);
        }
        (None, _) => {
            sql.text("CASE WHEN idle_millis IS NULL THEN absolute_until ELSE ");
            sql.text(least).text("(absolute_until, ");
            idle_end(sql, &|sql| {
                sql.text("idle_millis");
            });
            sql.text(") END");
        }
    }
    sql.text(", last_seen_at = ");
    seen(sql);
    sql.text(", ");
    if let (Some(lifetime), Some(absolute)) = (lifetime, absolute) {
        sql.text("absolute_until = ").slot(absolute);
        sql.text(", idle_millis = ").value(lifetime.idle_millis.map(row::number));
        sql.text(", is_persistent = ").value(lifetime.persistent).text(", ");
    }
}

/// Writes the revision, and the columns of the credential. With a grace, the credential stays as it
/// is if the one presented is no longer current: another request has rotated already.
fn rotate(
    dialect: &dyn Dialect,
    sql: &mut Sql,
    rotation: Option<&Rotation>,
    presented: Slot,
    now: Slot,
) {
    let Some(Rotation { check, key_id, grace_until }) = rotation else {
        next_revision(dialect, sql, &|sql| {
            sql.text("0");
        });
        return;
    };
    let new = sql.bind(row::credential(*key_id, check));
    let Some(until) = grace_until else {
        sql.text("rotated_at = ").slot(now);
        sql.text(", rotated_revision = revision + 1, ");
        sql.text("previous_until = NULL, previous_check = NULL, ");
        next_revision(dialect, sql, &|sql| {
            sql.text("1");
        });
        sql.text(", credential_check = ").slot(new);
        return;
    };
    let until = sql.bind(row::time(*until));
    let choose = |sql: &mut Sql, column: &str, new: &dyn Fn(&mut Sql)| {
        sql.text(column).text(" = CASE WHEN credential_check = ").slot(presented).text(" THEN ");
        new(sql);
        sql.text(" ELSE ").text(column).text(" END");
    };
    choose(sql, "rotated_at", &|sql| {
        sql.slot(now);
    });
    sql.text(", ");
    choose(sql, "rotated_revision", &|sql| {
        sql.text("revision + 1");
    });
    sql.text(", ");
    choose(sql, "previous_until", &|sql| {
        sql.slot(until);
    });
    sql.text(", ");
    choose(sql, "previous_check", &|sql| {
        sql.text("credential_check");
    });
    sql.text(", ");
    next_revision(dialect, sql, &|sql| {
        sql.text("CASE WHEN credential_check = ").slot(presented).text(" THEN 1 ELSE 0 END");
    });
    sql.text(", ");
    choose(sql, "credential_check", &|sql| {
        sql.slot(new);
    });
}

/// Writes the next revision. Where statements cannot return changed rows, the one number in the
/// answer to an update encodes both: twice the revision, plus 1 if the credential was rotated.
fn next_revision(dialect: &dyn Dialect, sql: &mut Sql, rotated: &dyn Fn(&mut Sql)) {
    sql.text("revision = ");
    if dialect.is_returning() {
        sql.text("revision + 1");
        return;
    }
    sql.text("LAST_INSERT_ID((revision + 1) * 2 + ");
    rotated(sql);
    sql.text(") DIV 2");
}
