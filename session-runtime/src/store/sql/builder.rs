//! Building a store on SQL: the table, the pool, and the choice to create the table or not. It owns
//! the settings of the pools that the store makes itself.

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
use std::str::FromStr;
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use sqlx::AssertSqlSafe;
use sqlx::{Connection, Database, pool::PoolOptions};

#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::runtimes::Runtimes;
use super::{
    STATEMENT_TIMEOUT, SqlStore, dialect::Meaning, error::Fault, pool::SqlPool, table::Table,
    table_name::TableName,
};
use crate::store::{StoreError, check};

/// The default limit on the wait for a connection. Below the runtime's two seconds, so that the
/// error names the cause.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_800);
/// The idle time up to which a connection is used without a ping.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// The longest wait for the answer to a ping. A server that vanished leaves up to a whole pool of
/// dead connections, which are found one after the other.
const PING_TIMEOUT: Duration = Duration::from_millis(400);
/// The default limit on the connections of a pool.
const CONNECTIONS: u32 = 10;
/// The largest limit on the time of a statement.
const LONGEST_STATEMENT: Duration = Duration::from_secs(3600);
/// The default limit on the statements that a connection keeps prepared: more than the store has.
const STATEMENTS: usize = 100;
/// The number of attempts to start while the database is busy, and the rest between two of them.
const STARTS: u32 = 5;
const REST: Duration = Duration::from_millis(50);

/// The settings of a [`SqlStore`] that is being built; made by [`SqlStore::builder`].
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
    acquire_timeout: Duration,
    statement_timeout: Duration,
    statement_cache: usize,
}

impl Default for SqlStoreBuilder {
    fn default() -> Self {
        let table = TableName::DEFAULT.to_owned();
        Self {
            schema: None,
            table,
            migrates: true,
            connections: CONNECTIONS,
            acquire_timeout: ACQUIRE_TIMEOUT,
            statement_timeout: STATEMENT_TIMEOUT,
            statement_cache: STATEMENTS,
        }
    }
}

impl SqlStoreBuilder {
    /// Sets the table's name: up to 40 ASCII letters, digits and `_`, no digit first. The names of
    /// the store's other tables begin with it. Default: `http_session`.
    #[must_use]
    pub fn table(self, table: impl Into<String>) -> Self {
        Self { table: table.into(), ..self }
    }

    /// Sets the schema of the table (MySQL: the database; SQLite: the attached database). The
    /// schema has to exist. Default: the schema of the connection.
    #[must_use]
    pub fn schema(self, schema: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), ..self }
    }

    /// Keeps the store from creating and changing tables, for a role without the right to. The
    /// store then only checks that the tables are there and of this version;
    /// [`SqlStore::schema_sql`] returns the statements to create them.
    #[must_use]
    pub fn without_migration(self) -> Self {
        Self { migrates: false, ..self }
    }

    /// Sets the limit on the connections that [`connect`](Self::connect) opens (SQLite: those that
    /// read; one more writes). Default: 10.
    #[must_use]
    pub fn max_connections(self, connections: u32) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// Sets how long an operation waits for a free connection of the pool that
    /// [`connect`](Self::connect) makes and, on SQLite, for the writes of other processes. Keep the
    /// limit a little below the layer's [`deadline`](crate::SessionLayerBuilder::deadline), so that
    /// the error names the cause. Default: 1.8 seconds.
    #[must_use]
    pub fn acquire_timeout(self, limit: Duration) -> Self {
        Self { acquire_timeout: limit, ..self }
    }

    /// Sets the limit on the time that the database works on one statement, waiting for locks included.
    /// A statement above the limit is an error, and has changed nothing. [`connect`](Self::connect)
    /// sets the limit on each connection; for a pool of your own, set the same there, and say here how
    /// long it is. Zero leaves the server's own settings; a limit is an hour at most. Default: 2 seconds,
    /// as long as the runtime waits.
    ///
    /// | database | settings |
    /// |---|---|
    /// | PostgreSQL | `statement_timeout`, `idle_in_transaction_session_timeout`; `lock_timeout`, a tenth shorter, so that the error names the cause |
    /// | MariaDB | `max_statement_time`, `lock_wait_timeout`, `innodb_lock_wait_timeout` |
    /// | MySQL | `max_execution_time` (reads only), `lock_wait_timeout`, `innodb_lock_wait_timeout` |
    /// | SQLite | the busy timeout, which is not above `acquire_timeout` either |
    ///
    /// The time of a change of the tables ([`SqlStore::migrate`]) is not limited.
    #[must_use]
    pub fn statement_timeout(self, limit: Duration) -> Self {
        Self { statement_timeout: limit.min(LONGEST_STATEMENT), ..self }
    }

    /// Sets how many statements a connection that [`connect`](Self::connect) opens keeps prepared.
    /// Default: 100, more than the store has.
    ///
    /// **On PostgreSQL, 0 is for PgBouncer in transaction mode, of any version**, and for poolers like it,
    /// also with a pool of your own: nothing is prepared under a name, each statement is in a transaction
    /// of its own, with the limit on its time, and costs 4 round trips in place of 1.
    #[must_use]
    pub fn statement_cache(self, statements: usize) -> Self {
        Self { statement_cache: statements, ..self }
    }

    /// Connects to the database of a URL: `postgres://…`, `mysql://…`, `sqlite:PATH`. Behind a `?`, the
    /// URL may set `max_connections`, `acquire_timeout` and `statement_timeout` (`500ms`, `2s`),
    /// `statement_cache`, `table`, `schema` and `migrate` (`yes`, `no`), each over what this builder
    /// says, and the parameters of the driver, such as `sslmode`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`SqlStore::connect`], and an error if the name of the table or schema
    /// is not valid.
    pub async fn connect(self, url: &str) -> Result<SqlStore, StoreError> {
        let (builder, pool) = self.pool(url)?;
        builder.open(pool).await
    }

    /// Builds the store on an existing pool.
    ///
    /// # Errors
    ///
    /// Returns an error if the name of the table or schema is not valid, if the database does not
    /// answer, or if the table can neither be used nor created.
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
                started => break started.map_err(|fault| store.told(fault))?,
            }
        }
        #[cfg(feature = "postgres")]
        #[allow(irrefutable_let_patterns, reason = "without other features it is the only one")]
        if let super::pool::Pools::Postgres(pool) = &store.pool.pools
            && store.pool.around.is_none()
        {
            super::pooler::refuse_mixing(pool).await.map_err(|fault| store.told(fault))?;
        }
        check(&store).await?;
        Ok(store)
    }

    /// Builds the store on an existing pool, and sends nothing yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the name of the table or schema is not valid.
    pub fn store(self, pool: impl Into<SqlPool>) -> Result<SqlStore, StoreError> {
        let pool: SqlPool = pool.into();
        let around = Some(self.statement_timeout).filter(|_| self.statement_cache == 0);
        let around = around.and_then(|limit| pool.dialect().begin_around(limit));
        let pool = SqlPool { limit: self.statement_timeout, around, ..pool };
        let dialect = pool.dialect();
        let name = TableName::new(dialect.quote(), self.schema, self.table)?;
        Ok(SqlStore::with_table(pool, Table::new(dialect, name)))
    }

    /// Makes the pool of a URL, whose parameters come first.
    fn pool(self, url: &str) -> Result<(Self, SqlPool), StoreError> {
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let (said, url) = super::url::split(&scheme, &format!("{scheme}:{rest}"))?;
        let builder = Self {
            schema: said.schema.or(self.schema),
            table: said.table.unwrap_or(self.table),
            migrates: said.migrates.unwrap_or(self.migrates),
            connections: said.connections.unwrap_or(self.connections),
            acquire_timeout: said.acquire_timeout.unwrap_or(self.acquire_timeout),
            statement_cache: said.statement_cache.unwrap_or(self.statement_cache),
            statement_timeout: self.statement_timeout,
        };
        let limit = said.statement_timeout.unwrap_or(self.statement_timeout);
        let builder = builder.statement_timeout(limit);
        let pool = builder.pool_of(&scheme, &url)?;
        Ok((builder, pool))
    }

    fn pool_of(&self, scheme: &str, url: &str) -> Result<SqlPool, StoreError> {
        match scheme {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let options = sqlx::postgres::PgConnectOptions::from_str(url);
                let options = options.map_err(|error| unusable(scheme, error))?;
                // There are no such numbers here, and a pooler may refuse the parameter.
                let options =
                    options.extra_float_digits(None).statement_cache_capacity(self.statement_cache);
                let runtimes = Runtimes::default();
                let known = runtimes.clone();
                let is_broken = move |age| known.one_has_ended_within(age);
                let pool = self.pool_options::<sqlx::Postgres>(self.connections, is_broken);
                // With a transaction around each statement, the limits are in there.
                let set = super::postgres::limits("SET", self.statement_timeout)
                    .filter(|_| self.statement_cache > 0);
                let pool = pool.after_connect(move |connection, _| {
                    runtimes.note();
                    // Not among the parameters of the start, which a pooler may refuse.
                    let set = set.clone().map(|set| sqlx::raw_sql(AssertSqlSafe(set)));
                    Box::pin(async move {
                        let Some(set) = set else { return Ok(()) };
                        set.execute(connection).await.map(drop)
                    })
                });
                Ok(pool.connect_lazy_with(options).into())
            }
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                let options = sqlx::mysql::MySqlConnectOptions::from_str(url);
                let options = options.map_err(|error| unusable(scheme, error))?;
                let options = options.statement_cache_capacity(self.statement_cache);
                let runtimes = Runtimes::default();
                let known = runtimes.clone();
                let is_broken = move |age| known.one_has_ended_within(age);
                let pool = self.pool_options::<sqlx::MySql>(self.connections, is_broken);
                let set = super::mysql::settings(self.statement_timeout);
                let pool = pool.after_connect(move |connection, _| {
                    runtimes.note();
                    let set = sqlx::raw_sql(AssertSqlSafe(set.clone()));
                    Box::pin(async move { set.execute(connection).await.map(drop) })
                });
                Ok(pool.connect_lazy_with(options).into())
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
        let options = options.statement_cache_capacity(self.statement_cache);
        // A connection is a thread, and outlives every runtime.
        let pool = |connections| self.pool_options(connections, |_| false);
        let forever = |connections| {
            let options: PoolOptions<sqlx::Sqlite> = pool(connections);
            options.idle_timeout(None).max_lifetime(None)
        };
        if url.contains(":memory:") || url.contains("mode=memory") {
            // A database in memory ends with its connection, so there is exactly one connection.
            return Ok(forever(1).min_connections(1).connect_lazy_with(options).into());
        }
        private_file(options.get_filename())?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(self.busy_timeout());
        Ok(SqlPool::of(Pools::Sqlite {
            read: pool(self.connections).connect_lazy_with(options.clone()),
            write: forever(1).connect_lazy_with(options),
        }))
    }

    #[cfg(feature = "sqlite")]
    fn busy_timeout(&self) -> Duration {
        match self.statement_timeout {
            Duration::ZERO => self.acquire_timeout,
            limit => limit.min(self.acquire_timeout),
        }
    }

    /// `is_broken` says of a connection that was made so long ago whether its runtime has ended.
    fn pool_options<DB: Database>(
        &self,
        connections: u32,
        is_broken: impl Fn(Duration) -> bool + Send + Sync + 'static,
    ) -> PoolOptions<DB> {
        PoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(self.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(move |connection: &mut DB::Connection, meta| {
                let is_broken = is_broken(meta.age);
                Box::pin(async move {
                    if is_broken || meta.idle_for <= TRUSTED_FOR {
                        return Ok(!is_broken);
                    }
                    let answer = tokio::time::timeout(PING_TIMEOUT, connection.ping()).await;
                    // An error closes the connection, and the next one is tried.
                    answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
                })
            })
    }
}

/// Returns the number of attempts to start if `fault` is in the way.
fn patience(store: &SqlStore, fault: &Fault) -> u32 {
    match fault {
        // Each try has waited for the pool's timeout.
        Fault::Sql(sqlx::Error::PoolTimedOut) => 2,
        fault
            if fault.is_locked_out(store.table.dialect)
                || store.meaning(fault) == Meaning::Busy =>
        {
            STARTS
        }
        _ => 0,
    }
}

/// Makes the error of a URL that does not parse, without its cause, which may quote the URL.
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

/// Creates the file if there is none, readable by its owner only; SQLite gives the same rights to
/// the files beside it.
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
