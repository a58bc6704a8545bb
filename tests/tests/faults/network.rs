//! A network between the application and its store that swallows, drips, or cuts: every request
//! ends at the deadline, and the application is well again when the network is.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tests::{
    Client,
    app::Shown,
    backend::kind::Remote,
    checker::Checker,
    eventually,
    machine::{Machine, Settings},
    proxy::{Proxy, Weather},
};
use tokio::task::JoinSet;

use crate::APP;

const USERS: usize = 4;
/// At once: more than any pool has connections.
const REQUESTS: usize = 32;
/// How often connections break.
const CUTS: usize = 12;
/// The deadline is 2 s; on a machine that is busy with 128 requests at once it may be met late. None
/// of these networks gives an answer of itself.
const ALLOWED: Duration = Duration::from_secs(20);

pub(crate) async fn network(backend: impl Remote) {
    let mut kinds = JoinSet::new();
    for weather in [Weather::BlackHole, Weather::Drip, Weather::HalfClose, Weather::Drop] {
        let proxy = Proxy::start(backend.address()).await;
        let settings = Settings::new(backend.url_at(proxy.address()));
        kinds.spawn(bad_weather(weather, proxy, settings));
    }
    kinds.join_all().await;
}

async fn bad_weather(weather: Weather, proxy: Proxy, settings: Settings) {
    // It reaches its store through a task beside this one.
    let machine = tokio::task::block_in_place(|| Machine::start(APP, &settings));
    let mut users = Vec::new();
    for number in 0..USERS {
        let client = machine.client();
        for path in [format!("/theme/user-{number}"), format!("/note/sure/{number}")] {
            assert_eq!(client.post(&path).await.status, StatusCode::OK);
        }
        users.push(client);
    }
    for spell in 0..2 {
        proxy.set(weather);
        // Connections that were open before, and then new ones.
        for round in 0..2 {
            nobody_is_served(&users, &format!("{weather:?}-{spell}-{round}")).await;
        }
        proxy.set(Weather::Pass);
        everybody_is_served(&users, weather).await;
    }
}

/// Connections that break with work under way: what was answered happened once, what was not
/// happened once or never.
pub(crate) async fn flicker(backend: impl Remote) {
    let proxy = Proxy::start(backend.address()).await;
    let machines = Machine::start_all(APP, &Settings::new(backend.url_at(proxy.address())), 2);
    let load = Checker::start(&machines, 2 * USERS).await;
    // Answers take their time, so that they are missed.
    proxy.set(Weather::Slow);
    for _ in 0..CUTS {
        load.well(2).await;
        proxy.cut();
    }
    proxy.set(Weather::Pass);
    load.well(8).await;
    load.stop().await;
}

async fn nobody_is_served(users: &[Client], when: &str) {
    let mut requests = JoinSet::new();
    for number in 0..REQUESTS {
        let client = users[number % USERS].fork();
        let path = if number % 8 < USERS {
            "/show".to_owned()
        } else {
            format!("/note/{when}-{number}/{}", number % USERS)
        };
        requests.spawn(async move {
            let started = Instant::now();
            let reply =
                if path == "/show" { client.get(&path).await } else { client.post(&path).await };
            (path, reply, started.elapsed())
        });
    }
    for (path, reply, took) in requests.join_all().await {
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{when}: {path} {}", reply.body);
        assert_eq!(reply.set_cookies(), [""; 0], "{when}: a token is taken away, or given");
        assert!(took < ALLOWED, "{when}: {path} took {took:?}");
    }
}

async fn everybody_is_served(users: &[Client], after: Weather) {
    eventually(format!("all is well after {after:?}"), async || {
        users[0].get("/show").await.status != StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    let mut requests = JoinSet::new();
    for number in 0..REQUESTS {
        let client = users[number % USERS].fork();
        requests.spawn(async move {
            // Several a client, so that an answer that is one too late meets the next question.
            for round in 0..4 {
                assert_served(&client, number % USERS, after, round).await;
            }
        });
    }
    requests.join_all().await;
}

async fn assert_served(client: &Client, user: usize, after: Weather, round: u32) {
    let reply = client.get("/show").await;
    assert_eq!(reply.status, StatusCode::OK, "after {after:?}, request {round}");
    let shown: Shown = serde_json::from_str(&reply.body).expect("what `/show` writes");
    assert_eq!(shown.theme, format!("user-{user}"), "after {after:?}: somebody else's session");
    assert_eq!(shown.notes["sure"], user.to_string(), "after {after:?}: lost");
    let own = shown.notes.values().all(|note| *note == user.to_string());
    assert!(own, "after {after:?}: somebody else's note: {shown:?}");
}
