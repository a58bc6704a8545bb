//! The dialect of PostgreSQL: `json`, comparisons of rows, an advisory lock, `RETURNING`. It knows no
//! driver.

use std::{sync::Arc, time::Duration};

use super::{
    codes::postgres as codes,
    dialect::{Dialect, Due, Meaning, MigrationLock, is_after_as_row},
    statement::{Kind, Placeholders, Sql, Statement},
    table_name::TableName,
};

/// The dialect of PostgreSQL.
pub(super) struct Postgres;

/// The settings of the table. In a page with room, the new version of a row is beside the old one, and no
/// index has to know; a vacuum after fewer changes than usual, since sessions come and go.
const STORAGE: &str = "fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05";

/// Returns the statements that limit the time of a statement: `SET` on a connection, `SET LOCAL` in a
/// transaction. None for zero.
pub(super) fn limits(set: &str, statement: Duration) -> Option<String> {
    if statement.is_zero() {
        return None;
    }
    let millis = statement.as_millis().max(1);
    // Shorter, since otherwise no error would say that it was a lock.
    let lock = (millis * 9 / 10).max(1);
    Some(format!(
        "{set} statement_timeout = {millis}; {set} lock_timeout = {lock}; \
         {set} idle_in_transaction_session_timeout = {millis}"
    ))
}

impl Dialect for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn system(&self) -> &'static str {
        "postgresql"
    }

    fn placeholders(&self) -> Placeholders {
        Placeholders { mark: '$', is_numbered: true, json_cast: "::json" }
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

    fn begin(&self) -> &'static str {
        // A stricter level, if it is the default here, would look for tables with the snapshot from
        // before the wait for the lock.
        "BEGIN ISOLATION LEVEL READ COMMITTED"
    }

    fn begin_around(&self, limit: Duration) -> Option<Arc<str>> {
        let begin = self.begin();
        Some(
            limits("SET LOCAL", limit).map_or(begin.into(), |set| format!("{begin}; {set}").into()),
        )
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

    fn write_due(&self, sql: &mut Sql, due: &Due) {
        // The same as `sweep_after >= …`, but the planner does not see that both conditions make a
        // range. Without figures it takes a range for so few rows that it sorts them: at each step
        // all that are due, and all that were deleted under an old snapshot.
        sql.text(" WHERE (sweep_after, selector) >= (").value(due.from).text(", '')");
        due.write_end(sql, "sweep_after");
    }

    fn remove_due(&self, table: &TableName, due: &Due) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        with_due(&mut sql, table, due, "<=");
        sql.text("DELETE FROM ").text(&table.quoted("")).text(IS_DUE);
        sql.finish()
    }

    fn file_due(&self, table: &TableName, due: &Due) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        with_due(&mut sql, table, due, ">");
        sql.text("UPDATE ").text(&table.quoted("")).text(" SET sweep_after = expires_at");
        sql.text(IS_DUE);
        sql.finish()
    }

    fn time(&self) -> Option<Statement> {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        Some(sql.answering(&[Kind::Int]))
    }

    fn publish(&self, table: &TableName, notice: &str) -> Option<Statement> {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT pg_notify(").value(table.channel());
        sql.text(", ").value(notice.to_owned()).text(")");
        Some(sql.finish())
    }

    fn create(&self, table: &TableName) -> Vec<String> {
        let (name, principal, sweep) =
            (table.quoted(""), table.index("_principal"), table.index("_sweep"));
        vec![
            format!(
                r#"CREATE TABLE {name} (
    namespace         TEXT     COLLATE "C" NOT NULL,
    selector          TEXT     COLLATE "C" NOT NULL,
    version           BIGINT   NOT NULL,
    principal         TEXT     COLLATE "C",
    logged_in_at      BIGINT,
    logged_in_version BIGINT   NOT NULL,
    last_seen_at      BIGINT   NOT NULL,
    expires_at        BIGINT   NOT NULL,
    sweep_after       BIGINT   NOT NULL DEFAULT 0,
    fixed_part        BYTEA    NOT NULL,
    fields            JSON     NOT NULL,
    PRIMARY KEY (namespace, selector)
) WITH ({STORAGE})"#
            ),
            format!(
                "CREATE INDEX {principal} ON {name} (namespace, principal, logged_in_at, selector)\n    \
                 WHERE principal IS NOT NULL"
            ),
            format!("CREATE INDEX {sweep} ON {name} (sweep_after)"),
        ]
    }

    fn migrations(&self, table: &TableName) -> Vec<Vec<String>> {
        let (name, sweep, expiry) =
            (table.quoted(""), table.index("_sweep"), table.quoted("_expiry"));
        vec![vec![
            // A default that is a constant rewrites no row.
            format!(
                "ALTER TABLE {name} ADD COLUMN IF NOT EXISTS sweep_after BIGINT NOT NULL DEFAULT 0"
            ),
            format!("ALTER TABLE {name} SET ({STORAGE})"),
            format!("DROP INDEX IF EXISTS {expiry}"),
            format!("CREATE INDEX IF NOT EXISTS {sweep} ON {name} (sweep_after)"),
        ]]
    }

    fn is_done_already(&self, _error: &dyn sqlx::error::DatabaseError) -> bool {
        false
    }

    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        // Of the catalogue's rows: a look-up of the name may answer from what the connection knew
        // before it waited for the lock.
        sql.text("SELECT count(*) FROM pg_catalog.pg_class AS c ");
        sql.text("JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace ");
        sql.text("WHERE n.nspname = ");
        match table.schema() {
            Some(schema) => sql.value(schema),
            None => sql.text("ANY (current_schemas(false))"),
        };
        sql.text(" AND c.relname = ").value(format!("{}{suffix}", table.name()));
        sql.answering(&[Kind::Int])
    }

    fn limits_of_migration(&self) -> [&'static str; 2] {
        let lift = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 60000; \
                    SET LOCAL idle_in_transaction_session_timeout = 0";
        [lift, "SET LOCAL lock_timeout = 500"]
    }

    fn migration_lock(&self, table: &TableName) -> MigrationLock {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT pg_advisory_xact_lock(");
        sql.value(table.number(&["migration"]).cast_signed()).text(")");
        MigrationLock::Transaction(Some(sql.finish()))
    }

    fn meaning(&self, error: &dyn sqlx::error::DatabaseError) -> Meaning {
        error.code().map_or(Meaning::Refused, |code| codes::meaning(&code))
    }

    fn advice(&self, error: &dyn sqlx::error::DatabaseError) -> &'static str {
        error.code().map_or("", |code| codes::advice(&code))
    }

    fn is_lock(&self, error: &dyn sqlx::error::DatabaseError) -> bool {
        error.code().is_some_and(|code| codes::is_lock(&code))
    }
}

/// The condition that a row is one of those that [`with_due`] has found. By the place of the row,
/// whatever the plan; in a partitioned table, a place alone is one in each part.
const IS_DUE: &str = " WHERE ctid = ANY (ARRAY(SELECT place FROM due)) \
                      AND (tableoid, ctid) IN (SELECT part, place FROM due)";

/// Writes the beginning of a statement on the rows that are due, and have expired or not. They are found
/// once; locked rows are another sweep's, or are being used.
fn with_due(sql: &mut Sql, table: &TableName, due: &Due, comparison: &str) {
    sql.text("WITH due AS (SELECT part, place FROM (SELECT tableoid AS part, ctid AS place, expires_at FROM ");
    sql.text(&table.quoted(""));
    Postgres.write_due(sql, due);
    sql.text(" FOR UPDATE SKIP LOCKED) AS found WHERE expires_at ").text(comparison).text(" ");
    sql.value(due.to).text(") ");
}
