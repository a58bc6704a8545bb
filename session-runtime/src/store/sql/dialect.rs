//! The differences between the databases, as pieces of text: the placeholders of binds, the
//! comparison of places in a list, locks, and the statements that create the tables. Nothing here
//! talks to a database.

use std::{sync::Arc, time::Duration};

use super::{
    statement::{Placeholders, Sql, Statement},
    table_name::TableName,
};

/// The dialect of a database.
pub(super) trait Dialect: Send + Sync {
    /// Returns the database's usual name.
    fn name(&self) -> &'static str;

    /// Returns the name of the database in metrics and traces.
    fn system(&self) -> &'static str;

    /// Returns the form of placeholders.
    fn placeholders(&self) -> Placeholders;

    /// Returns the quotation mark around identifiers.
    fn quote(&self) -> char;

    /// Returns the suffix of the JSON column when it is read as text.
    fn text_cast(&self) -> &'static str;

    /// Returns the names of the functions for the larger and the smaller of two numbers.
    fn greatest_and_least(&self) -> (&'static str, &'static str);

    /// Returns whether statements can return changed rows, and leave alone what is there already.
    fn is_returning(&self) -> bool;

    /// Returns the statement that begins a transaction that writes. Each statement of the
    /// transaction sees all that was committed before.
    fn begin(&self) -> &'static str;

    /// Returns the statement that begins a transaction around a single statement, with a limit on the time
    /// of that statement: for a pooler that lends a server's connection for a transaction only. `None` if
    /// there are no such poolers.
    fn begin_around(&self, limit: Duration) -> Option<Arc<str>> {
        let _ = limit;
        None
    }

    /// Returns the query whose answer is 0 if the connection keeps changes back until somebody
    /// commits them; `None` if connections have no such setting.
    fn autocommit(&self) -> Option<Statement>;

    /// Returns the text after the table's name that has a query use the index of principals, whatever
    /// the database takes for quicker; empty where it takes the right one.
    fn by_principal(&self, table: &TableName) -> String;

    /// Writes the condition that a row is after a place in a list, so that an index finds the first
    /// such row. `is_after` is the comparison of two places in the order of the list.
    fn is_after(&self, sql: &mut Sql, is_after: &str, logged_in: i64, selector: String);

    /// Writes the end of a query for the rows that are due, so that an index finds the first of them.
    fn write_due(&self, sql: &mut Sql, due: &Due) {
        due.write(sql, "sweep_after");
    }

    /// Returns the statement that removes the expired ones of the rows that are due.
    fn remove_due(&self, table: &TableName, due: &Due) -> Statement;

    /// Returns the statement that notes anew when to look at the rows that are due and have not expired.
    fn file_due(&self, table: &TableName, due: &Due) -> Statement;

    /// Returns the query for the time of the server's clock, in milliseconds since 1970; `None` if
    /// there is no server.
    fn time(&self) -> Option<Statement>;

    /// Returns the statement that passes a notice on; `None` if the server passes nothing on.
    fn publish(&self, table: &TableName, notice: &str) -> Option<Statement> {
        let _ = (table, notice);
        None
    }

    /// Returns the statements that create the tables as they are at present.
    fn create(&self, table: &TableName) -> Vec<String>;

    /// Returns the statements that lead to each version of the schema from the version before, since
    /// [`FIRST`](super::migration::FIRST).
    fn migrations(&self, table: &TableName) -> Vec<Vec<String>>;

    /// Returns whether this error says that a statement of a migration has been carried out before.
    fn is_done_already(&self, error: &dyn sqlx::error::DatabaseError) -> bool;

    /// Returns the query that counts the tables of this name.
    fn count_tables(&self, table: &TableName, suffix: &str) -> Statement;

    /// Returns the statement that lifts the limits on the time of statements before a migration, and the
    /// one that limits the waits of its statements for locks: who waits for the whole table holds up
    /// everybody else. They hold for the migration's transaction, or for a connection that is closed
    /// after it.
    fn limits_of_migration(&self) -> [&'static str; 2];

    /// Returns the way to keep other processes from changing the schema: within a transaction if
    /// the database can roll such changes back.
    fn migration_lock(&self, table: &TableName) -> MigrationLock;

    /// Returns the meaning of an error.
    fn meaning(&self, error: &dyn sqlx::error::DatabaseError) -> Meaning;

    /// Returns the advice that goes with an error, to follow its message; empty if there is none.
    fn advice(&self, error: &dyn sqlx::error::DatabaseError) -> &'static str;

    /// Returns whether an error says that somebody else held a lock on the table or the row for too long.
    fn is_lock(&self, error: &dyn sqlx::error::DatabaseError) -> bool;
}

/// The meaning of an error for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The statement is refused, and the connection is as good as before.
    Refused,
    /// Nothing has been done: the limit on the time of the statement, or of its wait for a lock, has
    /// passed. The connection is as good as before.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        expect(dead_code, reason = "a SQLite file is on no server")
    )]
    Late,
    /// Nothing has been done, and another attempt may succeed.
    Busy,
    /// Nothing has been done, and nothing will be written on this connection, whose server only reads.
    /// Another connection may lead to another server.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        expect(dead_code, reason = "a SQLite file is on no server")
    )]
    OnlyReads,
    /// Nothing has been done, and nothing will be on this connection, which is being closed. Another
    /// connection may lead to another server, or have begun later.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        expect(dead_code, reason = "a SQLite file is on no server")
    )]
    Elsewhere,
    /// There is no connection: the server, or the user, has as many as may be.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        expect(dead_code, reason = "a SQLite file is on no server")
    )]
    Crowded,
    /// The connection is of no more use, and the statement may have been carried out.
    Broken,
}

impl Meaning {
    /// Returns whether the connection is closed: its server is of no use, or its state is unknown.
    pub(super) const fn closes_the_connection(self) -> bool {
        !matches!(self, Self::Refused | Self::Late | Self::Busy)
    }

    /// Returns whether a query is tried again on another connection.
    pub(super) const fn is_read_elsewhere(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Broken)
    }

    /// Returns whether a change is tried again on another connection: it has not been made.
    pub(super) const fn is_written_elsewhere(self) -> bool {
        matches!(self, Self::Elsewhere | Self::OnlyReads)
    }

    /// Returns whether the database did not do its work, as opposed to answering with an error.
    pub(super) const fn is_unreachable(self) -> bool {
        matches!(self, Self::Late | Self::Elsewhere | Self::Crowded | Self::Broken)
    }
}

/// Writes a comparison of two places as one of rows.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn is_after_as_row(sql: &mut Sql, is_after: &str, logged_in: i64, selector: String) {
    sql.text("(logged_in_at, selector)").text(is_after).text("(");
    sql.value(logged_in).text(", ").value(selector).text(")");
}

/// The rows that a step of a sweep looks at: up to `most` of those whose time to be looked at is there,
/// the earliest first.
pub(super) struct Due {
    /// The earliest and the latest such time. What expires at the latest has expired.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) most: i64,
}

impl Due {
    /// Writes the end of a query for these rows. By `order`, which an index has.
    pub(super) fn write(&self, sql: &mut Sql, order: &str) {
        sql.text(" WHERE sweep_after >= ").value(self.from);
        self.write_end(sql, order);
    }

    /// Writes what follows the condition that a row is not before `from`.
    pub(super) fn write_end(&self, sql: &mut Sql, order: &str) {
        sql.text(" AND sweep_after <= ").value(self.to);
        sql.text(" ORDER BY ").text(order).text(" LIMIT ").value(self.most);
    }
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
