//! How a store on SQL comes to be: which table, which pool, and whether it creates the table. It
//! owns the settings of the pools that the store makes itself.

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
use std::str::FromStr;
use std::time::Duration;

use sqlx::{Connection, Database, pool::PoolOptions};

use super::{SqlStore, error::Fault, pool::SqlPool, table::Table, table_name::TableName};
use crate::store::StoreError;

/// Under the runtime's two seconds, so that the error says what was waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_800);
/// A connection that was used this short a time ago is not asked whether it still works.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long an idle connection may take to say that it still works. A server that has gone without
/// a word leaves up to a pool of them behind, which have to be found out one after the other.
const PING_TIMEOUT: Duration = Duration::from_millis(400);
/// How many connections a pool has at most, unless told otherwise.
const CONNECTIONS: u32 = 10;
/// How often a start is tried while the database is busy, two seconds each, and the rest between.
const STARTS: u32 = 5;
const REST: Duration = Duration::from_millis(50);

/// Settings of a [`SqlStore`] before it is made: [`SqlStore::builder`].
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn example() -> Result<(), session_runtime::store::StoreError> {
/// use session_runtime::store::SqlStore;
///
/// let store = SqlStore::builder()
///     .schema("web")
///     .table("session")
///     .max_connections(20)
///     .connect("postgres://app:secret@db.internal/app?sslmode=verify-full")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SqlStoreBuilder {
    schema: Option<String>,
    table: String,
    migrates: bool,
    connections: u32,
}

impl Default for SqlStoreBuilder {
    fn default() -> Self {
        let table = TableName::DEFAULT.to_owned();
        Self { schema: None, table, migrates: true, connections: CONNECTIONS }
    }
}

impl SqlStoreBuilder {
    /// The table's name: up to 40 ASCII letters, digits and `_`, no digit first. Its companions
    /// have names that begin with it. Default: `http_session`.
    #[must_use]
    pub fn table(self, table: impl Into<String>) -> Self {
        Self { table: table.into(), ..self }
    }

    /// The schema (MySQL: the database; SQLite: the attached database) that the table is in. It
    /// has to exist. Default: where the connection is.
    #[must_use]
    pub fn schema(self, schema: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), ..self }
    }

    /// Creates and changes no table, for a role that may not: whether the tables are there and of
    /// this version is only checked. [`SqlStore::schema_sql`] gives the statements.
    #[must_use]
    pub fn without_migration(self) -> Self {
        Self { migrates: false, ..self }
    }

    /// How many connections [`connect`](Self::connect) opens at most (SQLite: to read; one writes).
    /// Default: 10.
    #[must_use]
    pub fn max_connections(self, connections: u32) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// Connects to the database of a URL: `postgres://…`, `mysql://…`, `sqlite:PATH`.
    ///
    /// # Errors
    ///
    /// As [`SqlStore::connect`], and if the table or schema is no name.
    pub async fn connect(self, url: &str) -> Result<SqlStore, StoreError> {
        let pool = self.pool(url)?;
        self.open(pool).await
    }

    /// Uses a pool that is there already.
    ///
    /// # Errors
    ///
    /// If the table or schema is no name, if the database does not answer, and if the table can
    /// neither be used nor created.
    pub async fn open(self, pool: impl Into<SqlPool>) -> Result<SqlStore, StoreError> {
        let migrates = self.migrates;
        let store = self.store(pool.into())?;
        let mut tries = 0;
        loop {
            tries += 1;
            let started =
                if migrates { store.try_migrate().await } else { store.try_verify().await };
            match started {
                Err(fault) if tries < patience(&store, &fault) => tokio::time::sleep(REST).await,
                started => return started.map(|()| store.clone()).map_err(|it| store.told(it)),
            }
        }
    }

    /// Uses a pool that is there already, and sends nothing yet.
    ///
    /// # Errors
    ///
    /// If the table or schema is no name.
    pub fn store(self, pool: impl Into<SqlPool>) -> Result<SqlStore, StoreError> {
        let pool = pool.into();
        let dialect = pool.dialect();
        let name = TableName::new(dialect.quote(), self.schema, self.table)?;
        Ok(SqlStore::with_table(pool, Table::new(dialect, name)))
    }

    fn pool(&self, url: &str) -> Result<SqlPool, StoreError> {
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let url = &format!("{scheme}:{rest}");
        match scheme.as_str() {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let options = sqlx::postgres::PgConnectOptions::from_str(checked(url)?);
                let options = options.map_err(|error| unusable(&scheme, error))?;
                Ok(pool_options::<sqlx::Postgres>(self.connections)
                    .connect_lazy_with(options)
                    .into())
            }
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                let options = sqlx::mysql::MySqlConnectOptions::from_str(checked(url)?);
                let options = options.map_err(|error| unusable(&scheme, error))?;
                Ok(pool_options::<sqlx::MySql>(self.connections).connect_lazy_with(options).into())
            }
            #[cfg(feature = "sqlite")]
            "sqlite" => self.sqlite(url),
            _ => Err(StoreError::new(
                "no driver for this URL: with the features `postgres`, `mysql` and `sqlite` of \
                 session-runtime it may begin with `postgres://`, `mysql://` and `sqlite:`",
            )),
        }
    }

    #[cfg(feature = "sqlite")]
    fn sqlite(&self, url: &str) -> Result<SqlPool, StoreError> {
        use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

        use super::pool::Pools;

        let options = SqliteConnectOptions::from_str(url);
        let options = options.map_err(|error| unusable("sqlite", error))?;
        let forever = |connections| {
            pool_options::<sqlx::Sqlite>(connections).idle_timeout(None).max_lifetime(None)
        };
        if url.contains(":memory:") || url.contains("mode=memory") {
            // It lives and ends with its connections, so there is exactly one.
            return Ok(forever(1).min_connections(1).connect_lazy_with(options).into());
        }
        private_file(options.get_filename())?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE_TIMEOUT);
        Ok(SqlPool(Pools::Sqlite {
            read: pool_options(self.connections).connect_lazy_with(options.clone()),
            write: forever(1).connect_lazy_with(options),
        }))
    }
}

fn pool_options<DB: Database>(connections: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection: &mut DB::Connection, meta| {
            Box::pin(async move {
                if meta.idle_for <= TRUSTED_FOR {
                    return Ok(true);
                }
                let answer = tokio::time::timeout(PING_TIMEOUT, connection.ping()).await;
                // An error closes the connection, and the next one is tried.
                answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
            })
        })
}

/// How often a start is tried when this is in the way.
fn patience(store: &SqlStore, fault: &Fault) -> u32 {
    match fault {
        // Each try has waited for the pool's timeout.
        Fault::Sql(sqlx::Error::PoolTimedOut) => 2,
        fault if store.is_transient(fault) => STARTS,
        _ => 0,
    }
}

/// Refuses a URL that parses, but not as it is meant: a password with a bare `/`, `?` or `#` ends
/// the host, and what follows would appear as the database's name.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn checked(url: &str) -> Result<&str, StoreError> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if rest.contains('@') && !authority.contains('@') {
        return Err(StoreError::new(
            "the database URL has an `@` after its host: write `/`, `?`, `#` and `@` in a user \
             or password as %2F, %3F, %23 and %40",
        ));
    }
    Ok(url)
}

/// The cause is left out: it may quote a part of the URL.
fn unusable(scheme: &str, _error: sqlx::Error) -> StoreError {
    StoreError::new(format!(
        "the `{scheme}:` URL does not parse: write it as {}; special characters in a user or \
         password as %XX",
        if scheme == "sqlite" {
            "sqlite:PATH"
        } else {
            "SCHEME://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE"
        }
    ))
}

/// Makes the file if there is none, so that only its owner can read it; SQLite gives the same
/// rights to the files beside it.
#[cfg(feature = "sqlite")]
fn private_file(path: &std::path::Path) -> Result<(), StoreError> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            let message = format!("SQLite in {}: cannot create the file", path.display());
            Err(StoreError::with_source(message, error))
        }
        _ => Ok(()),
    }
}
