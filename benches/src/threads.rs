//! The memory store beside a plain sharded map that holds the same bytes, on two threads: what the
//! store itself adds to a look-up and to a write. Calls it as the runtime does, below tokens and
//! handles.

use std::{
    array,
    collections::HashMap,
    hint::black_box,
    pin::pin,
    sync::{Arc, Barrier, Mutex},
    task::{Context, Poll, Waker},
    thread,
    time::Instant,
};

use bytes::Bytes;
use serde::Serialize;
use session_runtime::store::{
    Commit, CommitOutcome, MemoryStore, Store, StoreFuture, StoreKey, Written,
};

use crate::{
    report::{Table, number},
    rounds::median_when_warm,
    stored::{keys, record, value, write},
};

/// Few enough to stay near the processor, and too many for that.
const SESSIONS: [usize; 2] = [1_000, 100_000];
const THREADS: usize = 2;
/// Of each thread in a round.
const OPERATIONS: usize = 100_000;
const ROUNDS: usize = 9;
/// What each thread writes, in turn: few enough to be at hand, as what a request writes is.
const VALUES: usize = 64;

#[derive(Serialize)]
pub struct Threads {
    at_once: usize,
    rows: Vec<Row>,
}

/// Nanoseconds of an operation, on each thread.
#[derive(Serialize)]
struct Row {
    sessions: usize,
    what: &'static str,
    map: f64,
    ours: f64,
    ratio: f64,
}

/// Of the operation of this number on this thread.
type Operation<'a> = &'a (dyn Fn(usize, usize) + Sync);

pub fn run() -> Threads {
    Threads { at_once: THREADS, rows: SESSIONS.into_iter().flat_map(rows).collect() }
}

fn rows(sessions: usize) -> [Row; 2] {
    let keys = keys(sessions);
    let values: [Vec<Bytes>; THREADS] = array::from_fn(|_| (0..VALUES).map(value).collect());
    let (map, ours) = (Map::new(&keys), Ours::new(&keys));
    let key = |thread, number| &keys[session(sessions, thread, number)];
    let operations: [Operation<'_>; 4] = [
        &|thread, number| {
            black_box(map.read(key(thread, number)));
        },
        &|thread, number| {
            black_box(ours.read(key(thread, number)));
        },
        &|thread, number| map.write(key(thread, number), &values[thread][number % VALUES]),
        &|thread, number| ours.write(key(thread, number), &ours.commits[thread][number % VALUES]),
    ];
    let mut rounds = operations.map(|_| Vec::new());
    for _ in 0..=ROUNDS {
        for (operation, rounds) in operations.into_iter().zip(&mut rounds) {
            rounds.push(nanoseconds(operation));
        }
    }
    let [read_map, read_ours, write_map, write_ours] = rounds.map(median_when_warm);
    let row = |what, map, ours| Row { sessions, what, map, ours, ratio: ours / map };
    [
        row("load a session", read_map, read_ours),
        row("commit a write of one field", write_map, write_ours),
    ]
}

/// Each thread has sessions of its own, all over the shards: the locks are shared, as between
/// requests of many clients, and the sessions are not.
fn session(sessions: usize, thread: usize, number: usize) -> usize {
    (number * 7_919 % (sessions / THREADS)) * THREADS + thread
}

fn nanoseconds(operation: Operation<'_>) -> f64 {
    let start = Barrier::new(THREADS);
    let work = |thread: usize| {
        start.wait();
        let begun = Instant::now();
        for number in 0..OPERATIONS {
            operation(thread, number);
        }
        begun.elapsed().as_secs_f64() * 1e9 / OPERATIONS as f64
    };
    thread::scope(|scope| {
        let work = &work;
        let threads = array::from_fn::<_, THREADS, _>(|thread| scope.spawn(move || work(thread)));
        let times = threads.map(|thread| thread.join().expect("no thread panics"));
        times.iter().sum::<f64>() / THREADS as f64
    })
}

/// What a session is there: its bytes, and when it was last seen.
type Shard = Mutex<HashMap<[u8; 16], (Arc<[u8]>, u64)>>;

struct Map([Shard; 64]);

impl Map {
    fn new(keys: &[StoreKey]) -> Self {
        let map = Self(array::from_fn(|_| Mutex::default()));
        for (number, key) in keys.iter().enumerate() {
            let id = key.selector.as_bytes();
            let mut shard = map.shard(id).lock().expect("no panic under the lock");
            shard.insert(*id, (Arc::from(&value(number)[..]), 0));
        }
        map
    }

    fn shard(&self, id: &[u8; 16]) -> &Shard {
        &self.0[usize::from(id[0]) % 64]
    }

    fn read(&self, key: &StoreKey) -> Option<Arc<[u8]>> {
        let id = key.selector.as_bytes();
        let shard = self.shard(id).lock().expect("no panic under the lock");
        shard.get(id).map(|(bytes, _)| Arc::clone(bytes))
    }

    /// Keeps a copy, as the store does. Had the sessions the few values in common, there would be
    /// no more bytes than those, and always at hand.
    fn write(&self, key: &StoreKey, value: &[u8]) {
        let id = key.selector.as_bytes();
        let value = Arc::from(value);
        let mut shard = self.shard(id).lock().expect("no panic under the lock");
        *shard.get_mut(id).expect("it was inserted") = (value, 1);
    }
}

struct Ours {
    store: MemoryStore,
    commits: [Vec<Commit>; THREADS],
}

impl Ours {
    fn new(keys: &[StoreKey]) -> Self {
        let commits = array::from_fn(|_| (0..VALUES).map(|number| write(value(number))).collect());
        let store = MemoryStore::default();
        for (number, key) in keys.iter().enumerate() {
            ready(store.insert(key, Arc::new(record(value(number)))));
        }
        Self { store, commits }
    }

    fn read(&self, key: &StoreKey) -> impl Sized + use<> {
        ready(self.store.load(key)).expect("it was inserted")
    }

    fn write(&self, key: &StoreKey, commit: &Commit) {
        let written = self.store.change(key, false, &mut |record| {
            matches!(record.apply(commit), CommitOutcome::Committed { .. })
        });
        assert!(matches!(written, Some(Written::Stored { .. })), "{written:?}");
    }
}

/// The answer of a store that has it at once.
fn ready<T: Unpin>(answer: StoreFuture<'_, T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.expect("memory does not fail"),
        Poll::Pending => unreachable!("memory is there at once"),
    }
}

impl Threads {
    pub fn table(&self) -> Table {
        let what = format!("ns on {} threads", self.at_once);
        let header = [&*what, "sessions", "plain map", "memory store", "ratio"];
        let mut table = Table::new(&header);
        for Row { sessions, what, map, ours, ratio } in &self.rows {
            table.row([
                (*what).to_owned(),
                number(*sessions as f64),
                number(*map),
                number(*ours),
                format!("{ratio:.2}"),
            ]);
        }
        table
    }
}
