//! A lock that holds up every statement, as a change of the table by hand takes one: what nobody waits
//! for any more must not pile up in the server, and all goes on when the lock is gone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use session_runtime::store::{SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::{eventually, given_up};

use crate::support::*;

const POOLS: usize = 3;
const CONNECTIONS: u32 = 10;
const CLIENTS: usize = 64;
/// The failed attempts of each client, of about two seconds each.
const ATTEMPTS: usize = 3;
/// The longest time from the release of the lock to the first success.
const SOON: Duration = Duration::from_secs(1);
/// As the runtime has it.
const DEADLINE: Duration = Duration::from_secs(2);

/// What the clients have come to.
struct Outcome {
    failed: [AtomicUsize; CLIENTS],
    succeeded: AtomicUsize,
    is_over: AtomicBool,
}

/// Asks until an answer comes, or all is over. Every fourth client leaves before the answer.
async fn ask(store: SqlStore, number: usize, outcome: Arc<Outcome>) {
    let key = key(number as u64);
    while !outcome.is_over.load(Ordering::SeqCst) {
        let attempt = async {
            if number.is_multiple_of(2) {
                store.load(&key).await.map(drop)
            } else {
                store.touch(&key, at(number as u64), at(IDLE)).await.map(drop)
            }
        };
        if number % 4 == 3 {
            given_up(3, tokio::time::timeout(Duration::from_millis(100), attempt)).await;
        } else if let Ok(Ok(())) = tokio::time::timeout(DEADLINE, attempt).await {
            outcome.succeeded.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        outcome.failed[number].fetch_add(1, Ordering::SeqCst);
    }
}

/// `count` says how many connections the server has, but for that of the lock. `lock` locks the table
/// until it is told to let go.
async fn stays_within_its_pools(
    url: &str,
    count: impl Fn() -> usize + Send + Sync + 'static,
    lock: impl AsyncFnOnce(&dyn Fn() -> bool),
) {
    let mut stores = Vec::new();
    for _ in 0..POOLS {
        let builder = SqlStore::builder().max_connections(CONNECTIONS);
        stores.push(builder.connect(url).await.expect("a store"));
    }
    for number in 0..CLIENTS {
        let key = key(number as u64);
        stores[0].insert_capped(&key, record(), None).await.expect("an insert");
    }
    let outcome = Arc::new(Outcome {
        failed: [const { AtomicUsize::new(0) }; CLIENTS],
        succeeded: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let most = Arc::new(AtomicUsize::new(0));
    let watched = tokio::task::spawn_blocking({
        let (outcome, most) = (Arc::clone(&outcome), Arc::clone(&most));
        move || {
            while !outcome.is_over.load(Ordering::SeqCst) {
                most.fetch_max(count(), Ordering::SeqCst);
            }
        }
    });
    let clients = std::sync::OnceLock::new();
    lock(&|| {
        // With the lock held.
        clients.get_or_init(|| {
            let client = |number| {
                let store: &SqlStore = &stores[number % POOLS];
                tokio::spawn(ask(store.clone(), number, Arc::clone(&outcome)))
            };
            (0..CLIENTS).map(client).collect::<Vec<_>>()
        });
        assert_eq!(outcome.succeeded.load(Ordering::SeqCst), 0, "the table is locked");
        outcome.failed.iter().all(|failed| failed.load(Ordering::SeqCst) >= ATTEMPTS)
    })
    .await;
    let released = Instant::now();
    let is_served = async || outcome.succeeded.load(Ordering::SeqCst) > 0;
    eventually("a client is answered again", is_served).await;
    let first = released.elapsed();
    println!("the first success came {first:?} after the release");
    let enough = async || outcome.succeeded.load(Ordering::SeqCst) > 10 * CLIENTS;
    eventually("the clients are answered again", enough).await;
    outcome.is_over.store(true, Ordering::SeqCst);
    watched.await.expect("a count");
    for client in clients.into_inner().into_iter().flatten() {
        client.await.expect("a client");
    }
    let (most, limit) = (most.load(Ordering::SeqCst), POOLS * CONNECTIONS as usize);
    assert!((1..=limit).contains(&most), "{most} connections, of {limit}");
    assert!(first < SOON, "the first success came {first:?} after the release");
}

/// Waits until it is time to let go of the lock.
async fn until(is_time: &dyn Fn() -> bool) {
    eventually("each client has been refused", async || is_time()).await;
}

#[test]
fn a_locked_table_takes_no_more_of_postgresqls_connections_than_the_pools_have() {
    let url = Kind::Postgres.fresh("stalled");
    let count = || {
        let count = "SELECT count(*) FROM pg_stat_activity
              WHERE datname = 'stalled' AND application_name <> 'the lock'";
        postgres().sql("postgres", count).trim().parse().expect("a number")
    };
    let locked = format!("{url}?application_name=the%20lock");
    wait(stays_within_its_pools(&url, count, async |is_time: &dyn Fn() -> bool| {
        let pool = sqlx::PgPool::connect(&locked).await.expect("a pool");
        let mut lock = pool.begin().await.expect("a transaction");
        let text = "LOCK TABLE http_session IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(text).execute(&mut *lock).await.expect("a lock");
        until(is_time).await;
        lock.rollback().await.expect("the end of it");
    }));
}

#[test]
fn a_locked_table_takes_no_more_of_mariadbs_connections_than_the_pools_have() {
    let url = Kind::MariaDb.fresh("stalled");
    let count = || {
        let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'stalled'";
        mariadb().sql("mysql", count).trim().parse().expect("a number")
    };
    // Of another database, so as not to count.
    let other = mariadb().url("root", "mysql");
    wait(stays_within_its_pools(&url, count, async |is_time: &dyn Fn() -> bool| {
        use sqlx::Connection as _;

        let mut lock = sqlx::MySqlConnection::connect(&other).await.expect("a connection");
        let text = "LOCK TABLES stalled.http_session WRITE";
        sqlx::raw_sql(text).execute(&mut lock).await.expect("a lock");
        until(is_time).await;
        lock.close().await.expect("the end of it");
    }));
}

fn a_statement_that_waits_too_long_is_an_error_with_the_databases_reason(kind: Kind) {
    let url = kind.fresh("held_up");
    wait(async {
        let builder = || SqlStore::builder().statement_timeout(Duration::from_millis(200));
        let store = builder().connect(&url).await.expect("a store");
        let other = SqlStore::builder().connect(&url).await.expect("a store");
        let told = match kind {
            Kind::Postgres => {
                let pool = sqlx::PgPool::connect(&url).await.expect("a pool");
                let mut lock = pool.begin().await.expect("a transaction");
                let text = "LOCK TABLE http_session IN ACCESS EXCLUSIVE MODE";
                sqlx::raw_sql(text).execute(&mut *lock).await.expect("a lock");
                let told = store.load(&key(1)).await.expect_err("it is locked");
                lock.rollback().await.expect("the end of it");
                told
            }
            Kind::MariaDb => {
                let pool = sqlx::MySqlPool::connect(&url).await.expect("a pool");
                let mut lock = pool.acquire().await.expect("a connection");
                let text = "LOCK TABLES http_session WRITE";
                sqlx::raw_sql(text).execute(&mut *lock).await.expect("a lock");
                let told = store.load(&key(1)).await.expect_err("it is locked");
                sqlx::raw_sql("UNLOCK TABLES").execute(&mut *lock).await.expect("the end of it");
                told
            }
            Kind::Sqlite => {
                let pool = sqlx::SqlitePool::connect(&url).await.expect("a pool");
                let mut lock = pool.acquire().await.expect("a connection");
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *lock).await.expect("a lock");
                let told = store.remove(&key(1), None).await.expect_err("it is locked");
                sqlx::raw_sql("ROLLBACK").execute(&mut *lock).await.expect("the end of it");
                told
            }
        };
        let reason = match kind {
            Kind::Postgres => "canceling statement due to lock timeout (code 55P03)",
            Kind::MariaDb => "max_statement_time exceeded",
            Kind::Sqlite => "database is locked",
        };
        assert!(told.to_string().contains(reason), "{told}");
        // The connection is as good as before.
        store.insert_capped(&key(1), record(), None).await.expect("an insert");
        assert!(other.load(&key(1)).await.expect("a load").is_some());
    });
}

on_each! { a_statement_that_waits_too_long_is_an_error_with_the_databases_reason }
