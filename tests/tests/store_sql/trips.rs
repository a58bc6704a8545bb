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

use session_runtime::{
    policy::OnMaxSessions,
    store::{
        Cap, Commit, CommitOutcome, Expected, InsertOutcome, Lifetime, Op, PrincipalKey, Rotation,
        SqlPool, SqlStore, Store,
    },
};
use sqlx::{mysql::MySqlPoolOptions, postgres::PgPoolOptions};
use tests::eventually;

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

/// A pool of one connection through a meter, as `SqlStore::connect` would set it up.
fn metered(kind: Kind, url: &str) -> (SqlPool, Arc<AtomicUsize>, Box<dyn Fn() -> bool>) {
    let target = if kind == Kind::Postgres { postgres().port() } else { mariadb().port() };
    let meter = Meter::start(kind, target);
    let url = url.replace(&format!(":{target}/"), &format!(":{}/", meter.port));
    if kind == Kind::Postgres {
        let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
        let pool = pool.connect_lazy(&url).expect("a URL");
        let idle = pool.clone();
        return (pool.into(), meter.trips, Box::new(move || idle.num_idle() == 1));
    }
    let pool = MySqlPoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool = pool.connect_lazy(&url).expect("a URL");
    let idle = pool.clone();
    (pool.into(), meter.trips, Box::new(move || idle.num_idle() == 1))
}

/// Everything that a busy program does, by name, with how many round trips it takes once its
/// statements are prepared: one more for each of them before that.
async fn count(
    store: &SqlStore,
    trips: &AtomicUsize,
    is_idle: &dyn Fn() -> bool,
) -> Vec<(&'static str, usize)> {
    let mut counted = Vec::new();
    let mut number = 0;
    let ada = PrincipalKey::new("7");
    let cap = |sessions| Some(Cap { sessions, on_max: OnMaxSessions::EndOldest });
    for (name, round) in [
        "insert",
        "load",
        "touch",
        "commit",
        "large commit",
        "log in",
        "conflict",
        "gone",
        "list",
        "delete",
        "log in with cap",
        "log in at the cap",
        "insert with cap",
        "look and write",
    ]
    .into_iter()
    .flat_map(|name| [(name, 1), (name, 2), (name, 3)])
    {
        number += 1;
        let key = key(number);
        if !matches!(name, "insert" | "gone" | "insert with cap") {
            let made = store.insert(&key, record(), None).await.expect("an insert");
            assert_eq!(made, InsertOutcome::inserted());
        }
        settle(is_idle).await;
        let before = trips.load(Ordering::SeqCst);
        let small = [set("theme", "1"), add("visits"), Op::Unset { field: "flash".into() }];
        let applied = match name {
            "insert" => store.insert(&key, owned("8"), None).await.is_ok(),
            "insert with cap" => store.insert(&key, owned("9"), cap(100)).await.is_ok(),
            "load" => store.load(&key).await.expect("a load").is_some(),
            "touch" => is_committed(&store.commit(&key, &commit([])).await.expect("a touch")),
            "commit" => is_committed(&store.commit(&key, &commit(small)).await.expect("a commit")),
            "large commit" => {
                is_committed(&store.commit(&key, &everything()).await.expect("a commit"))
            }
            "log in" => {
                is_committed(&store.commit(&key, &log_in("7", None, [])).await.expect("a commit"))
            }
            "log in with cap" | "log in at the cap" => {
                let most = if name == "log in at the cap" { 1 } else { 100 };
                is_committed(
                    &store.commit(&key, &log_in("7", cap(most), [])).await.expect("a commit"),
                )
            }
            "conflict" => {
                let mut commit = commit([]);
                commit.expected = vec![Expected { group: "g".into(), revision: 9 }];
                !is_committed(&store.commit(&key, &commit).await.expect("a commit"))
            }
            "gone" => {
                store.commit(&key, &commit([])).await.expect("a commit") == CommitOutcome::Gone
            }
            "list" => store.list(&shop(), &ada, at(1)).await.is_ok(),
            "delete" => store.delete(&key).await.expect("a delete"),
            _ => {
                let max = Op::Max { field: "n".into(), value: 5 };
                let rare = commit([max, add("n")]);
                is_committed(&store.commit(&key, &rare).await.expect("a commit"))
            }
        };
        assert!(applied, "{name}");
        let taken = trips.load(Ordering::SeqCst) - before;
        settle(is_idle).await;
        if round == 3 {
            counted.push((name, taken));
        }
    }
    counted
}

fn is_committed(outcome: &CommitOutcome) -> bool {
    matches!(outcome, CommitOutcome::Committed { .. })
}

/// A commit of every kind of change that one statement can make.
fn everything() -> Commit {
    let mut commit = commit([
        Op::Clear { keep: vec!["kept".into(), "extra".into(), "n".into(), "s".into()] },
        set("a", "1"),
        Op::Unset { field: "kept".into() },
        add("n"),
        Op::Max { field: "extra:max".into(), value: 3 },
        Op::Once { field: "extra:once".into(), value: text("1") },
        Op::Take { field: "extra:flash".into(), seen: text("1") },
        Op::Insert { field: "s".into(), member: "1".into() },
        Op::Remove { field: "extra:t".into(), member: "1".into() },
    ]);
    commit.expected = vec![Expected { group: "g".into(), revision: 0 }];
    commit.bump = vec!["g".into()];
    commit.principal = Some(Some(PrincipalKey::new("9")));
    commit.rotation =
        Some(Rotation { check: check(), key_id: key_id(), grace_until: Some(at(IDLE)) });
    commit.lifetime =
        Some(Lifetime { idle_millis: Some(IDLE), absolute_until: at(9 * IDLE), persistent: true });
    commit
}

/// Waits until the connection is back in its pool, with its ping behind it.
async fn settle(is_idle: &dyn Fn() -> bool) {
    eventually("the connection is idle", async || is_idle()).await;
}

const ONE_STATEMENT: [&str; 8] =
    ["insert", "load", "touch", "commit", "large commit", "log in", "list", "delete"];

fn check_trips(kind: Kind, expected: &[(&str, usize)]) {
    let url = kind.fresh("trips");
    wait(async {
        let (pool, trips, is_idle) = metered(kind, &url);
        let store = SqlStore::builder().open(pool).await.expect("a store");
        let counted = count(&store, &trips, &is_idle).await;
        for (name, trips) in &counted {
            let expected = expected.iter().find(|(it, _)| it == name).map(|(_, trips)| *trips);
            let expected = expected.or_else(|| ONE_STATEMENT.contains(name).then_some(1));
            assert_eq!(Some(*trips), expected, "{name}: {counted:?}");
        }
    });
}

#[test]
fn postgres_takes_one_round_trip() {
    // A statement, and a look why it found nothing. BEGIN, lock, count, change, COMMIT; one more
    // removes who gives way. BEGIN, look, write, COMMIT.
    let more = [
        ("conflict", 2),
        ("gone", 2),
        ("log in with cap", 5),
        ("insert with cap", 5),
        ("log in at the cap", 6),
        ("look and write", 4),
    ];
    check_trips(Kind::Postgres, &more);
}

#[test]
fn mariadb_takes_one_round_trip() {
    // Nothing is returned by a DELETE there: one statement more says who gives way.
    let more = [
        ("conflict", 2),
        ("gone", 2),
        ("log in with cap", 5),
        ("insert with cap", 5),
        ("log in at the cap", 7),
        ("look and write", 4),
    ];
    check_trips(Kind::MariaDb, &more);
}

#[test]
fn statements_are_prepared_once() {
    let url = Kind::Postgres.fresh("prepared");
    wait(async {
        let pool = PgPoolOptions::new().max_connections(1).connect(&url).await.expect("a pool");
        let store = SqlStore::builder().open(pool.clone()).await.expect("a store");
        let statements = async || -> i64 {
            let count = "SELECT count(*) FROM pg_prepared_statements";
            sqlx::query_scalar(count).fetch_one(&pool).await.expect("a count")
        };
        let work = async |number: u64| {
            let key = key(number);
            store.insert(&key, record(), None).await.expect("an insert");
            store.load(&key).await.expect("a load");
            store.commit(&key, &commit([])).await.expect("a touch");
            for value in ["1", "2", "a longer one"] {
                // Other names, other values, more of them: the same text.
                let other =
                    ["a", "b", "c", "extra:d"][usize::try_from(number).expect("a small one") % 4];
                store.commit(&key, &commit([set(other, value)])).await.expect("a commit");
                let two = [set("x", value), set(other, value), Op::Unset { field: "z".into() }];
                store.commit(&key, &commit(two)).await.expect("a commit");
                store.commit(&key, &commit([add(other)])).await.expect("a commit");
            }
            store.commit(&key, &everything()).await.expect("a commit");
            store.delete(&key).await.expect("a delete");
        };
        statements().await;
        work(1).await;
        let after_one = statements().await;
        for number in 2..30 {
            work(number).await;
        }
        assert_eq!(statements().await, after_one);
        // Three to migrate and count, then insert, load, touch, set, set and unset, add, all, delete.
        assert!(after_one <= 12, "{after_one}");
    });
}
