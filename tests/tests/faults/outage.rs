//! A server that stops answering or is not there, and comes back: many clients are refused at once in
//! between, the log stays short, and the first request is served soon after.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
#[cfg(feature = "redis")]
use tests::backend::redis::Redis;
use tests::{
    Client,
    backend::kind::Remote,
    eventually,
    machine::{Machine, Settings},
};
use tokio::task::{JoinHandle, JoinSet};

use crate::APP;

const CLIENTS: usize = 64;
/// The refusals of each client before the server comes back.
const REFUSALS: usize = 20;
/// The pause of a client before it tries again.
const PAUSE: Duration = Duration::from_millis(50);
/// The most by which half of the refusals take longer than answers for which nothing is loaded, at the
/// same time: the machine may be busy with other things. Otherwise a request would wait for 1.6 seconds.
const AT_ONCE: Duration = Duration::from_millis(20);
/// The time from the return of the server to the first success.
const SOON: Duration = Duration::from_secs(1);
/// The lines that an administrator may find in the log of an outage.
const LINES: usize = 10;

/// A server that is gone, and comes back.
pub(crate) async fn an_outage_of_the_server_is_few_lines_and_no_wait(mut server: impl Remote) {
    let (machine, clients) = at_work(&server).await;
    let outage = Outage::begin(&machine, &clients, || server.kill()).await;
    tokio::task::block_in_place(|| server.restart());
    outage.end(Instant::now()).await;
}

/// A server that stops answering, and goes on.
#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answering_for_a_while_is_few_lines_and_no_wait() {
    let server = Redis::durable();
    let (machine, clients) = at_work(&server).await;
    let outage = Outage::begin(&machine, &clients, || server.signal("-STOP")).await;
    let back = Instant::now();
    server.signal("-CONT");
    outage.end(back).await;
}

/// Starts a process, and gives it clients that have sessions.
async fn at_work(server: &impl Remote) -> (Machine, Vec<Client>) {
    let machine = tokio::task::block_in_place(|| Machine::start(APP, &Settings::new(server.url())));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = machine.client();
        assert_eq!(client.post(&format!("/theme/user-{number}")).await.status, StatusCode::OK);
        clients.push(client);
    }
    (machine, clients)
}

/// An outage that goes on.
struct Outage<'a> {
    machine: &'a Machine,
    /// The lines of the log before.
    before: usize,
    /// A client that asks again and again, until it is served.
    asking: JoinHandle<Instant>,
}

impl<'a> Outage<'a> {
    /// Begins an outage, and has all clients refused.
    async fn begin(machine: &'a Machine, clients: &[Client], begin: impl FnOnce()) -> Self {
        let before = severe(machine).len();
        tokio::task::block_in_place(begin);
        for (clients, who) in [(clients, "in a crowd"), (&clients[..1], "alone")] {
            let [refused, plain] = refusals(clients).await.map(median);
            println!("half of the refusals {who} took {refused:?}, of plain answers {plain:?}");
            assert!(refused < plain + AT_ONCE, "{who}: {refused:?}, and plain answers {plain:?}");
        }
        let client = clients[0].fork();
        let asking = tokio::spawn(async move {
            while client.get("/show").await.status != StatusCode::OK {}
            Instant::now()
        });
        Self { machine, before, asking }
    }

    /// Checks what follows the return of the server.
    async fn end(self, back: Instant) {
        let Self { machine, before, asking } = self;
        let delay = asking.await.expect("no panic").saturating_duration_since(back);
        eventually("the end of the outage is logged", async || {
            severe(machine)[before..].iter().any(|line| line.contains("up again"))
        })
        .await;
        let lines = severe(machine).split_off(before);
        println!("the first success after {delay:?}; {lines:#?}");
        assert!(delay < SOON, "the first success came {delay:?} after the server");
        let down = lines.iter().filter(|line| line.contains("session store is down"));
        assert_eq!(down.count(), 1, "{lines:#?}");
        assert!(lines.len() <= LINES, "{lines:#?}");
    }
}

#[cfg(feature = "redis")]
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

/// Returns the time that the refusals of all clients took, each one after its first, which tells that
/// the store is down; and that of answers in between for which nothing is loaded.
async fn refusals(clients: &[Client]) -> [Vec<Duration>; 2] {
    let mut requests = JoinSet::new();
    for client in clients.iter().map(Client::fork) {
        requests.spawn(async move {
            let mut took = [Vec::new(), Vec::new()];
            while took[0].len() <= REFUSALS {
                let kinds = [
                    ("/show", StatusCode::SERVICE_UNAVAILABLE),
                    ("/nowhere", StatusCode::NOT_FOUND),
                ];
                for ((path, expected), took) in kinds.into_iter().zip(&mut took) {
                    let started = Instant::now();
                    assert_eq!(client.get(path).await.status, expected, "{path}");
                    took.push(started.elapsed());
                    #[expect(clippy::disallowed_methods, reason = "it plays a patient client")]
                    tokio::time::sleep(PAUSE).await;
                }
            }
            took.map(|mut took| took.split_off(1))
        });
    }
    let all = requests.join_all().await;
    [0, 1].map(|kind| all.iter().flat_map(|of_client| of_client[kind].clone()).collect())
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
