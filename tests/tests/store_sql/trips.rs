//! What an operation costs: round trips between the program and the server, counted on the wire,
//! and statements, which are prepared once on a connection.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    policy::OnMaxSessions,
    store::{
        Cap, Commit, CommitOutcome, Expected, InsertOutcome, Lifetime, Op, PrincipalKey, Record,
        Rotation, SqlStore, Store, StoreKey,
    },
};
use sqlx::postgres::PgPoolOptions;

use crate::support::*;

/// A proxy that counts how often the client asks and waits, pings apart: sqlx pings a connection
/// when it goes back to its pool, behind the answer.
struct Meter {
    port: u16,
    trips: Arc<AtomicUsize>,
}

impl Meter {
    fn start(kind: Kind, target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let trips = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&trips);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).expect("a server");
                client.set_nodelay(true).expect("an option");
                server.set_nodelay(true).expect("an option");
                let answered = Arc::new(AtomicUsize::new(1));
                let (to_server, to_client) = (server.try_clone(), client.try_clone());
                let (counter, seen) = (Arc::clone(&counter), Arc::clone(&answered));
                thread::spawn(move || {
                    pass_on(client, to_server.expect("a handle"), |bytes| {
                        let is_ping = match kind {
                            // `Sync`, and nothing before it.
                            Kind::Postgres => bytes == b"S\0\0\0\x04",
                            _ => bytes == b"\x01\0\0\0\x0e",
                        };
                        if seen.swap(0, Ordering::SeqCst) == 1 && !is_ping {
                            counter.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                });
                thread::spawn(move || {
                    pass_on(server, to_client.expect("a handle"), |_| {
                        answered.store(1, Ordering::SeqCst);
                    });
                });
            }
        });
        Self { port, trips }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mut note: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        note(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
}

/// Everything that a busy program does takes so many round trips once its statements are prepared:
/// one more for each of them before that.
async fn count(
    store: &SqlStore,
    other: &SqlStore,
    trips: &AtomicUsize,
    is_idle: &dyn Fn() -> bool,
) {
    let mut number = 0;
    for (name, expected) in TRIPS {
        let mut taken = 0;
        for _round in 0..3 {
            number += 1;
            let key = key(number);
            if !matches!(*name, "insert" | "gone" | "insert with a principal") {
                let made = if name.ends_with("of a user") { owned("6") } else { record() };
                let made = store.insert_capped(&key, made, None).await.expect("an insert");
                assert_eq!(made, InsertOutcome::inserted());
            }
            let loaded = store.load(&key).await.expect("a load");
            settle(is_idle).await;
            let before = trips.load(Ordering::SeqCst);
            assert!(carry_out(store, other, name, &key, loaded).await, "{name}");
            taken = trips.load(Ordering::SeqCst) - before;
            settle(is_idle).await;
        }
        assert_eq!(taken, *expected, "{name}");
    }
}

/// The operations, and the round trips of each.
const TRIPS: &[(&str, usize)] = &[
    ("insert", 1),
    ("load", 1),
    ("touch", 1),
    ("touch of a user", 1),
    ("commit", 1),
    ("commit of a user", 1),
    ("large commit of a user", 1),
    ("list", 1),
    ("delete", 1),
    ("gone", 1),
    // A load first.
    ("commit without a load", 2),
    // A write that finds another version, a load, a write.
    ("commit after another", 3),
    // A write, and a count.
    ("insert with a principal", 2),
    ("log in", 2),
    ("log in below the cap", 2),
    ("log in of a user", 2),
    // A write, a count, a list, a removal.
    ("log in at the cap", 4),
    // A look for a lease, the lease, a list, a write and a count, a release.
    ("log in that may be refused", 6),
];

/// Carries out one of the operations on a session. Returns whether it did what it is called.
async fn carry_out(
    store: &SqlStore,
    other: &SqlStore,
    name: &str,
    key: &StoreKey,
    loaded: Option<Arc<Record>>,
) -> bool {
    let cap = |sessions| Some(Cap::new(sessions, OnMaxSessions::EndOldest));
    let refusing = Some(Cap::new(100, OnMaxSessions::RefuseNew));
    let after_load = |mut commit: Commit| {
        commit.loaded.clone_from(&loaded);
        commit
    };
    let commit_is_made = async |commit: Commit| {
        let outcome = store.commit(key, &commit).await.expect("a commit");
        matches!(outcome, CommitOutcome::Committed { .. })
    };
    let small = || commit([set("theme", "1"), add("visits"), Op::Unset { field: "flash".into() }]);
    match name {
        "insert" => store.insert_capped(key, record(), None).await.is_ok(),
        "insert with a principal" => store.insert_capped(key, owned("9"), cap(100)).await.is_ok(),
        "load" => store.load(key).await.expect("a load").is_some(),
        "list" => store.list_live(&shop(), &PrincipalKey::new("7"), at(1)).await.is_ok(),
        "delete" => store.remove(key, None).await.expect("a delete"),
        "gone" => store.commit(key, &commit([])).await.expect("a commit") == CommitOutcome::Gone,
        "touch" | "touch of a user" => commit_is_made(after_load(commit([]))).await,
        "commit" | "commit of a user" => commit_is_made(after_load(small())).await,
        "large commit of a user" => commit_is_made(after_load(everything())).await,
        "commit without a load" => commit_is_made(small()).await,
        "commit after another" => {
            // Whose round trips do not count.
            other.commit(key, &commit([add("visits")])).await.expect("a commit");
            commit_is_made(after_load(small())).await
        }
        "log in" | "log in of a user" => commit_is_made(after_load(log_in("7", None, []))).await,
        "log in below the cap" => commit_is_made(after_load(log_in("8", cap(100), []))).await,
        "log in at the cap" => commit_is_made(after_load(log_in("5", cap(1), []))).await,
        _ => commit_is_made(after_load(log_in("4", refusing, []))).await,
    }
}

/// A commit of every kind of change but a log-in.
fn everything() -> Commit {
    let mut commit = commit([
        Op::Clear { keep: vec!["kept".into(), "n".into(), "s".into()] },
        set("a", "1"),
        Op::Unset { field: "kept".into() },
        add("n"),
        Op::Max { field: "extra:max".into(), value: 3 },
        Op::Once { field: "extra:once".into(), value: text("1") },
        Op::Take { field: "extra:flash".into(), seen: text("1") },
        Op::Insert { field: "s".into(), member: "1".into() },
        Op::Remove { field: "extra:t".into(), member: "1".into() },
    ]);
    commit.expected = vec![Expected { field: "g".into(), seen: None }];
    commit.rotation =
        Some(Rotation { check: check(), key_id: key_id(), grace_until: Some(at(IDLE)) });
    commit.lifetime =
        Some(Lifetime { idle_millis: Some(IDLE), absolute_until: at(9 * IDLE), persistent: true });
    commit
}

fn check_trips(kind: Kind) {
    let url = kind.fresh("trips");
    wait(async {
        let meter = Meter::start(kind, kind.port());
        let (pool, is_idle) = one_connection(kind, &kind.through(&url, meter.port));
        let store = SqlStore::builder().open(pool).await.expect("a store");
        let other = connect(&url).await;
        count(&store, &other, &meter.trips, &is_idle).await;
    });
}

#[test]
fn postgres_takes_one_round_trip() {
    check_trips(Kind::Postgres);
}

#[test]
fn mariadb_takes_one_round_trip() {
    check_trips(Kind::MariaDb);
}

#[test]
fn statements_are_prepared_once() {
    let url = Kind::Postgres.fresh("prepared");
    wait(async {
        let pool = PgPoolOptions::new().max_connections(1).connect(&url).await.expect("a pool");
        // Not by the builder, which tries every statement.
        let store = SqlStore::new(pool.clone());
        store.migrate().await.expect("the tables");
        let statements = async || -> i64 {
            let count = "SELECT count(*) FROM pg_prepared_statements";
            sqlx::query_scalar(count).fetch_one(&pool).await.expect("a count")
        };
        let work = async |number: u64| {
            let key = key(number);
            store.insert_capped(&key, record(), None).await.expect("an insert");
            store.load(&key).await.expect("a load");
            store.commit(&key, &commit([])).await.expect("a touch");
            for value in ["1", "2", "a longer one"] {
                // Other names, other values, more of them: the same text.
                let other =
                    ["a", "b", "c", "extra:d"][usize::try_from(number).expect("a small one") % 4];
                store.commit(&key, &commit([set(other, value)])).await.expect("a commit");
                store.commit(&key, &commit([add("n"), add(other)])).await.expect("a commit");
            }
            store.commit(&key, &everything()).await.expect("a commit");
            store.commit(&key, &log_in("ada", None, [])).await.expect("a commit");
            store.remove(&key, None).await.expect("a delete");
        };
        let before = statements().await;
        work(1).await;
        let after_one = statements().await;
        for number in 2..30 {
            work(number).await;
        }
        assert_eq!(statements().await, after_one);
        // Insert, load, replace, count, remove.
        assert_eq!(after_one - before, 5);
    });
}
