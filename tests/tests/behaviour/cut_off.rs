//! Responses that store no field: server errors, 408, 499, panics and conflicts. What ends a session,
//! or gives it a new credential, takes effect all the same.

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
    routing::get,
};
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType, policy::CommitOn,
    store::MemoryStore,
};
use tests::{Client, Fault, Odd, Server, Spy, Verb, eventually, spy};

use crate::gate::Gate;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

macro_rules! session {
    ($name:ident, $payload:literal) => {
        #[derive(Session)]
        #[session(name = "c", prefix = "none", payload = $payload)]
        struct $name {
            #[session(principal)]
            user: Option<String>,
            debited: bool,
            credited: bool,
            #[session(keep)]
            theme: String,
            odd: Odd,
            flow: Option<String>,
        }
    };
}

session!(Stored, "server");
session!(Sealed, "sealed");

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route(
                "/show",
                get(async |s: Session<$session>| {
                    format!("{:?} {} {} {}", s.user(), s.debited(), s.credited(), s.theme())
                }),
            )
            .route("/login", get(async |s: Session<$session>| s.log_in("ada".to_owned())))
            .route(
                "/begin",
                get(async |s: Session<$session>| {
                    s.log_in("ada".to_owned());
                    s.set_theme("dark".to_owned());
                    s.set_flow("flow".to_owned());
                }),
            )
            .route("/take", get(async |s: Session<$session>| drop(s.take_flow())))
            .route(
                "/do/{words}/{status}",
                get(
                    async |s: Session<$session>,
                           State(gate): State<Gate>,
                           Path((words, status)): Path<(String, u16)>|
                           -> Response {
                        for word in words.split('+') {
                            match word {
                                "wait" => gate.hold().await,
                                "debit" => s.set_debited(true),
                                "credit" => s.set_credited(true),
                                "light" => s.set_theme("light".to_owned()),
                                "take" => drop(s.take_flow()),
                                "break" => s.set_odd(Odd { broken: true }),
                                "login" => s.log_in("bob".to_owned()),
                                "logout" => s.log_out(),
                                "destroy" => s.destroy(),
                                "rotate" => s.rotate(),
                                "save" => drop(s.save().await),
                                "panic" => panic!("on purpose"),
                                "for-ever" => std::future::pending().await,
                                other => unreachable!("no word `{other}`"),
                            }
                        }
                        StatusCode::from_u16(status).expect("a status").into_response()
                    },
                ),
            )
    };
}

struct Case {
    server: Server,
    store: Spy<MemoryStore>,
    gate: Gate,
}

async fn start<T: SessionType>(
    router: Router<Gate>,
    settle: impl FnOnce(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
) -> Case {
    let store = spy(MemoryStore::default());
    let gate = Gate::of(1);
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<T>::builder(keys).insecure_dev();
    let layer = settle(builder, store.clone()).build().expect("a sound configuration");
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(50));
    let router = router.with_state(gate.clone());
    // Of the routes below `/timed`, the handlers are cut off inside of the session layer.
    let router = router.clone().nest("/timed", router.layer(timeout));
    let router = router.layer(layer).layer(CatchPanicLayer::new());
    Case { server: Server::start(router).await, store, gate }
}

async fn stored() -> Case {
    start::<Stored>(routes!(Stored), SessionLayerBuilder::store).await
}

async fn sealed() -> Case {
    start::<Sealed>(routes!(Sealed), SessionLayerBuilder::revocation).await
}

async fn both() -> [Case; 2] {
    [stored().await, sealed().await]
}

#[tokio::test]
async fn a_handler_that_is_cut_off_by_a_timeout_stores_no_field() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/begin").await;
        let token = client.cookie("c");
        let reply = client.get("/timed/do/debit+for-ever+credit/200").await;
        assert_eq!(reply.status, 408);
        for status in [408, 499, 500, 503] {
            let reply = client.get(&format!("/do/debit/{status}")).await;
            assert_eq!(reply.status.as_u16(), status);
        }
        assert_eq!(client.get("/show").await.body, "Some(\"ada\") false false dark");
        assert_eq!(client.cookie("c"), token);
        client.get("/do/debit/404").await;
        assert_eq!(client.get("/show").await.body, "Some(\"ada\") true false dark");
    }
}

#[tokio::test]
async fn commit_on_always_stores_what_a_handler_did_until_it_was_cut_off() {
    let case = start::<Stored>(routes!(Stored), |builder, store| {
        builder.store(store).commit_on(CommitOn::Always)
    })
    .await;
    let client = Client::new(&case.server);
    client.get("/begin").await;
    client.get("/do/debit/408").await;
    assert_eq!(client.get("/show").await.body, "Some(\"ada\") true false dark");
}

#[tokio::test]
async fn a_log_out_takes_effect_in_spite_of_a_server_error_and_of_a_timeout() {
    for end in ["logout", "destroy", "light+logout+light", "logout+login"] {
        for status in [500, 408, 499] {
            for case in both().await {
                let client = Client::new(&case.server);
                client.get("/begin").await;
                let old = client.fork();
                let reply = client.get(&format!("/do/{end}/{status}")).await;
                assert_eq!(reply.status.as_u16(), status, "{end}");
                assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{end} {status}");
                assert_eq!(old.get("/show").await.body, "None false false ", "{end} {status}");
            }
        }
    }
}

#[tokio::test]
async fn a_log_out_takes_effect_in_spite_of_a_panic() {
    for end in ["logout", "destroy"] {
        for case in both().await {
            let client = Client::new(&case.server);
            client.get("/begin").await;
            let path = format!("/do/{end}+debit+panic/200");
            assert_eq!(client.get(&path).await.status, 500);
            assert_eq!(client.get("/show").await.body, "None false false ", "{end}");
        }
    }
    // A store that takes its time is waited for by a task of its own.
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/begin").await;
    case.store.fault(Verb::Remove, Fault::Held);
    assert_eq!(client.get("/do/logout+panic/200").await.status, 500);
    assert_eq!(client.get("/show").await.body, "Some(\"ada\") false false dark");
    case.store.heal(Verb::Remove);
    eventually("the session ends", async || client.get("/show").await.body.starts_with("None"))
        .await;
}

#[tokio::test]
async fn a_new_credential_goes_with_a_server_error_but_not_with_a_panic() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/begin").await;
        let old = client.fork();
        let reply = client.get("/do/debit+rotate+credit/500").await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (500, 1));
        assert_eq!(client.get("/show").await.body, "Some(\"ada\") false false dark");
        assert_eq!(old.get("/show").await.body, "None false false ");
        let reply = client.get("/do/debit+rotate+panic/200").await;
        assert!(!reply.headers.contains_key(SET_COOKIE));
        assert_eq!(client.get("/show").await.body, "Some(\"ada\") false false dark");
    }
}

#[tokio::test]
async fn a_log_in_that_was_not_saved_is_nobody_after_a_server_error() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/do/light/200").await;
        let reply = client.get("/do/login+rotate/500").await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (500, 1));
        assert_eq!(client.get("/show").await.body, "None false false light");
    }
}

#[tokio::test]
async fn a_value_that_does_not_serialise_stops_no_log_out_and_no_rotation() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/begin").await;
        let old = client.fork();
        assert_eq!(client.get("/do/rotate+break/200").await.status, 422);
        assert_eq!(client.get("/show").await.body, "Some(\"ada\") false false dark");
        assert_eq!(old.get("/show").await.body, "None false false ");
        let old = client.fork();
        let reply = client.get("/do/logout+break/200").await;
        assert_eq!(reply.status, 422);
        assert!(reply.set_cookies()[0].contains("Max-Age=0"));
        assert_eq!(old.get("/show").await.body, "None false false ");
    }
}

#[tokio::test]
async fn a_conflict_stores_no_field_and_stops_no_rotation() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/begin").await;
    let old = client.fork();
    let between = async {
        client.get("/take").await;
    };
    let path = "/do/take+debit+rotate+wait/200".to_owned();
    let (reply, slow) = case.gate.interleave(&client, path, between).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (409, 1));
    assert_eq!(slow.get("/show").await.body, "Some(\"ada\") false false dark");
    assert_eq!(old.get("/show").await.body, "None false false ");
}

#[tokio::test]
async fn a_log_out_that_the_store_cannot_carry_out_is_no_success_either() {
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/begin").await;
    case.store.fault(Verb::Remove, Fault::Down);
    let reply = client.get("/do/logout/500").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (500, 0));
    assert_eq!(client.get("/show").await.body, "Some(\"ada\") false false dark");
}
