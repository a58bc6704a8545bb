//! What the tutorial does not set, or what needs a clock or a fault of the test's own: the idle time
//! to the second, when the cookie is `Secure`, a store that is down, handlers that fail. Each on a
//! small application in this process.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Method, StatusCode},
    routing::get,
};
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder,
    clock::ManualClock,
    policy::{CommitOn, OnStoreError, Preset, SecureCookie},
    proxy,
    store::MemoryStore,
};
use tests::{Client, Fault, Server, Spy, Verb, spy};
use tower_http::catch_panic::CatchPanicLayer;

#[derive(Session)]
#[session(name = "Kr.Session", prefix = "none", idle = "20s")]
struct Tutorial {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    #[session(counter)]
    counter: i32,
}

struct App {
    server: Server,
    store: Spy<MemoryStore>,
    clock: Arc<ManualClock>,
}

/// With the tutorial's preset, unless `adjust` says otherwise.
async fn start(
    adjust: impl FnOnce(SessionLayerBuilder<Tutorial>) -> SessionLayerBuilder<Tutorial>,
) -> App {
    let (store, clock) = (spy(MemoryStore::default()), Arc::new(ManualClock::default()));
    let builder = SessionLayer::<Tutorial>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .clock(Arc::clone(&clock))
        .preset(Preset::Discreet);
    let sessions = adjust(builder).build().expect("a sound configuration");
    let routes = Router::new()
        .route("/hello", get(async || "Hello, Session World!"))
        .route("/login", get(async |s: Session<Tutorial>| s.log_in("max".to_owned())))
        .route("/whoami", get(async |CurrentUser(user): CurrentUser| user))
        .route(
            "/counter",
            get(async |s: Session<Tutorial>| {
                s.add_counter(1);
                s.counter().to_string()
            }),
        )
        .route("/read", get(async |s: Session<Tutorial>| s.counter().to_string()))
        .route(
            "/fails",
            get(async |s: Session<Tutorial>| {
                s.add_counter(10);
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route(
            "/panics",
            get(async |s: Session<Tutorial>| {
                s.add_counter(100);
                let fail = || -> StatusCode { panic!("on purpose") };
                fail()
            }),
        );
    let routes = routes.layer(CatchPanicLayer::new()).layer(sessions);
    App { server: Server::start(routes).await, store, clock }
}

async fn get_text(client: &Client, path: &str) -> (u16, String) {
    let reply = client.get(path).await;
    (reply.status.as_u16(), reply.body)
}

#[tokio::test]
async fn k16_k17_the_idle_time_is_exact_and_any_request_starts_it_anew() {
    let app = start(|builder| builder).await;
    let (kept, left) = (Client::new(&app.server), Client::new(&app.server));
    for client in [&kept, &left] {
        assert_eq!(client.get("/login").await.status, 200);
    }
    for _ in 0..4 {
        app.clock.advance(Duration::from_secs(10));
        assert_eq!(kept.get("/hello").await.status, 200);
    }
    assert_eq!(get_text(&kept, "/whoami").await, (200, "max".to_owned()));
    assert_eq!(left.get("/whoami").await.status, 401);
    app.clock.advance(Duration::from_secs(19));
    assert_eq!(kept.get("/whoami").await.status, 200);
    app.clock.advance(Duration::from_secs(21));
    assert_eq!(kept.get("/whoami").await.status, 401);
}

#[tokio::test]
async fn k20_secure_by_policy_and_scheme() {
    // A proxy says which scheme it was; whoever serves https itself says `Always`.
    for (policy, on_http, on_https) in [
        (SecureCookie::Always, true, true),
        (SecureCookie::Never, false, false),
        (SecureCookie::When(proxy::is_https), false, true),
    ] {
        let app = start(|builder| builder.secure(policy)).await;
        for (scheme, expected) in [("http", on_http), ("https", on_https)] {
            let client = Client::new(&app.server);
            let headers = [("x-forwarded-proto", scheme)];
            let reply = client.send(Method::GET, "/counter", &headers).await;
            let cookies = reply.set_cookies();
            assert_eq!(cookies.len(), 1);
            let is_secure = cookies[0].split("; ").any(|attribute| attribute == "Secure");
            assert_eq!(is_secure, expected, "{policy:?} {scheme}");
        }
    }
}

#[tokio::test]
async fn k21_without_the_preset_a_store_that_is_down_is_503_and_with_it_a_write_is() {
    for (policy, who) in [(OnStoreError::Fail, 503), (OnStoreError::Degrade, 401)] {
        let app = start(|builder| builder.on_store_error(policy)).await;
        let client = Client::new(&app.server);
        for path in ["/login", "/counter", "/counter"] {
            assert_eq!(client.get(path).await.status, 200);
        }
        app.store.fault(Verb::Load, Fault::Down);
        assert_eq!(client.get("/whoami").await.status.as_u16(), who);
        for _ in 0..2 {
            assert_eq!(client.get("/counter").await.status, 503, "{policy:?}");
        }
        app.store.heal(Verb::Load);
        assert_eq!(get_text(&client, "/counter").await, (200, "3".to_owned()), "{policy:?}");
        assert_eq!(get_text(&client, "/whoami").await, (200, "max".to_owned()));
    }
}

#[tokio::test]
async fn k22_what_a_handler_did_before_it_failed_is_kept_by_the_preset_and_dropped_without() {
    for (policy, kept) in [(CommitOn::Always, ["11", "111"]), (CommitOn::Not5xx, ["1", "1"])] {
        let app = start(|builder| builder.commit_on(policy)).await;
        let client = Client::new(&app.server);
        assert_eq!(get_text(&client, "/counter").await, (200, "1".to_owned()));
        for (path, expected) in ["/fails", "/panics"].into_iter().zip(kept) {
            assert_eq!(client.get(path).await.status, 500, "{path}");
            assert_eq!(get_text(&client, "/read").await.1, expected, "{policy:?} {path}");
        }
    }
    // The preset alone is the first of the two.
    let app = start(|builder| builder).await;
    let client = Client::new(&app.server);
    client.get("/fails").await;
    assert_eq!(get_text(&client, "/read").await.1, "10");
}
