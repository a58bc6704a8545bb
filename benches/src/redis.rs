//! The contest on a Redis server: many requests at once, each of which waits for the server. Starts
//! the server, on a free port and without a disk, and ends it.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use serde::Serialize;
use session_runtime::store::RedisStore;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use tower_sessions_0_14::{Expiry, Session, SessionManagerLayer, cookie::time};
use tower_sessions_redis_store::{RedisStore as TheirStore, fred::prelude::*};

use crate::{
    contestants::{floor_redis, stored_on},
    machine::Machine,
    report::{Table, number_if},
    rounds::median_when_warm,
    workload::{Data, SCENARIOS, Scenario, cookies_of, request},
};

const AT_ONCE: usize = 64;
const REQUESTS: usize = 12_800;
const ROUNDS: usize = 5;
/// Reading, writing, logging in; writing without reading, which only we can.
const PLAYED: &str = "cdeg";
/// A log-in without a principal: they know none, and keep no list of anybody's sessions.
const BEGIN: Scenario = Scenario {
    letter: 'n',
    title: "n",
    what: "begin a session that is nobody's",
    path: "/begin",
    has_session: false,
    store: "insert",
};

#[derive(Serialize)]
pub struct Redis {
    machine: Machine,
    at_once: usize,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    title: &'static str,
    what: &'static str,
    /// Requests a second.
    ours: f64,
    /// The session in one value; none if they cannot do it.
    by_hand_whole: Option<f64>,
    by_hand_fields: f64,
    tower_sessions: Option<f64>,
}

/// A server of our own.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let server = Self { child, port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn run() -> Redis {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let ours = runtime.block_on(async {
        let store = RedisStore::connect(&server.url()).await.expect("the server answers");
        stored_on(store).with_state(())
    });
    let theirs = runtime.block_on(theirs(&server.url())).with_state(());
    let whole = runtime.block_on(floor_redis::whole(&server.url())).with_state(());
    let fields = runtime.block_on(floor_redis::fields(&server.url())).with_state(());
    let played = SCENARIOS.into_iter().filter(|scenario| PLAYED.contains(scenario.letter));
    let played = played.chain([BEGIN]);
    let rows = played.map(|scenario| {
        let mut contestants = vec![&ours, &fields];
        // Who has the session in one piece cannot write without a load.
        if scenario.letter != 'g' {
            contestants.extend([&whole, &theirs]);
        }
        let mut medians = medians(&runtime, &contestants, scenario).into_iter();
        Row {
            title: scenario.title,
            what: scenario.what,
            ours: medians.next().expect("we take part"),
            by_hand_fields: medians.next().expect("it can do all"),
            by_hand_whole: medians.next(),
            tower_sessions: medians.next(),
        }
    });
    let rows = rows.collect();
    let mut machine = Machine::this();
    for (name, version) in &mut machine.crates {
        if *name == "tower-sessions" {
            "0.14".clone_into(version);
        }
    }
    Redis { machine, at_once: AT_ONCE, rows }
}

fn medians(runtime: &Runtime, contestants: &[&Router], scenario: Scenario) -> Vec<f64> {
    let mut rounds = vec![Vec::new(); contestants.len()];
    for _ in 0..=ROUNDS {
        for (router, rounds) in contestants.iter().zip(&mut rounds) {
            rounds.push(runtime.block_on(round((*router).clone(), scenario)));
        }
    }
    rounds.into_iter().map(median_when_warm).collect()
}

/// Requests a second, with so many clients at once, each with a session.
async fn round(router: Router, scenario: Scenario) -> f64 {
    let start = Arc::new(tokio::sync::Barrier::new(AT_ONCE + 1));
    let clients = (0..AT_ONCE).map(|_| {
        let (router, start) = (router.clone(), Arc::clone(&start));
        tokio::spawn(async move {
            let send = |path: String, cookie: Option<String>| {
                let router = router.clone();
                async move {
                    let response = router.oneshot(request(&path, cookie.as_deref())).await;
                    let response = response.unwrap_or_else(|never| match never {});
                    assert!(response.status().is_success(), "{path}: {}", response.status());
                    response
                }
            };
            let mut cookie = None;
            if scenario.has_session {
                cookie = cookies_of(&send(scenario.create(), None).await);
                assert!(cookie.is_some(), "{} sets no cookie", scenario.create());
            }
            start.wait().await;
            for _ in 0..REQUESTS / AT_ONCE {
                send(scenario.path.to_owned(), cookie.clone()).await;
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    start.wait().await;
    let begun = Instant::now();
    for client in clients {
        client.await.expect("no client panics");
    }
    REQUESTS as f64 / begun.elapsed().as_secs_f64()
}

/// tower-sessions, the struct under one key, over one connection: more of them were slower.
async fn theirs(url: &str) -> Router {
    const KEY: &str = "data";
    let config = Config::from_url(url).expect("a sound address");
    let pool = Pool::new(config, None, None, None, 1).expect("one connection");
    pool.init().await.expect("the server answers");
    let layer = SessionManagerLayer::new(TheirStore::new(pool))
        .with_expiry(Expiry::OnInactivity(time::Duration::minutes(30)));
    let data = async |session: &Session| {
        session.get::<Data>(KEY).await.expect("it decodes").expect("a session")
    };
    let create = get(async |session: Session| {
        session.insert(KEY, Data::logged_in()).await.expect("it encodes");
        "ok"
    });
    Router::new()
        .route("/create", create.clone())
        .route("/begin", create)
        .route(
            "/read",
            get(async move |session: Session| {
                std::hint::black_box(data(&session).await.visits);
                "ok"
            }),
        )
        .route(
            "/write",
            get(async move |session: Session| {
                let mut data = data(&session).await;
                data.visits += 1;
                session.insert(KEY, data).await.expect("it encodes");
                "ok"
            }),
        )
        .layer(layer)
}

impl Redis {
    pub fn markdown(&self) -> String {
        let header = [
            "requests a second, 64 at once",
            "ours",
            "by hand, one value",
            "by hand, a hash",
            "tower-sessions",
            "ours to theirs",
        ];
        let mut table = Table::new(&header);
        for row in &self.rows {
            let ratio = row.tower_sessions.map(|theirs| format!("{:.2}", row.ours / theirs));
            table.row([
                format!("{}: {}", row.title, row.what),
                number_if(Some(row.ours)),
                number_if(row.by_hand_whole),
                number_if(Some(row.by_hand_fields)),
                number_if(row.tower_sessions),
                ratio.unwrap_or_else(|| "–".to_owned()),
            ]);
        }
        format!("{table}\n{}.\n", self.machine.caption())
    }
}
