//! Idle and absolute end, to the second, for sessions in a store and in the token.

#![allow(clippy::unchecked_time_subtraction, reason = "constants that are seen to be larger")]

use std::time::Duration;

use axum::{Router, routing::get};
use session_runtime::{KeyRing, Session, SessionLayer, SessionLayerBuilder, store::MemoryStore};
use tests::{
    Client,
    sessions::{self, Case, Persistent, Sealed, Signed, Stored, Themed},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(30 * 60);
const ABSOLUTE: Duration = Duration::from_secs(12 * 60 * 60);

fn routes<T: Themed>() -> Router {
    sessions::routes::<T>()
        .route("/rotate", get(async |s: Session<T>| s.rotate()))
        .route("/extend", get(async |s: Session<T>| s.touch()))
        .route(
            "/left",
            get(async |s: Session<T>| {
                let left = s.expires_at().duration_since(std::time::UNIX_EPOCH);
                left.expect("after 1970").as_millis().to_string()
            }),
        )
        .route(
            "/extend-left",
            get(async |s: Session<T>| {
                let before = s.expires_at();
                s.touch();
                let extended = s.expires_at();
                s.remember_for(Duration::from_secs(30 * 24 * 60 * 60));
                let more = |time: std::time::SystemTime| time.duration_since(before);
                format!(
                    "{:?} {:?}",
                    more(extended).expect("later"),
                    more(s.expires_at()).expect("later")
                )
            }),
        )
        .route(
            "/remember",
            get(async |s: Session<T>| {
                T::set_theme(&s, "dark");
                s.remember_for(Duration::from_secs(30 * 24 * 60 * 60));
            }),
        )
}

async fn stored() -> Case {
    Case::start::<Stored>(routes::<Stored>(), |builder| builder).await
}

async fn sealed() -> Case {
    Case::with::<Sealed>(routes::<Sealed>(), SessionLayerBuilder::revocation).await
}

async fn signed() -> Case {
    Case::start::<Signed>(routes::<Signed>(), |builder| builder).await
}

async fn every() -> [Case; 3] {
    [stored().await, sealed().await, signed().await]
}

#[tokio::test]
async fn idle_ends_to_the_second() {
    for case in every().await {
        for (wait, alive) in [(IDLE - SECOND, "dark"), (IDLE, "")] {
            let client = Client::new(&case.server);
            client.get("/set").await;
            case.clock.advance(wait);
            assert_eq!(client.get("/read").await.body, alive, "after {wait:?}");
        }
    }
}

#[tokio::test]
async fn the_absolute_end_is_not_moved_by_use_rotation_or_extension() {
    for path in ["/read", "/rotate", "/extend", "/set"] {
        for case in every().await {
            let client = Client::new(&case.server);
            client.get("/set").await;
            let start = {
                use session_runtime::clock::Clock;
                case.clock.now()
            };
            for _ in 0..(ABSOLUTE.as_secs() / MINUTE.as_secs() / 20) {
                case.clock.advance(20 * MINUTE - SECOND);
                client.get(path).await;
            }
            case.clock.set(start.saturating_add(ABSOLUTE - SECOND));
            assert_eq!(client.get("/read").await.body, "dark", "{path}");
            case.clock.advance(SECOND);
            assert_eq!(client.get("/read").await.body, "", "{path}");
        }
    }
}

#[tokio::test]
async fn touches_are_throttled_and_never_let_an_active_session_die_early() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.store.take_calls();
    for _ in 0..59 {
        case.clock.advance(SECOND);
        client.get("/read").await;
    }
    assert_eq!(case.store.take_calls(), vec!["load"; 59], "59 seconds: not one touch");
    case.clock.advance(SECOND);
    client.get("/read").await;
    assert_eq!(case.store.take_calls(), ["load", "touch"], "a minute: one touch");
    case.clock.advance(IDLE - SECOND);
    assert_eq!(client.get("/read").await.body, "dark", "the touch moved the idle end");
}

#[tokio::test]
async fn extend_touches_at_once() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.clock.advance(SECOND);
    case.store.take_calls();
    client.get("/extend").await;
    assert_eq!(case.store.take_calls(), ["load", "touch"]);
    case.clock.advance(IDLE - SECOND);
    assert_eq!(client.get("/read").await.body, "dark");
}

#[tokio::test]
async fn expires_at_is_the_sooner_of_both() {
    use session_runtime::clock::Clock;
    for case in every().await {
        let client = Client::new(&case.server);
        client.get("/set").await;
        let expected = case.clock.now().saturating_add(IDLE).as_millis();
        assert_eq!(client.get("/left").await.body, expected.to_string());
        let end = case.clock.now().saturating_add(ABSOLUTE).as_millis();
        for _ in 0..35 {
            case.clock.advance(20 * MINUTE);
            client.get("/read").await;
        }
        assert_eq!(client.get("/left").await.body, end.to_string());
    }
}

#[tokio::test]
async fn expires_at_knows_what_was_asked_for() {
    for case in every().await {
        let client = Client::new(&case.server);
        client.get("/set").await;
        case.clock.advance(30 * SECOND);
        let (extended, kept) = (30 * SECOND, 30 * 24 * 60 * MINUTE - IDLE + 30 * SECOND);
        let reply = client.get("/extend-left").await;
        assert_eq!(reply.body, format!("{extended:?} {kept:?}"));
    }
}

#[tokio::test]
async fn a_touch_of_a_token_payload_sends_a_new_token_and_of_a_stored_one_nothing() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.clock.advance(MINUTE);
    assert!(client.get("/read").await.set_cookies().is_empty());
    let case = sealed().await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    let token = client.cookie("s");
    case.clock.advance(MINUTE - SECOND);
    assert!(client.get("/read").await.set_cookies().is_empty());
    case.clock.advance(SECOND);
    assert_eq!(client.get("/read").await.set_cookies().len(), 1);
    assert_ne!(client.cookie("s"), token);
}

#[tokio::test]
async fn remembered_sessions_outlive_idle_and_absolute_and_say_so_to_the_client() {
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    for case in every().await {
        let client = Client::new(&case.server);
        let reply = client.get("/remember").await;
        assert!(reply.set_cookies()[0].contains("; Max-Age=2592000"), "{:?}", reply.set_cookies());
        case.clock.advance(month - SECOND);
        assert_eq!(client.get("/read").await.body, "dark");
        case.clock.advance(SECOND);
        assert_eq!(client.get("/read").await.body, "");
        let other = Client::new(&case.server);
        let reply = other.get("/set").await;
        assert!(!reply.set_cookies()[0].contains("Max-Age"), "{:?}", reply.set_cookies());
    }
}

#[tokio::test]
async fn a_persistent_cookie_is_renewed_as_the_session_is_used() {
    let case = Case::start::<Persistent>(routes::<Persistent>(), |builder| builder).await;
    let client = Client::new(&case.server);
    let reply = client.get("/set").await;
    assert!(reply.set_cookies()[0].contains("; Max-Age=1800"), "{:?}", reply.set_cookies());
    let token = client.cookie("s");
    case.clock.advance(SECOND);
    assert!(client.get("/read").await.set_cookies().is_empty(), "not at every request");
    case.clock.advance(MINUTE);
    let reply = client.get("/read").await;
    assert!(reply.set_cookies()[0].contains("; Max-Age=1800"), "{:?}", reply.set_cookies());
    assert_eq!(client.cookie("s"), token, "the same token, kept for longer");
}

#[tokio::test]
async fn a_clock_that_goes_back_neither_panics_nor_extends() {
    use session_runtime::clock::{Clock, Timestamp};
    for case in every().await {
        let client = Client::new(&case.server);
        client.get("/set").await;
        let start = case.clock.now();
        case.clock.set(Timestamp::from_millis(0));
        assert_eq!(client.get("/read").await.status, 200);
        case.clock.set(start.saturating_add(IDLE));
        assert_eq!(client.get("/read").await.body, "");
    }
}

#[tokio::test]
async fn periodic_rotation_has_a_short_grace_and_happens_once() {
    let hour = 60 * MINUTE;
    let case = Case::start::<Stored>(routes::<Stored>(), |builder| {
        builder.rotate_every(hour).idle(10 * hour)
    })
    .await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.clock.advance(hour);
    let late = client.fork();
    let later = client.fork();
    assert_eq!(client.get("/read").await.set_cookies().len(), 1);
    let reply = late.get("/read").await;
    assert_eq!(reply.body, "dark", "a request on its way with the old credential survives");
    assert!(reply.set_cookies().is_empty(), "and does not rotate again");
    late.get("/set").await;
    assert_eq!(client.get("/read").await.body, "dark");
    case.clock.advance(30 * SECOND);
    assert_eq!(later.get("/read").await.body, "", "the grace is over");
    assert_eq!(client.get("/read").await.body, "dark");
}

#[tokio::test]
async fn a_shorter_absolute_end_is_the_idle_limit_too_unless_that_was_given() {
    let minutes = |count| count * MINUTE;
    let case =
        Case::start::<Stored>(routes::<Stored>(), |builder| builder.absolute(minutes(5))).await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    case.clock.advance(minutes(5) - SECOND);
    assert_eq!(client.get("/read").await.body, "dark");
    case.clock.advance(SECOND);
    assert_eq!(client.get("/read").await.body, "");
    let error = SessionLayer::<Stored>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .idle(minutes(10))
        .absolute(minutes(5))
        .build()
        .expect_err("they contradict");
    assert!(error.is_config() && error.to_string().contains("longer"), "{error}");
}
