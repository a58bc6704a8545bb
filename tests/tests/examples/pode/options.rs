//! What Pode's options do beyond the documented counter (cases P7 to P10, P12, P13), each in a
//! small application with that option, on a clock of the test's own; and the log-in by a form.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use axum::{
    Form, Json, Router,
    http::{HeaderName, Method, StatusCode, header::LOCATION, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock,
    policy::{Bind, Create, OnMismatch, Preset, Resend},
    store::{MemoryStore, Properties},
};
use tests::{Client, Reply, Server, example::curl, spy};

const SECOND: Duration = Duration::from_secs(1);

/// `-Duration 120`, as in the example.
#[derive(Session)]
#[session(name = "pode.sid", prefix = "none", idle = "never", absolute = "120s", persistent)]
struct Counter {
    #[session(counter)]
    views: i64,
}

/// `-Duration 120 -Extend`, with `resend` below.
#[derive(Session)]
#[session(name = "pode.sid", prefix = "none", idle = "120s", absolute = "never", persistent)]
struct Extended {
    #[session(counter)]
    views: i64,
}

/// `-Name my.sid`.
#[derive(Session)]
#[session(name = "my.sid", prefix = "none")]
struct Named {
    #[session(counter)]
    views: i64,
}

/// `-Name my.sid -UseHeaders`.
#[derive(Session)]
#[session(name = "my.sid", transport = "header")]
struct NamedHeader {
    #[session(counter)]
    views: i64,
}

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route(
                "/",
                get(async |s: Session<$session>| {
                    s.add_views(1);
                    Json(json!({ "Views": s.views() }))
                }),
            )
            .route("/look", get(async |s: Session<$session>| s.views().to_string()))
            .route("/id", get(async |s: Session<$session>| s.session_id().to_string()))
            .route("/reset", get(async |s: Session<$session>| s.set_absolute(120 * SECOND)))
    };
}

struct App {
    server: Server,
    clock: Arc<ManualClock>,
}

async fn serve<T: SessionType>(
    routes: Router,
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> App {
    let clock = Arc::new(ManualClock::default());
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .clock(Arc::clone(&clock))
        .preset(Preset::EveryVisitor)
        .insecure_dev();
    let layer = adjust(builder).build().expect("a sound configuration");
    App { server: Server::start(routes.layer(layer)).await, clock }
}

fn views(reply: &Reply) -> u64 {
    let body: Value = serde_json::from_str(&reply.body).expect("JSON");
    body["Views"].as_u64().expect("a count")
}

/// The `Max-Age` of the only cookie.
fn max_age(reply: &Reply) -> Option<&str> {
    let [cookie] = reply.set_cookies()[..] else { panic!("not one cookie: {reply:?}") };
    cookie.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age="))
}

async fn extended() -> App {
    serve::<Extended>(routes!(Extended), |builder| builder.resend(Resend::Always)).await
}

#[tokio::test]
async fn p06_without_extend_the_duration_runs_from_creation() {
    let app = serve::<Counter>(routes!(Counter), |builder| builder).await;
    let client = Client::new(&app.server);
    let reply = client.get("/").await;
    assert_eq!((views(&reply), max_age(&reply)), (1, Some("120")));
    for count in 2..=12 {
        app.clock.advance(10 * SECOND);
        assert_eq!(views(&client.get("/").await), count);
    }
    app.clock.advance(Duration::from_millis(9_999));
    assert_eq!(views(&client.get("/").await), 13);
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(views(&client.get("/").await), 1);
}

#[tokio::test]
async fn p07_with_extend_each_response_sends_the_cookie_for_the_full_time() {
    let app = extended().await;
    let client = Client::new(&app.server);
    assert_eq!(views(&client.get("/").await), 1);
    for count in 2..=6 {
        app.clock.advance(60 * SECOND);
        let reply = client.get("/").await;
        assert_eq!((views(&reply), max_age(&reply)), (count, Some("120")));
    }
    // Also when nothing changes: Pode once forgot the store then.
    for _ in 0..5 {
        app.clock.advance(60 * SECOND);
        let reply = client.get("/look").await;
        assert_eq!((reply.body.as_str(), max_age(&reply)), ("6", Some("120")));
    }
    // Here a use within a twentieth of the time is not recorded, and the cookie says so.
    app.clock.advance(5 * SECOND);
    assert_eq!(max_age(&client.get("/look").await), Some("115"));
}

#[tokio::test]
async fn p08_with_extend_it_ends_when_it_is_not_used() {
    let app = extended().await;
    let client = Client::new(&app.server);
    client.get("/").await;
    app.clock.advance(119 * SECOND);
    assert_eq!(views(&client.get("/").await), 2);
    app.clock.advance(120 * SECOND);
    let reply = client.get("/").await;
    assert_eq!((views(&reply), max_age(&reply)), (1, Some("120")));
}

/// `Reset-PodeSessionExpiry`.
#[tokio::test]
async fn the_duration_can_begin_anew() {
    let app = serve::<Counter>(routes!(Counter), |builder| builder).await;
    let client = Client::new(&app.server);
    client.get("/").await;
    app.clock.advance(100 * SECOND);
    assert_eq!(max_age(&client.get("/reset").await), Some("120"));
    app.clock.advance(119 * SECOND);
    assert_eq!(views(&client.get("/").await), 2);
    app.clock.advance(SECOND);
    assert_eq!(views(&client.get("/").await), 1);
}

/// The client's address, as a proxy in front would tell it.
fn address(parts: &Parts) -> Option<IpAddr> {
    parts.headers.get("x-address")?.to_str().ok()?.parse().ok()
}

#[tokio::test]
async fn p09_strict_sessions_are_new_to_another_client() {
    let app = serve::<Counter>(routes!(Counter), |builder| {
        let address = Bind::Address { of: address, v4_prefix: 32, v6_prefix: 128 };
        builder.bind(Bind::UserAgent, OnMismatch::Reject).bind(address, OnMismatch::Reject)
    })
    .await;
    let client = Client::new(&app.server);
    let send = async |client: &Client, agent: &str, address: &str| {
        let headers = [("user-agent", agent), ("x-address", address)];
        client.send(Method::GET, "/", &headers).await
    };
    assert_eq!(views(&send(&client, "Firefox", "203.0.113.7").await), 1);
    for (agent, address) in [("Curl", "203.0.113.7"), ("Firefox", "203.0.113.8")] {
        let thief = client.fork();
        let reply = send(&thief, agent, address).await;
        assert_eq!(views(&reply), 1, "{agent} {address}");
        assert_ne!(thief.cookie("pode.sid"), client.cookie("pode.sid"));
    }
    // Here the session goes on for its own client.
    assert_eq!(views(&send(&client, "Firefox", "203.0.113.7").await), 2);
}

#[tokio::test]
async fn p10_the_cookie_or_header_has_the_name_that_it_is_given() {
    let app = serve::<Named>(routes!(Named), |builder| builder).await;
    let client = Client::new(&app.server);
    let reply = client.get("/").await;
    assert!(reply.set_cookies()[0].starts_with("my.sid="), "{reply:?}");
    assert_eq!(views(&client.get("/").await), 2);

    let app = serve::<NamedHeader>(routes!(NamedHeader), |builder| builder).await;
    let client = Client::new(&app.server);
    let reply = client.get("/").await;
    let token = reply.header("my.sid").expect("the header").to_owned();
    assert!(!token.is_empty() && reply.set_cookies().is_empty(), "{reply:?}");
    let reply = client.send(Method::GET, "/", &[("my.sid", &token)]).await;
    assert_eq!(views(&reply), 2);
    let reply = client.send(Method::GET, "/", &[("pode.sid", &token)]).await;
    assert_eq!(views(&reply), 1);
}

#[tokio::test]
async fn p12_ids_come_from_the_generator_and_an_empty_one_is_an_error() {
    let next = AtomicU8::new(7);
    let app = serve::<Counter>(routes!(Counter), move |builder| {
        builder.session_ids(move |_| [next.fetch_sub(1, Ordering::Relaxed); 16])
    })
    .await;
    let hex = |id: u8| format!("{id:02x}").repeat(16);
    for id in (1..=7).rev() {
        let client = Client::new(&app.server);
        assert_eq!(client.get("/id").await.body, hex(id));
        assert_eq!(client.get("/id").await.body, hex(id), "and it stays");
    }
    // The next one is sixteen zeros, the emptiest that an array can be. Whoever sends the id of a
    // session instead of its token needs a new one, too.
    let guess = Client::new(&app.server);
    guess.set_cookie("pode.sid", &hex(7));
    let reply = guess.get("/id").await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!reply.set_cookies().iter().any(|cookie| !cookie.contains("Max-Age=0")), "{reply:?}");
}

#[test]
fn p13_what_cannot_work_is_refused_at_start() {
    let keys = || KeyRing::ephemeral().expect("random bytes");
    let refused = |built: Result<SessionLayer<Counter>, Error>, says: &str| {
        let error = built.expect_err(says);
        assert!(error.is_config() && error.to_string().contains(says), "{error}");
    };
    let builder = || SessionLayer::<Counter>::builder(keys());

    // `-Storage` without `-Secret`: a secret of this process, and a store that outlives it.
    let lasting = spy(MemoryStore::default());
    lasting.pretend(Properties::DURABLE);
    refused(builder().store(lasting).build(), "ephemeral");
    assert!(KeyRing::from_env("PODE_SECRET_THAT_NOBODY_SET").is_err());

    // No storage at all. One without `Delete` does not compile: it is a method of the trait.
    refused(builder().build(), "needs a store");

    // `-Duration 0`; `-Duration -1` cannot be said.
    let zero = builder().store(MemoryStore::default()).absolute(Duration::ZERO);
    refused(zero.build(), "`absolute` must be at least a millisecond");

    // A second middleware: two session types under one name.
    let keys = keys();
    let first = SessionLayer::<Extended>::new(MemoryStore::default(), keys.clone());
    assert!(first.is_ok());
    refused(SessionLayer::new(MemoryStore::default(), keys), "belongs to the session type");
}

/// The log-in by a form, `-Duration 120 -Extend`: the page is for those who are logged in.
#[derive(Session)]
#[session(name = "pode.sid", prefix = "none", idle = "120s", persistent)]
struct Site {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    #[session(counter)]
    views: i64,
}

#[derive(Deserialize)]
struct LogIn {
    username: String,
    password: String,
}

fn found(path: &'static str) -> (StatusCode, [(HeaderName, &'static str); 1]) {
    (StatusCode::FOUND, [(LOCATION, path)])
}

async fn home(user: Option<CurrentUser>, session: Session<Site>) -> Response {
    let Some(CurrentUser(user)) = user else { return found("/login").into_response() };
    session.add_views(1);
    format!("Hello, {user}! View {}.", session.views()).into_response()
}

async fn log_in(session: Session<Site>, Form(form): Form<LogIn>) -> impl IntoResponse {
    if (form.username.as_str(), form.password.as_str()) != ("morty", "pickle") {
        return found("/login");
    }
    session.log_in("Morty".to_owned());
    found("/")
}

async fn log_out(session: Session<Site>) -> impl IntoResponse {
    session.log_out();
    found("/login")
}

/// On several threads, since `curl` keeps one waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_logs_in_and_out() {
    let routes = Router::new()
        .route("/", get(home))
        .route("/login", get(async || "a form").post(log_in))
        .route("/logout", post(log_out));
    let rolling =
        |builder: SessionLayerBuilder<Site>| builder.create(Create::OnWrite).resend(Resend::Always);
    let app = serve(routes, rolling).await;
    let folder = tempfile::tempdir().expect("a folder for cookies");
    let jar = folder.path().join("cookies").display().to_string();
    let send = |path: &str, arguments: &[&str]| {
        let jar = ["--cookie", &jar, "--cookie-jar", &jar];
        curl(&[&jar, arguments, &[&app.server.url(path)]].concat())
    };
    let sent_to = |path: &str, arguments: &[&str]| {
        let reply = send(path, arguments);
        assert_eq!(reply.status, 302, "{reply:?}");
        reply.header("location").expect("where to").to_owned()
    };

    assert_eq!(sent_to("/", &[]), "/login");
    assert_eq!(send("/login", &[]).body, "a form");
    let wrong = send("/login", &["--data", "username=morty&password=rick"]);
    assert_eq!((wrong.header("location"), wrong.set_cookies()), (Some("/login"), vec![]));
    assert_eq!(sent_to("/login", &["--data", "username=morty&password=pickle"]), "/");
    assert_eq!(send("/", &[]).body, "Hello, Morty! View 1.");
    assert_eq!(send("/", &[]).body, "Hello, Morty! View 2.");
    let kept = std::fs::read_to_string(&jar).expect("there is a cookie");
    assert_eq!(sent_to("/logout", &["--data", ""]), "/login");
    assert_eq!(sent_to("/", &[]), "/login");
    // Who has kept the cookie has nothing, and logging out twice is no error.
    std::fs::write(&jar, kept).expect("the jar can be written");
    assert_eq!(sent_to("/", &[]), "/login");
    assert_eq!(sent_to("/logout", &["--data", ""]), "/login");
}
