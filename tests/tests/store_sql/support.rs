//! What the tests of the SQL store share: one server of each kind, databases on them, sessions and
//! commits, and this program once more as another process.

use std::{
    collections::HashMap,
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

use session_runtime::{
    clock::Timestamp,
    store::{
        Cap, Check, Commit, FieldValue, KeyId, Lifetime, Meta, Namespace, Op, PrincipalKey, Record,
        Selector, SqlPool, SqlStore, StoreKey,
    },
};
use sqlx::{mysql::MySqlPoolOptions, postgres::PgPoolOptions};
use tests::{
    backend::{self, User, mariadb::MariaDb, postgres::Postgres},
    eventually,
};

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Postgres,
    MariaDb,
    Sqlite,
}

/// A test for each database, from a function of the database.
macro_rules! on_each {
    ($($test:ident)*) => {
        mod on_postgres {
            $(#[test] fn $test() { super::$test($crate::support::Kind::Postgres); })*
        }
        mod on_mariadb {
            $(#[test] fn $test() { super::$test($crate::support::Kind::MariaDb); })*
        }
        mod on_sqlite {
            $(#[test] fn $test() { super::$test($crate::support::Kind::Sqlite); })*
        }
    };
}
pub(crate) use on_each;

impl Kind {
    /// The URL of an empty database. No other test uses the name.
    pub(crate) fn fresh(self, name: &str) -> String {
        match self {
            Self::Postgres => postgres().database(name),
            Self::MariaDb => mariadb().database(name),
            Self::Sqlite => format!("sqlite:{}", sqlite(name).display()),
        }
    }

    /// The port of the server.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Postgres => postgres().port(),
            Self::MariaDb => mariadb().port(),
            Self::Sqlite => panic!("SQLite has no server"),
        }
    }

    /// The same URL by way of a proxy on another port.
    pub(crate) fn through(self, url: &str, port: u16) -> String {
        url.replace(&format!(":{}/", self.port()), &format!(":{port}/"))
    }

    /// Runs statements of a user in a database of that name, and returns rows of columns with `|`
    /// between them.
    pub(crate) fn sql(self, name: &str, statements: &str) -> String {
        match self {
            Self::Postgres => postgres().sql(name, statements),
            Self::MariaDb => mariadb().sql(name, statements).replace('\t', "|"),
            // On a thread of its own: this one may be driving a test.
            Self::Sqlite => thread::scope(|scope| {
                scope.spawn(|| wait(sqlite_sql(name, statements))).join().expect("rows")
            }),
        }
    }
}

/// The PostgreSQL server of this test process.
pub(crate) fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

/// The MariaDB server of this test process.
pub(crate) fn mariadb() -> &'static MariaDb {
    static SERVER: OnceLock<MariaDb> = OnceLock::new();
    SERVER.get_or_init(MariaDb::start)
}

async fn sqlite_sql(name: &str, statements: &str) -> String {
    use sqlx::{Column, Connection, Row, TypeInfo, ValueRef};

    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place(name));
    let options = options.create_if_missing(true);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a file");
    let statements = sqlx::AssertSqlSafe(statements.to_owned());
    let rows = sqlx::raw_sql(statements).fetch_all(&mut connection).await.expect("answers");
    let cell = |row: &sqlx::sqlite::SqliteRow, place: usize| {
        let value = row.try_get_raw(place).expect("a column");
        match value.type_info().name() {
            "INTEGER" => row.get::<i64, _>(place).to_string(),
            "NULL" => String::new(),
            _ => row.get_unchecked::<String, _>(place),
        }
    };
    let line = |row: &sqlx::sqlite::SqliteRow| {
        let cells = row.columns().iter().map(|column| cell(row, column.ordinal()));
        cells.collect::<Vec<_>>().join("|") + "\n"
    };
    rows.iter().map(line).collect()
}

/// Where the SQLite file of that name is.
pub(crate) fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-sql").join(format!("{name}.sqlite"))
}

/// The path of a SQLite file that is not there yet.
fn sqlite(name: &str) -> PathBuf {
    let path = place(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    for suffix in ["", "-wal", "-shm"] {
        // Of the last run.
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
    path
}

/// The URL of the one database of that kind and name, made by whoever needs it first.
pub(crate) fn shared(kind: Kind, name: &'static str) -> String {
    static MADE: OnceLock<Mutex<HashMap<(Kind, &'static str), String>>> = OnceLock::new();
    let made = MADE.get_or_init(Mutex::default);
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry((kind, name)).or_insert_with(|| kind.fresh(name)).clone()
}

/// Runs a future to its end on a runtime of its own.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    let answer = runtime.block_on(future);
    // A connection of SQLite is a thread that tells its last to nobody.
    runtime.shutdown_background();
    answer
}

/// A pool of one connection as `SqlStore::connect` would set it up, and whether the connection is
/// back in the pool.
pub(crate) fn one_connection(kind: Kind, url: &str) -> (SqlPool, Box<dyn Fn() -> bool>) {
    if kind == Kind::Postgres {
        let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
        let pool = pool.connect_lazy(url).expect("a URL");
        let idle = pool.clone();
        return (pool.into(), Box::new(move || idle.num_idle() == 1));
    }
    let pool = MySqlPoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool = pool.connect_lazy(url).expect("a URL");
    let idle = pool.clone();
    (pool.into(), Box::new(move || idle.num_idle() == 1))
}

/// Waits until the connection is back in its pool, with its ping behind it.
pub(crate) async fn settle(is_idle: &dyn Fn() -> bool) {
    eventually("the connection is idle", async || is_idle()).await;
}

/// A store on a database.
pub(crate) async fn connect(url: &str) -> SqlStore {
    SqlStore::connect(url).await.expect("a store")
}

pub(crate) const IDLE: u64 = 30 * 60_000;

/// Milliseconds after the start of the tests' time.
pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

pub(crate) fn shop() -> Namespace {
    Namespace::new("shop")
}

pub(crate) fn key(number: u64) -> StoreKey {
    let mut selector = [0; 16];
    selector[8..].copy_from_slice(&number.to_be_bytes());
    StoreKey { namespace: shop(), selector: Selector::from_bytes(selector) }
}

pub(crate) fn check() -> Check {
    Check::from_bytes(*b"sixteen bytes...")
}

pub(crate) fn key_id() -> KeyId {
    KeyId::from_bytes(*b"kid1")
}

pub(crate) fn record() -> Record {
    let lifetime =
        Lifetime { idle_millis: Some(IDLE), absolute_until: at(12 * IDLE), persistent: false };
    Record::new(Meta::new(check(), key_id(), at(0), lifetime))
}

pub(crate) fn owned(who: &str) -> Record {
    let mut record = record();
    record.meta.set_principal(Some(PrincipalKey::new(who)), at(0));
    record
}

pub(crate) fn commit(ops: impl Into<Vec<Op>>) -> Commit {
    let mut commit = Commit::touch(at(1), check(), key_id());
    commit.ops = ops.into();
    commit
}

/// A commit by which somebody logs in.
pub(crate) fn log_in(who: &str, cap: Option<Cap>, ops: impl Into<Vec<Op>>) -> Commit {
    let mut commit = commit(ops);
    commit.principal = Some(Some(PrincipalKey::new(who)));
    commit.cap = cap;
    commit
}

pub(crate) fn set(field: &'static str, value: &str) -> Op {
    Op::Set { field: field.into(), value: text(value) }
}

pub(crate) fn text(value: &str) -> FieldValue {
    FieldValue::Bytes(value.to_owned().into())
}

pub(crate) fn add(field: &'static str) -> Op {
    Op::Add { field: field.into(), by: 1, min: i64::MIN, max: i64::MAX }
}

const CHILD: &str = "STORE_SQL_CHILD";

/// What a child process was told; `None` in the process that the tests run in.
pub(crate) fn in_child() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// This program once more, for one test, which finds `told` by [`in_child`].
pub(crate) fn child(test: &str, told: &str) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = backend::command(User::Same, &program);
    command.args(["--exact", test, "--nocapture"]).env(CHILD, told);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child")
}

/// Waits for children to end well, and returns what they printed.
pub(crate) fn join(children: Vec<Child>) -> Vec<String> {
    let ended = children.into_iter().map(|child| {
        let output = child.wait_with_output().expect("a child that ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{errors}");
        text
    });
    ended.collect()
}
