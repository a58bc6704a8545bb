//! Lifetimes of a session's own, beside what the layer says.

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use session_runtime::{
    KeyRing, PrincipalType, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock, schema::Payload, store::MemoryStore,
};
use tests::{
    Client, Server,
    sessions::{Persistent, Sealed, Stored, Themed},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[derive(Session)]
#[session(name = "s", prefix = "none", idle = "30m", absolute = "never")]
struct Endless {
    #[session(principal)]
    user: Option<String>,
    theme: String,
}

tests::themed!(Endless);

/// How long the session would still live.
fn left<T: SessionType>(session: &Session<T>, clock: &ManualClock) -> String {
    use session_runtime::clock::Clock;
    let now = std::time::SystemTime::from(clock.now());
    let left = session.expires_at().duration_since(now).expect("not over");
    format!("{}m", left.as_secs() / 60)
}

fn routes<T: Themed + PrincipalType<Principal = String>>(clock: &Arc<ManualClock>) -> Router {
    let change = |change: fn(&Session<T>)| {
        let clock = Arc::clone(clock);
        get(async move |s: Session<T>| {
            change(&s);
            left(&s, &clock)
        })
    };
    Router::new()
        .route("/set", change(|s| T::set_theme(s, "dark")))
        .route("/left", change(|_| {}))
        .route("/hour", change(|s| s.set_absolute(HOUR)))
        .route("/day", change(|s| s.set_absolute(24 * HOUR)))
        .route("/idle-day", change(|s| s.set_idle(Some(24 * HOUR))))
        .route("/idle-5", change(|s| s.set_idle(Some(5 * MINUTE))))
        .route("/idle-none", change(|s| s.set_idle(None)))
        .route(
            "/new",
            change(|s| {
                T::set_theme(s, "dark");
                s.set_absolute(HOUR);
                s.set_idle(None);
            }),
        )
        .route("/remember", change(|s| s.remember_for(48 * HOUR)))
        .route(
            "/hour-remember",
            change(|s| {
                s.set_absolute(HOUR);
                s.set_idle(Some(MINUTE));
                s.remember_for(48 * HOUR);
            }),
        )
        .route(
            "/remember-hour",
            change(|s| {
                s.remember_for(48 * HOUR);
                s.set_absolute(HOUR);
            }),
        )
        .route("/login", change(|s| s.log_in("ada".to_owned())))
        .route(
            "/login-hour",
            change(|s| {
                s.set_absolute(HOUR);
                s.log_in("ada".to_owned());
                s.set_idle(None);
            }),
        )
}

fn layer<T: SessionType>(
    clock: &Arc<ManualClock>,
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> SessionLayer<T> {
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .clock(Arc::clone(clock))
        .insecure_dev();
    let builder = match T::spec().payload {
        Payload::Server => builder.store(MemoryStore::default()),
        _ => builder,
    };
    adjust(builder).build().expect("a sound configuration")
}

/// A server for sessions in a store, and one for those in the token, with their clocks.
async fn both() -> [(Server, Arc<ManualClock>); 2] {
    let (clock, other) = (Arc::new(ManualClock::default()), Arc::new(ManualClock::default()));
    let stored = routes::<Stored>(&clock).layer(layer::<Stored>(&clock, |b| b));
    let sealed = layer::<Sealed>(&other, |b| b.revocation(MemoryStore::default()));
    let sealed = routes::<Sealed>(&other).layer(sealed);
    [(Server::start(stored).await, clock), (Server::start(sealed).await, other)]
}

async fn get_body(client: &Client, path: &str) -> String {
    client.get(path).await.body
}

#[tokio::test]
async fn a_session_has_an_absolute_end_of_its_own() {
    for (server, clock) in both().await {
        let client = Client::new(&server);
        assert_eq!(get_body(&client, "/set").await, "30m");
        let reply = client.get("/hour").await;
        assert_eq!(reply.body, "30m", "the idle limit stays");
        assert!(reply.set_cookies().iter().all(|cookie| !cookie.contains("Max-Age")));
        for _ in 0..3 {
            clock.advance(19 * MINUTE);
            client.get("/left").await;
        }
        assert_eq!(get_body(&client, "/left").await, "3m", "57 minutes of the hour are over");
        assert_eq!(get_body(&client, "/day").await, "30m", "and longer than it was");
        for _ in 0..40 {
            clock.advance(20 * MINUTE);
            assert_eq!(get_body(&client, "/left").await, "30m");
        }
        clock.advance(11 * HOUR);
        assert!(client.get("/left").await.set_cookies()[0].contains("Max-Age=0"), "over");
    }
}

#[tokio::test]
async fn a_session_has_an_idle_limit_of_its_own() {
    for (server, clock) in both().await {
        let client = Client::new(&server);
        client.get("/set").await;
        assert_eq!(get_body(&client, "/idle-5").await, "5m");
        clock.advance(4 * MINUTE);
        assert_eq!(get_body(&client, "/left").await, "5m", "it starts anew with each use");
        assert_eq!(get_body(&client, "/idle-day").await, "716m", "up to the absolute end");
        assert_eq!(get_body(&client, "/idle-none").await, "716m");
        clock.advance(715 * MINUTE);
        assert_eq!(get_body(&client, "/left").await, "1m");
        clock.advance(MINUTE);
        assert!(client.get("/left").await.set_cookies()[0].contains("Max-Age=0"), "over");
        let client = Client::new(&server);
        client.get("/idle-5").await;
        assert_eq!(client.cookie("s"), None, "a lifetime alone creates no session");
        assert_eq!(get_body(&client, "/new").await, "60m", "a new one begins with it");
        clock.advance(59 * MINUTE);
        assert_eq!(get_body(&client, "/left").await, "1m");
    }
}

#[tokio::test]
async fn remembering_and_logging_in_begin_anew() {
    for (server, _) in both().await {
        let client = Client::new(&server);
        client.get("/set").await;
        client.get("/hour").await;
        assert_eq!(get_body(&client, "/hour-remember").await, "2880m", "the last word counts");
        assert_eq!(get_body(&client, "/left").await, "2880m");
        let reply = client.get("/remember-hour").await;
        assert_eq!(reply.body, "60m");
        assert!(reply.set_cookies()[0].contains("Max-Age=3600"), "{:?}", reply.set_cookies());
        client.get("/login").await;
        assert_eq!(get_body(&client, "/left").await, "30m", "a new life");
        client.get("/login-hour").await;
        assert_eq!(get_body(&client, "/left").await, "60m", "unless it asks for one of its own");
    }
}

#[tokio::test]
async fn a_copy_of_a_token_with_another_end_is_worth_nothing() {
    let [_, (server, _)] = both().await;
    let client = Client::new(&server);
    client.get("/set").await;
    let copy = client.fork();
    client.get("/day").await;
    // Its log-out would be remembered for as long as the copy would live, which is not as long.
    assert!(copy.get("/left").await.set_cookies()[0].contains("Max-Age=0"));
    assert_eq!(get_body(&client, "/left").await, "30m");
}

#[tokio::test]
async fn no_session_is_without_any_end() {
    let clock = Arc::new(ManualClock::default());
    let routes = routes::<Endless>(&clock).layer(layer::<Endless>(&clock, |b| b));
    let server = Server::start(routes).await;
    let client = Client::new(&server);
    client.get("/set").await;
    assert_eq!(get_body(&client, "/idle-none").await, "30m", "there is no absolute end");
    assert_eq!(get_body(&client, "/left").await, "30m");
    client.get("/hour").await;
    assert_eq!(get_body(&client, "/idle-none").await, "60m");
}

#[tokio::test]
async fn the_cookie_is_kept_as_long_as_the_session_lives() {
    let clock = Arc::new(ManualClock::default());
    let layer = layer::<Persistent>(&clock, |b| b);
    let server = Server::start(routes::<Persistent>(&clock).layer(layer)).await;
    let client = Client::new(&server);
    client.get("/set").await;
    for (path, max_age) in
        [("/idle-5", "Max-Age=300"), ("/idle-none", "Max-Age=43200"), ("/hour", "Max-Age=3600")]
    {
        let reply = client.get(path).await;
        assert!(reply.set_cookies()[0].ends_with(max_age), "{path}: {:?}", reply.set_cookies());
    }
}
