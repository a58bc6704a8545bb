//! Sessions in SQL databases: PostgreSQL, MySQL and MariaDB, SQLite, through sqlx. This file owns
//! the public type. The files below it own the statements of each operation, their text, the
//! differences between databases, and the connections.

mod builder;
mod codes;
mod connection;
mod dialect;
mod driver;
mod error;
#[cfg(feature = "postgres")]
mod listen;
mod migration;
#[cfg(feature = "mysql")]
mod mysql;
mod operation;
mod pool;
#[cfg(feature = "postgres")]
mod pooler;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod runtimes;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;
mod table;
mod table_name;
mod text;
pub(in crate::store) mod url;

use std::{fmt, future::Future, sync::Arc, time::Duration};

pub use self::{builder::SqlStoreBuilder, pool::SqlPool};
use self::{error::Fault, table::Table, table_name::TableName};
#[cfg(feature = "postgres")]
use super::feed::Feed;
use super::{
    Cursor, Facts, Namespace, Notice, Order, Page, PoolUse, PrincipalKey, Properties, Record,
    Store, StoreError, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written,
};
use crate::clock::Timestamp;

/// The default limit on the time that a database works on one statement: as long as the runtime waits.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// Sessions in PostgreSQL, MySQL, MariaDB or SQLite: one row a session, in a table that your own
/// SQL can join.
///
/// **Never modify rows yourself: nothing will detect or repair it.** Reading rows is fine, and so
/// is deleting them, which ends their sessions.
///
/// Each database has a feature of this crate: `postgres`, `mysql` (for MariaDB too) and `sqlite`.
/// The store needs PostgreSQL 12, MariaDB 10.6 or MySQL 8.0, or SQLite 3.37. It is tested with
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
/// | `version` | the number of the last write; a write replaces the row only if nobody else has written it since it was read |
/// | `principal` | the session's principal as JSON text, `42` or `"ada"`; NULL for an anonymous session |
/// | `logged_in_at`, `logged_in_version` | the time at which the principal logged in, or NULL; the version that did it |
/// | `last_seen_at` | the time at which the session was last used, up to the touch throttle |
/// | `expires_at` | the time at which the session expires if it is not used again. A live session has `expires_at >` now |
/// | `sweep_after` | the time from which on a sweep looks at the row, never later than `expires_at`; indexed |
/// | `fixed_part` | everything else but the fields, in bytes of this crate's own: the credential's check value (useless as a credential), lifetime, other times |
/// | `fields` | a JSON object of the fields, see below |
///
/// Indexes: `(namespace, principal, logged_in_at, selector)` and `(sweep_after)`. A use of a session
/// changes `last_seen_at` and `expires_at` only, which no index has: so PostgreSQL writes the row anew in
/// its own page (HOT), where the table's `fillfactor` of 85 leaves room. A sweep that finds a row whose
/// session lives on moves `sweep_after`. A principal or namespace that is longer than 255 bytes or
/// contains a NUL becomes `sha256:` and the digest in hex; `fixed_part` has the principal itself.
///
/// **Fields.** A field is its own JSON, byte for byte; a counter or `merge = "max"` is a number, a
/// set an array. Bytes that are no JSON, such as a sealed field (`#[session(secret)]`), become a
/// string of `base64:` and base64 without padding. So does JSON that not every database reads: with
/// an escaped NUL or half of a surrogate pair, spaces around it, more than 64 levels deep, or a
/// string that begins with `base64:` itself. In names, `%`, `"`, `\`, control characters and a
/// leading `-` become `%` and two hex digits; the empty name becomes `%`.
///
/// ```sql
/// -- PostgreSQL: who has something in the cart?
/// SELECT u.name, s.fields -> 'cart' AS cart, (s.fields ->> 'visits')::bigint AS visits
///   FROM http_session s JOIN users u ON s.principal = u.id::text
///  WHERE s.expires_at > extract(epoch FROM now()) * 1000;
/// -- MariaDB and MySQL: JSON_EXTRACT(s.fields, '$.cart')
/// -- SQLite: s.fields -> 'cart'
/// ```
///
/// # Cost
///
/// Every operation is one statement and one round trip, prepared once on each connection, without a
/// transaction around it and without a JSON function in it. A log-in takes a second statement, which
/// counts the principal's sessions after the log-in is stored; above the cap, a list follows, and a
/// removal for each session that is evicted. That count stops at 5,000 sessions, so that it stays
/// cheap: **under `EndOldest`, a cap of 5,000 or more has no effect.**
///
/// A commit reads nothing if the request has loaded the session; if another request has changed the
/// session since then, it costs a load and another write.
///
/// sqlx pings a connection before use and after. The pools that [`connect`](Self::connect) makes
/// ping before use only if the connection was idle for a second; for a pool of your own,
/// `PoolOptions::test_before_acquire(false)` saves that round trip. Set its `acquire_timeout` below
/// the two seconds that the runtime waits for a store, and set the limits on the time of a statement
/// that [`SqlStoreBuilder::statement_timeout`] lists: without them, **statements that nobody waits for
/// any more pile up in the server** while a lock holds them up.
///
/// # The bus
///
/// On PostgreSQL, a log-out, an end from elsewhere, an eviction and a change of the principal are told by
/// `NOTIFY`, on the channel with the table's name and `_bus`; nobody waits for that. Whoever
/// [watches](super::Store::watch) takes one connection beside the pool, whatever the number of watches.
/// `NOTIFY` holds a lock of the whole server while it commits; at some thousand log-ins and log-outs a
/// second that becomes a limit. There is no bus where
/// [`statement_cache`](SqlStoreBuilder::statement_cache) is 0, nor on the other databases.
///
/// # Rights
///
/// On tables that are there, a role needs `SELECT`, `INSERT`, `UPDATE` and `DELETE` on the table, and
/// `SELECT` on the one with the suffix `_schema`. To create them: on PostgreSQL `CREATE` on the schema,
/// on MySQL and MariaDB `CREATE` and the four rights on the database. To change a table of an earlier
/// release: on PostgreSQL the ownership of the table and `CREATE`, on MySQL and MariaDB `ALTER` too.
/// [`SqlStoreBuilder::connect`] and [`open`](SqlStoreBuilder::open) do once what requests do
/// ([`check`](super::check)), so a right that is missing and a database that only reads are errors at start.
///
/// # Failures
///
/// A write that is answered is committed, and survives what the server's settings let a commit
/// survive. If a connection breaks before the answer, the operation is an error, and the write may
/// have been made or not; it is never sent again. Reads go on with another connection. A connection
/// that only reads, as one to a former replica does, and one that PostgreSQL says it is about to end,
/// gets closed, and the write is made on another one: it surely was not made.
/// An error has the database's own words and code, unless they are about data. A row that does not
/// read back is an error that names the column.
///
/// # Runtimes
///
/// A store that has connected by itself may outlive its async runtime: it closes the connections that
/// it made there. A pool of your own belongs to the runtime that it was made in. SQLite's connections
/// belong to none.
///
/// # Notes for each database
///
/// * **PostgreSQL**: behind PgBouncer in session mode nothing has to be set. In transaction mode, set
///   [`statement_cache(0)`](SqlStoreBuilder::statement_cache) (`?statement_cache=0`). Otherwise prepared
///   statements need PgBouncer 1.21, with `max_prepared_statements` above 0, and the limit on the time of
///   statements has to be the role's, with `statement_timeout` 0 here. **An older one mixes up the
///   statements of its clients**, and then a session may get another's answer: [`connect`](Self::connect)
///   refuses it, unless the pooler leads two connections to two of the server's, or the pool has a single
///   connection. `READ COMMITTED` is enough.
/// * **MySQL, MariaDB**: a session has to fit `max_allowed_packet`. Writes rest on `autocommit = 1`:
///   [`connect`](Self::connect) sets it on each connection, and [`migrate`](Self::migrate) and the
///   builder refuse a pool of your own whose connections have it off.
/// * **SQLite**: [`connect`](Self::connect) opens the file in WAL mode with `synchronous = FULL`
///   and a busy timeout, creates a new file readable by its owner only (0600), and writes through
///   one connection. Processes on one machine may share the file, but never over a network. A pool
///   of your own should be set up alike, with a busy timeout below two seconds.
///
/// If a request is cancelled while the database works for it, the statement runs on by itself, until
/// the database gives it up ([`SqlStoreBuilder::statement_timeout`]); the connection stays in use until
/// then. So the server never has more connections than the pool may have, even while a lock holds up
/// every statement. The answer never reaches another request.
#[derive(Clone)]
pub struct SqlStore {
    pool: SqlPool,
    table: Table,
    #[cfg(feature = "postgres")]
    feed: Arc<Feed>,
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
    /// The program's role then needs no right to create anything, and
    /// [`SqlStoreBuilder::without_migration`] keeps the program from trying.
    #[must_use]
    pub fn schema_sql(&self, from: usize) -> String {
        migration::script(&self.table, from)
    }

    fn with_table(pool: SqlPool, table: Table) -> Self {
        let place = format!("{}, table `{}`", pool.place(), table.name.plain()).into();
        Self {
            pool,
            table,
            #[cfg(feature = "postgres")]
            feed: Arc::default(),
            place,
        }
    }

    fn told(&self, fault: Fault) -> StoreError {
        fault.at(&self.place, self.table.dialect)
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

    fn name(&self) -> &'static str {
        self.pool.dialect().system()
    }

    fn pool(&self) -> Option<PoolUse> {
        Some(self.pool.pools.usage())
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.answer(self.load_record(key))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        self.answer(async move { self.insert_record(key, &record).await })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        self.answer(async move { self.replace_record(key, version, &record).await })
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        self.answer(self.touch_record(key, last_seen, clean_after))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        self.answer(self.remove_record(key, version))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        self.answer(self.list_records(namespace, principal, order, after, limit))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.answer(self.count_records(namespace, principal))
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        self.answer(self.sweep_records(before, after, limit))
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        self.answer(self.facts())
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        self.answer(self.publish_notice(notice))
    }

    fn watch(&self) -> Option<Watch> {
        match &self.pool.pools {
            // A pooler that lends connections for a transaction only passes nothing on.
            #[cfg(feature = "postgres")]
            pool::Pools::Postgres(pool) if self.pool.around.is_none() => {
                let (pool, channel) = (pool.clone(), self.table.name.channel());
                self.feed.watch(move |heard| listen::listen(pool.clone(), channel.clone(), heard))
            }
            #[allow(unreachable_patterns, reason = "with other features there are others")]
            _ => None,
        }
    }
}
