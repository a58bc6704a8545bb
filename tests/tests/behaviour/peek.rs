//! Looking at a session without using it: nothing is written, kept alive or sent, as the next request
//! tells.

#![allow(clippy::unchecked_time_subtraction, reason = "constants that are seen to be larger")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::Request, http::StatusCode, routing::get};
use session_runtime::{
    Error, KeyRing, Peek, Session, SessionLayer, SessionLayerBuilder, SessionType, Sessions,
    clock::ManualClock,
    policy::{Create, OnStale, OnStoreError, TouchOn},
    store::MemoryStore,
};
use tests::{Client, Fault, Server, Spy, Verb, spy};
use tokio::sync::oneshot;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[derive(Session)]
#[session(name = "s", prefix = "none", idle = "30m", absolute = "12h")]
struct Stored {
    #[session(principal)]
    user: Option<String>,
    theme: String,
}

#[derive(Session)]
#[session(name = "s", prefix = "none", idle = "30m", absolute = "12h", payload = "sealed")]
struct Sealed {
    theme: String,
}

#[derive(Session)]
#[session(name = "other", prefix = "none")]
struct Other {
    visits: u32,
}

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route("/set", get(async |s: Session<$session>| s.set_theme("dark".to_owned())))
            .route("/read", get(async |s: Session<$session>| s.theme().clone()))
            .route("/destroy", get(async |s: Session<$session>| s.destroy()))
            .route("/asset", get(async || "asset"))
            .route("/peek", get(async |peek: Peek<$session>| peek.theme.clone()))
            .route(
                "/maybe",
                get(async |peek: Option<Peek<$session>>| {
                    peek.map_or_else(|| "nobody".to_owned(), |peek| peek.theme.clone())
                }),
            )
            .route("/fail", get(async |_: Peek<$session>| StatusCode::INTERNAL_SERVER_ERROR))
            .route("/print", get(async |peek: Peek<$session>| format!("{peek:?}")))
            .route(
                "/peek-and-set",
                get(async |peek: Peek<$session>, s: Session<$session>| {
                    s.set_theme("light".to_owned());
                    peek.theme.clone()
                }),
            )
            .route(
                "/set-and-peek",
                get(async |s: Session<$session>, peek: Option<Peek<$session>>| {
                    s.set_theme("blue".to_owned());
                    peek.is_some().to_string()
                }),
            )
    };
}

struct Case {
    /// Serves until the case is dropped.
    _server: Server,
    client: Client,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
}

async fn case<T: SessionType>(
    routes: Router,
    adjust: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
) -> Case {
    let (clock, store) = (Arc::new(ManualClock::default()), spy(MemoryStore::default()));
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .clock(Arc::clone(&clock))
        .insecure_dev();
    let layer = adjust(builder, store.clone()).build().expect("a sound configuration");
    let server = Server::start(routes.layer(layer)).await;
    let client = Client::new(&server);
    Case { _server: server, client, clock, store }
}

async fn stored(
    adjust: impl FnOnce(SessionLayerBuilder<Stored>) -> SessionLayerBuilder<Stored>,
) -> Case {
    let devices = get(async |_: Sessions<Stored>, peek: Peek<Stored>| peek.theme.clone());
    let routes = routes!(Stored).route("/devices", devices);
    case(routes, |builder, store| adjust(builder.store(store))).await
}

async fn sealed() -> Case {
    let adjust = |builder: SessionLayerBuilder<_>, _| builder.accept_replay_until_expiry();
    case::<Sealed>(routes!(Sealed), adjust).await
}

#[tokio::test]
async fn a_session_that_is_only_peeked_at_expires_after_its_idle_time() {
    for case in [stored(|builder| builder).await, sealed().await] {
        let Case { client, clock, store, .. } = &case;
        client.get("/set").await;
        store.take_calls();
        for _ in 0..4 {
            clock.advance(7 * MINUTE);
            for path in ["/peek", "/maybe"] {
                let reply = client.get(path).await;
                assert_eq!(reply.body, "dark", "{path}");
                assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.set_cookies());
            }
        }
        assert!(store.take_calls().iter().all(|call| *call == "load"), "nothing is written");
        clock.advance(2 * MINUTE);
        assert_eq!(client.get("/maybe").await.body, "nobody");
        assert_eq!(client.get("/peek").await.body, "", "the default");
        assert_eq!(client.get("/read").await.body, "");
    }
}

#[tokio::test]
async fn a_session_that_is_used_between_two_peeks_lives_on() {
    for case in [stored(|builder| builder).await, sealed().await] {
        let Case { client, clock, .. } = &case;
        client.get("/set").await;
        for path in ["/peek", "/read", "/peek", "/peek-and-set", "/peek", "/peek"] {
            clock.advance(10 * MINUTE);
            assert_ne!(client.get(path).await.body, "", "{path}");
        }
        clock.advance(10 * MINUTE);
        assert_eq!(
            client.get("/maybe").await.body,
            "nobody",
            "the session was not used for 30 minutes"
        );
    }
}

#[tokio::test]
async fn a_peek_creates_no_session_even_where_every_visitor_gets_one() {
    let case = stored(|builder| builder.create(Create::Eager)).await;
    let Case { client, store, .. } = &case;
    for (path, body) in [("/peek", ""), ("/maybe", "nobody"), ("/devices", ""), ("/fail", "")] {
        let reply = client.get(path).await;
        assert_eq!(reply.body, body, "{path}");
        assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.set_cookies());
    }
    assert_eq!(store.take_calls(), [""; 0]);
    assert_eq!(client.get("/read").await.set_cookies().len(), 1, "a use does");
    assert_eq!(client.get("/maybe").await.body, "");
}

#[tokio::test]
async fn a_token_that_is_no_live_session_is_not_answered_by_a_peek() {
    for on_stale in [OnStale::ClearToken, OnStale::NewSession] {
        let case = stored(|builder| builder.on_stale(on_stale)).await;
        let Case { client, store, .. } = &case;
        client.get("/set").await;
        let ended = client.fork();
        client.get("/destroy").await;
        client.set_cookie("s", "AAAA");
        store.take_calls();
        for (client, calls) in [(client, &[][..]), (&ended, &["load"; 5])] {
            for path in ["/peek", "/maybe", "/devices", "/fail", "/peek"] {
                let reply = client.get(path).await;
                assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.set_cookies());
            }
            assert_eq!(store.take_calls(), calls, "{on_stale:?}");
            assert!(client.cookie("s").is_some(), "the client has its token still");
            assert_eq!(client.get("/read").await.set_cookies().len(), 1, "a use answers");
            store.take_calls();
        }
    }
}

#[tokio::test]
async fn a_peek_and_a_use_in_one_request_share_one_load_and_the_changes_are_committed() {
    for (first, path, then) in
        [("dark", "/peek-and-set", "light"), ("true", "/set-and-peek", "blue")]
    {
        let case = stored(|builder| builder).await;
        let Case { client, store, .. } = &case;
        client.get("/set").await;
        store.take_calls();
        assert_eq!(client.get(path).await.body, first);
        assert_eq!(store.take_calls(), ["load", "replace"], "{path}");
        assert_eq!(client.get("/peek").await.body, then);
        let visitor = client.blank();
        assert_eq!(visitor.get(path).await.set_cookies().len(), 1, "a new session");
        assert_eq!(visitor.get("/read").await.body, then);
    }
}

#[tokio::test]
async fn a_peek_gives_no_new_credential_though_one_is_due() {
    let adjust = |builder: SessionLayerBuilder<_>| builder.rotate_every(HOUR).idle(10 * HOUR);
    let case = stored(adjust).await;
    let Case { client, clock, store, .. } = &case;
    client.get("/set").await;
    let token = client.cookie("s");
    store.take_calls();
    clock.advance(2 * HOUR);
    for path in ["/peek", "/maybe", "/devices"] {
        let reply = client.get(path).await;
        assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.set_cookies());
        assert_eq!(store.take_calls(), ["load"], "{path}");
    }
    assert_eq!(client.get("/read").await.set_cookies().len(), 1, "a use does");
    assert_ne!(client.cookie("s"), token);
}

#[tokio::test]
async fn a_payload_in_the_token_is_not_sealed_again_by_a_peek() {
    let case = sealed().await;
    let Case { client, clock, .. } = &case;
    client.get("/set").await;
    let token = client.cookie("s");
    clock.advance(10 * MINUTE);
    for path in ["/peek", "/maybe", "/fail"] {
        let reply = client.get(path).await;
        assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.set_cookies());
    }
    assert_eq!(client.cookie("s"), token);
    assert_eq!(client.get("/read").await.set_cookies().len(), 1, "a use does");
}

#[tokio::test]
async fn of_two_session_types_one_is_peeked_at_and_the_other_used() {
    let keys = KeyRing::ephemeral().expect("random bytes");
    let (clock, eager) = (Arc::new(ManualClock::default()), Create::Eager);
    let (peeked, used) = (spy(MemoryStore::default()), spy(MemoryStore::default()));
    let builder = SessionLayer::<Stored>::builder(keys.clone()).store(peeked.clone()).create(eager);
    let other = SessionLayer::<Other>::builder(keys).store(used.clone());
    let both = get(async |peek: Peek<Stored>, other: Session<Other>| {
        other.set_visits(other.visits() + 1);
        format!("{} {}", peek.theme, other.visits())
    });
    let routes = routes!(Stored)
        .route("/both", both)
        .layer(builder.clock(Arc::clone(&clock)).insecure_dev().build().expect("sound"))
        .layer(other.clock(clock).insecure_dev().build().expect("sound"));
    let server = Server::start(routes).await;
    let client = Client::new(&server);
    let reply = client.get("/both").await;
    assert_eq!(reply.body, " 1");
    assert_eq!(reply.set_cookies().len(), 1, "{:?}", reply.set_cookies());
    assert_eq!((client.cookie("s"), client.cookie("other").is_some()), (None, true));
    client.get("/set").await;
    peeked.take_calls();
    used.take_calls();
    assert_eq!(client.get("/both").await.body, "dark 2");
    assert_eq!(peeked.take_calls(), ["load"]);
    assert_eq!(used.take_calls(), ["load", "replace"]);
}

#[tokio::test]
async fn the_response_to_a_peek_says_that_it_depends_on_the_session() {
    let case = stored(|builder| builder).await;
    let Case { client, .. } = &case;
    for path in ["/peek", "/maybe", "/devices", "/fail"] {
        let reply = client.get(path).await;
        assert_eq!(reply.header("vary"), Some("Cookie"), "{path}");
        let read = client.get("/read").await;
        assert_eq!(reply.header("cache-control"), read.header("cache-control"), "{path}");
    }
    assert_eq!(client.get("/asset").await.header("vary"), None);
}

#[tokio::test]
async fn where_any_request_keeps_a_session_alive_one_that_peeks_does_with_one_load() {
    let adjust = |builder: SessionLayerBuilder<_>| builder.touch_on(TouchOn::AnyRequest);
    let case = stored(adjust).await;
    let Case { client, clock, store, .. } = &case;
    client.get("/set").await;
    store.take_calls();
    for path in ["/peek", "/maybe", "/devices"] {
        clock.advance(20 * MINUTE);
        let reply = client.get(path).await;
        assert_eq!((&*reply.body, reply.header("vary")), ("dark", Some("Cookie")), "{path}");
        assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.set_cookies());
        assert_eq!(store.take_calls(), ["load", "touch"], "{path}");
    }
    clock.advance(20 * MINUTE);
    client.get("/fail").await;
    assert_eq!(store.take_calls(), ["load"], "a response that does not commit does not touch");
}

#[tokio::test]
async fn a_peek_meets_a_store_that_is_down_as_a_use_does() {
    let case = stored(|builder| builder).await;
    let Case { client, store, .. } = &case;
    client.get("/set").await;
    store.fault(Verb::Load, Fault::Down);
    for path in ["/peek", "/maybe", "/peek-and-set", "/read"] {
        let reply = client.get(path).await;
        assert_eq!(
            (reply.status, reply.set_cookies().len()),
            (StatusCode::SERVICE_UNAVAILABLE, 0),
            "{path}"
        );
    }
    let degrade = |builder: SessionLayerBuilder<_>| builder.on_store_error(OnStoreError::Degrade);
    let case = stored(degrade).await;
    let Case { client, store, .. } = &case;
    client.get("/set").await;
    store.fault(Verb::Load, Fault::Down);
    for (path, body) in [("/peek", ""), ("/maybe", "nobody")] {
        let reply = client.get(path).await;
        assert_eq!(
            (reply.status, &*reply.body, reply.set_cookies().len()),
            (StatusCode::OK, body, 0),
            "{path}"
        );
    }
    store.heal(Verb::Load);
    assert_eq!(client.get("/peek").await.body, "dark", "the client has its token still");
}

#[tokio::test]
async fn a_peek_prints_no_field() {
    let case = stored(|builder| builder).await;
    let Case { client, .. } = &case;
    client.get("/set").await;
    let printed = client.get("/print").await.body;
    assert!(printed.starts_with("Peek") && !printed.contains("dark"), "{printed}");
}

#[tokio::test]
async fn a_use_that_begins_after_a_response_that_only_peeked_is_told_that_it_is_too_late() {
    let (answered, when_answered) = oneshot::channel::<()>();
    let (told, what_was_told) = oneshot::channel::<Result<(), Error>>();
    let ends = Arc::new(Mutex::new(Some((when_answered, told))));
    let late = get(async move |request: Request| {
        let (parts, _) = request.into_parts();
        let (when_answered, told) = ends.lock().expect("whole").take().expect("one request");
        let theme = Peek::<Stored>::from_parts(&parts).await.expect("the layer").theme.clone();
        tokio::spawn(async move {
            when_answered.await.expect("the test");
            let session = Session::<Stored>::from_parts(&parts).await.expect("the layer");
            session.set_theme("late".to_owned());
            told.send(session.save().await.map(|_| ())).expect("the test");
        });
        theme
    });
    let routes = routes!(Stored).route("/late", late);
    let case = case::<Stored>(routes, SessionLayerBuilder::store).await;
    case.client.get("/set").await;
    assert_eq!(case.client.get("/late").await.body, "dark");
    answered.send(()).expect("the task");
    let error = what_was_told.await.expect("the task").expect_err("too late");
    assert!(error.is_closed(), "{error}");
    assert_eq!(case.client.blank().get("/read").await.body, "");
    assert_eq!(case.client.get("/read").await.body, "dark");
}
