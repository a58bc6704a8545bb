//! Sessions in memory: the bytes of each when there are a million, and what the store takes for one
//! on two threads. Bytes are those asked of the allocator, not those that it takes.

use std::{array, collections::HashMap, process::ExitCode, sync::Mutex};

use axum::{Router, routing::get};
use serde::Serialize;
use session_runtime::{KeyRing, Session, SessionLayer, store::MemoryStore};

use crate::{
    contestants::{Contestant, OURS},
    count::beside,
    driver::Driver,
    machine::Machine,
    report::{Table, number},
    stored::BYTES,
    threads::{self, Threads},
    workload::{Values, request},
};

const SESSIONS: usize = 1_000_000;

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
    on_threads: Threads,
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
    MemoryStore::with_limit(2 * SESSIONS).max_bytes(usize::MAX)
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
    if cfg!(feature = "peers") {
        kinds.push("tower-sessions");
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
        on_threads: threads::run(),
    }
}

impl Memory {
    pub fn markdown(&self) -> String {
        let mut bytes = Table::new(&["a million sessions of 300 bytes", "bytes each"]);
        for (name, each) in &self.bytes_per_session {
            bytes.row([name.clone(), number(*each)]);
        }
        format!("{bytes}\n{}\n{}.\n", self.on_threads.table(), self.machine.caption())
    }
}
