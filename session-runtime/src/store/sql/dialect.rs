//! The differences between the databases, as pieces of text: the placeholders of binds, the access
//! to JSON, locks, and the statements that create the tables. Nothing here talks to a database.

use super::{
    plan::Fields,
    statement::{Placeholders, Slot, Sql, Statement},
    table_name::TableName,
};

/// The dialect of a database.
pub(super) trait Dialect: Send + Sync {
    /// Returns the database's usual name.
    fn name(&self) -> &'static str;

    /// Returns the form of placeholders.
    fn placeholders(&self) -> Placeholders;

    /// Returns the quotation mark around identifiers.
    fn quote(&self) -> char;

    /// Returns the suffix of a JSON column that is read as text.
    fn text_cast(&self) -> &'static str;

    /// Returns the names of the functions for the larger and the smaller of two numbers.
    fn greatest_and_least(&self) -> (&'static str, &'static str);

    /// Returns whether statements can return changed and deleted rows.
    fn is_returning(&self) -> bool;

    /// Returns the suffix of a query that locks the rows it reads until the transaction ends.
    fn for_update(&self) -> &'static str;

    /// Returns the statement that begins a transaction that writes. Each statement of the
    /// transaction sees all that was committed before.
    fn begin(&self) -> &'static str;

    /// Returns the statement that waits until no other log-in under a cap of this principal is
    /// under way, or `None` if [`begin`](Self::begin) waits for that already.
    fn advisory_lock(&self, table: &TableName, number: u64) -> Option<Statement>;

    /// Binds an escaped name, for [`number`](Self::number), [`fields`](Self::fields) and
    /// [`bump`](Self::bump).
    fn locate(&self, sql: &mut Sql, name: &str) -> Located;

    /// Writes the number under a name of a JSON column, or NULL if there is no number.
    fn number(&self, sql: &mut Sql, column: &str, at: Located);

    /// Writes the new value of the `fields` column.
    fn fields(&self, sql: &mut Sql, fields: &Fields);

    /// Writes the new value of the `group_revisions` column, in which each group is raised by its
    /// number.
    fn bump(&self, sql: &mut Sql, groups: &[(Located, i64)]);

    /// Returns the statement that removes up to `limit` rows that are expired at `now`.
    fn sweep(&self, table: &TableName, now: i64, limit: i64) -> Statement;

    /// Returns the statements that create and change the tables: for each version of the schema,
    /// those that lead there from the version before.
    fn migrations(&self, table: &TableName) -> Vec<Vec<String>>;

    /// Returns the query that counts the tables of this name.
    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement;

    /// Returns the way to keep other processes from changing the schema: within a transaction if
    /// the database can roll such changes back.
    fn migration_lock(&self, table: &TableName) -> MigrationLock;

    /// Returns whether another attempt may succeed after this error.
    fn is_transient(&self, error: &dyn sqlx::error::DatabaseError) -> bool;
}

/// A name of a JSON object, bound: as a key, and as a path to it.
#[derive(Clone, Copy)]
pub(super) struct Located {
    pub(super) key: Slot,
    #[cfg(any(feature = "mysql", feature = "sqlite"))]
    pub(super) path: Slot,
}

/// A way to let one process at a time change the schema.
pub(super) enum MigrationLock {
    /// In a transaction, after this statement.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    Transaction(Option<Statement>),
    /// Between two statements on one connection; the first answers 1 if it got the lock.
    #[cfg(feature = "mysql")]
    Session { take: Statement, release: Statement },
}
