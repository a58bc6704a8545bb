//! Which requests keep a session alive: those that extract it, or any that presents its token.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_runtime::{
    SessionLayerBuilder, SessionType, Sessions,
    clock::ManualClock,
    policy::{Create, OnStale, Resend, TouchOn},
    store::MemoryStore,
};
use tests::{
    Client, Fault, Log, Server, Spy, Verb,
    sessions::{self, Case, Persistent, Sealed, Stored, Themed},
};

const MINUTE: Duration = Duration::from_secs(60);

fn routes<T: Themed>() -> Router {
    sessions::routes::<T>()
        .route("/asset", get(async || "asset"))
        .route("/error", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/directory", get(async |_: Sessions<T>| "nothing"))
        .route(
            "/status/{code}",
            get(async |Path(code): Path<u16>| StatusCode::from_u16(code).expect("a status code")),
        )
}

type Adjust<T> = fn(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>;

async fn start<T: SessionType>(
    routes: Router,
    adjust: Adjust<T>,
) -> (Server, Spy<MemoryStore>, Arc<ManualClock>) {
    let Case { server, store, clock } = Case::start(routes, adjust).await;
    (server, store, clock)
}

fn any<T: SessionType>(builder: SessionLayerBuilder<T>) -> SessionLayerBuilder<T> {
    builder.touch_on(TouchOn::AnyRequest)
}

/// Requests to `path` every 20 minutes for two hours; then what the session holds.
async fn after_two_hours(client: &Client, clock: &ManualClock, path: &str) -> String {
    client.get("/set").await;
    for _ in 0..6 {
        clock.advance(20 * MINUTE);
        client.get(path).await;
    }
    client.get("/read").await.body
}

#[tokio::test]
async fn a_request_that_extracts_nothing_keeps_the_session_alive_only_if_told_to() {
    for path in ["/asset", "/status/404", "/directory"] {
        let (server, _, clock) = start::<Stored>(routes::<Stored>(), |builder| builder).await;
        assert_eq!(after_two_hours(&Client::new(&server), &clock, path).await, "", "{path}");
        let (server, _, clock) = start::<Stored>(routes::<Stored>(), any).await;
        assert_eq!(after_two_hours(&Client::new(&server), &clock, path).await, "dark", "{path}");
    }
    let (server, _, clock) = start::<Sealed>(routes::<Sealed>(), any).await;
    assert_eq!(after_two_hours(&Client::new(&server), &clock, "/asset").await, "dark");
}

#[tokio::test]
async fn a_touch_is_throttled_and_the_response_does_not_tell_of_it() {
    let (server, store, clock) = start::<Stored>(routes::<Stored>(), any).await;
    let client = Client::new(&server);
    client.get("/set").await;
    store.take_calls();
    let silent = async |path: &str, calls: &[&str]| {
        let reply = client.get(path).await;
        assert!(reply.set_cookies().is_empty(), "{path}");
        assert_eq!((reply.header("vary"), reply.header("cache-control")), (None, None), "{path}");
        assert_eq!(store.take_calls(), calls, "{path}");
    };
    silent("/asset", &["load"]).await;
    clock.advance(MINUTE);
    silent("/asset", &["load", "touch"]).await;
    silent("/asset", &["load"]).await;
    clock.advance(MINUTE);
    silent("/error", &[]).await;
    client.get("/read").await;
    assert_eq!(store.take_calls(), ["load", "touch"], "one that extracts is not touched twice");
    let reply = client.get("/directory").await;
    assert_eq!(reply.header("vary"), Some("Cookie"), "it was extracted");
    assert_eq!(store.take_calls(), ["load"]);
}

#[tokio::test]
async fn without_a_live_session_nothing_happens() {
    let (server, store, clock) = start::<Stored>(routes::<Stored>(), |builder| {
        any(builder).create(Create::Eager).on_stale(OnStale::NewSession)
    })
    .await;
    let client = Client::new(&server);
    let quiet = async |calls: &[&str]| {
        let reply = client.get("/asset").await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "asset"));
        assert!(reply.set_cookies().is_empty() && reply.header("vary").is_none());
        assert_eq!(store.take_calls(), calls);
    };
    quiet(&[]).await;
    client.set_cookie("s", "AAAA");
    quiet(&[]).await;
    client.get("/set").await;
    store.take_calls();
    clock.advance(31 * MINUTE);
    quiet(&["load"]).await;
}

#[tokio::test]
async fn a_touch_rotates_nothing() {
    let (server, store, clock) =
        start::<Stored>(routes::<Stored>(), |builder| any(builder).rotate_every(MINUTE)).await;
    let client = Client::new(&server);
    client.get("/set").await;
    store.take_calls();
    clock.advance(5 * MINUTE);
    assert!(client.get("/asset").await.set_cookies().is_empty());
    assert_eq!(store.take_calls(), ["load", "touch"]);
    assert_eq!(client.get("/read").await.set_cookies().len(), 1, "the next use does");
}

#[tokio::test]
async fn a_token_that_is_sent_again_makes_the_response_private() {
    let private = |reply: &tests::Reply| {
        assert_eq!(reply.set_cookies().len(), 1);
        assert_eq!(reply.header("vary"), Some("Cookie"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    };
    let (server, _, clock) = start::<Sealed>(routes::<Sealed>(), any).await;
    let client = Client::new(&server);
    client.get("/set").await;
    assert!(client.get("/asset").await.set_cookies().is_empty());
    clock.advance(2 * MINUTE);
    private(&client.get("/asset").await);
    let (server, _, clock) = start::<Persistent>(routes::<Persistent>(), any).await;
    let client = Client::new(&server);
    client.get("/set").await;
    for path in ["/asset", "/directory"] {
        clock.advance(2 * MINUTE);
        let reply = client.get(path).await;
        private(&reply);
        assert!(reply.set_cookies()[0].contains("Max-Age=1800"), "{:?}", reply.set_cookies());
    }
    let (server, ..) =
        start::<Stored>(routes::<Stored>(), |builder| any(builder).resend(Resend::Always)).await;
    let client = Client::new(&server);
    client.get("/set").await;
    private(&client.get("/asset").await);
}

#[tokio::test]
async fn a_store_that_fails_is_told_to_the_log_alone() {
    let log = Log::of_this_thread();
    let (server, store, clock) = start::<Stored>(routes::<Stored>(), any).await;
    let client = Client::new(&server);
    client.get("/set").await;
    clock.advance(2 * MINUTE);
    for (operation, event) in [
        (Verb::Load, "session could not be kept alive"),
        (Verb::Touch, "session could not be touched or rotated"),
    ] {
        store.fault(operation, Fault::Down);
        assert!(!log.text().contains(event));
        let reply = client.get("/asset").await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "asset"), "{operation}");
        assert!(reply.set_cookies().is_empty());
        assert!(log.text().contains(event), "{operation}: {}", log.text());
        store.heal(operation);
    }
    assert_eq!(client.get("/read").await.body, "dark");
}
