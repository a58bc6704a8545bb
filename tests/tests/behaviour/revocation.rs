//! Revocation fails closed: whatever the revocation store has lost, no session that has ended passes
//! again.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::Path, routing::get};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, Sessions,
    clock::{Clock as _, ManualClock},
    store::{MemoryStore, Properties, Store},
};
use tests::{Client, Server, Spy, spy};

/// The largest difference of clocks that the library allows for is a minute.
const SKEW: Duration = Duration::from_secs(55);

#[derive(Session)]
#[session(name = "prefs", prefix = "none", payload = "sealed", absolute = "1h", idle = "never")]
struct Prefs {
    #[session(principal)]
    user: Option<String>,
    theme: String,
}

/// A process with its clock. Several share keys and store.
async fn process(keys: &KeyRing, store: impl Store, clock: &Arc<ManualClock>) -> Server {
    let layer = SessionLayer::<Prefs>::builder(keys.clone())
        .clock(Arc::clone(clock))
        .insecure_dev()
        .revocation(store)
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route("/set", get(async |s: Session<Prefs>| s.set_theme("dark".to_owned())))
        .route("/read", get(async |s: Session<Prefs>| format!("{:?} {}", s.user(), s.theme())))
        .route(
            "/login/{user}",
            get(async |s: Session<Prefs>, Path(user): Path<String>| s.log_in(user)),
        )
        .route("/logout", get(async |s: Session<Prefs>| s.log_out()))
        .route("/destroy", get(async |s: Session<Prefs>| s.destroy()))
        .route(
            "/end-everything",
            get(async |sessions: Sessions<Prefs>| sessions.end_everything().await),
        )
        .route(
            "/end-all/{user}",
            get(async |sessions: Sessions<Prefs>, Path(user): Path<String>| {
                Ok::<_, Error>(sessions.of(&user).end_all().await?.is_done.to_string())
            }),
        )
        .layer(layer);
    Server::start(router).await
}

/// A store of this process that says that it outlives the process.
fn durable() -> Spy<MemoryStore> {
    let store = spy(MemoryStore::default());
    store.pretend(Properties::DURABLE);
    store
}

fn keys() -> KeyRing {
    KeyRing::generate().expect("random bytes")
}

const NOBODY: &str = "None ";
const ADA: &str = "Some(\"ada\") dark";

async fn logged_in(server: &Server) -> Client {
    let client = Client::new(server);
    client.get("/set").await;
    assert_eq!(client.get("/login/ada").await.status, 200);
    assert_eq!(client.get("/read").await.body, ADA);
    client
}

#[tokio::test]
async fn a_revocation_store_that_was_emptied_ends_every_session() {
    let (keys, clock) = (keys(), Arc::new(ManualClock::default()));
    let before = process(&keys, durable(), &clock).await;
    let (ended, live) = (logged_in(&before).await, logged_in(&before).await);
    let stolen = ended.fork();
    ended.get("/logout").await;
    // The clock stands still: not even a session of the same moment passes.
    let after = process(&keys, durable(), &clock).await;
    for client in [stolen.moved(&after.url("")), live.moved(&after.url(""))] {
        assert_eq!(client.get("/read").await.body, NOBODY);
        // What begins now counts.
        client.get("/set").await;
        client.get("/login/ada").await;
        assert_eq!(client.get("/read").await.body, ADA);
        assert_eq!(client.get("/end-all/ada").await.body, "true");
        assert_eq!(client.get("/read").await.body, NOBODY);
    }
}

#[tokio::test]
async fn the_end_of_everything_reaches_every_process_within_a_second() {
    let (keys, store) = (keys(), durable());
    // The other process is half a minute ahead, and the third is half a minute behind.
    let clocks = [30, 60, 0].map(|seconds| {
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(seconds));
        clock
    });
    let mut servers = Vec::new();
    for clock in &clocks {
        servers.push(process(&keys, store.clone(), clock).await);
    }
    let mut clients = Vec::new();
    for server in &servers {
        let (user, visitor) = (logged_in(server).await, Client::new(server));
        visitor.get("/set").await;
        clients.extend([user, visitor]);
    }
    // A principal's epoch from the clock that is ahead.
    clients[2].get("/end-all/ada").await;
    for client in [&clients[0], &clients[2], &clients[4]] {
        client.get("/set").await;
        client.get("/login/ada").await;
    }
    assert_eq!(Client::new(&servers[0]).get("/end-everything").await.status, 200);
    for clock in &clocks {
        clock.advance(Duration::from_secs(1));
    }
    for client in &clients {
        assert_eq!(client.get("/read").await.body, NOBODY);
        client.get("/set").await;
        client.get("/login/ada").await;
        assert_eq!(client.get("/read").await.body, ADA, "and what begins then counts");
    }
}

#[tokio::test]
async fn what_begins_after_the_end_of_everything_counts_in_every_process_at_once() {
    let (keys, store, clock) = (keys(), durable(), Arc::new(ManualClock::default()));
    let here = process(&keys, store.clone(), &clock).await;
    let there = process(&keys, store.clone(), &clock).await;
    // Both know the old floor, and the clock stands still.
    logged_in(&here).await;
    logged_in(&there).await;
    assert_eq!(Client::new(&here).get("/end-everything").await.status, 200);
    let client = logged_in(&here).await;
    assert_eq!(client.moved(&there.url("")).get("/read").await.body, ADA);
    assert_eq!(client.get("/read").await.body, ADA);
}

#[tokio::test]
async fn a_log_out_is_remembered_for_longer_than_clocks_differ() {
    let (keys, store) = (keys(), durable());
    let (clock, behind) = (Arc::new(ManualClock::default()), Arc::new(ManualClock::default()));
    clock.advance(SKEW);
    let here = process(&keys, store.clone(), &clock).await;
    let there = process(&keys, store.clone(), &behind).await;
    let client = logged_in(&here).await;
    let stolen = client.fork();
    client.get("/logout").await;
    // The token is over here, and not yet there; the store's sweep goes by the clock here.
    for clock in [&clock, &behind] {
        clock.advance(Duration::from_secs(3590));
    }
    clock.advance(Duration::from_secs(10));
    store.sweep(clock.now(), None, 1000).await.expect("a sweep");
    assert_eq!(stolen.moved(&there.url("")).get("/read").await.body, NOBODY);
}

#[tokio::test]
async fn visitors_who_come_and_go_neither_block_nor_evict_a_log_out() {
    const ROOM: usize = 64;
    let (keys, clock) = (KeyRing::ephemeral().expect("random bytes"), Arc::default());
    let server = process(&keys, MemoryStore::with_limit(ROOM), &clock).await;
    let client = logged_in(&server).await;
    let stolen = client.fork();
    client.get("/logout").await;
    for _ in 0..2 * ROOM {
        let visitor = Client::new(&server);
        visitor.get("/set").await;
        assert_eq!(visitor.get("/destroy").await.status, 200);
    }
    assert_eq!(stolen.get("/read").await.body, NOBODY, "the log-out is not forgotten");
    let client = logged_in(&server).await;
    let stolen = client.fork();
    assert_eq!(client.get("/logout").await.status, 200, "and another one has room");
    assert_eq!(stolen.get("/read").await.body, NOBODY);
}
