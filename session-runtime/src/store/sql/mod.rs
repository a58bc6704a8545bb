//! Sessions in SQL databases: PostgreSQL, MySQL and MariaDB, SQLite, through sqlx. This file owns
//! the store's face; which statements an operation takes, what they say, how databases differ and
//! how connections are kept is in the files below it.

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
/// Each database has a feature of this crate: `postgres`, `mysql` (for MariaDB too) and `sqlite`.
/// Tested with PostgreSQL 15, MariaDB 10.11 and the SQLite that sqlx brings. The statements for
/// MySQL keep to what its manual documents for 8.0, but no MySQL server of Oracle's has run the
/// tests. Needed are PostgreSQL 12, MariaDB 10.6 or MySQL 8.0, SQLite 3.38.
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
/// or on a pool that the program has anyway:
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
/// It is called `http_session` unless [`SqlStoreBuilder::table`] says otherwise. Times are
/// milliseconds since 1970, UTC; 9223372036854775807 is "never".
///
/// | column | what it holds |
/// |---|---|
/// | `namespace`, `selector` | primary key: the session type's namespace, and the public session id in hex |
/// | `principal` | whose session it is, as JSON text: `42` or `"ada"`; NULL if nobody's |
/// | `created_at`, `logged_in_at`, `last_seen_at`, `rotated_at` | times; `last_seen_at` up to the touch throttle |
/// | `expires_at` | when it is over if it is not used again; indexed. A live session has `expires_at >` now |
/// | `idle_millis`, `absolute_until`, `is_persistent` | its lifetime; `idle_millis` is NULL without an idle limit |
/// | `revision`, `rotated_revision` | goes up with each commit; the one that changed the credential last |
/// | `credential_check`, `previous_check`, `previous_until` | key id (4 bytes) and check (16 bytes) of the credential, and of the one before it during its grace; of no use as a credential |
/// | `fields` | a JSON object of the fields, see below |
/// | `group_revisions` | a JSON object: how often each group of fields was written |
/// | `exact_numbers` | NULL, unless a number of the session does not fit its column |
/// | `principal_bytes` | the principal, if it is over 255 bytes long or holds a NUL; `principal` is then `sha256:` and its digest in hex (and so is `namespace`, in such a case) |
///
/// Indexes: `(namespace, principal)` and `(expires_at)`.
///
/// **Fields.** A counter or `merge = "max"` is a JSON number. A set is a JSON object with the
/// members as names. Any other value is a JSON string that holds the value's bytes: the field's own
/// JSON as text, so that it is read back byte for byte. What is not text, or holds a NUL, is
/// `base64:` and its base64 without padding; so are sealed fields (`#[session(secret)]`). In names,
/// `%`, `"`, `\`, control characters and a leading `-` are `%` and two hex digits; the empty name
/// is `%`.
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
/// Read it as you like, but leave writing to the store: a row that is changed behind its back is
/// not wrong for long only by chance. Deleting rows is fine, and ends those sessions.
///
/// # What it costs
///
/// `load`, `insert`, `delete` and every usual `commit` (a touch too) are one statement, prepared
/// once on each connection; the preconditions of a commit stand in its `WHERE`, and the database
/// patches the JSON, so `READ COMMITTED` is enough. Only a commit that finds no row looks why.
///
/// A transaction of a few statements runs for a log-in under a cap, and for a commit that one
/// statement cannot express: two ops of different kinds on one field that both depend on what is
/// there (an add after a max), take or once of a whole set, more than a dozen of such fields.
///
/// sqlx pings a connection before it hands it out, and when it goes back. The pools that
/// [`connect`](Self::connect) makes ping before use only if the connection was idle for a second;
/// for a pool of your own, `PoolOptions::test_before_acquire(false)` saves that round trip. Let
/// its `acquire_timeout` be under the two seconds that the runtime waits for a store.
///
/// # What to know of each database
///
/// * **PostgreSQL**: behind PgBouncer in transaction mode, prepared statements need its version
///   1.21. Log-ins under a cap take an advisory lock for the time of their transaction.
/// * **MySQL, MariaDB**: a session has to fit `max_allowed_packet`. Log-ins under a cap lock a row
///   of the table `http_session_turns`. A commit's revision comes back through `LAST_INSERT_ID`.
/// * **SQLite**: [`connect`](Self::connect) opens the file in WAL mode with `synchronous = FULL`
///   and a busy timeout, makes it readable for its owner only (0600) if it is new, and writes
///   through one connection. Processes on one machine may share the file; not over a network.
///   A pool of your own should do the same, and have a busy timeout under two seconds.
///
/// When a request is given up while the database works for it, the statement goes on by itself, and
/// a transaction is undone; after a second the connection is closed. No answer reaches another
/// request.
#[derive(Clone)]
pub struct SqlStore {
    pool: SqlPool,
    table: Table,
    /// Where the table is, for messages.
    place: Arc<str>,
}

impl SqlStore {
    /// Connects to the database of a URL (`postgres://…`, `mysql://…`, `sqlite:PATH`), and creates
    /// the table if there is none.
    ///
    /// # Errors
    ///
    /// If the URL does not parse or its database is not a feature of this build, if the database
    /// does not answer, and if the table can neither be used nor created. No error quotes the URL.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder().connect(url).await
    }

    /// Keeps sessions in the default table of a pool's database. Nothing is sent yet:
    /// [`migrate`](Self::migrate) creates the table.
    #[must_use]
    pub fn new(pool: impl Into<SqlPool>) -> Self {
        let pool = pool.into();
        let dialect = pool.dialect();
        let table = Table::new(dialect, TableName::standard(dialect.quote()));
        Self::with_table(pool, table)
    }

    /// Sets the table's name and more before anything is sent.
    #[must_use]
    pub fn builder() -> SqlStoreBuilder {
        SqlStoreBuilder::default()
    }

    /// Creates the table, or brings one of an earlier release up to this one. Safe when many
    /// processes do it at once. One that is as it should be needs no right to create anything.
    ///
    /// # Errors
    ///
    /// If the database refuses, and if a newer release has changed the table: then nothing is
    /// changed back.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.try_migrate().await.map_err(|fault| self.told(fault))
    }

    /// The statements that [`migrate`](Self::migrate) runs on a database whose tables have version
    /// `from` (0: there are none), for those who run them by hand.
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
    /// Prints where the table is; never a connection string.
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
