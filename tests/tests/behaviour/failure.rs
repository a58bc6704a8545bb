//! Server errors, panics, disconnects, and stores that are down or slow.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Saved, Session, SessionLayer, SessionLayerBuilder,
    clock::ManualClock,
    policy::{CommitOn, OnStoreError},
    store::MemoryStore,
};
use tests::{Client, Fault, Odd, Server, Spy, Verb, eventually, spy};
use tokio::sync::Notify;
use tower_http::catch_panic::CatchPanicLayer;

#[derive(Session)]
#[session(name = "fail", prefix = "none")]
struct Fragile {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    #[session(counter)]
    hits: i64,
    #[session(counter)]
    small: u8,
    odd: Odd,
}

#[derive(Default)]
struct Handlers {
    entered: Notify,
    go: Notify,
    /// The number of requests that the server is at.
    under_way: AtomicU32,
}

/// A request that the server is at, until it is answered or dropped.
struct UnderWay(Arc<Handlers>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn watch(State(handlers): State<Arc<Handlers>>, request: Request, next: Next) -> Response {
    handlers.under_way.fetch_add(1, Ordering::SeqCst);
    let _under_way = UnderWay(handlers);
    next.run(request).await
}

fn routes() -> Router<Arc<Handlers>> {
    Router::new()
        .route("/set", get(async |s: Session<Fragile>| s.set_theme("dark".to_owned())))
        .route("/read", get(async |s: Session<Fragile>| format!("{} {}", s.theme(), s.hits())))
        .route("/hit", get(async |s: Session<Fragile>| s.add_hits(1)))
        .route("/logout", get(async |s: Session<Fragile>| s.log_out()))
        .route("/login", get(async |s: Session<Fragile>| s.log_in("ada".to_owned())))
        .route("/break", get(async |s: Session<Fragile>| s.set_odd(Odd { broken: true })))
        .route("/overflow", get(async |s: Session<Fragile>| s.add_small(200)))
        .route(
            "/500",
            get(async |s: Session<Fragile>| {
                s.set_theme("lost".to_owned());
                s.add_hits(100);
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route(
            "/404",
            get(async |s: Session<Fragile>| {
                s.add_hits(1);
                StatusCode::NOT_FOUND
            }),
        )
        .route(
            "/panic",
            get(async |s: Session<Fragile>| {
                s.set_theme("lost".to_owned());
                let fail = || -> StatusCode { panic!("on purpose") };
                fail()
            }),
        )
        .route(
            "/slow-handler",
            get(async |s: Session<Fragile>, State(handlers): State<Arc<Handlers>>| {
                s.add_hits(10);
                handlers.entered.notify_one();
                handlers.go.notified().await;
                s.set_theme("late".to_owned());
            }),
        )
        .route(
            "/save",
            get(async |s: Session<Fragile>| match s.save().await {
                Ok(saved) => format!("{saved:?}"),
                Err(error) => format!("{} {error}", error.is_unavailable()),
            }),
        )
        .route(
            "/save-twice",
            get(async |s: Session<Fragile>| -> Result<String, Error> {
                s.add_hits(1);
                let first = s.save().await?;
                let second = s.save().await?;
                s.add_hits(1);
                assert_eq!(second, Saved::Unchanged);
                Ok(format!("{first:?} {second:?} {}", s.hits()))
            }),
        )
}

struct Case {
    server: Server,
    store: Spy<MemoryStore>,
    handlers: Arc<Handlers>,
}

async fn start(
    adjust: impl FnOnce(SessionLayerBuilder<Fragile>) -> SessionLayerBuilder<Fragile>,
) -> Case {
    let store = spy(MemoryStore::default());
    let handlers = Arc::<Handlers>::default();
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<Fragile>::builder(keys).store(store.clone()).insecure_dev();
    let layer = adjust(builder).build().expect("a sound configuration");
    let router = routes()
        .with_state(Arc::clone(&handlers))
        .layer(layer)
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(&handlers), watch));
    Case { server: Server::start(router).await, store, handlers }
}

#[tokio::test]
async fn server_errors_and_panics_commit_nothing() {
    let case = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    let token = client.cookie("fail");
    for path in ["/500", "/panic"] {
        case.store.take_calls();
        let reply = client.get(path).await;
        assert_eq!(reply.status, 500, "{path}");
        assert!(reply.set_cookies().is_empty(), "{path}");
        assert_eq!(case.store.take_calls(), ["load"], "{path}");
        assert_eq!(client.get("/read").await.body, "dark 0", "{path}");
    }
    assert_eq!(client.cookie("fail"), token);
    let fresh = Client::new(&case.server);
    assert!(fresh.get("/500").await.set_cookies().is_empty());
}

#[tokio::test]
async fn client_errors_commit_and_always_means_always() {
    let case = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    assert_eq!(client.get("/404").await.status, 404);
    assert_eq!(client.get("/read").await.body, "dark 1");
    let case = start(|builder| builder.commit_on(CommitOn::Always)).await;
    let client = Client::new(&case.server);
    client.get("/500").await;
    assert_eq!(client.get("/read").await.body, "lost 100");
}

/// Sends a request, hangs up without reading the answer once `until` has come, and waits until the
/// server has noticed.
async fn hang_up(case: &Case, path: &str, client: &Client, until: impl Future<Output = ()>) {
    let address = case.server.address();
    let cookie = client.cookie("fail").expect("a live session");
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\ncookie: fail={cookie}\r\n\r\n");
    let mut socket = std::net::TcpStream::connect(address).expect("the server listens");
    socket.write_all(request.as_bytes()).expect("the server reads");
    until.await;
    drop(socket);
    let is_idle = || case.handlers.under_way.load(Ordering::SeqCst) == 0;
    eventually("the server drops the request", async || is_idle()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_in_the_handler_leaves_nothing() {
    let case = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.store.take_calls();
    hang_up(&case, "/slow-handler", &client, case.handlers.entered.notified()).await;
    case.handlers.go.notify_one();
    assert_eq!(client.get("/read").await.body, "dark 0");
    assert!(!case.store.take_calls().contains(&Verb::Replace));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_during_the_commit_leaves_all_of_it() {
    let case = start(|builder| builder.deadline(Duration::from_secs(600))).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.store.fault(Verb::Replace, Fault::Held);
    case.store.take_calls();
    let begun = async || case.store.take_calls().contains(&Verb::Replace);
    hang_up(&case, "/hit", &client, eventually("the commit begins", begun)).await;
    assert_eq!(client.get("/read").await.body, "dark 0", "the commit is still on its way");
    case.store.heal(Verb::Replace);
    eventually("the commit arrives in spite of the disconnect", async || {
        client.get("/read").await.body == "dark 1"
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_never_an_empty_session_saved_over_the_real_one() {
    let case = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    let token = client.cookie("fail");
    case.store.fault(Verb::Load, Fault::Down);
    case.store.take_calls();
    let reply = client.get("/hit").await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.body, "Service Unavailable", "no details");
    assert!(reply.set_cookies().is_empty());
    assert_eq!(case.store.take_calls(), ["load"]);
    case.store.heal(Verb::Load);
    case.store.fault(Verb::Replace, Fault::Down);
    let reply = client.get("/hit").await;
    assert_eq!(reply.status, 503);
    assert!(reply.set_cookies().is_empty());
    case.store.heal(Verb::Replace);
    assert_eq!(client.get("/read").await.body, "dark 0");
    assert_eq!(client.cookie("fail"), token);
}

#[tokio::test]
async fn a_new_session_that_was_not_stored_sends_no_token() {
    let case = start(|builder| builder).await;
    case.store.fault(Verb::Insert, Fault::Down);
    let client = Client::new(&case.server);
    let reply = client.get("/set").await;
    assert_eq!(reply.status, 503);
    assert!(reply.set_cookies().is_empty());
}

#[tokio::test]
async fn a_log_out_that_failed_does_not_claim_success() {
    let case = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/login").await;
    case.store.fault(Verb::Remove, Fault::Down);
    let reply = client.get("/logout").await;
    assert_eq!(reply.status, 503);
    assert!(reply.set_cookies().is_empty());
}

#[tokio::test]
async fn a_slow_store_meets_its_deadline() {
    let case = start(|builder| builder.deadline(Duration::from_millis(50))).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.store.fault(Verb::Load, Fault::Slow(Duration::from_secs(30)));
    let started = std::time::Instant::now();
    assert_eq!(client.get("/read").await.status, 503);
    assert!(started.elapsed() < Duration::from_secs(25));
}

#[tokio::test]
async fn degraded_sessions_are_anonymous_and_a_write_to_them_is_503() {
    let case = start(|builder| builder.on_store_error(OnStoreError::Degrade)).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.store.fault(Verb::Load, Fault::Down);
    case.store.take_calls();
    for (path, status) in [("/hit", 503), ("/read", 200)] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.set_cookies().is_empty(), "{path}: nothing is cleared or created");
        assert_eq!(case.store.take_calls(), ["load"], "{path}");
    }
    assert_eq!(client.get("/read").await.body, " 0");
    let saved = client.get("/save").await.body;
    assert!(saved.starts_with("true "), "{saved}");
    case.store.heal(Verb::Load);
    assert_eq!(client.get("/read").await.body, "dark 0");
}

#[tokio::test]
async fn a_touch_that_fails_does_not_fail_the_request() {
    let clock = Arc::new(ManualClock::default());
    let case = start(|builder| builder.clock(Arc::clone(&clock))).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    clock.advance(Duration::from_secs(60));
    case.store.fault(Verb::Replace, Fault::Down);
    case.store.take_calls();
    assert_eq!(client.get("/read").await.status, 200);
    assert_eq!(case.store.take_calls(), ["load", "touch"]);
}

#[tokio::test]
async fn a_value_that_does_not_serialise_commits_nothing_and_a_counter_stays_in_its_range() {
    let case = start(|builder| builder).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    assert_eq!(client.get("/break").await.status, 422);
    assert_eq!(client.get("/overflow").await.status, 200);
    assert_eq!(client.get("/overflow").await.status, 422, "200 + 200 does not fit a u8");
    assert_eq!(client.get("/read").await.body, "dark 0");
}

#[tokio::test]
async fn saving_twice_writes_each_change_once() {
    let case = start(|builder| builder).await;
    let client = Client::new(&case.server);
    assert_eq!(client.get("/save-twice").await.body, "Created Unchanged 2");
    assert_eq!(case.store.take_calls(), ["insert", "load", "replace"]);
    assert_eq!(client.get("/read").await.body, " 2");
    assert_eq!(client.get("/save-twice").await.body, "Updated Unchanged 4");
    assert_eq!(client.get("/read").await.body, " 4");
}
