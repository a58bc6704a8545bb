//! Measures the size of a session in each store, and the operations a second of each store, for the
//! page about sizing. Prints a table. Starts the servers that it measures, with the durability of a
//! default installation, and ends them. The first argument is the number of sessions (100,000).

use std::{
    fs,
    future::Future,
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use session_runtime::{
    clock::{Clock as _, SystemClock},
    store::{
        self, Check, Commit, FieldValue, KeyId, Lifetime, Meta, Namespace, Op, PrincipalKey,
        Record, Selector, Store, StoreKey,
    },
    testing::conformance::Repository as _,
};
use tests::backend::{mariadb::MariaDb, postgres::Postgres, redis::Redis};

/// The bytes in the one field of a session.
const BYTES: usize = 300;
const AT_ONCE: usize = 64;
/// The time for which each operation is repeated.
const MEASURED: Duration = Duration::from_secs(3);
const HOUR: Duration = Duration::from_secs(3600);

/// A store, and the way to its size.
struct Subject {
    name: &'static str,
    url: String,
    /// Returns the bytes that the sessions take.
    bytes: Box<dyn Fn() -> u64>,
}

fn main() -> ExitCode {
    let sessions = match std::env::args().nth(1).map(|text| text.parse::<usize>()) {
        None => 100_000,
        Some(Ok(sessions)) if sessions > 0 => sessions,
        Some(_) => {
            eprintln!("usage: sizing [SESSIONS]");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    println!(
        "{sessions} sessions, each with a principal of its own and {BYTES} bytes in one field; \
         {AT_ONCE} at once.\n"
    );
    println!("| store | bytes a session | loads a second | commits | log-ins |");
    println!("|---|---:|---:|---:|---:|");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (postgres, mariadb) = (Postgres::durable(), MariaDb::durable());
    let redis = Redis::start(&["--appendonly", "yes"]);
    for subject in subjects(directory.path(), postgres, mariadb, redis) {
        println!("{}", runtime.block_on(measure(&subject, sessions)));
    }
    ExitCode::SUCCESS
}

fn subjects(directory: &Path, postgres: Postgres, mariadb: MariaDb, redis: Redis) -> Vec<Subject> {
    let local = |scheme: &'static str, name: &'static str| {
        let place = directory.join(scheme);
        fs::create_dir(&place).expect("an empty directory");
        let url = format!("{scheme}:{}", place.join("sessions").display());
        Subject { name, url, bytes: Box::new(move || size_on_disk(&place)) }
    };
    let mut subjects =
        vec![local("embedded", "embedded"), local("file", "file"), local("sqlite", "SQLite")];
    let url = postgres.database("sizing");
    let bytes = move || {
        let size = "VACUUM http_session; SELECT pg_total_relation_size('http_session')";
        number(&size.split("; ").map(|it| postgres.sql("sizing", it)).collect::<String>())
    };
    subjects.push(Subject { name: "PostgreSQL", url, bytes: Box::new(bytes) });
    let url = mariadb.database("sizing");
    let bytes = move || {
        mariadb.sql("sizing", "ANALYZE TABLE http_session");
        let size = "SELECT data_length + index_length FROM information_schema.tables \
                    WHERE table_name = 'http_session'";
        number(&mariadb.sql("sizing", size))
    };
    subjects.push(Subject { name: "MariaDB", url, bytes: Box::new(bytes) });
    let url = redis.url();
    let bytes = move || {
        let info = redis.text(&["INFO", "memory"]);
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
        number(used.unwrap_or_default())
    };
    subjects.push(Subject { name: "Redis", url, bytes: Box::new(bytes) });
    subjects
}

/// Returns the row of a store.
async fn measure(subject: &Subject, sessions: usize) -> String {
    let store = store::open(&subject.url).await.expect("the store opens");
    let empty = (subject.bytes)();
    let keys: Arc<[StoreKey]> = (0..sessions).map(|_| key()).collect();
    let next = Arc::new(AtomicUsize::new(0));
    at_once(|| {
        let (store, keys, next) = (Arc::clone(&store), Arc::clone(&keys), Arc::clone(&next));
        async move {
            while let Some(key) = keys.get(next.fetch_add(1, Ordering::Relaxed)) {
                store.insert(key, Arc::new(record(key))).await.expect("there is room");
            }
        }
    })
    .await;
    let bytes = (subject.bytes)().saturating_sub(empty) / u64::try_from(sessions).unwrap_or(1);
    let loads = rate(&store, &keys, |store, key| async move {
        store.load(&key).await.expect("reads").expect("a session that is there");
    });
    let loads = loads.await;
    let commits = rate(&store, &keys, |store, key| async move {
        let loaded = store.load(&key).await.expect("reads").expect("a session that is there");
        let mut commit = Commit::touch(SystemClock.now(), CHECK, KEY_ID);
        commit.ops.push(Op::Set { field: FIELD.into(), value: value() });
        commit.loaded = Some(loaded);
        store.commit(&key, &commit).await.expect("commits");
    });
    let commits = commits.await;
    let log_ins = rate(&store, &keys, |store, _| async move {
        let key = key();
        store.insert(&key, Arc::new(record(&key))).await.expect("there is room");
    });
    let log_ins = log_ins.await;
    format!("| {} | {bytes} | {loads} | {commits} | {log_ins} |", subject.name)
}

/// Returns how many times a second an operation is done, on sessions all over the store.
async fn rate<F: Future<Output = ()> + Send>(
    store: &Arc<dyn Store>,
    keys: &Arc<[StoreKey]>,
    operation: impl Fn(Arc<dyn Store>, StoreKey) -> F + Clone + Send + 'static,
) -> u64 {
    let (done, next) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    at_once(|| {
        let (store, keys, operation) = (Arc::clone(store), Arc::clone(keys), operation.clone());
        let (done, next) = (Arc::clone(&done), Arc::clone(&next));
        async move {
            while begun.elapsed() < MEASURED {
                let turn = next.fetch_add(7_919, Ordering::Relaxed) % keys.len();
                operation(Arc::clone(&store), keys[turn].clone()).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    u64::try_from(done.load(Ordering::Relaxed)).unwrap_or(u64::MAX) * 1_000 / millis
}

/// Runs as many tasks as there are clients, to their end.
async fn at_once<F: Future<Output = ()> + Send + 'static>(task: impl Fn() -> F) {
    let tasks: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(task())).collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
}

const FIELD: &str = "data";
const CHECK: Check = Check::from_bytes([1; 16]);
const KEY_ID: KeyId = KeyId::from_bytes([1; 4]);

fn key() -> StoreKey {
    StoreKey { namespace: Namespace::new("sizing"), selector: Selector::from_bytes(random()) }
}

/// Returns a session of a principal that has no other.
fn record(key: &StoreKey) -> Record {
    let now = SystemClock.now();
    let lifetime = Lifetime {
        idle_millis: Some(HOUR.as_secs() * 1_000),
        absolute_until: now.saturating_add(12 * HOUR),
        persistent: false,
    };
    let mut record = Record::new(Meta::new(CHECK, KEY_ID, now, lifetime));
    record.meta.set_principal(Some(PrincipalKey::new(&format!("\"{}\"", key.selector))), now);
    record.set(FIELD, value());
    record
}

/// Returns a text of its own: whoever is given the bytes that are there already may leave them alone.
fn value() -> FieldValue {
    let number = u128::from_ne_bytes(random());
    FieldValue::Bytes(format!("\"{number:<width$}\"", width = BYTES - 2).into())
}

fn random() -> [u8; 16] {
    use std::hash::{BuildHasher as _, RandomState};

    let draw = || RandomState::new().hash_one(()).to_ne_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&draw());
    bytes[8..].copy_from_slice(&draw());
    bytes
}

fn number(text: &str) -> u64 {
    text.trim().parse().expect("a number of bytes")
}

/// Returns the bytes that a directory takes on the disk, as `du` counts them.
fn size_on_disk(directory: &Path) -> u64 {
    let mut command = std::process::Command::new("du");
    let told = tests::backend::run(command.args(["-s", "--block-size=1"]).arg(directory));
    number(told.split_whitespace().next().unwrap_or_default())
}
