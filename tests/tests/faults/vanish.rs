//! Clients that go away in the middle of a request: whatever was under way at the store by then,
//! every answer belongs to the session that asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::http::StatusCode;
use tests::{
    Client,
    app::Shown,
    backend::kind::Remote,
    eventually,
    machine::{Machine, Settings},
    proxy::{Proxy, Weather},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::APP;

const USERS: usize = 8;
/// The number of clients that leave before they are answered.
const VANISHED: u64 = 600;
/// How many of them at once.
const LANES: u64 = 10;

pub(crate) async fn vanishing_clients(backend: impl Remote) {
    let proxy = Proxy::start(backend.address()).await;
    let machine = Machine::start(APP, &Settings::new(backend.url_at(proxy.address())));
    let mut users = Vec::new();
    for number in 0..USERS {
        let client = machine.client();
        for path in [format!("/theme/user-{number}"), format!("/login/user-{number}")] {
            assert_eq!(client.post(&path).await.status, StatusCode::OK);
        }
        users.push(client);
    }
    // Round trips that take long enough to be left at any point of them.
    proxy.set(Weather::Slow);
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for (number, client) in users.iter().map(Client::fork).enumerate() {
        let over = Arc::clone(&over);
        readers.spawn(async move {
            let mut answers = 0;
            while !over.load(Relaxed) {
                answers += u64::from(is_own(&client, number).await);
            }
            answers
        });
    }
    let (requests, vanished) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (requests, vanished) = (Arc::clone(&requests), Arc::clone(&vanished));
        let address = machine.url().trim_start_matches("http://").to_owned();
        let cookies: Vec<String> = users.iter().map(cookie).collect();
        lanes.spawn(async move {
            while vanished.load(Relaxed) < VANISHED {
                let request = requests.fetch_add(1, Relaxed);
                assert!(request < 20 * VANISHED, "nearly all were answered before they left");
                let left = vanish(&address, &cookies, request).await;
                vanished.fetch_add(u64::from(left), Relaxed);
            }
        });
    }
    lanes.join_all().await;
    over.store(true, Relaxed);
    let answers: Vec<u64> = readers.join_all().await;
    assert!(answers.iter().all(|answers| *answers > 0), "{answers:?}");

    // What they left behind: nothing is stuck, nothing is mixed up.
    proxy.set(Weather::Pass);
    eventually("it is well again", async || is_own(&users[0], 0).await).await;
    let mut last = JoinSet::new();
    for (number, client) in users.iter().enumerate() {
        for _ in 0..8 {
            let client = client.fork();
            last.spawn(async move { is_own(&client, number).await });
        }
    }
    assert!(last.join_all().await.into_iter().all(|it| it), "well again, and then not");
}

fn cookie(client: &Client) -> String {
    format!("app={}", client.cookie("app").expect("a session"))
}

/// Sends a request, and goes away after a while, or when it is answered. Returns whether it was not.
async fn vanish(address: &str, cookies: &[String], request: u64) -> bool {
    let random = scatter(request);
    let user = usize::try_from(random % 8).expect("less than 8");
    let path = match random >> 8 & 3 {
        0 => "GET /show".to_owned(),
        1 => "POST /tally".to_owned(),
        2 => format!("POST /note/{request}/user-{user}"),
        _ => format!("POST /theme/user-{user}"),
    };
    let head = format!(
        "{path} HTTP/1.1\r\nhost: {address}\r\ncookie: {}\r\ncontent-length: 0\r\n\r\n",
        cookies[user]
    );
    let mut stream = TcpStream::connect(address).await.expect("the application listens");
    stream.write_all(head.as_bytes()).await.expect("the application reads");
    // Up to 25 ms: a request takes two round trips of 10.
    let moment = Duration::from_micros((random >> 16) % 25_000);
    timeout(moment, stream.read_u8()).await.is_err()
}

/// Numbers without order, the same ones in each run (the mixing of `SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Whether the application is able to answer; if so, the answer is this user's.
async fn is_own(client: &Client, user: usize) -> bool {
    let reply = client.get("/show").await;
    if reply.status == StatusCode::SERVICE_UNAVAILABLE {
        return false;
    }
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let shown: Shown = serde_json::from_str(&reply.body).expect("what `/show` writes");
    let name = format!("user-{user}");
    assert_eq!((shown.theme, shown.user), (name.clone(), Some(name.clone())));
    assert!(shown.notes.values().all(|note| *note == name), "somebody else's note");
    true
}
