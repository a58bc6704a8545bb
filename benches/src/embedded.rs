//! The embedded store beside raw SQLite and the bare disk: durable writes a second, of one writer
//! and of many at once. All write the same bytes to files in one directory, in turn. What a sync
//! takes there is most of it, so the directory must be on a disk.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Instant,
};

use rusqlite::{Connection, params};
use serde::Serialize;
use session_runtime::store::{CommitOutcome, EmbeddedStore, Record, Store, StoreKey, Written};
use tokio::runtime::Runtime;

use crate::{
    machine::Machine,
    report::{Table, number},
    rounds::median,
    stored::{keys, record, value, write},
};

const SESSIONS: usize = 10_000;
const AT_ONCE: usize = 64;
/// In each round: of one writer, and of each of those at once.
const ALONE: usize = 1_000;
const EACH: usize = 100;
const ROUNDS: usize = 9;

#[derive(Serialize)]
pub struct Embedded {
    machine: Machine,
    file_system: String,
    at_once: usize,
    /// Durable writes a second.
    ours: f64,
    ours_at_once: f64,
    /// How many of ours share a sync when there are so many at once.
    commits_per_sync: f64,
    sqlite: f64,
    /// A file to which the bytes are appended, with a sync each: what the disk allows.
    append: f64,
    ours_to_sqlite: f64,
    at_once_to_alone: f64,
}

/// A directory of our own, which goes with it.
struct Place(PathBuf);

impl Place {
    fn within(parent: &Path) -> io::Result<Self> {
        let place = Self(parent.join(format!("bench-embedded-{}", std::process::id())));
        fs::create_dir_all(&place.0)?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Measures in `directory`; without one, where this program was built.
pub fn run(directory: Option<&str>) -> io::Result<Embedded> {
    let program = std::env::current_exe()?;
    let parent = directory.map(Path::new).or_else(|| program.parent());
    let place = Place::within(parent.unwrap_or(Path::new(".")))?;
    let file_system = file_system(&place.0)?;
    if ["tmpfs", "ramfs"].contains(&&*file_system) {
        return Err(io::Error::other(format!(
            "{} is in memory ({file_system}), where a sync does nothing; give `--dir` a directory \
             on a disk",
            place.0.display()
        )));
    }
    let ours = Ours::new(&place.0);
    let sqlite = Sqlite::new(&place.0, &ours.keys);
    let mut append = Append(File::create(place.0.join("append"))?);
    let (mut syncs, mut rounds) = (0, Vec::new());
    for round in 0..=ROUNDS {
        let begun = ours.store.syncs();
        let at_once = ours.at_once(round);
        // The first warms up.
        syncs += if round > 0 { ours.store.syncs() - begun } else { 0 };
        rounds.push([ours.alone(round), at_once, sqlite.alone(round), append.alone(round)?]);
    }
    let [ours, ours_at_once, sqlite, append] = medians(&rounds[1..]);
    Ok(Embedded {
        machine: Machine::with(&["redb", "rusqlite", "tokio"]),
        file_system,
        at_once: AT_ONCE,
        ours,
        ours_at_once,
        commits_per_sync: (ROUNDS * AT_ONCE * EACH) as f64 / syncs as f64,
        sqlite,
        append,
        ours_to_sqlite: ours / sqlite,
        at_once_to_alone: ours_at_once / ours,
    })
}

fn file_system(directory: &Path) -> io::Result<String> {
    let output = Command::new("df").arg("--output=fstype").arg(directory).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().nth(1).map(|line| line.trim().to_owned()).ok_or(io::ErrorKind::NotFound.into())
}

fn medians(rounds: &[[f64; 4]]) -> [f64; 4] {
    std::array::from_fn(|contestant| median(rounds.iter().map(|round| round[contestant]).collect()))
}

/// A second's worth, of so many since then.
fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

/// Which session the next write of a round is to, and what it writes: all over the sessions, and
/// never what is there already.
fn turn(round: usize, number: usize) -> (usize, usize) {
    let write = round * AT_ONCE * EACH + number;
    (write * 7_919 % SESSIONS, SESSIONS + write)
}

struct Ours {
    store: EmbeddedStore,
    keys: Arc<[StoreKey]>,
    runtime: Runtime,
}

impl Ours {
    fn new(place: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
        let store = EmbeddedStore::open(place.join("ours.redb")).expect("a new file");
        let keys: Arc<[StoreKey]> = keys(SESSIONS).into();
        runtime.block_on(async {
            for (number, key) in keys.iter().enumerate() {
                store.insert(key, Arc::new(record(value(number)))).await.expect("there is room");
            }
        });
        Self { store, keys, runtime }
    }

    fn alone(&self, round: usize) -> f64 {
        let begun = Instant::now();
        self.runtime.block_on(writer(&self.store, &self.keys, round, 0..ALONE));
        rate(ALONE, begun)
    }

    fn at_once(&self, round: usize) -> f64 {
        let begun = Instant::now();
        self.runtime.block_on(async {
            let task = |task: usize| {
                let (store, keys) = (self.store.clone(), Arc::clone(&self.keys));
                let numbers = task * EACH..(task + 1) * EACH;
                tokio::spawn(async move { writer(&store, &keys, round, numbers).await })
            };
            for task in (0..AT_ONCE).map(task).collect::<Vec<_>>() {
                task.await.expect("no task panics");
            }
        });
        rate(AT_ONCE * EACH, begun)
    }
}

/// Somebody who writes one session after the other.
async fn writer(store: &EmbeddedStore, keys: &[StoreKey], round: usize, numbers: Range<usize>) {
    for number in numbers {
        let (session, number) = turn(round, number);
        let loaded = store.load(&keys[session]).await.expect("reads").expect("it was inserted");
        let mut record = Record::clone(&loaded);
        let outcome = record.apply(&write(value(number)));
        assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
        let (version, record) = (loaded.meta.revision, Arc::new(record));
        let written = store.replace(&keys[session], version, record).await;
        assert!(matches!(written, Ok(Written::Stored { .. })), "{written:?}");
    }
}

struct Sqlite(Connection, Vec<[u8; 16]>);

impl Sqlite {
    fn new(place: &Path, keys: &[StoreKey]) -> Self {
        let connection = Connection::open(place.join("sqlite")).expect("a new file");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE session (id BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
                 BEGIN;",
            )
            .expect("it is SQLite's");
        let ids: Vec<_> = keys.iter().map(|key| *key.selector.as_bytes()).collect();
        for (number, id) in ids.iter().enumerate() {
            let row = params![id, &value(number)[..]];
            connection.execute("INSERT INTO session VALUES (?, ?)", row).expect("there is room");
        }
        connection.execute_batch("COMMIT").expect("there is room");
        Self(connection, ids)
    }

    fn alone(&self, round: usize) -> f64 {
        let Self(connection, ids) = self;
        let update = connection.prepare("UPDATE session SET data = ? WHERE id = ?");
        let mut update = update.expect("it is SQL");
        let begun = Instant::now();
        for number in 0..ALONE {
            let (session, number) = turn(round, number);
            // A statement without `BEGIN` is a transaction.
            let changed = update.execute(params![&value(number)[..], ids[session]]);
            assert_eq!(changed, Ok(1));
        }
        rate(ALONE, begun)
    }
}

struct Append(File);

impl Append {
    fn alone(&mut self, round: usize) -> io::Result<f64> {
        let begun = Instant::now();
        for number in 0..ALONE {
            self.0.write_all(&value(turn(round, number).1))?;
            self.0.sync_data()?;
        }
        Ok(rate(ALONE, begun))
    }
}

impl Embedded {
    pub fn markdown(&self) -> String {
        let Self { at_once, commits_per_sync, .. } = self;
        let many = format!("{at_once} at once");
        let mut table = Table::new(&["durable writes of 300 bytes a second", "one writer", &many]);
        table.row(["ours".to_owned(), number(self.ours), number(self.ours_at_once)]);
        for (name, rate) in [
            ("SQLite: WAL, `synchronous = FULL`", self.sqlite),
            ("bytes appended to a file", self.append),
        ] {
            table.row([name.to_owned(), number(rate), "–".to_owned()]);
        }
        format!(
            "{table}\nOurs to SQLite, one writer: {:.2}. Ours, {many} to one: {:.1}; \
             {commits_per_sync:.0} writes share a sync.\n\n{}; {}.\n",
            self.ours_to_sqlite,
            self.at_once_to_alone,
            self.file_system,
            self.machine.caption(),
        )
    }
}
