//! The dialect of PostgreSQL: `jsonb` operators, advisory locks, `RETURNING`. It knows no driver.

use std::collections::BTreeSet;

use super::{
    dialect::{Dialect, Located, MigrationLock},
    plan::{Fields, Members},
    statement::{Bind, Kind, Placeholders, Sql, Statement},
    table_name::TableName,
    text::{self, Value},
};
use crate::store::FieldName;

/// The dialect of PostgreSQL.
pub(super) struct Postgres;

impl Dialect for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn placeholders(&self) -> Placeholders {
        Placeholders { mark: '$', is_numbered: true, json_cast: "::jsonb" }
    }

    fn quote(&self) -> char {
        '"'
    }

    fn text_cast(&self) -> &'static str {
        "::text"
    }

    fn greatest_and_least(&self) -> (&'static str, &'static str) {
        ("GREATEST", "LEAST")
    }

    fn is_returning(&self) -> bool {
        true
    }

    fn for_update(&self) -> &'static str {
        " FOR UPDATE"
    }

    fn begin(&self) -> &'static str {
        // A stricter level, if it is the default here, would count with the snapshot from before
        // the wait for the lock.
        "BEGIN ISOLATION LEVEL READ COMMITTED"
    }

    fn advisory_lock(&self, _table: &TableName, number: u64) -> Option<Statement> {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT pg_advisory_xact_lock(").value(number.cast_signed()).text(")");
        Some(sql.finish())
    }

    fn locate(&self, sql: &mut Sql, name: &str) -> Located {
        let key = sql.bind(name);
        Located {
            key,
            #[cfg(any(feature = "mysql", feature = "sqlite"))]
            path: key,
        }
    }

    fn number(&self, sql: &mut Sql, column: &str, at: Located) {
        sql.text("CASE WHEN jsonb_typeof(").text(column).text(" -> ").slot(at.key);
        sql.text(") = 'number' THEN (").text(column).text(" ->> ").slot(at.key);
        sql.text(")::bigint END");
    }

    fn fields(&self, sql: &mut Sql, fields: &Fields) {
        let mark = sql.mark();
        let mut pieces = 0;
        base(sql, fields);
        let mut piece = |sql: &mut Sql, operator: &str, write: &dyn Fn(&mut Sql)| {
            sql.text(operator);
            write(sql);
            sql.text(")");
            pieces += 1;
        };
        if !fields.put.is_empty() {
            let put = fields.put.iter().map(|(name, value)| (name.as_ref(), Value::Field(value)));
            let put = sql.bind(text::object(put));
            piece(sql, " || ", &|sql| {
                sql.json_slot(put);
            });
        }
        if !fields.drop.is_empty() {
            let drop = sql.bind(text::names(fields.drop.iter().map(AsRef::as_ref)));
            piece(sql, " - ", &|sql| {
                sql.text("ARRAY(SELECT jsonb_array_elements_text(").json_slot(drop).text("))");
            });
        }
        for (field, by) in &fields.add {
            let at = self.locate(sql, &text::name(field));
            let by = sql.bind(*by);
            piece(sql, " || ", &|sql| {
                sql.text("jsonb_build_object(").slot(at.key).text(", COALESCE(");
                self.number(sql, "fields", at);
                sql.text(", 0) + ").slot(by).text(")");
            });
        }
        for (field, value) in &fields.max {
            let at = self.locate(sql, &text::name(field));
            let value = sql.bind(*value);
            piece(sql, " || ", &|sql| {
                sql.text("jsonb_build_object(").slot(at.key).text(", GREATEST(");
                self.number(sql, "fields", at);
                sql.text(", ").slot(value).text("))");
            });
        }
        for (field, seen) in &fields.take {
            let key = self.locate(sql, &text::name(field)).key;
            let seen = sql.bind(text::value(seen));
            piece(sql, " - ", &|sql| {
                sql.text("CASE WHEN fields -> ").slot(key).text(" = ").json_slot(seen);
                sql.text(" THEN ARRAY[").slot(key).text("] ELSE ARRAY[]::text[] END");
            });
        }
        for (field, Members { insert, remove, .. }) in &fields.members {
            let key = self.locate(sql, &text::name(field)).key;
            let removed = sql.bind(text::members(remove));
            let set = |sql: &mut Sql| {
                sql.text("CASE WHEN jsonb_typeof(fields -> ").slot(key);
                sql.text(") = 'object' THEN fields -> ").slot(key);
                sql.text(" ELSE '{}'::jsonb END");
            };
            let without = |sql: &mut Sql| {
                sql.text(" - ARRAY(SELECT jsonb_array_elements_text(").json_slot(removed);
                sql.text("))");
            };
            if !insert.is_empty() {
                let inserted = Value::Members { insert, remove: &BTreeSet::new() };
                let inserted = sql.bind(text::value_json(&inserted));
                piece(sql, " || ", &|sql| {
                    sql.text("jsonb_build_object(").slot(key).text(", ((");
                    set(sql);
                    sql.text(") || ").json_slot(inserted).text(")");
                    without(sql);
                    sql.text(")");
                });
                continue;
            }
            // What stays of a set, and its name if nothing does; another kind of value stays.
            piece(sql, " || ", &|sql| {
                sql.text("CASE WHEN (");
                set(sql);
                sql.text(")");
                without(sql);
                sql.text(" <> '{}'::jsonb THEN jsonb_build_object(").slot(key).text(", (");
                set(sql);
                sql.text(")");
                without(sql);
                sql.text(") ELSE '{}'::jsonb END");
            });
            piece(sql, " - ", &|sql| {
                sql.text("CASE WHEN jsonb_typeof(fields -> ").slot(key);
                sql.text(") = 'object' AND (fields -> ").slot(key).text(")");
                without(sql);
                sql.text(" = '{}'::jsonb THEN ARRAY[").slot(key);
                sql.text("] ELSE ARRAY[]::text[] END");
            });
        }
        sql.open(mark, "(", pieces);
    }

    fn bump(&self, sql: &mut Sql, groups: &[(Located, i64)]) {
        sql.text("group_revisions");
        for (at, by) in groups {
            sql.text(" || jsonb_build_object(").slot(at.key).text(", COALESCE(");
            self.number(sql, "group_revisions", *at);
            sql.text(", 0) + ").value(*by).text(")");
        }
    }

    fn sweep(&self, table: &TableName, now: i64, limit: i64) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        let name = table.quoted("");
        // By the place of the row, found once and whatever the plan; locked rows are another
        // sweep's, or are being used.
        sql.text("DELETE FROM ").text(&name).text(" WHERE ctid = ANY (ARRAY(SELECT ctid FROM ");
        sql.text(&name).text(" WHERE expires_at <= ").value(now);
        sql.text(" ORDER BY expires_at LIMIT ").value(limit).text(" FOR UPDATE SKIP LOCKED))");
        sql.finish()
    }

    fn migrations(&self, table: &TableName) -> Vec<Vec<String>> {
        let (name, principal, expiry) =
            (table.quoted(""), table.index("_principal"), table.index("_expiry"));
        vec![vec![
            format!(
                r#"CREATE TABLE {name} (
    namespace        TEXT     COLLATE "C" NOT NULL,
    selector         TEXT     COLLATE "C" NOT NULL,
    principal        TEXT     COLLATE "C",
    principal_bytes  BYTEA,
    created_at       BIGINT   NOT NULL,
    logged_in_at     BIGINT,
    last_seen_at     BIGINT   NOT NULL,
    rotated_at       BIGINT   NOT NULL,
    idle_millis      BIGINT,
    absolute_until   BIGINT   NOT NULL,
    expires_at       BIGINT   NOT NULL,
    is_persistent    BOOLEAN  NOT NULL,
    revision         BIGINT   NOT NULL,
    rotated_revision BIGINT   NOT NULL,
    credential_check BYTEA    NOT NULL,
    previous_check   BYTEA,
    previous_until   BIGINT,
    fields           JSONB    NOT NULL,
    group_revisions  JSONB    NOT NULL,
    exact_numbers    TEXT,
    PRIMARY KEY (namespace, selector)
)"#
            ),
            format!(
                "CREATE INDEX {principal} ON {name} (namespace, principal)\n    \
                 WHERE principal IS NOT NULL"
            ),
            format!("CREATE INDEX {expiry} ON {name} (expires_at)"),
        ]]
    }

    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        // Of the catalogue's rows: a look-up of the name may answer from what the connection knew
        // before it waited for the lock.
        sql.text("SELECT count(*) FROM pg_catalog.pg_class AS c ");
        sql.text("JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace ");
        let schema = sql.bind(table.schema().map(str::to_owned));
        sql.text("WHERE CASE WHEN ").slot(schema).text(" IS NULL THEN ");
        sql.text("n.nspname = ANY (current_schemas(false)) ELSE n.nspname = ").slot(schema);
        sql.text(" END AND c.relname = ").value(format!("{}{suffix}", table.name()));
        sql.answering(&[Kind::Int])
    }

    fn migration_lock(&self, table: &TableName) -> MigrationLock {
        let number = table.number(&["migration"]);
        MigrationLock::Transaction(self.advisory_lock(table, number))
    }

    fn is_transient(&self, error: &dyn sqlx::error::DatabaseError) -> bool {
        // A serialisation failure (where that is the default isolation), a deadlock.
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }
}

/// Writes the value that the changes apply to: the stored fields without the cleared ones, on top
/// of the fields that are written only if they are missing.
fn base(sql: &mut Sql, fields: &Fields) {
    if !fields.once.is_empty() {
        let once = fields.once.iter().map(|(name, value)| (name.as_ref(), Value::Field(value)));
        sql.text("(").json(text::object(once)).text(" || ");
    }
    match &fields.keep {
        None => {
            sql.text("fields");
        }
        Some(keep) if keep.is_empty() => {
            sql.text("'{}'::jsonb");
        }
        Some(keep) => {
            sql.text("(SELECT COALESCE(jsonb_object_agg(kept.key, kept.value), '{}'::jsonb) ");
            sql.text("FROM jsonb_each(fields) AS kept WHERE split_part(kept.key, ':', 1) IN ");
            sql.text("(SELECT jsonb_array_elements_text(");
            let keep = Bind::from(text::names(keep.iter().map(FieldName::as_ref)));
            let keep = sql.bind(keep);
            sql.json_slot(keep).text(")))");
        }
    }
    if !fields.once.is_empty() {
        sql.text(")");
    }
}
