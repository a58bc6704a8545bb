//! A table of the version before, while programs of that version use it: it is changed without an error
//! for them, they go on with it afterwards, and what they left there is swept.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use session_runtime::store::{SqlStore, Store};
use sqlx::{AssertSqlSafe, Executor};
use tests::eventually;

use crate::support::*;

/// The tables as version 2 made them.
fn version_2(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => {
            r#"CREATE TABLE http_session (
                namespace TEXT COLLATE "C" NOT NULL, selector TEXT COLLATE "C" NOT NULL,
                version BIGINT NOT NULL, principal TEXT COLLATE "C", logged_in_at BIGINT,
                logged_in_version BIGINT NOT NULL, last_seen_at BIGINT NOT NULL,
                expires_at BIGINT NOT NULL, fixed_part BYTEA NOT NULL, fields JSON NOT NULL,
                PRIMARY KEY (namespace, selector));
            CREATE INDEX http_session_principal
                ON http_session (namespace, principal, logged_in_at, selector)
                WHERE principal IS NOT NULL;
            CREATE INDEX http_session_expiry ON http_session (expires_at);"#
        }
        Kind::MariaDb => {
            "CREATE TABLE http_session (
                namespace VARBINARY(255) NOT NULL,
                selector CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
                version BIGINT NOT NULL, principal VARBINARY(255), logged_in_at BIGINT,
                logged_in_version BIGINT NOT NULL, last_seen_at BIGINT NOT NULL,
                expires_at BIGINT NOT NULL, fixed_part LONGBLOB NOT NULL, fields LONGTEXT NOT NULL,
                PRIMARY KEY (namespace, selector),
                KEY http_session_principal (namespace, principal, logged_in_at, selector),
                KEY http_session_expiry (expires_at)
            ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
        }
        Kind::Sqlite => {
            "CREATE TABLE http_session (
                namespace TEXT NOT NULL, selector TEXT NOT NULL, version INTEGER NOT NULL,
                principal TEXT, logged_in_at INTEGER, logged_in_version INTEGER NOT NULL,
                last_seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
                fixed_part BLOB NOT NULL, fields TEXT NOT NULL,
                PRIMARY KEY (namespace, selector)) STRICT;
            CREATE INDEX http_session_principal
                ON http_session (namespace, principal, logged_in_at, selector)
                WHERE principal IS NOT NULL;
            CREATE INDEX http_session_expiry ON http_session (expires_at);"
        }
    }
}

/// The URL of a database of version 2 with the session 1, as the program of that version left it.
fn database_of_version_2(kind: Kind, name: &str) -> String {
    let url = kind.fresh(name);
    let versions = "CREATE TABLE http_session_schema (version BIGINT NOT NULL PRIMARY KEY);
        INSERT INTO http_session_schema (version) VALUES (2);";
    kind.sql(name, &format!("{}{versions}", version_2(kind)));
    // The bytes of a record are the same in both: of one that was stored elsewhere.
    let bytes = wait(async {
        let elsewhere = connect(&shared(kind, "suite")).await;
        elsewhere.remove(&key(900), None).await.expect("a removal");
        elsewhere.insert(&key(900), Arc::new(record())).await.expect("an insert");
        let hex =
            if kind == Kind::Postgres { "encode(fixed_part, 'hex')" } else { "hex(fixed_part)" };
        let bytes = format!(
            "SELECT {hex} FROM http_session WHERE namespace = 'shop' AND selector = '{}'",
            key(900).selector
        );
        let bytes = match kind {
            Kind::Postgres => postgres().sql("suite", &bytes),
            Kind::MariaDb => mariadb().sql("suite", &bytes),
            Kind::Sqlite => one_of_sqlite("suite", &bytes).await,
        };
        elsewhere.remove(&key(900), None).await.expect("a removal");
        bytes.trim().to_owned()
    });
    let bytes = match kind {
        Kind::Postgres => format!("decode('{bytes}', 'hex')"),
        _ => format!("x'{bytes}'"),
    };
    kind.sql(name, &insert(1, &bytes));
    url
}

/// A text of a file of SQLite.
async fn one_of_sqlite(name: &str, query: &str) -> String {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", place(name).display())).await;
    let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
    query.fetch_one(&pool.expect("a file")).await.expect("a text")
}

/// The insert of a program of version 2; its bytes are an expression.
fn insert(number: u64, bytes: &str) -> String {
    format!(
        "INSERT INTO http_session (namespace, selector, principal, logged_in_at, logged_in_version,
            expires_at, last_seen_at, version, fixed_part, fields)
         VALUES ('shop', '{}', NULL, NULL, 1, {}, {}, 1, {bytes}, '{{}}')",
        key(number).selector,
        at(IDLE).as_millis(),
        at(0).as_millis(),
    )
}

/// The same of a session that is there.
fn copy(number: u64) -> String {
    let bytes = format!("FROM http_session WHERE selector = '{}'", key(1).selector);
    let columns = "principal, logged_in_at, logged_in_version, expires_at, last_seen_at, version,
        fixed_part, fields";
    format!(
        "INSERT INTO http_session (namespace, selector, {columns})
         SELECT namespace, '{}', {columns} {bytes}",
        key(number).selector
    )
}

/// The touch of a program of version 2.
fn touch(number: u64, millis: u64) -> String {
    format!(
        "UPDATE http_session SET last_seen_at = {}, expires_at = {}
          WHERE namespace = 'shop' AND selector = '{}'",
        at(millis).as_millis(),
        at(IDLE + millis).as_millis(),
        key(number).selector
    )
}

fn what_the_version_before_leaves_is_used_and_swept(kind: Kind) {
    let url = database_of_version_2(kind, "earlier");
    for number in 2..=5 {
        kind.sql("earlier", &copy(number));
    }
    wait(async {
        let error = SqlStore::builder().without_migration().connect(&url).await;
        let error = error.expect_err("it is older").to_string();
        assert!(error.contains("version 2") && error.contains("needs 3"), "{error}");
        let store = connect(&url).await;
        assert_eq!(*store.load(&key(1)).await.expect("a load").expect("a session"), record());
        // Both versions use the table now.
        store.insert(&key(10), Arc::new(record())).await.expect("an insert");
        kind.sql("earlier", &touch(10, 20));
        kind.sql("earlier", &copy(6));
        kind.sql("earlier", &touch(6, 10));
        kind.sql("earlier", &touch(2, 10));
        assert!(store.touch(&key(3), at(10), at(IDLE + 10)).await.expect("a touch"));
        let mut shorter = record();
        shorter.meta.revision = 2;
        shorter.meta.lifetime.idle_millis = Some(5);
        store.replace(&key(4), 1, Arc::new(shorter)).await.expect("an answer");
        let sweep = async |millis: u64| {
            let (mut removed, mut after) = (0, None);
            loop {
                let swept = store.sweep(at(millis), after, 3).await.expect("a sweep");
                removed += swept.removed;
                after = swept.next;
                if after.is_none() {
                    return removed;
                }
            }
        };
        assert_eq!(sweep(4).await, 0);
        assert_eq!(sweep(5).await, 1);
        assert_eq!(sweep(IDLE).await, 2);
        assert_eq!(sweep(IDLE + 9).await, 0);
        assert_eq!(sweep(IDLE + 10).await, 3);
        assert_eq!(sweep(IDLE + 19).await, 0);
        assert_eq!(sweep(IDLE + 20).await, 1);
    });
    assert_eq!(kind.sql("earlier", "SELECT count(*) FROM http_session").trim(), "0");
    // Back to the version before, as the documentation says, and to this one again.
    kind.sql("earlier", "DELETE FROM http_session_schema WHERE version = 3");
    wait(async { connect(&url).await });
    let versions = kind.sql("earlier", "SELECT version FROM http_session_schema ORDER BY version");
    assert_eq!(versions, "2\n3\n");
    // By hand.
    let by_hand = database_of_version_2(kind, "earlier_by_hand");
    wait(async {
        let statements = connect(&url).await.schema_sql(2);
        kind.sql("earlier_by_hand", &statements);
        let store = SqlStore::builder().without_migration().connect(&by_hand).await;
        assert!(store.expect("a store").load(&key(1)).await.expect("a load").is_some());
    });
}

on_each! { what_the_version_before_leaves_is_used_and_swept }

/// Programs of version 2 that go on at once, each on a connection of its own.
async fn go_on<D: sqlx::Database>(pool: sqlx::Pool<D>, url: &str)
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let (is_over, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let programs = (0..4_u64).map(|program| {
        let (pool, is_over, rounds) = (pool.clone(), Arc::clone(&is_over), Arc::clone(&rounds));
        tokio::spawn(async move {
            let mut connection = pool.acquire().await.expect("a connection");
            let mut number = 0;
            while !is_over.load(Ordering::SeqCst) {
                number += 1;
                let session = 10 * number + program;
                let read = format!(
                    "SELECT last_seen_at, fixed_part, fields FROM http_session
                      WHERE namespace = 'shop' AND selector = '{}'",
                    key(session).selector
                );
                for statement in [copy(session), touch(session, number), read] {
                    while let Err(error) =
                        (&mut *connection).execute(AssertSqlSafe(statement.clone())).await
                    {
                        // MariaDB has such a copy wait for others' rows, and so may end a circle.
                        let told = error.to_string();
                        assert!(told.contains("Deadlock found"), "in round {number}: {told}");
                    }
                }
                rounds.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let programs: Vec<_> = programs.collect();
    let are_under_way = async || rounds.load(Ordering::SeqCst) > 100;
    eventually("the programs are under way", are_under_way).await;
    let store = connect(url).await;
    let then = rounds.load(Ordering::SeqCst);
    let go_on = async || rounds.load(Ordering::SeqCst) > then + 100;
    eventually("the programs go on", go_on).await;
    is_over.store(true, Ordering::SeqCst);
    for program in programs {
        program.await.expect("no error");
    }
    assert!(store.load(&key(11)).await.expect("a load").is_some());
}

#[test]
fn postgresqls_table_is_changed_under_programs_that_use_it() {
    let url = database_of_version_2(Kind::Postgres, "under_way");
    wait(async { go_on(sqlx::PgPool::connect(&url).await.expect("a pool"), &url).await });
}

#[test]
fn mariadbs_table_is_changed_under_programs_that_use_it() {
    let url = database_of_version_2(Kind::MariaDb, "under_way");
    wait(async { go_on(sqlx::MySqlPool::connect(&url).await.expect("a pool"), &url).await });
}

#[test]
fn whoever_reads_postgresqls_table_for_long_is_named_and_nobody_waits_for_it() {
    let url = database_of_version_2(Kind::Postgres, "dumped_long");
    wait(async {
        let pool = sqlx::PgPool::connect(&url).await.expect("a pool");
        let mut dump = pool.begin().await.expect("a transaction");
        dump.execute("LOCK TABLE http_session IN ACCESS SHARE MODE").await.expect("a lock");
        let told = SqlStore::connect(&url).await.expect_err("it is being read").to_string();
        assert!(told.contains("55P03") && told.contains("such as a dump"), "{told}");
        dump.rollback().await.expect("the end of it");
        connect(&url).await;
    });
}

/// A use of a session leaves the indexes alone: PostgreSQL writes the row anew in its own page.
#[test]
fn most_touches_in_postgresql_change_no_index() {
    const SESSIONS: u64 = 400;
    const ROUNDS: u64 = 12;
    let url = Kind::Postgres.fresh("hot");
    wait(async {
        let store = connect(&url).await;
        for number in 0..SESSIONS {
            let mut record = owned(&format!("user {number}"));
            record.set("cart", text(&format!("\"{}\"", "x".repeat(150))));
            store.insert(&key(number), Arc::new(record)).await.expect("an insert");
        }
        // As the throttle lets them through.
        for minute in 1..=ROUNDS {
            for number in 0..SESSIONS {
                let (now, end) = (at(60_000 * minute), at(60_000 * minute + IDLE));
                assert!(store.touch(&key(number), now, end).await.expect("a touch"));
            }
        }
    });
    let figures = || {
        let figures = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
              WHERE relname = 'http_session'";
        let figures = postgres().sql("hot", figures);
        let (all, hot) = figures.trim().split_once('|').expect("two columns");
        let number = |text: &str| text.parse::<u64>().expect("a number");
        (number(all), number(hot))
    };
    // The server counts a little later.
    tests::eventually_blocking("all are counted", || figures().0 >= SESSIONS * ROUNDS);
    let (all, hot) = figures();
    assert!(hot * 100 >= all * 60, "{hot} of {all} updates changed no index");
}
