//! The dialect of SQLite: comparisons of rows, one writer at a time, `RETURNING`. It knows no driver.

use super::{
    dialect::{Dialect, Due, Meaning, MigrationLock, is_after_as_row},
    statement::{Kind, Placeholders, Sql, Statement},
    table_name::TableName,
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

    fn begin(&self) -> &'static str {
        "BEGIN IMMEDIATE"
    }

    fn autocommit(&self) -> Option<Statement> {
        None
    }

    fn by_principal(&self, _table: &TableName) -> String {
        String::new()
    }

    fn is_after(&self, sql: &mut Sql, is_after: &str, logged_in: i64, selector: String) {
        is_after_as_row(sql, is_after, logged_in, selector);
    }

    fn sweep(&self, table: &TableName, due: &Due) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        let name = table.quoted("");
        sql.text("DELETE FROM ").text(&name).text(" WHERE rowid IN (SELECT rowid FROM ");
        sql.text(&name);
        due.write(&mut sql);
        sql.text(" ORDER BY expires_at LIMIT ").value(due.most).text(") RETURNING expires_at");
        sql.answering(&[Kind::Int])
    }

    fn time(&self) -> Option<Statement> {
        None
    }

    fn migrations(&self, table: &TableName) -> Vec<Vec<String>> {
        // An index lies in the schema of its table, and only its own name is qualified.
        let (name, plain) = (table.quoted(""), table.index(""));
        let (principal, expiry) = (table.quoted("_principal"), table.quoted("_expiry"));
        vec![vec![
            format!(
                "CREATE TABLE {name} (
    namespace         TEXT    NOT NULL,
    selector          TEXT    NOT NULL,
    version           INTEGER NOT NULL,
    principal         TEXT,
    logged_in_at      INTEGER,
    logged_in_version INTEGER NOT NULL,
    last_seen_at      INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    fixed_part        BLOB    NOT NULL,
    fields            TEXT    NOT NULL,
    PRIMARY KEY (namespace, selector)
) STRICT"
            ),
            format!(
                "CREATE INDEX {principal} ON {plain} (namespace, principal, logged_in_at, selector)\n    \
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

    fn begin_migration(&self) -> &'static str {
        ""
    }

    fn migration_lock(&self, _table: &TableName) -> MigrationLock {
        MigrationLock::Transaction(None)
    }

    fn meaning(&self, error: &dyn sqlx::error::DatabaseError) -> Meaning {
        // Busy or locked, in the low byte of the extended code.
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => Meaning::Busy,
            // Every connection leads to the same file.
            _ => Meaning::Refused,
        }
    }
}
