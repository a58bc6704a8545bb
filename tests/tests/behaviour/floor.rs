//! The floor: whatever began before it is over in every process, and what begins after it is not.

#![allow(clippy::unchecked_time_subtraction, reason = "constants that are seen to be larger")]

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType, Sessions,
    clock::{Clock, ManualClock, Timestamp},
    policy::OnMaxSessions,
    schema::Payload,
    store::{CachedStore, MemoryStore, Namespace, Properties, Selector, Store as _, StoreKey},
};
use tests::{
    Client, Fault, OfMachine, Server, Spy, Verb, eventually,
    sessions::{self, Sealed, Signed, Stored},
    spy,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Processes over one store.
struct Deployment {
    keys: KeyRing,
    store: Spy<MemoryStore>,
}

/// A process, with its clock.
struct Process {
    server: Server,
    clock: Arc<ManualClock>,
}

/// Starts a process of a session type whose clock differs from that of the first by so much.
macro_rules! process {
    ($session:ty, $deployment:expr, $clock:expr, $adjust:expr) => {{
        let builder = $deployment.builder::<$session>();
        let layer = $adjust(builder).build().expect("a sound layer");
        let routes = sessions::routes::<$session>()
            .route(
                "/login/{user}",
                post(async |s: Session<$session>, Path(user): Path<String>| s.log_in(user)),
            )
            .route("/user", get(async |s: Session<$session>| s.user().cloned().unwrap_or_default()))
            .merge(endings::<$session>());
        Process { server: Server::start(routes.layer(layer)).await, clock: $clock }
    }};
    ($session:ty, $deployment:expr) => {{
        let clock = Arc::new(ManualClock::default());
        let its = Arc::clone(&clock);
        process!($session, $deployment, clock, |builder: SessionLayerBuilder<$session>| builder
            .clock(its))
    }};
}

/// Returns the routes that end sessions.
fn endings<T: SessionType>() -> Router {
    Router::new()
        .route("/end-everything", post(async |s: Sessions<T>| s.end_everything().await))
        .route(
            "/end-before/{millis}",
            post(async |s: Sessions<T>, Path(millis): Path<u64>| {
                s.end_before(Timestamp::from_millis(millis).into()).await
            }),
        )
}

impl Deployment {
    fn new() -> Self {
        let store = spy(MemoryStore::default());
        store.pretend(Properties::SHARED);
        Self { keys: KeyRing::generate().expect("random bytes"), store }
    }

    fn builder<T: SessionType>(&self) -> SessionLayerBuilder<T> {
        let builder =
            SessionLayer::<T>::builder(self.keys.clone()).as_another_program().insecure_dev();
        match T::spec().payload {
            Payload::Server => builder.store(self.store.clone()),
            _ => builder.revocation(self.store.clone()),
        }
    }
}

impl Process {
    async fn log_in(&self, user: &str) -> Client {
        let client = Client::new(&self.server);
        assert_eq!(client.post(&format!("/login/{user}")).await.status, StatusCode::OK);
        assert_eq!(client.get("/user").await.body, user);
        client
    }

    async fn visitor(&self) -> Client {
        let client = Client::new(&self.server);
        client.get("/set").await;
        client
    }

    async fn end(&self, path: &str) -> StatusCode {
        Client::new(&self.server).post(path).await.status
    }

    /// Returns the user of a client of any process, as this process sees it.
    async fn user(&self, client: &Client) -> String {
        client.fork().moved(&self.server.url("")).get("/user").await.body
    }

    async fn theme(&self, client: &Client) -> String {
        client.fork().moved(&self.server.url("")).get("/read").await.body
    }
}

macro_rules! ends_in_every_process {
    ($session:ty) => {{
        let deployment = Deployment::new();
        let (here, there) = (process!($session, deployment), process!($session, deployment));
        let (user, visitor) = (here.log_in("ada").await, there.visitor().await);
        for process in [&here, &there] {
            assert_eq!(process.user(&user).await, "ada");
            assert_eq!(process.theme(&visitor).await, "dark");
        }
        // Not even a session of the same moment lives on: the clocks stand still.
        assert_eq!(here.end("/end-everything").await, StatusCode::OK);
        assert_eq!((here.user(&user).await, here.theme(&visitor).await), Default::default());
        there.clock.advance(SECOND);
        assert_eq!((there.user(&user).await, there.theme(&visitor).await), Default::default());
        let later = process!($session, deployment);
        assert_eq!((later.user(&user).await, later.theme(&visitor).await), Default::default());
        // What begins now counts, for visitors, too.
        for process in [&here, &there, &later] {
            let (user, visitor) = (process.log_in("ada").await, process.visitor().await);
            for process in [&here, &there, &later] {
                assert_eq!(process.user(&user).await, "ada");
                assert_eq!(process.theme(&visitor).await, "dark");
            }
        }
    }};
}

#[tokio::test]
async fn everything_ends_in_every_process_after_a_second_and_in_later_ones_at_once() {
    ends_in_every_process!(Stored);
    ends_in_every_process!(Sealed);
    ends_in_every_process!(Signed);
}

macro_rules! a_log_in_counts_at_once {
    ($session:ty) => {{
        let deployment = Deployment::new();
        let (here, there) = (process!($session, deployment), process!($session, deployment));
        // Both know the floor of a moment ago, and the clocks stand still.
        let mut old = Vec::new();
        for process in [&here, &there] {
            old.push((process.log_in("ada").await, process.visitor().await));
        }
        here.end("/end-everything").await;
        let fresh = there.log_in("ada").await;
        let (user, visitor) = &old[1];
        // In the sessions of before, too: one that this process still takes for live.
        for client in [user, visitor] {
            assert_eq!(client.post("/login/ada").await.status, StatusCode::OK);
        }
        for client in [&fresh, user, visitor] {
            assert_eq!(here.user(client).await, "ada");
            assert_eq!(there.user(client).await, "ada");
        }
    }};
}

#[tokio::test]
async fn a_log_in_right_after_the_end_of_everything_counts_in_every_process() {
    a_log_in_counts_at_once!(Stored);
    a_log_in_counts_at_once!(Sealed);
}

macro_rules! clocks_that_are_behind {
    ($session:ty) => {{
        let deployment = Deployment::new();
        let here = process!($session, deployment);
        here.clock.advance(HOUR);
        let behind = process!($session, deployment);
        let old = behind.log_in("ada").await;
        here.end("/end-everything").await;
        // The session type lives for half an hour without use: by the clock that is behind, the new
        // session would have expired before the floor.
        let new = behind.log_in("ada").await;
        behind.clock.advance(SECOND);
        let visitor = behind.visitor().await;
        let later = process!($session, deployment);
        let later_visitor = later.visitor().await;
        for process in [&here, &behind, &later] {
            assert_eq!(process.user(&old).await, "");
            assert_eq!(process.user(&new).await, "ada");
            assert_eq!(process.theme(&visitor).await, "dark");
            assert_eq!(process.theme(&later_visitor).await, "dark");
        }
    }};
}

#[tokio::test]
async fn a_process_that_is_behind_by_an_hour_ends_what_it_has_and_locks_nobody_out() {
    clocks_that_are_behind!(Stored);
    clocks_that_are_behind!(Sealed);
}

#[tokio::test]
async fn what_begins_at_the_floor_itself_ends_with_the_next_one() {
    let deployment = Deployment::new();
    let here = process!(Stored, deployment);
    here.clock.advance(HOUR);
    let behind = process!(Stored, deployment);
    here.end("/end-everything").await;
    for process in [&behind, &here, &behind] {
        // Both begin at the present floor: one clock stands still, and the other is behind.
        let clients = [here.log_in("ada").await, behind.log_in("ada").await];
        process.end("/end-everything").await;
        let later = process!(Stored, deployment);
        for client in &clients {
            assert_eq!((process.user(client).await, later.user(client).await), Default::default());
        }
    }
}

#[tokio::test]
async fn the_store_s_time_ends_the_sessions_of_a_process_that_is_ahead_by_an_hour() {
    let deployment = Deployment::new();
    let server = Arc::new(ManualClock::default());
    let shown = Arc::clone(&server);
    deployment.store.show_time(move || shown.now());
    let mut processes = Vec::new();
    for offset in [HOUR, 2 * HOUR, Duration::ZERO] {
        let clock = Arc::new(ManualClock::at(server.now()));
        clock.advance(offset);
        let its = OfMachine(Arc::clone(&clock));
        let process = process!(Stored, deployment, clock, |builder: SessionLayerBuilder<
            Stored,
        >| { builder.clock(its) });
        processes.push(process);
    }
    let (ahead, behind) = (processes[1].log_in("ada").await, processes[2].log_in("ada").await);
    assert_eq!(processes[0].end("/end-everything").await, StatusCode::OK);
    let new = [processes[1].log_in("ada").await, processes[2].log_in("ada").await];
    for process in &processes {
        process.clock.advance(SECOND);
        server.advance(SECOND);
        for old in [&ahead, &behind] {
            assert_eq!(process.user(old).await, "");
        }
        for new in &new {
            assert_eq!(process.user(new).await, "ada");
        }
    }
}

macro_rules! only_what_began_before {
    ($session:ty) => {{
        let deployment = Deployment::new();
        let (here, there) = (process!($session, deployment), process!($session, deployment));
        let (early, visitor) = (here.log_in("ada").await, here.visitor().await);
        here.clock.advance(MINUTE);
        there.clock.advance(MINUTE);
        let mark = here.clock.now().as_millis();
        // A log-in at the very moment counts, also in a session that was begun before.
        visitor.post("/login/bob").await;
        assert_eq!(here.end(&format!("/end-before/{mark}")).await, StatusCode::OK);
        there.clock.advance(SECOND);
        for process in [&here, &there] {
            assert_eq!(process.user(&early).await, "");
            assert_eq!(process.user(&visitor).await, "bob");
        }
        // An earlier time takes nothing back.
        assert_eq!(here.end("/end-before/1").await, StatusCode::OK);
        let later = process!($session, deployment);
        later.clock.advance(2 * MINUTE);
        assert_eq!(
            (later.user(&early).await, later.user(&visitor).await),
            ("".into(), "bob".into())
        );
    }};
}

#[tokio::test]
async fn of_all_sessions_those_end_that_began_before_a_time() {
    only_what_began_before!(Stored);
    only_what_began_before!(Sealed);
}

#[tokio::test]
async fn a_time_in_the_future_is_an_error_beyond_what_clocks_differ() {
    let deployment = Deployment::new();
    let process = process!(Stored, deployment);
    let client = process.log_in("ada").await;
    let now = process.clock.now().as_millis();
    let end = |after: u64| format!("/end-before/{}", now + after);
    assert_eq!(process.end(&end(60_001)).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(process.user(&client).await, "ada");
    assert_eq!(process.end(&end(60_000)).await, StatusCode::OK);
    assert_eq!(process.user(&client).await, "");
    // Log-ins until then are not over.
    assert_eq!(process.user(&process.log_in("ada").await).await, "ada");
}

#[tokio::test]
async fn a_payload_that_may_be_replayed_cannot_be_ended() {
    let layer = SessionLayer::<Sealed>::builder(KeyRing::ephemeral().expect("random bytes"))
        .insecure_dev()
        .accept_replay_until_expiry()
        .build()
        .expect("a sound layer");
    for result in [
        layer.sessions().end_everything().await,
        layer.sessions().end_before(std::time::UNIX_EPOCH).await,
    ] {
        assert!(result.is_err_and(|error| error.to_string().contains("revocation")));
    }
}

/// Returns the ids of a user's sessions in a list, and their count.
async fn devices(sessions: &Sessions<Stored>, user: &String) -> Result<(usize, u64), Error> {
    let of = sessions.of(user);
    Ok((of.list(None).await?.sessions.len(), of.count().await?))
}

#[tokio::test]
async fn sessions_below_the_floor_do_not_count_under_a_cap() {
    for on_max in [OnMaxSessions::RefuseNew, OnMaxSessions::EndOldest] {
        let deployment = Deployment::new();
        let clock = Arc::new(ManualClock::default());
        let start = async |local: bool| {
            let (its, now) = (Arc::clone(&clock), clock.now());
            process!(Stored, deployment, Arc::clone(&clock), |builder: SessionLayerBuilder<_>| {
                let builder = builder.max_sessions(2, on_max).clock(its);
                if local { builder.not_before(now.into()) } else { builder }
            })
        };
        let (here, there) = (start(false).await, start(false).await);
        let log_in = async |process: &Process| {
            clock.advance(Duration::from_millis(1));
            process.log_in("ada").await
        };
        for _ in 0..2 {
            log_in(&there).await;
        }
        here.end("/end-everything").await;
        // The other process learns of the floor at the log-in.
        let (first, second) = (log_in(&there).await, log_in(&here).await);
        assert_eq!(
            (there.user(&first).await, there.user(&second).await),
            ("ada".into(), "ada".into())
        );
        let third = Client::new(&there.server).post("/login/ada").await.status;
        if on_max == OnMaxSessions::RefuseNew {
            assert_eq!(third, StatusCode::FORBIDDEN, "those that are live count");
        }
        // So it is with the time of one layer alone.
        clock.advance(SECOND);
        let local = start(true).await;
        let (first, second) = (log_in(&local).await, log_in(&local).await);
        assert_eq!(
            (local.user(&first).await, local.user(&second).await),
            ("ada".into(), "ada".into())
        );
    }
}

#[tokio::test]
async fn sessions_below_the_floor_are_in_no_list_and_opened_by_nobody() {
    let deployment = Deployment::new();
    let clock = Arc::new(ManualClock::default());
    let layer = || {
        let layer = deployment.builder::<Stored>().clock(Arc::clone(&clock)).build();
        layer.expect("a sound layer")
    };
    let (here, there) = (layer(), layer());
    let server = Server::start(
        Router::new()
            .route("/login", post(async |s: Session<Stored>| s.log_in("ada".to_owned())))
            .route("/id", get(async |s: Session<Stored>| s.session_id().to_string()))
            .layer(here.clone()),
    )
    .await;
    let client = Client::new(&server);
    client.post("/login").await;
    let id = client.get("/id").await.body.parse().expect("a session id");
    let (here, there) = (here.sessions(), there.sessions());
    let ada = "ada".to_owned();
    assert_eq!(devices(&there, &ada).await.expect("in memory"), (1, 1));
    let detached = there.open(&id).await.expect("in memory").expect("it is live");
    here.end_everything().await.expect("in memory");
    clock.advance(SECOND);
    assert!(there.open(&id).await.expect("in memory").is_none());
    assert!(!detached.is_live().await.expect("in memory"));
    // The record goes when it has expired.
    assert_eq!(devices(&there, &ada).await.expect("in memory"), (0, 1));
}

#[tokio::test]
async fn a_process_asks_for_the_floor_once_a_second_and_at_a_log_in() {
    let deployment = Deployment::new();
    let process = process!(Stored, deployment);
    let looks = || {
        let looks = deployment.store.calls(Verb::Floor);
        deployment.store.take_calls();
        looks
    };
    let client = process.visitor().await;
    assert_eq!(looks(), 1, "before the first session");
    for _ in 0..5 {
        client.get("/read").await;
        client.get("/set").await;
        process.visitor().await;
    }
    assert_eq!(looks(), 0);
    process.clock.advance(SECOND - Duration::from_millis(1));
    client.get("/read").await;
    assert_eq!(looks(), 0);
    process.clock.advance(Duration::from_millis(1));
    for _ in 0..5 {
        client.get("/read").await;
    }
    assert_eq!(looks(), 1);
    client.post("/login/ada").await;
    assert_eq!(looks(), 1);
    // A route without a session asks nothing.
    process.clock.advance(SECOND);
    Client::new(&process.server).get("/read").await;
    assert_eq!(looks(), 0);
}

#[tokio::test]
async fn requests_that_come_together_share_one_look_and_its_outcome() {
    let deployment = Deployment::new();
    let process = process!(Stored, deployment);
    let client = process.visitor().await;
    for is_answered in [true, false] {
        process.clock.advance(SECOND);
        deployment.store.take_calls();
        deployment.store.fault(Verb::Floor, Fault::Held);
        let requests: Vec<_> = (0..8)
            .map(|_| {
                let client = client.fork();
                tokio::spawn(async move { client.get("/read").await })
            })
            .collect();
        eventually("loads", async || deployment.store.calls(Verb::Load) == 8).await;
        let status = if is_answered {
            deployment.store.heal(Verb::Floor);
            StatusCode::OK
        } else {
            // After the deadline of the look.
            StatusCode::SERVICE_UNAVAILABLE
        };
        for request in requests {
            assert_eq!(request.await.expect("no panic").status, status);
        }
        assert_eq!(deployment.store.calls(Verb::Floor), 1);
    }
}

#[tokio::test]
async fn a_floor_that_cannot_be_read_lets_no_session_pass() {
    let deployment = Deployment::new();
    let process = process!(Stored, deployment);
    let client = process.log_in("ada").await;
    deployment.store.fault(Verb::Floor, Fault::Down);
    assert_eq!(client.get("/user").await.body, "ada", "what is known is good for a second");
    assert_eq!(client.post("/login/ada").await.status, StatusCode::SERVICE_UNAVAILABLE);
    process.clock.advance(SECOND);
    let reply = client.get("/user").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.set_cookies().is_empty(), "nobody is logged out");
    assert_eq!(process.end("/end-everything").await, StatusCode::SERVICE_UNAVAILABLE);
    deployment.store.heal_all();
    assert_eq!(client.get("/user").await.body, "ada");
}

#[tokio::test]
async fn a_copy_in_a_cache_does_not_hide_the_floor() {
    let deployment = Deployment::new();
    let start = async || {
        let cached = CachedStore::new(MemoryStore::default(), deployment.store.clone());
        let clock = Arc::new(ManualClock::default());
        let its = Arc::clone(&clock);
        process!(Stored, deployment, clock, |builder: SessionLayerBuilder<Stored>| {
            builder.store(cached).clock(its)
        })
    };
    let (here, there) = (start().await, start().await);
    let client = here.log_in("ada").await;
    for _ in 0..2 {
        assert_eq!(there.user(&client).await, "ada");
    }
    for _ in 0..2 {
        here.end("/end-everything").await;
        there.clock.advance(SECOND);
        here.clock.advance(SECOND);
        assert_eq!(there.user(&client).await, "");
        client.post("/login/ada").await;
        assert_eq!(there.user(&client).await, "ada");
    }
}

#[tokio::test]
async fn the_floor_is_not_sealed_so_that_a_ring_without_the_old_key_reads_it() {
    let mut deployment = Deployment::new();
    let sealed = |builder: SessionLayerBuilder<Stored>| {
        builder.encrypt_at_rest().clock(ManualClock::default())
    };
    let clock = Arc::new(ManualClock::default());
    let before = process!(Stored, deployment, Arc::clone(&clock), sealed);
    let client = before.log_in("ada").await;
    assert_eq!(before.end("/end-everything").await, StatusCode::OK);
    assert_eq!(before.user(&client).await, "");
    deployment.keys = KeyRing::generate().expect("random bytes");
    let after = process!(Stored, deployment, clock, sealed);
    assert_eq!(after.user(&after.log_in("ada").await).await, "ada");
    let key = StoreKey {
        namespace: Namespace::new("stored/floor"),
        selector: Selector::from_bytes([0; 16]),
    };
    let record = deployment.store.load(&key).await.expect("in memory").expect("the floor");
    assert!(record.get("before").is_some(), "{record:?}");
}
