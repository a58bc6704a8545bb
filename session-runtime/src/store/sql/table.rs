//! The statements on the table that read the same in every database. It knows columns and
//! conditions.

use super::{
    dialect::{Dialect, Due},
    row::{self, Row},
    statement::{Kind, Sql, Statement},
    table_name::TableName,
    text,
};
use crate::{
    clock::Timestamp,
    store::{Cursor, Namespace, Order, PrincipalKey, Record, StoreKey},
};

/// The most sessions that are counted, so that a count stays cheap however many a principal has.
const COUNTED: &str = "5000";

/// The table that holds the sessions, and the dialect of its database.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) dialect: &'static dyn Dialect,
    pub(super) name: TableName,
}

impl Table {
    pub(super) fn new(dialect: &'static dyn Dialect, name: TableName) -> Self {
        Self { dialect, name }
    }

    /// Returns the table's name with a suffix, as statements write it.
    pub(super) fn quoted(&self, suffix: &str) -> String {
        self.name.quoted(suffix)
    }

    /// Begins a statement.
    pub(super) fn sql(&self) -> Sql {
        Sql::new(self.dialect.placeholders())
    }

    /// Returns the statement that reads a record.
    pub(super) fn load(&self, key: &StoreKey) -> Statement {
        let mut sql = self.sql();
        self.select(&mut sql, "");
        is_key(&mut sql, key);
        sql.answering(row::RECORD_KINDS)
    }

    /// Returns the statement that stores a new record. An existing record is left alone, or makes
    /// the statement an error.
    pub(super) fn insert(&self, key: &StoreKey, record: &Record) -> Statement {
        let row = Row::of(record);
        let mut sql = self.sql();
        sql.text("INSERT INTO ").text(&self.quoted(""));
        sql.text(" (namespace, selector, principal, logged_in_at, logged_in_version, ");
        sql.text("expires_at, sweep_after, last_seen_at, version, fixed_part, fields) VALUES (");
        sql.value(text::key(key.namespace.as_str()).as_ref()).text(", ");
        sql.value(key.selector.to_string()).text(", ");
        sql.value(row.principal).text(", ").value(row.logged_in).text(", ");
        sql.value(row.version).text(", ").value(row.expires).text(", ");
        sql.value(row.expires)
            .text(", ")
            .value(row.last_seen)
            .text(", ")
            .value(row.version)
            .text(", ");
        sql.value(row.fixed_part).text(", ").json(row.fields).text(")");
        if self.dialect.is_returning() {
            sql.text(" ON CONFLICT DO NOTHING");
        }
        sql.finish()
    }

    /// Returns the statement that puts a record in the place of the one with that version. It
    /// answers the version with which the principal, or the time of the log-in, came to the row: as
    /// a row, or as the last id.
    ///
    /// MySQL and MariaDB assign from the left to the right, and a column that was assigned reads as
    /// its new value from there on. So each column is assigned after the last one that reads it.
    pub(super) fn replace(&self, key: &StoreKey, version: u64, record: &Record) -> Statement {
        let row = Row::of(record);
        let (greatest, least) = self.dialect.greatest_and_least();
        let mut sql = self.sql();
        sql.text("UPDATE ").text(&self.quoted("")).text(" SET logged_in_version = ");
        if !self.dialect.is_returning() {
            sql.text("LAST_INSERT_ID");
        }
        sql.text("(CASE WHEN principal = ").value(row.principal.clone());
        sql.text(" AND logged_in_at = ").value(row.logged_in);
        sql.text(" THEN logged_in_version ELSE ").value(row.version).text(" END)");
        sql.text(", principal = ").value(row.principal);
        sql.text(", logged_in_at = ").value(row.logged_in);
        // Later than the expiry only if this record expires earlier than the one before.
        sql.text(", sweep_after = ").text(least).text("(sweep_after, ").value(row.expires);
        // A later use moves the expiry on, up to the absolute end.
        sql.text(")");
        sql.text(", expires_at = ").value(row.expires).text(" + ").text(least).text("(");
        sql.value(row.room).text(", ").text(greatest).text("(last_seen_at - ");
        sql.value(row.last_seen).text(", 0))");
        sql.text(", last_seen_at = ").text(greatest).text("(last_seen_at, ");
        sql.value(row.last_seen).text("), version = ").value(row.version);
        sql.text(", fixed_part = ").value(row.fixed_part);
        sql.text(", fields = ").json(row.fields);
        is_key(&mut sql, key);
        sql.text(" AND version = ").value(row::version(version));
        if self.dialect.is_returning() {
            sql.text(" RETURNING logged_in_version");
            return sql.answering(&[Kind::Int]);
        }
        sql.finish()
    }

    /// Returns the statement that moves the time of a record's last use and its expiry on.
    pub(super) fn touch(
        &self,
        key: &StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> Statement {
        let (greatest, _) = self.dialect.greatest_and_least();
        let mut sql = self.sql();
        sql.text("UPDATE ").text(&self.quoted("")).text(" SET last_seen_at = ");
        sql.text(greatest).text("(last_seen_at, ").value(row::number(last_seen));
        sql.text("), expires_at = ").text(greatest).text("(expires_at, ");
        sql.value(row::number(clean_after)).text(")");
        is_key(&mut sql, key);
        sql.finish()
    }

    /// Returns the statement that removes a record, if it has that version.
    pub(super) fn remove(&self, key: &StoreKey, version: Option<u64>) -> Statement {
        let mut sql = self.sql();
        sql.text("DELETE FROM ").text(&self.quoted(""));
        is_key(&mut sql, key);
        if let Some(version) = version {
            sql.text(" AND version = ").value(row::version(version));
        }
        sql.finish()
    }

    /// Returns the statement that reads a part of a principal's sessions.
    pub(super) fn list(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: i64,
    ) -> Statement {
        let mut sql = self.sql();
        self.select(&mut sql, row::PLACE);
        self.is_principal(&mut sql, namespace, principal);
        let (is_after, direction) = match order {
            Order::Oldest => (" > ", ""),
            Order::Newest => (" < ", " DESC"),
        };
        if let Some(after) = after {
            let (logged_in, selector) = row::place(after);
            sql.text(" AND ");
            self.dialect.is_after(&mut sql, is_after, logged_in, selector);
        }
        sql.text(" ORDER BY logged_in_at").text(direction).text(", selector").text(direction);
        sql.text(" LIMIT ").value(limit);
        sql.answering(row::LIST_KINDS)
    }

    /// Returns the statement that counts a principal's sessions.
    pub(super) fn count(&self, namespace: &Namespace, principal: &PrincipalKey) -> Statement {
        let mut sql = self.sql();
        sql.text("SELECT COUNT(*) FROM ").text(&self.quoted(""));
        self.is_principal(&mut sql, namespace, principal);
        sql.answering(&[Kind::Int])
    }

    /// Returns the statement that counts a principal's sessions after a log-in, up to [`COUNTED`].
    pub(super) fn count_some(&self, namespace: &Namespace, principal: &PrincipalKey) -> Statement {
        let mut sql = self.sql();
        sql.text("SELECT COUNT(*) FROM (SELECT 1 FROM ").text(&self.quoted(""));
        self.is_principal(&mut sql, namespace, principal);
        sql.text(" LIMIT ").text(COUNTED).text(") AS counted");
        sql.answering(&[Kind::Int])
    }

    /// Returns the statement that reads when each of the rows that are due was to be looked at, and when
    /// it expires.
    pub(super) fn due(&self, due: &Due) -> Statement {
        let mut sql = self.sql();
        sql.text("SELECT sweep_after, expires_at FROM ").text(&self.quoted(""));
        self.dialect.write_due(&mut sql, due);
        sql.answering(&[Kind::Int, Kind::Int])
    }

    /// Writes the condition that selects the rows of a principal, after the table's name.
    fn is_principal(&self, sql: &mut Sql, namespace: &Namespace, principal: &PrincipalKey) {
        sql.text(&self.dialect.by_principal(&self.name));
        sql.text(" WHERE namespace = ").value(text::key(namespace.as_str()).as_ref());
        sql.text(" AND principal = ").value(row::principal(principal));
    }

    fn select(&self, sql: &mut Sql, place: &str) {
        sql.text("SELECT ").text(place).text(row::RECORD).text("fields");
        sql.text(self.dialect.text_cast()).text(" FROM ").text(&self.quoted(""));
    }
}

/// Writes the condition that selects a record's row.
fn is_key(sql: &mut Sql, key: &StoreKey) {
    sql.text(" WHERE namespace = ").value(text::key(key.namespace.as_str()).as_ref());
    sql.text(" AND selector = ").value(key.selector.to_string());
}
