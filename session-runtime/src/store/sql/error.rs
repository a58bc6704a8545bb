//! Failures, and the messages that users get: where, what, and what to do. Messages of a database
//! that quote values are left out, and so is every connection string.

use std::fmt::Write;

use crate::store::StoreError;

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
    /// Returns whether the server, or something on the way to it, has closed the connection.
    pub(super) fn is_broken_connection(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Io(_)) => true,
            // PostgreSQL sends these when it shuts down.
            Self::Sql(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("57P01" | "57P02"))
            }
            _ => false,
        }
    }

    /// Makes the error of the store at `place`.
    pub(super) fn at(self, place: &str) -> StoreError {
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
                return StoreError::new(format!("{place}: {}", database(error.as_ref())));
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

/// Returns the database's message, unless the message is about data and so may quote a value.
fn database(error: &dyn sqlx::error::DatabaseError) -> String {
    let code = error.code().unwrap_or_default();
    let mut told = match code.as_ref() {
        "42P01" | "42S02" => "the table is missing: call `migrate()` with a role that may create \
                              tables, or run what `schema_sql` gives"
            .to_owned(),
        "42501" | "42000" if error.message().contains("denied") => {
            "the role lacks a right: it needs SELECT, INSERT, UPDATE and DELETE on the tables of \
             the sessions"
                .to_owned()
        }
        code if code.starts_with("22") || code.starts_with("23") => {
            "the database refused a value".to_owned()
        }
        _ => error.message().to_owned(),
    };
    if !code.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(told, " (code {code})");
    }
    told
}
