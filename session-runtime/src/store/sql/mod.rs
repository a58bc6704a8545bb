//! Sessions in SQL databases: PostgreSQL, MySQL and MariaDB, SQLite, through sqlx. This file owns
//! the public type. The files below it own the statements of each operation, their text, the
//! differences between databases, and the connections.

mod builder;
mod connection;
mod dialect;
mod driver;
mod error;
mod login;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
mod merge;
mod migration;
#[cfg(feature = "mysql")]
mod mysql;
mod operation;
mod plan;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;
mod table;
mod table_name;
mod text;
mod update;

use std::{fmt, future::Future, sync::Arc};

pub use self::{builder::SqlStoreBuilder, pool::SqlPool};
use self::{error::Fault, table::Table, table_name::TableName};
use super::{
    Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Properties, Record,
    Selector, Store, StoreError, StoreFuture, StoreKey,
};
use crate::clock::Timestamp;

/// Sessions in PostgreSQL, MySQL, MariaDB or SQLite: one row a session, in a table that your own
/// SQL can join.
///
/// **Never modify rows yourself: nothing will detect or repair it.** Reading rows is fine, and so
/// is deleting them, which ends their sessions.
///
/// Each database has a feature of this crate: `postgres`, `mysql` (for MariaDB too) and `sqlite`.
/// The store needs PostgreSQL 12, MariaDB 10.6 or MySQL 8.0, or SQLite 3.38. It is tested with
/// PostgreSQL 15, MariaDB 10.11 and the SQLite that sqlx includes. The statements for MySQL use
/// only what the manual of 8.0 documents, but the tests have not run on a MySQL server of Oracle's.
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn example() -> Result<(), session_runtime::store::StoreError> {
/// use session_runtime::store::SqlStore;
///
/// let store = SqlStore::connect("postgres://app:secret@localhost/app").await?;
/// # Ok(())
/// # }
/// ```
///
/// or with a pool that the program already has:
///
/// ```no_run
/// # #[cfg(feature = "sqlite")]
/// # async fn example(pool: sqlx::SqlitePool) -> Result<(), session_runtime::store::StoreError> {
/// use session_runtime::store::SqlStore;
///
/// let store = SqlStore::builder().table("web_session").open(pool).await?;
/// # Ok(())
/// # }
/// ```
///
/// # The table
///
/// The table is called `http_session`; [`SqlStoreBuilder::table`] sets another name. Times are
/// milliseconds since 1970, UTC; 9223372036854775807 is "never".
///
/// | column | content |
/// |---|---|
/// | `namespace`, `selector` | the primary key: the session type's namespace, and the session id in hex |
/// | `principal` | the session's principal as JSON text, `42` or `"ada"`; NULL for an anonymous session |
/// | `created_at`, `logged_in_at`, `last_seen_at`, `rotated_at` | times; `last_seen_at` up to the touch throttle |
/// | `expires_at` | the time at which the session expires if it is not used again; indexed. A live session has `expires_at >` now |
/// | `idle_millis`, `absolute_until`, `is_persistent` | the session's lifetime; `idle_millis` is NULL without an idle limit |
/// | `revision`, `rotated_revision` | the number of the last commit, and of the last commit that changed the credential |
/// | `credential_check`, `previous_check`, `previous_until` | key id (4 bytes) and check value (16 bytes) of the credential, and of the previous credential during its grace; useless as a credential |
/// | `fields` | a JSON object of the fields, see below |
/// | `group_revisions` | a JSON object with the number of writes to each group of fields |
/// | `exact_numbers` | NULL, unless a number of the session does not fit its column |
/// | `principal_bytes` | the principal, if it is longer than 255 bytes or contains a NUL; `principal` is then `sha256:` and the digest in hex (as is such a `namespace`) |
///
/// Indexes: `(namespace, principal)` and `(expires_at)`.
///
/// **Fields.** A counter or `merge = "max"` is a JSON number. A set is a JSON object with the
/// members as names. Any other value is a JSON string with the value's bytes: the field's own JSON
/// as text, which is read back byte for byte. Bytes that are not text, or contain a NUL, are
/// written as `base64:` and base64 without padding, and so are sealed fields
/// (`#[session(secret)]`). In names, `%`, `"`, `\`, control characters and a leading `-` become `%`
/// and two hex digits; the empty name becomes `%`.
///
/// ```sql
/// -- PostgreSQL: who has something in the cart?
/// SELECT u.name, (s.fields ->> 'cart')::jsonb AS cart, (s.fields ->> 'visits')::bigint AS visits
///   FROM http_session s JOIN users u ON s.principal = u.id::text
///  WHERE s.expires_at > extract(epoch FROM now()) * 1000;
/// -- MariaDB and MySQL: JSON_UNQUOTE(JSON_EXTRACT(s.fields, '$.cart'))
/// -- SQLite: s.fields ->> 'cart'
/// ```
///
/// # Cost
///
/// `load`, `insert`, `delete` and every usual `commit` (a touch too) are one statement, prepared
/// once on each connection. The preconditions of a commit are in its `WHERE`, and the database
/// patches the JSON, so `READ COMMITTED` is enough. Only a commit that finds no row reads the
/// record to find out why.
///
/// A log-in under a cap takes a transaction of a few statements. So does a commit that one
/// statement cannot express: two ops of different kinds on one field that both depend on the stored
/// value (an add after a max), a take or once of a whole set, or more than a dozen fields that
/// depend on their stored values.
///
/// sqlx pings a connection before use and after. The pools that [`connect`](Self::connect) makes
/// ping before use only if the connection was idle for a second; for a pool of your own,
/// `PoolOptions::test_before_acquire(false)` saves that round trip. Set its `acquire_timeout` below
/// the two seconds that the runtime waits for a store.
///
/// # Notes for each database
///
/// * **PostgreSQL**: behind PgBouncer in transaction mode, prepared statements need PgBouncer 1.21.
///   A log-in under a cap holds an advisory lock during its transaction.
/// * **MySQL, MariaDB**: a session has to fit `max_allowed_packet`. A log-in under a cap locks a row
///   of the table `http_session_turns`. A commit returns its revision through `LAST_INSERT_ID`.
/// * **SQLite**: [`connect`](Self::connect) opens the file in WAL mode with `synchronous = FULL`
///   and a busy timeout, creates a new file readable by its owner only (0600), and writes through
///   one connection. Processes on one machine may share the file, but never over a network. A pool
///   of your own should be set up alike, with a busy timeout below two seconds.
///
/// If a request is cancelled while the database works for it, the statement runs on by itself, and
/// a transaction is rolled back. If that takes more than a second, the connection is closed. The
/// answer never reaches another request.
#[derive(Clone)]
pub struct SqlStore {
    pool: SqlPool,
    table: Table,
    /// The database and the table, for messages.
    place: Arc<str>,
}

impl SqlStore {
    /// Connects to the database of a URL (`postgres://…`, `mysql://…`, `sqlite:PATH`), and creates
    /// the table if there is none.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL does not parse, if the feature for its database is not part of
    /// this build, if the database does not answer, or if the table can neither be used nor
    /// created. No error quotes the URL.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder().connect(url).await
    }

    /// Makes a store on the default table of a pool's database. Sends nothing yet:
    /// [`migrate`](Self::migrate) creates the table.
    #[must_use]
    pub fn new(pool: impl Into<SqlPool>) -> Self {
        let pool = pool.into();
        let dialect = pool.dialect();
        let table = Table::new(dialect, TableName::standard(dialect.quote()));
        Self::with_table(pool, table)
    }

    /// Returns a builder, which sets the table's name and more before anything is sent.
    #[must_use]
    pub fn builder() -> SqlStoreBuilder {
        SqlStoreBuilder::default()
    }

    /// Creates the table, or migrates the table of an earlier release to this one. Safe if many
    /// processes call it at once. Needs no right to create anything if the table is up to date.
    ///
    /// # Errors
    ///
    /// Returns an error if the database refuses, or if a newer release has changed the table, which
    /// then stays as it is.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.try_migrate().await.map_err(|fault| self.told(fault))
    }

    /// Returns the statements that [`migrate`](Self::migrate) runs on a database whose tables have
    /// version `from` (0 without tables), to be run by hand.
    ///
    /// The program's role then needs `SELECT`, `INSERT`, `UPDATE` and `DELETE` on these tables, and
    /// [`SqlStoreBuilder::without_migration`] keeps it from trying more.
    #[must_use]
    pub fn schema_sql(&self, from: usize) -> String {
        migration::script(&self.table, from)
    }

    fn with_table(pool: SqlPool, table: Table) -> Self {
        let place = format!("{}, table `{}`", pool.place(), table.name.plain()).into();
        Self { pool, table, place }
    }

    fn told(&self, fault: Fault) -> StoreError {
        fault.at(&self.place)
    }

    fn answer<'a, T>(
        &'a self,
        work: impl Future<Output = Result<T, Fault>> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        StoreFuture::new(async move { work.await.map_err(|fault| self.told(fault)) })
    }
}

impl fmt::Debug for SqlStore {
    /// Prints the database and the table, never a connection string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlStore({})", self.place)
    }
}

impl Store for SqlStore {
    fn properties(&self) -> Properties {
        if self.pool.is_in_memory() { Properties::IN_PROCESS } else { Properties::SHARED }
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.answer(async move { Ok(self.load_record(key).await?.map(Arc::new)) })
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        self.answer(async move { self.insert_record(key, &record, cap).await })
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        self.answer(self.commit_record(key, commit))
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        self.answer(self.delete_record(key))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        self.answer(self.list_records(namespace, principal, now))
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        self.answer(self.delete_records(namespace, principal, except))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        self.answer(self.sweep_records(now, limit))
    }
}
