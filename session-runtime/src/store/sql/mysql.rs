//! The dialect of MySQL and MariaDB, as far as both understand it: comparisons of places without
//! rows, and a version in the answer to an update. It knows no driver.

use std::time::Duration;

use super::{
    codes::mysql as codes,
    dialect::{Dialect, Due, Meaning, MigrationLock},
    statement::{Kind, Placeholders, Sql, Statement},
    table_name::TableName,
};

/// The longest wait for another process that changes the schema, in seconds.
const MIGRATION_PATIENCE: i64 = 60;

/// The dialect of MySQL and MariaDB.
pub(super) struct MySql;

/// Returns the statement that a connection begins with: each change is committed at once, which a
/// server may have turned off, and limits on the time of a statement, none for zero.
pub(super) fn settings(statement: Duration) -> String {
    let commit = "SET autocommit = 1";
    if statement.is_zero() {
        return commit.to_owned();
    }
    let millis = statement.as_millis().max(1);
    // Locks are waited for by the second.
    let seconds = millis.div_ceil(1000);
    let fraction = format!("{}.{:03}", millis / 1000, millis % 1000);
    // A comment to MySQL, and the next one to MariaDB: neither knows the other's setting.
    format!(
        "{commit}, lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds} \
         /*M!100101 , max_statement_time = {fraction} */ \
         /*!80000 , max_execution_time = {millis} */"
    )
}

impl Dialect for MySql {
    fn name(&self) -> &'static str {
        "MySQL"
    }

    fn system(&self) -> &'static str {
        "mysql"
    }

    fn placeholders(&self) -> Placeholders {
        Placeholders { mark: '?', is_numbered: false, json_cast: "" }
    }

    fn quote(&self) -> char {
        '`'
    }

    fn text_cast(&self) -> &'static str {
        ""
    }

    fn greatest_and_least(&self) -> (&'static str, &'static str) {
        ("GREATEST", "LEAST")
    }

    fn is_returning(&self) -> bool {
        false
    }

    fn begin(&self) -> &'static str {
        "START TRANSACTION"
    }

    fn autocommit(&self) -> Option<Statement> {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT @@autocommit");
        Some(sql.answering(&[Kind::Int]))
    }

    fn by_principal(&self, table: &TableName) -> String {
        // Of a principal with much of the table, the rows themselves would be read by their keys.
        format!(" FORCE INDEX ({})", table.index("_principal"))
    }

    fn is_after(&self, sql: &mut Sql, is_after: &str, logged_in: i64, selector: String) {
        // No index is used for a comparison of rows.
        sql.text("(logged_in_at").text(is_after).value(logged_in);
        sql.text(" OR (logged_in_at = ").value(logged_in);
        sql.text(" AND selector").text(is_after).value(selector).text("))");
    }

    fn remove_due(&self, table: &TableName, due: &Due) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        sql.text("DELETE session FROM ");
        join_due(&mut sql, table, due);
        sql.text(" WHERE session.expires_at <= ").value(due.to);
        sql.finish()
    }

    fn file_due(&self, table: &TableName, due: &Due) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        sql.text("UPDATE ");
        join_due(&mut sql, table, due);
        sql.text(" SET session.sweep_after = session.expires_at");
        sql.text(" WHERE session.expires_at > ").value(due.to);
        sql.finish()
    }

    fn time(&self) -> Option<Statement> {
        let mut sql = Sql::new(self.placeholders());
        // Not `UNIX_TIMESTAMP(…)` of a time: that is ambiguous for an hour of each autumn.
        sql.text("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000");
        Some(sql.answering(&[Kind::Int]))
    }

    fn create(&self, table: &TableName) -> Vec<String> {
        let name = table.quoted("");
        let (principal, sweep) = (table.index("_principal"), table.index("_sweep"));
        // `IF NOT EXISTS`, since this statement commits by itself: a process that ended after it must
        // not be in the way of the next.
        vec![format!(
            "CREATE TABLE IF NOT EXISTS {name} (
    namespace         VARBINARY(255) NOT NULL,
    selector          CHAR(32)       CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version           BIGINT         NOT NULL,
    principal         VARBINARY(255),
    logged_in_at      BIGINT,
    logged_in_version BIGINT         NOT NULL,
    last_seen_at      BIGINT         NOT NULL,
    expires_at        BIGINT         NOT NULL,
    sweep_after       BIGINT         NOT NULL DEFAULT 0,
    fixed_part        LONGBLOB       NOT NULL,
    fields            LONGTEXT       NOT NULL,
    PRIMARY KEY (namespace, selector),
    KEY {principal} (namespace, principal, logged_in_at, selector),
    KEY {sweep} (sweep_after)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )]
    }

    fn migrations(&self, table: &TableName) -> Vec<Vec<String>> {
        let (name, sweep, expiry) =
            (table.quoted(""), table.index("_sweep"), table.index("_expiry"));
        // One by one: each may have been carried out before, by a migration that was cut off.
        let changes = [
            "ADD COLUMN sweep_after BIGINT NOT NULL DEFAULT 0".to_owned(),
            format!("ADD KEY {sweep} (sweep_after)"),
            format!("DROP KEY {expiry}"),
        ];
        vec![changes.map(|change| format!("ALTER TABLE {name} {change}, LOCK = NONE")).into()]
    }

    fn is_done_already(&self, error: &dyn sqlx::error::DatabaseError) -> bool {
        number(error).is_some_and(codes::is_done_already)
    }

    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = COALESCE(");
        sql.value(table.schema().map(str::to_owned)).text(", DATABASE()) AND table_name = ");
        sql.value(format!("{}{suffix}", table.name()));
        sql.answering(&[Kind::Int])
    }

    fn limits_of_migration(&self) -> [&'static str; 2] {
        let lift = "SET lock_wait_timeout = 60 /*M!100101 , max_statement_time = 0 */ \
                    /*!80000 , max_execution_time = 0 */";
        [lift, "SET lock_wait_timeout = 1"]
    }

    fn migration_lock(&self, table: &TableName) -> MigrationLock {
        let name = format!("session-runtime-{:016x}", table.number(&["migration"]));
        let mut take = Sql::new(self.placeholders());
        take.text("SELECT GET_LOCK(").value(name.as_str()).text(", ");
        take.value(MIGRATION_PATIENCE).text(")");
        let mut release = Sql::new(self.placeholders());
        release.text("SELECT RELEASE_LOCK(").value(name).text(")");
        MigrationLock::Session {
            take: take.answering(&[Kind::Int]),
            release: release.answering(&[Kind::Int]),
        }
    }

    fn meaning(&self, error: &dyn sqlx::error::DatabaseError) -> Meaning {
        number(error).map_or(Meaning::Refused, codes::meaning)
    }

    fn advice(&self, error: &dyn sqlx::error::DatabaseError) -> &'static str {
        number(error).map_or("", codes::advice)
    }

    fn is_lock(&self, error: &dyn sqlx::error::DatabaseError) -> bool {
        number(error).is_some_and(codes::is_lock)
    }
}

/// Returns the number of an error: its code is a common one for many.
fn number(error: &dyn sqlx::error::DatabaseError) -> Option<u16> {
    error
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
}

/// Writes the table, and the rows that are due.
fn join_due(sql: &mut Sql, table: &TableName, due: &Due) {
    let name = table.quoted("");
    sql.text(&name).text(" AS session JOIN (SELECT namespace, selector FROM ").text(&name);
    // By all columns of the index, so that statement-based replication finds the same rows.
    due.write(sql, "sweep_after, namespace, selector");
    sql.text(") AS due USING (namespace, selector)");
}
