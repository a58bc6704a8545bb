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

    fn system(&self) -> &'static str {
        "sqlite"
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

    fn remove_due(&self, table: &TableName, due: &Due) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        sql.text("DELETE FROM ").text(&table.quoted(""));
        is_due(&mut sql, table, due, "<=");
        sql.finish()
    }

    fn file_due(&self, table: &TableName, due: &Due) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        sql.text("UPDATE ").text(&table.quoted("")).text(" SET sweep_after = expires_at");
        is_due(&mut sql, table, due, ">");
        sql.finish()
    }

    fn time(&self) -> Option<Statement> {
        None
    }

    fn create(&self, table: &TableName) -> Vec<String> {
        // An index lies in the schema of its table, and only its own name is qualified.
        let (name, plain) = (table.quoted(""), table.index(""));
        let (principal, sweep) = (table.quoted("_principal"), table.quoted("_sweep"));
        vec![
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
    sweep_after       INTEGER NOT NULL DEFAULT 0,
    fixed_part        BLOB    NOT NULL,
    fields            TEXT    NOT NULL,
    PRIMARY KEY (namespace, selector)
) STRICT"
            ),
            format!(
                "CREATE INDEX {principal} ON {plain} (namespace, principal, logged_in_at, selector)\n    \
                 WHERE principal IS NOT NULL"
            ),
            format!("CREATE INDEX {sweep} ON {plain} (sweep_after)"),
        ]
    }

    fn migrations(&self, table: &TableName) -> Vec<Vec<String>> {
        let (name, plain) = (table.quoted(""), table.index(""));
        let (sweep, expiry) = (table.quoted("_sweep"), table.quoted("_expiry"));
        vec![vec![
            format!("ALTER TABLE {name} ADD COLUMN sweep_after INTEGER NOT NULL DEFAULT 0"),
            format!("DROP INDEX IF EXISTS {expiry}"),
            format!("CREATE INDEX IF NOT EXISTS {sweep} ON {plain} (sweep_after)"),
        ]]
    }

    fn is_done_already(&self, error: &dyn sqlx::error::DatabaseError) -> bool {
        // It has no code of its own.
        error.message().starts_with("duplicate column name")
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

    fn limits_of_migration(&self) -> [&'static str; 2] {
        [""; 2]
    }

    fn migration_lock(&self, _table: &TableName) -> MigrationLock {
        MigrationLock::Transaction(None)
    }

    fn meaning(&self, error: &dyn sqlx::error::DatabaseError) -> Meaning {
        const BUSY: u32 = 5;
        const LOCKED: u32 = 6;
        // In the low byte of the extended code.
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        match code.map(|code| code & 0xff) {
            Some(BUSY | LOCKED) => Meaning::Busy,
            // Every connection leads to the same file.
            _ => Meaning::Refused,
        }
    }

    fn advice(&self, _error: &dyn sqlx::error::DatabaseError) -> &'static str {
        ""
    }

    fn is_lock(&self, _error: &dyn sqlx::error::DatabaseError) -> bool {
        false
    }
}

/// Writes the condition that a row is due, and has expired or not.
fn is_due(sql: &mut Sql, table: &TableName, due: &Due, comparison: &str) {
    sql.text(" WHERE rowid IN (SELECT rowid FROM (SELECT rowid, expires_at FROM ");
    sql.text(&table.quoted(""));
    due.write(sql, "sweep_after");
    sql.text(") WHERE expires_at ").text(comparison).text(" ").value(due.to).text(")");
}
