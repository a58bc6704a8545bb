//! Failures, and the messages that users get: where, what, and what to do. Messages of a database
//! that quote values are left out, and so is every connection string.

use std::fmt::Write;

use sqlx::error::DatabaseError;

use super::dialect::{Dialect, Meaning};
use crate::store::StoreError;

/// The advice about a pooler that mixes up the statements that its clients prepare.
#[cfg(feature = "postgres")]
pub(super) const POOLER: &str = "; behind PgBouncer in transaction mode, set `statement_cache=0` in the \
    URL, or `statement_timeout=0` and version 1.21 or newer with `max_prepared_statements` above 0; or \
    use its session mode";

/// The cause of a failure.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(sqlx::Error),
    /// A row holds a value that this program never wrote.
    Row {
        column: &'static str,
    },
    /// Another cause, with the full message.
    Told(String),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// Returns the meaning of this failure in a dialect.
    pub(super) fn meaning(&self, dialect: &dyn Dialect) -> Meaning {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => dialect.meaning(error.as_ref()),
            // The server, or something on the way to it, has closed the connection.
            Self::Sql(sqlx::Error::Io(_)) => Meaning::Broken,
            _ => Meaning::Refused,
        }
    }

    /// Returns whether this failure says that a statement of a migration was carried out before.
    pub(super) fn is_done_already(&self, dialect: &dyn Dialect) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error)) if dialect.is_done_already(error.as_ref()))
    }

    /// Returns whether somebody else held a lock for too long, on PostgreSQL, MariaDB or MySQL.
    pub(super) fn is_locked_out(&self, dialect: &dyn Dialect) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => dialect.is_lock(error.as_ref()),
            _ => false,
        }
    }

    /// Makes the error of the store at `place`.
    pub(super) fn at(self, place: &str, dialect: &dyn Dialect) -> StoreError {
        let is_unreachable = self.is_unreachable(dialect);
        let error = self.told(place, dialect);
        if is_unreachable { error.unreachable() } else { error }
    }

    /// Returns whether the database did not do its work, as opposed to answering with an error.
    fn is_unreachable(&self, dialect: &dyn Dialect) -> bool {
        match self {
            Self::Sql(
                sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_),
            ) => true,
            _ => self.meaning(dialect).is_unreachable(),
        }
    }

    fn told(self, place: &str, dialect: &dyn Dialect) -> StoreError {
        let error = match self {
            Self::Told(told) => return StoreError::new(format!("{place}: {told}")),
            Self::Row { column } => {
                return StoreError::new(format!(
                    "{place}: the column `{column}` of a row holds what this program never \
                     wrote; delete the row, or the table is another program's"
                ));
            }
            Self::Sql(error) => error,
        };
        let told = match &error {
            sqlx::Error::Database(error) => {
                return StoreError::new(format!("{place}: {}", database(error.as_ref(), dialect)));
            }
            sqlx::Error::Configuration(_) | sqlx::Error::InvalidArgument(_) => {
                // The cause may quote a part of the URL.
                return StoreError::new(format!("{place}: the settings of the URL are not valid"));
            }
            sqlx::Error::PoolTimedOut => {
                "no connection became free in time; the database is down or slow, or the pool is \
                 too small (`max_connections`)"
            }
            sqlx::Error::PoolClosed => "the pool is closed",
            sqlx::Error::Io(_) => "the connection failed; is the database up?",
            sqlx::Error::Tls(_) => "the TLS connection failed; check `sslmode` and certificates",
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                // The cause may quote a value.
                return StoreError::new(format!(
                    "{place}: an answer is of another type than asked"
                ));
            }
            _ => "the database could not be used",
        };
        StoreError::with_source(format!("{place}: {told}"), error)
    }
}

/// Returns the database's message and code, and advice. A message about data is left out: it may quote a
/// value.
fn database(error: &dyn DatabaseError, dialect: &dyn Dialect) -> String {
    let code = error.code().unwrap_or_default();
    let is_about_data = code.starts_with("22") || code.starts_with("23");
    // MariaDB and MySQL have such messages without a code of their own, too.
    let message = if is_about_data || error.message().starts_with("Incorrect ") {
        "the database refused a value"
    } else {
        error.message()
    };
    let mut told = message.to_owned();
    if !code.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(told, " (code {code})");
    }
    told + dialect.advice(error)
}
