//! What sessions take while nobody uses them: bytes of each when there are a million, and what a
//! read costs the more there are. Bytes are those asked of the allocator, not those that it takes.

use std::{array, collections::HashMap, process::ExitCode, sync::Mutex, time::Instant};

use axum::{Router, routing::get};
use serde::Serialize;
use session_runtime::{KeyRing, Session, SessionLayer, store::MemoryStore};

use crate::{
    contestants::{Contestant, OURS},
    count::beside,
    driver::{Driver, measured},
    machine::Machine,
    report::{Table, number},
    workload::{Scenario, Values, request},
};

const SESSIONS: usize = 1_000_000;
/// What is in each of them.
const BYTES: usize = 300;
const GROWTH: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const READS: usize = 2_000;
const ROUNDS: usize = 9;

#[derive(Session)]
#[session(name = "id", idle = "30m", absolute = "12h", secure = false)]
struct One {
    data: String,
}

#[derive(Session)]
#[session(name = "five", idle = "30m", absolute = "12h", secure = false)]
struct Five {
    #[session(principal)]
    user: Option<u64>,
    a: String,
    b: String,
    c: String,
    d: String,
}

#[derive(Serialize)]
pub struct Memory {
    machine: Machine,
    sessions: usize,
    /// Each name with its bytes a session.
    bytes_per_session: Vec<(String, f64)>,
    /// Each name with the nanoseconds of a read at the sizes of `growth`.
    growth: [usize; 4],
    nanoseconds_of_a_read: Vec<(String, [f64; 4])>,
}

/// In the process that is measured: fills a store, and prints the bytes of each session.
pub fn fill(which: &str, live: impl Fn() -> usize) -> ExitCode {
    let before = live();
    let kept: Box<dyn std::any::Any> = match which {
        "map" => Box::new(plain_map()),
        "memory-store" => Box::new(filled(&Contestant { router: one, ..*OURS })),
        "memory-store, five fields and a principal" => {
            Box::new(filled(&Contestant { router: five, ..*OURS }))
        }
        #[cfg(feature = "peers")]
        "tower-sessions" => Box::new(filled(&Contestant { router: tower_sessions, ..*OURS })),
        _ => return ExitCode::from(2),
    };
    println!("{}", live() - before);
    drop(kept);
    ExitCode::SUCCESS
}

type Shard = Mutex<HashMap<[u8; 16], (Box<[u8]>, u64)>>;

fn plain_map() -> [Shard; 64] {
    let shards: [Shard; 64] = array::from_fn(|_| Mutex::default());
    for number in 0..SESSIONS {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("random bytes");
        let session = (vec![b'x'; BYTES].into_boxed_slice(), number as u64);
        shards[usize::from(id[0]) % 64].lock().expect("one thread only").insert(id, session);
    }
    shards
}

fn filled(contestant: &Contestant) -> Driver {
    let driver = Driver::new(contestant);
    for _ in 0..SESSIONS {
        assert!(driver.send(request("/create", None)).status().is_success());
    }
    driver
}

fn one() -> Router {
    let create = async |session: Session<One>| {
        session.set_data("x".repeat(BYTES));
        "ok"
    };
    let layer = SessionLayer::<One>::new(store(), KeyRing::ephemeral().expect("random bytes"));
    Router::new().route("/create", get(create)).layer(layer.expect("sound"))
}

fn five() -> Router {
    let create = async |session: Session<Five>| {
        session.log_in(Values::user());
        session.set_a("x".repeat(BYTES / 4));
        session.set_b("x".repeat(BYTES / 4));
        session.set_c("x".repeat(BYTES / 4));
        session.set_d("x".repeat(BYTES / 4));
        "ok"
    };
    let layer = SessionLayer::<Five>::new(store(), KeyRing::ephemeral().expect("random bytes"));
    Router::new().route("/create", get(create)).layer(layer.expect("sound"))
}

fn store() -> MemoryStore {
    MemoryStore::with_limit(2 * SESSIONS)
}

#[cfg(feature = "peers")]
fn tower_sessions() -> Router {
    use tower_sessions::{Expiry, MemoryStore, SessionManagerLayer, cookie::time::Duration};
    let create = async |session: tower_sessions::Session| {
        session.insert("data", "x".repeat(BYTES)).await.expect("it encodes");
        "ok"
    };
    let layer = SessionManagerLayer::new(MemoryStore::default())
        .with_expiry(Expiry::OnInactivity(Duration::minutes(30)));
    Router::new().route("/create", get(create)).layer(layer)
}

/// Measures all of it.
pub fn run() -> Memory {
    let mut kinds = vec!["map", "memory-store", "memory-store, five fields and a principal"];
    let mut readers = vec!["floor-map", "ours"];
    if cfg!(feature = "peers") {
        kinds.push("tower-sessions");
        readers.push("ts-struct");
    }
    let bytes_per_session = kinds.into_iter().map(|kind| {
        let output = beside("allocations").args(["memory", kind]).output();
        let output = output.expect("`allocations` is built beside this program");
        let bytes = String::from_utf8_lossy(&output.stdout).trim().parse::<f64>();
        (kind.to_owned(), bytes.expect("a number") / SESSIONS as f64)
    });
    Memory {
        machine: Machine::this(),
        sessions: SESSIONS,
        bytes_per_session: bytes_per_session.collect(),
        growth: GROWTH,
        nanoseconds_of_a_read: readers.into_iter().map(growth).collect(),
    }
}

/// What a read of a random session costs at each size, the bare application included.
fn growth(name: &str) -> (String, [f64; 4]) {
    let contestant = Contestant::by_name(name).expect("it is in the table");
    let read = Scenario::by_letter("c").expect("it is in the table");
    let driver = Driver::new(contestant);
    let mut cookies: Vec<String> = Vec::new();
    let times = GROWTH.map(|size| {
        while cookies.len() < size {
            cookies.push(driver.cookie(read).expect("a session"));
        }
        // A stride that has no factor in common with any size visits sessions all over.
        let mut at = 0;
        let mut rounds = [0.0; ROUNDS];
        for round in &mut rounds {
            let mut next = || {
                at = (at + 7_368_787) % size;
                request(read.path, Some(&cookies[at]))
            };
            let requests: Vec<_> = (0..READS).map(|_| next()).collect();
            let begun = Instant::now();
            measured(&driver, requests);
            *round = begun.elapsed().as_secs_f64() * 1e9 / READS as f64;
        }
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    });
    (name.to_owned(), times)
}

impl Memory {
    pub fn markdown(&self) -> String {
        let mut bytes = Table::new(&["a million sessions of 300 bytes", "bytes each"]);
        for (name, each) in &self.bytes_per_session {
            bytes.row([name.clone(), number(*each)]);
        }
        let header = [
            "ns of a read (with the application itself)",
            "1,000",
            "10,000",
            "100,000",
            "1,000,000",
        ];
        let mut growth = Table::new(&header);
        for (name, times) in &self.nanoseconds_of_a_read {
            growth.row(std::iter::once(name.clone()).chain(times.map(number)));
        }
        format!("{bytes}\n{growth}\n{}.\n", self.machine.caption())
    }
}
