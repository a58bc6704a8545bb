//! The dialect of SQLite: its JSON functions, one writer at a time, `RETURNING`. It knows no
//! driver.

use super::{
    dialect::{Dialect, Located, MigrationLock},
    merge::{self, Functions},
    plan::Fields,
    statement::{Kind, Placeholders, Sql, Statement},
    table_name::TableName,
};

const FUNCTIONS: Functions = Functions {
    merge: "json_patch(",
    misses: false,
    merges_one: true,
    object: "json_object(",
    greatest: "max",
    is_set: ("json_type(fields, ", ") = 'object'"),
    there: ("fields -> ", ""),
    given: ("json(", ")"),
    is_emptied: ("json_patch(fields -> ", "", ") = '{}'"),
    others: (
        "(SELECT json_group_object(there.key, NULL) FROM json_each(fields) AS there \
         WHERE json_type(",
        ", '$.\"' || substr(there.key, 1, instr(there.key || ':', ':') - 1) || '\"') IS NULL)",
    ),
};

/// The dialect of SQLite.
pub(super) struct Sqlite;

impl Dialect for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn placeholders(&self) -> Placeholders {
        Placeholders { mark: '?', is_numbered: true, json_cast: "" }
    }

    fn quote(&self) -> char {
        '"'
    }

    fn text_cast(&self) -> &'static str {
        ""
    }

    fn greatest_and_least(&self) -> (&'static str, &'static str) {
        ("max", "min")
    }

    fn is_returning(&self) -> bool {
        true
    }

    fn for_update(&self) -> &'static str {
        ""
    }

    fn begin(&self) -> &'static str {
        "BEGIN IMMEDIATE"
    }

    fn advisory_lock(&self, _table: &TableName, _number: u64) -> Option<Statement> {
        None
    }

    fn locate(&self, sql: &mut Sql, name: &str) -> Located {
        merge::locate(sql, name)
    }

    fn number(&self, sql: &mut Sql, column: &str, at: Located) {
        sql.text("CASE WHEN json_type(").text(column).text(", ").slot(at.path);
        sql.text(") = 'integer' THEN json_extract(").text(column).text(", ").slot(at.path);
        sql.text(") END");
    }

    fn fields(&self, sql: &mut Sql, fields: &Fields) {
        merge::fields(self, &FUNCTIONS, sql, fields);
    }

    fn bump(&self, sql: &mut Sql, groups: &[(Located, i64)]) {
        merge::bump(self, &FUNCTIONS, sql, groups);
    }

    fn sweep(&self, table: &TableName, now: i64, limit: i64) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        let name = table.quoted("");
        sql.text("DELETE FROM ").text(&name).text(" WHERE rowid IN (SELECT rowid FROM ");
        sql.text(&name).text(" WHERE expires_at <= ").value(now);
        sql.text(" ORDER BY expires_at LIMIT ").value(limit).text(")");
        sql.finish()
    }

    fn migrations(&self, table: &TableName) -> Vec<Vec<String>> {
        // An index lies in the schema of its table, and only its own name is qualified.
        let (name, plain) = (table.quoted(""), table.index(""));
        let (principal, expiry) = (table.quoted("_principal"), table.quoted("_expiry"));
        vec![vec![
            format!(
                "CREATE TABLE {name} (
    namespace        TEXT    NOT NULL,
    selector         TEXT    NOT NULL,
    principal        TEXT,
    principal_bytes  BLOB,
    created_at       INTEGER NOT NULL,
    logged_in_at     INTEGER,
    last_seen_at     INTEGER NOT NULL,
    rotated_at       INTEGER NOT NULL,
    idle_millis      INTEGER,
    absolute_until   INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    is_persistent    INTEGER NOT NULL,
    revision         INTEGER NOT NULL,
    rotated_revision INTEGER NOT NULL,
    credential_check BLOB    NOT NULL,
    previous_check   BLOB,
    previous_until   INTEGER,
    fields           TEXT    NOT NULL,
    group_revisions  TEXT    NOT NULL,
    exact_numbers    TEXT,
    PRIMARY KEY (namespace, selector)
) STRICT"
            ),
            format!(
                "CREATE INDEX {principal} ON {plain} (namespace, principal)\n    \
                 WHERE principal IS NOT NULL"
            ),
            format!("CREATE INDEX {expiry} ON {plain} (expires_at)"),
        ]]
    }

    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT count(*) FROM ");
        if let Some(schema) = table.schema() {
            sql.text("\"").text(schema).text("\".");
        }
        sql.text("sqlite_master WHERE type = 'table' AND name = ");
        sql.value(format!("{}{suffix}", table.name()));
        sql.answering(&[Kind::Int])
    }

    fn migration_lock(&self, _table: &TableName) -> MigrationLock {
        MigrationLock::Transaction(None)
    }

    fn is_transient(&self, error: &dyn sqlx::error::DatabaseError) -> bool {
        // Busy or locked, in the low byte of the extended code.
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }
}
