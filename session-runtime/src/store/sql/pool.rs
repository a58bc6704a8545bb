//! The pools of the three databases as one type: the database they lead to, and taking a connection
//! from them. It does not know what connections are used for.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    STATEMENT_TIMEOUT,
    connection::{Connection, Open},
    dialect::Dialect,
    error::Fault,
};
use crate::store::PoolUse;

/// A pool of connections to one of the databases. Sqlx's pools convert to it with `into()`.
#[derive(Clone)]
pub struct SqlPool {
    pub(super) pools: Pools,
    /// The server's limit on the time of a statement, as far as it is known.
    pub(super) limit: Duration,
    /// The statement that begins a transaction around each statement, if there has to be one.
    pub(super) around: Option<Arc<str>>,
}

#[derive(Clone)]
pub(super) enum Pools {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
    /// One pool, or one to read and one with a single connection to write.
    #[cfg(feature = "sqlite")]
    Sqlite { read: sqlx::SqlitePool, write: sqlx::SqlitePool },
}

#[cfg(feature = "postgres")]
impl From<sqlx::PgPool> for SqlPool {
    fn from(pool: sqlx::PgPool) -> Self {
        Self::of(Pools::Postgres(pool))
    }
}

#[cfg(feature = "mysql")]
impl From<sqlx::MySqlPool> for SqlPool {
    fn from(pool: sqlx::MySqlPool) -> Self {
        Self::of(Pools::MySql(pool))
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlx::SqlitePool> for SqlPool {
    fn from(pool: sqlx::SqlitePool) -> Self {
        Self::of(Pools::Sqlite { read: pool.clone(), write: pool })
    }
}

impl fmt::Debug for SqlPool {
    /// Prints the database only: the options of a pool may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlPool({})", self.place())
    }
}

impl SqlPool {
    pub(super) const fn of(pools: Pools) -> Self {
        Self { pools, limit: STATEMENT_TIMEOUT, around: None }
    }

    pub(super) fn dialect(&self) -> &'static dyn Dialect {
        match &self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => &super::postgres::Postgres,
            #[cfg(feature = "mysql")]
            Pools::MySql(_) => &super::mysql::MySql,
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => &super::sqlite::Sqlite,
        }
    }

    /// Returns the name of the database, for messages.
    pub(super) fn place(&self) -> String {
        let name = self.dialect().name();
        match &self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => {
                let options = pool.connect_options();
                let database = options.get_database().unwrap_or(options.get_username());
                let (host, port) = (options.get_host(), options.get_port());
                let address = || format!("{host}:{port}");
                let at = options.get_socket().map_or_else(address, |it| it.display().to_string());
                format!("{name} at {at}, {database}")
            }
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => {
                let options = pool.connect_options();
                let database = options.get_database().unwrap_or("no database");
                let (host, port) = (options.get_host(), options.get_port());
                let address = || format!("{host}:{port}");
                let at = options.get_socket().map_or_else(address, |it| it.display().to_string());
                format!("{name} at {at}, {database}")
            }
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { write, .. } => {
                format!("{name} in {}", write.connect_options().get_filename().display())
            }
        }
    }

    /// Returns whether the database is in this process's memory only.
    pub(super) fn is_in_memory(&self) -> bool {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { write, .. } => {
                let options = write.connect_options();
                let name = options.get_filename().to_string_lossy();
                let by_parameter = || {
                    let url = sqlx::ConnectOptions::to_url_lossy(&*options);
                    url.query_pairs().any(|(name, value)| name == "mode" && value == "memory")
                };
                name == ":memory:" || name.starts_with("file:sqlx-in-memory-") || by_parameter()
            }
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            _ => false,
        }
    }

    /// Returns the number of connections that are there.
    pub(super) fn size(&self) -> u32 {
        match &self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => pool.size(),
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => pool.size(),
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { write, .. } => write.size(),
        }
    }

    /// Takes a connection to read with.
    pub(super) async fn reader(&self) -> Result<Connection, Fault> {
        let open = match &self.pools {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => Open::Postgres(pool.acquire().await?),
            #[cfg(feature = "mysql")]
            Pools::MySql(pool) => Open::MySql(pool.acquire().await?),
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, .. } => Open::Sqlite(read.acquire().await?),
        };
        Ok(self.connection(open))
    }

    /// Takes a connection to write with.
    pub(super) async fn writer(&self) -> Result<Connection, Fault> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { write, .. } => {
                let open = Open::Sqlite(write.acquire().await?);
                Ok(self.connection(open))
            }
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            _ => self.reader().await,
        }
    }

    fn connection(&self, open: Open) -> Connection {
        Connection::new(open, self.dialect(), self.limit, self.around.clone())
    }
}

impl Pools {
    /// Returns the use of the connections; of SQLite's, those that read.
    pub(super) fn usage(&self) -> PoolUse {
        fn of<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> PoolUse {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            PoolUse {
                in_use: pool.size().saturating_sub(idle),
                idle,
                most: pool.options().get_max_connections(),
            }
        }

        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => of(pool),
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => of(pool),
            #[cfg(feature = "sqlite")]
            Self::Sqlite { read, .. } => of(read),
        }
    }
}
