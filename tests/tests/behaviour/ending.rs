//! Ends that must stay ends: of sessions in tokens, beside parallel requests, after an error.

use std::{future::ready, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Saved, Session, SessionLayer, SessionLayerBuilder, SessionType, Sessions,
    clock::ManualClock, policy::OnStoreError, store::MemoryStore,
};
use tests::{
    Client, Fault, Reply, Server, Spy, Verb,
    sessions::{Sealed, Stored},
    spy,
};

use crate::gate::Gate;

const HOUR: Duration = Duration::from_secs(60 * 60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

struct Case {
    server: Server,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
    gate: Gate,
}

macro_rules! act {
    ($session:ty, $s:ident, $action:ident) => {{
        let $s: Session<$session> = $s;
        match $action.as_str() {
            "read" => {}
            "theme" => $s.set_theme("dark".to_owned()),
            "login" => $s.log_in("ada".to_owned()),
            "login-alan" => $s.log_in("alan".to_owned()),
            "logout" => $s.log_out(),
            "rotate" => $s.rotate(),
            "remember" => $s.remember_for(MONTH),
            "login-remembered" => {
                $s.log_in("ada".to_owned());
                $s.remember_for(MONTH);
            }
            "logout-twice" => {
                $s.log_out();
                assert_eq!($s.save().await?, Saved::Ended);
                $s.log_out();
            }
            "logout-destroy" => {
                $s.log_out();
                assert_eq!($s.save().await?, Saved::Ended);
                $s.destroy();
            }
            "made-and-ended" => {
                $s.set_theme("dark".to_owned());
                assert_eq!($s.save().await?, Saved::Created);
                $s.destroy();
            }
            "login-then-logout" => {
                $s.log_in("ada".to_owned());
                $s.log_out();
                $s.set_theme("dark".to_owned());
            }
            // The commit goes on by itself; the handler does not wait for it.
            "save-unwatched" => {
                $s.log_in("ada".to_owned());
                tokio::select! {
                    biased;
                    _ = $s.save() => unreachable!("the store is slow"),
                    () = ready(()) => {}
                }
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            }
            other => unreachable!("no action `{other}`"),
        }
        Ok::<_, Error>(format!("{:?} {}", $s.user(), $s.theme()).into_response())
    }};
}

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route(
                "/do/{action}",
                get(
                    async |s: Session<$session>,
                           Path(action): Path<String>|
                           -> Result<Response, Error> { act!($session, s, action) },
                ),
            )
            .route(
                "/held/{action}",
                get(
                    async |s: Session<$session>,
                           State(gate): State<Gate>,
                           Path(action): Path<String>|
                           -> Result<Response, Error> {
                        gate.hold().await;
                        act!($session, s, action)
                    },
                ),
            )
            .route(
                "/end-all/{user}",
                get(async |sessions: Sessions<$session>, Path(user): Path<String>| {
                    sessions.of(&user).end_all().await.map(|ended| ended.count.to_string())
                }),
            )
    };
}

async fn start<T: SessionType>(
    router: Router<Gate>,
    settle: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
) -> Case {
    let (clock, store) = (Arc::new(ManualClock::default()), spy(MemoryStore::default()));
    let gate = Gate::of(1);
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .clock(Arc::clone(&clock))
        .insecure_dev();
    let layer = settle(builder, store.clone()).build().expect("a sound configuration");
    let server = Server::start(router.with_state(gate.clone()).layer(layer)).await;
    Case { server, clock, store, gate }
}

async fn sealed() -> Case {
    start::<Sealed>(routes!(Sealed), SessionLayerBuilder::revocation).await
}

async fn stored() -> Case {
    start::<Stored>(routes!(Stored), SessionLayerBuilder::store).await
}

async fn both() -> [Case; 2] {
    [stored().await, sealed().await]
}

async fn interleave(case: &Case, client: &Client, held: &str, between: &str) -> (Reply, Client) {
    let between = async {
        assert_eq!(client.get(&format!("/do/{between}")).await.status, 200);
    };
    case.gate.interleave(client, format!("/held/{held}"), between).await
}

#[tokio::test]
async fn nothing_that_was_on_its_way_outlives_a_log_out() {
    for held in ["theme", "rotate", "remember"] {
        for case in both().await {
            let client = Client::new(&case.server);
            client.get("/do/login").await;
            let (reply, slow) = interleave(&case, &client, held, "logout").await;
            assert_eq!(reply.status, 200, "{held}");
            for after in [Duration::ZERO, 13 * HOUR] {
                case.clock.advance(after);
                let shown = slow.get("/do/read").await.body;
                assert_eq!(shown, "None ", "{held}, after {after:?}");
            }
        }
    }
}

#[tokio::test]
async fn of_two_parallel_rotations_one_wins() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/do/login").await;
        let (reply, _) = interleave(&case, &client, "rotate", "rotate").await;
        assert!(reply.set_cookies().is_empty(), "the loser says nothing");
        assert_eq!(client.get("/do/read").await.body, "Some(\"ada\") ");
    }
}

#[tokio::test]
async fn a_log_out_ends_copies_that_were_remembered_for_longer() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/do/login").await;
        let copy = client.fork();
        let remembered = copy.get("/do/remember").await;
        assert_eq!(remembered.set_cookies().len(), 1);
        client.get("/do/logout").await;
        copy.get("/do/logout").await;
        case.clock.advance(13 * HOUR);
        let replayed = Client::new(&case.server);
        let cookie = remembered.set_cookies()[0].split(['=', ';']).nth(1).expect("a value");
        replayed.set_cookie("s", cookie);
        assert_eq!(replayed.get("/do/read").await.body, "None ");
    }
}

#[tokio::test]
async fn ending_all_sessions_reaches_remembered_ones_for_as_long_as_they_would_live() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/do/login-remembered").await;
        assert_eq!(client.get("/end-all/ada").await.status, 200);
        for after in [Duration::ZERO, 13 * HOUR, 29 * 24 * HOUR] {
            case.clock.advance(after);
            let shown = client.fork().get("/do/read").await.body;
            assert_eq!(shown, "None ", "after {after:?} more");
        }
    }
}

#[tokio::test]
async fn an_end_that_was_saved_is_told_whatever_follows() {
    for path in ["/do/logout-twice", "/do/logout-destroy"] {
        for case in both().await {
            let client = Client::new(&case.server);
            client.get("/do/login").await;
            let reply = client.get(path).await;
            assert_eq!(reply.set_cookies().len(), 1, "{path}");
            assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_session_that_was_made_and_ended_in_one_request_leaves_no_token() {
    for case in both().await {
        let client = Client::new(&case.server);
        let reply = client.get("/do/made-and-ended").await;
        assert!(reply.set_cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
        assert_eq!(client.cookie("s"), None);
    }
}

#[tokio::test]
async fn logging_in_and_out_in_one_request_is_nobody() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/do/login-then-logout").await;
    assert_eq!(client.get("/do/read").await.body, "None dark");
    assert_eq!(client.get("/end-all/ada").await.body, "0", "and is not listed as somebody");
}

#[tokio::test]
async fn a_log_out_on_a_degraded_session_does_not_claim_success() {
    let case = start::<Stored>(routes!(Stored), |builder, store| {
        builder.store(store).on_store_error(OnStoreError::Degrade)
    })
    .await;
    let client = Client::new(&case.server);
    client.get("/do/login").await;
    case.store.fault(Verb::Load, Fault::Down);
    assert_eq!(client.get("/do/logout").await.status, 503);
    case.store.heal(Verb::Load);
    assert_eq!(client.get("/do/read").await.body, "Some(\"ada\") ", "as it said, it is not over");
}

#[tokio::test]
async fn a_server_error_waits_for_the_save_that_is_on_its_way_and_tells_its_token() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/do/theme").await;
    case.store.fault(Verb::Replace, Fault::Slow(Duration::from_millis(50)));
    let reply = client.get("/do/save-unwatched").await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.set_cookies().len(), 1, "the old credential is dead");
    assert_eq!(client.get("/do/read").await.body, "Some(\"ada\") dark");
}

#[tokio::test]
async fn being_remembered_ends_with_the_principal_who_asked_for_it() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/do/login-remembered").await;
        case.clock.advance(HOUR);
        let reply = client.get("/do/login").await;
        let cookie = reply.set_cookies()[0];
        assert!(cookie.contains("; Max-Age=2588400"), "logging in again keeps it: {cookie}");
        let reply = client.get("/do/login-alan").await;
        let cookie = reply.set_cookies()[0];
        assert!(!cookie.contains("Max-Age"), "alan did not ask for it: {cookie}");
        case.clock.advance(HOUR);
        assert_eq!(client.get("/do/read").await.body, "None ", "the idle end is back");
    }
}

#[tokio::test]
async fn logging_in_begins_a_new_life() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/do/theme").await;
        for _ in 0..33 {
            case.clock.advance(HOUR / 3);
            client.get("/do/read").await;
        }
        client.get("/do/login").await;
        for _ in 0..6 {
            case.clock.advance(HOUR / 3);
            assert_eq!(client.get("/do/read").await.body, "Some(\"ada\") dark");
        }
    }
}

#[tokio::test]
async fn a_session_begun_after_all_were_ended_stays_when_it_is_written() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/end-all/ada").await;
        client.get("/do/login").await;
        client.get("/do/theme").await;
        assert_eq!(client.get("/do/read").await.body, "Some(\"ada\") dark");
    }
}

#[tokio::test]
async fn a_token_in_the_cookie_is_never_from_the_future() {
    use session_runtime::clock::Clock;
    let (case, skew) = (sealed().await, Duration::from_secs(60));
    let start = case.clock.now();
    for (ahead, shown) in [(skew, "None dark"), (skew + Duration::from_millis(1), "None ")] {
        let client = Client::new(&case.server);
        case.clock.set(start.saturating_add(ahead));
        client.get("/do/theme").await;
        case.clock.set(start);
        assert_eq!(client.get("/do/read").await.body, shown, "sealed {ahead:?} ahead");
    }
}
