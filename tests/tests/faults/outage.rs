//! A server that stops answering or is not there, and comes back: many clients are refused at once in
//! between, the log stays short, and the first request is served soon after.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tests::{
    Client,
    backend::redis::Redis,
    eventually,
    machine::{Machine, Settings},
};
use tokio::task::JoinSet;

use crate::APP;

const CLIENTS: usize = 64;
/// The refusals of each client before the server comes back.
const REFUSALS: usize = 20;
/// Far less than the 1.6 seconds for which a request would otherwise wait.
const AT_ONCE: Duration = Duration::from_millis(400);
/// A second is promised; a machine that is busy has more.
const SOON: Duration = Duration::from_secs(10);
/// The lines that an administrator may find in the log of an outage.
const LINES: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_server_is_few_lines_and_no_wait() {
    let mut redis = Redis::durable();
    let machine = tokio::task::block_in_place(|| Machine::start(APP, &Settings::new(redis.url())));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = machine.client();
        assert_eq!(client.post(&format!("/theme/user-{number}")).await.status, StatusCode::OK);
        clients.push(client);
    }
    for is_killed in [false, true] {
        let before = severe(&machine).len();
        if is_killed {
            redis.kill();
        } else {
            redis.signal("-STOP");
        }
        let in_crowd = median(refusals(&clients).await);
        let alone = median(refusals(&clients[..1]).await);
        for median in [in_crowd, alone] {
            assert!(median < AT_ONCE, "half of the refusals took {median:?}");
        }

        // A client that asks again and again, while the server comes back.
        let client = clients[0].fork();
        let asking = tokio::spawn(async move {
            while client.get("/show").await.status != StatusCode::OK {}
            Instant::now()
        });
        let back = if is_killed {
            tokio::task::block_in_place(|| redis.restart());
            Instant::now()
        } else {
            let back = Instant::now();
            redis.signal("-CONT");
            back
        };
        let served = asking.await.expect("no panic");
        let delay = served.saturating_duration_since(back);
        assert!(delay < SOON, "the first success came {delay:?} after the server");

        eventually("the end of the outage is logged", async || {
            severe(&machine)[before..].iter().any(|line| line.contains("up again"))
        })
        .await;
        let lines = severe(&machine).split_off(before);
        let down = lines.iter().filter(|line| line.contains("session store is down"));
        assert_eq!(down.count(), 1, "{lines:#?}");
        assert!(lines.len() <= LINES, "{lines:#?}");
        println!(
            "killed: {is_killed}; refusals: {in_crowd:?} in a crowd, {alone:?} alone; the first \
             success after {delay:?}; {} lines",
            lines.len()
        );
        for line in lines {
            println!("  {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_starts_while_the_server_is_down_serves_once_it_is_up() {
    let mut redis = Redis::durable();
    redis.kill();
    let settings = Settings { lazy: true, ..Settings::new(redis.url()) };
    let machine = tokio::task::block_in_place(|| Machine::start(APP, &settings));
    let client = machine.client();
    for path in ["/readyz", "/show", "/readyz"] {
        // Without a session there is nothing to load.
        let expected =
            if path == "/show" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!(client.get(path).await.status, expected, "{path}");
    }
    assert_eq!(client.post("/theme/dark").await.status, StatusCode::SERVICE_UNAVAILABLE);
    tokio::task::block_in_place(|| redis.restart());
    eventually("it is ready", async || {
        client.get("/readyz").await.status == StatusCode::NO_CONTENT
    })
    .await;
    assert_eq!(client.post("/theme/dark").await.status, StatusCode::OK);
    assert!(client.get("/show").await.body.contains("dark"));
}

/// How long the refusals of all clients took, each one after its first: that one tells the store is down.
async fn refusals(clients: &[Client]) -> Vec<Duration> {
    let mut requests = JoinSet::new();
    for client in clients.iter().map(Client::fork) {
        requests.spawn(async move {
            let mut took = Vec::new();
            while took.len() <= REFUSALS {
                let started = Instant::now();
                let status = client.get("/show").await.status;
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                took.push(started.elapsed());
            }
            took.split_off(1)
        });
    }
    requests.join_all().await.concat()
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

/// The lines of the log that somebody reads.
fn severe(machine: &Machine) -> Vec<String> {
    let is_severe = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ");
    machine.said().lines().filter(is_severe).map(str::to_owned).collect()
}
