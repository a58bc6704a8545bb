//! The dialect of MySQL and MariaDB, as far as both understand it: JSON functions on text, a table
//! of rows to lock, the revision in the answer to an update. It knows no driver.

use super::{
    dialect::{Dialect, Located, MigrationLock},
    merge::{self, Functions},
    plan::Fields,
    statement::{Kind, Placeholders, Sql, Statement},
    table_name::TableName,
};

/// The number of log-ins under a cap that can be under way at once.
const LOCK_ROWS: u64 = 64;
/// The longest wait for another process that changes the schema, in seconds.
const MIGRATION_PATIENCE: i64 = 60;

const FUNCTIONS: Functions = Functions {
    merge: "JSON_MERGE_PATCH(",
    misses: true,
    merges_one: false,
    object: "JSON_OBJECT(",
    greatest: "GREATEST",
    is_set: ("JSON_TYPE(JSON_EXTRACT(fields, ", ")) = 'OBJECT'"),
    // As bytes, since text would compare by the connection's collation; both through the same
    // function, so that both are spelled alike.
    there: ("CAST(JSON_EXTRACT(fields, ", ") AS BINARY)"),
    given: ("CAST(JSON_EXTRACT(", ", '$') AS BINARY)"),
    is_emptied: ("JSON_LENGTH(JSON_MERGE_PATCH(JSON_EXTRACT(fields, ", ")", ")) = 0"),
    others: (
        // `JSON`, since a text column would have the character set of the user's database.
        "COALESCE((SELECT JSON_OBJECTAGG(JSON_UNQUOTE(there.name), NULL) \
         FROM JSON_TABLE(JSON_KEYS(fields), '$[*]' COLUMNS (name JSON PATH '$')) AS there \
         WHERE JSON_EXTRACT(",
        ", CONCAT('$.\"', SUBSTRING_INDEX(JSON_UNQUOTE(there.name), ':', 1), '\"')) IS NULL), '{}')",
    ),
};

/// The dialect of MySQL and MariaDB.
pub(super) struct MySql;

impl Dialect for MySql {
    fn name(&self) -> &'static str {
        "MySQL"
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

    fn for_update(&self) -> &'static str {
        " FOR UPDATE"
    }

    fn begin(&self) -> &'static str {
        "START TRANSACTION"
    }

    fn advisory_lock(&self, table: &TableName, number: u64) -> Option<Statement> {
        let mut sql = Sql::new(self.placeholders());
        // A row and no `GET_LOCK`: that would stay with a connection whose request was given up.
        sql.text("SELECT turn FROM ").text(&table.quoted("_turns")).text(" WHERE turn = ");
        sql.value((number % LOCK_ROWS).cast_signed()).text(" FOR UPDATE");
        Some(sql.answering(&[Kind::Int]))
    }

    fn locate(&self, sql: &mut Sql, name: &str) -> Located {
        merge::locate(sql, name)
    }

    fn number(&self, sql: &mut Sql, column: &str, at: Located) {
        sql.text("CASE WHEN JSON_TYPE(JSON_EXTRACT(").text(column).text(", ").slot(at.path);
        sql.text(")) = 'INTEGER' THEN CAST(JSON_EXTRACT(").text(column).text(", ").slot(at.path);
        sql.text(") AS SIGNED) END");
    }

    fn fields(&self, sql: &mut Sql, fields: &Fields) {
        merge::fields(self, &FUNCTIONS, sql, fields);
    }

    fn bump(&self, sql: &mut Sql, groups: &[(Located, i64)]) {
        merge::bump(self, &FUNCTIONS, sql, groups);
    }

    fn sweep(&self, table: &TableName, now: i64, limit: i64) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        // By all columns of the index, so that statement-based replication deletes the same rows.
        sql.text("DELETE FROM ").text(&table.quoted("")).text(" WHERE expires_at <= ").value(now);
        sql.text(" ORDER BY expires_at, namespace, selector LIMIT ").value(limit);
        sql.finish()
    }

    fn migrations(&self, table: &TableName) -> Vec<Vec<String>> {
        let (name, locks) = (table.quoted(""), table.quoted("_turns"));
        let (principal, expiry) = (table.index("_principal"), table.index("_expiry"));
        let numbers: Vec<String> = (0..LOCK_ROWS).map(|row| format!("({row})")).collect();
        let options = "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
        // `IF NOT EXISTS`, since these statements commit one by one: a process that ended between
        // two of them must not be in the way of the next.
        vec![vec![
            format!(
                "CREATE TABLE IF NOT EXISTS {name} (
    namespace        VARBINARY(255) NOT NULL,
    selector         CHAR(32)       CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    principal        VARBINARY(255),
    principal_bytes  LONGBLOB,
    created_at       BIGINT         NOT NULL,
    logged_in_at     BIGINT,
    last_seen_at     BIGINT         NOT NULL,
    rotated_at       BIGINT         NOT NULL,
    idle_millis      BIGINT,
    absolute_until   BIGINT         NOT NULL,
    expires_at       BIGINT         NOT NULL,
    is_persistent    BOOLEAN        NOT NULL,
    revision         BIGINT         NOT NULL,
    rotated_revision BIGINT         NOT NULL,
    credential_check BINARY(20)     NOT NULL,
    previous_check   BINARY(20),
    previous_until   BIGINT,
    fields           JSON           NOT NULL,
    group_revisions  JSON           NOT NULL,
    exact_numbers    LONGTEXT,
    PRIMARY KEY (namespace, selector),
    KEY {principal} (namespace, principal),
    KEY {expiry} (expires_at)
) {options}"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {locks} (turn SMALLINT NOT NULL PRIMARY KEY) {options}"
            ),
            format!("INSERT IGNORE INTO {locks} (turn) VALUES {}", numbers.join(", ")),
        ]]
    }

    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement {
        let mut sql = Sql::new(self.placeholders());
        sql.text("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = COALESCE(");
        sql.value(table.schema().map(str::to_owned)).text(", DATABASE()) AND table_name = ");
        sql.value(format!("{}{suffix}", table.name()));
        sql.answering(&[Kind::Int])
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

    fn is_transient(&self, error: &dyn sqlx::error::DatabaseError) -> bool {
        let error = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
        // A record that changed since the snapshot, a deadlock.
        error.is_some_and(|error| matches!(error.number(), 1020 | 1213))
    }
}
