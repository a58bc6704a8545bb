//! What differs between the databases, as pieces of text: how they number binds, take JSON apart
//! and put it together, lock, and which statements create the tables. Nothing here talks to a
//! database.

use super::{
    plan::Fields,
    statement::{Placeholders, Slot, Sql, Statement},
    table_name::TableName,
};

/// A database's way of saying things.
pub(super) trait Dialect: Send + Sync {
    /// What people call the database.
    fn name(&self) -> &'static str;

    /// How statements name what is bound.
    fn placeholders(&self) -> Placeholders;

    /// The quotation mark around identifiers.
    fn quote(&self) -> char;

    /// What follows a JSON column that is to be read as text.
    fn text_cast(&self) -> &'static str;

    /// The functions that give the larger and the smaller of two numbers.
    fn greatest_and_least(&self) -> (&'static str, &'static str);

    /// Whether changed and deleted rows can be returned.
    fn is_returning(&self) -> bool;

    /// What makes a query lock the rows it reads until the transaction ends.
    fn for_update(&self) -> &'static str;

    /// What begins a transaction that writes. Each statement in it sees what was committed before.
    fn begin(&self) -> &'static str;

    /// The statement that waits until no other log-in under a cap of this principal is under way;
    /// `None` if [`begin`](Self::begin) waits for that already.
    fn advisory_lock(&self, table: &TableName, number: u64) -> Option<Statement>;

    /// Binds an escaped name, to be used by [`number`](Self::number) and [`entry`](Self::entry).
    fn locate(&self, sql: &mut Sql, name: &str) -> Located;

    /// Writes the number under a name of a JSON column; NULL if another kind is there, or nothing.
    fn number(&self, sql: &mut Sql, column: &str, at: Located);

    /// Writes the new value of the `fields` column.
    fn fields(&self, sql: &mut Sql, fields: &Fields);

    /// Writes the new value of the `group_revisions` column: each of these goes up by so much.
    fn bump(&self, sql: &mut Sql, groups: &[(Located, i64)]);

    /// The statement that removes up to `limit` rows that are over at `now`.
    fn sweep(&self, table: &TableName, now: i64, limit: i64) -> Statement;

    /// What creates and changes the tables: for each version of the schema the statements that
    /// lead to it from the one before.
    fn migrations(&self, table: &TableName) -> Vec<Vec<String>>;

    /// The query that counts tables of this name.
    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement;

    /// Waits until no other process changes the schema; within a transaction if the database can
    /// undo such changes.
    fn migration_lock(&self, table: &TableName) -> MigrationLock;

    /// Whether an error means only that another try may succeed.
    fn is_transient(&self, error: &dyn sqlx::error::DatabaseError) -> bool;
}

/// A name of a JSON object, bound: as a key, and as a path to it.
#[derive(Clone, Copy)]
pub(super) struct Located {
    pub(super) key: Slot,
    #[cfg(any(feature = "mysql", feature = "sqlite"))]
    pub(super) path: Slot,
}

/// How one process at a time gets to change the schema.
pub(super) enum MigrationLock {
    /// In a transaction, after this statement.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    Transaction(Option<Statement>),
    /// Between two statements on one connection; the first answers 1 if it got the lock.
    #[cfg(feature = "mysql")]
    Session { take: Statement, release: Statement },
}
