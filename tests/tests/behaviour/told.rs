//! A session that is over is told: each write to it is an outcome of `save`, an error of `transact`,
//! or an event. None of them vanishes in silence, and none revives the session.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock,
    policy::{Create, OnStoreError},
    store::MemoryStore,
};
use tests::{Client, Fault, Log, Reply, Server, Spy, Verb, spy};

use crate::gate::Gate;

const DROPPED: &str = "session was written to after its end; the changes were dropped";

macro_rules! session {
    ($name:ident, $payload:literal) => {
        #[derive(Session)]
        #[session(name = "t", prefix = "none", idle = "30m", absolute = "12h", payload = $payload)]
        struct $name {
            #[session(principal)]
            user: Option<String>,
            number: u32,
            #[session(keep)]
            theme: String,
        }
    };
}

session!(Stored, "server");
session!(Sealed, "sealed");

struct Case {
    server: Server,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
    gate: Gate,
}

/// The routes: `/show`, and one that does what its path says, word by word, and tells what each
/// `save` answered.
macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route(
                "/show",
                get(async |s: Session<$session>| {
                    format!("{:?} {} {}", s.user(), s.number(), s.theme())
                }),
            )
            .route(
                "/{words}",
                get(
                    async |s: Session<$session>,
                           State(gate): State<Gate>,
                           Path(words): Path<String>| {
                        let mut told = Vec::new();
                        for word in words.split('+') {
                            match word {
                                "wait" => gate.hold().await,
                                "save" => told.push(match s.save().await {
                                    Ok(saved) => format!("{saved:?}"),
                                    Err(error) => error.status().as_u16().to_string(),
                                }),
                                "transact" => {
                                    told.push(match s.transact(|s| s.set_number(9)).await {
                                        Ok(()) => "Ok".to_owned(),
                                        Err(error) if error.is_gone() => "Gone".to_owned(),
                                        Err(error) => error.status().as_u16().to_string(),
                                    });
                                }
                                "try" => {
                                    let tried = s.try_transact(|s| {
                                        s.set_number(9);
                                        Ok::<_, Error>(())
                                    });
                                    told.push(format!("{}", tried.await.is_ok()));
                                }
                                "ada" => s.log_in(word.to_owned()),
                                "read" => {}
                                "touch" => s.touch(),
                                "rotate" => s.rotate(),
                                "logout" => s.log_out(),
                                "destroy" => s.destroy(),
                                "dark" | "light" => s.set_theme(word.to_owned()),
                                number => s.set_number(number.parse().expect("a number")),
                            }
                        }
                        told.join(" ")
                    },
                ),
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

async fn stored() -> Case {
    start::<Stored>(routes!(Stored), SessionLayerBuilder::store).await
}

async fn sealed() -> Case {
    start::<Sealed>(routes!(Sealed), SessionLayerBuilder::revocation).await
}

async fn both() -> [Case; 2] {
    [stored().await, sealed().await]
}

impl Case {
    async fn interleave(
        &self,
        client: &Client,
        held: &str,
        between: impl Future<Output = ()>,
    ) -> (Reply, Client) {
        self.gate.interleave(client, format!("/{held}"), between).await
    }
}

fn count(log: &Log, event: &str) -> usize {
    log.text().matches(event).count()
}

#[tokio::test]
async fn every_save_after_destroy_tells_what_was_written_since() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/1").await;
        let reply = client.get("/destroy+save+2+save+save+3+save+rotate+save").await;
        assert_eq!(reply.body, "Ended Ended Unchanged Ended Ended");
        assert_eq!(client.get("/show").await.body, "None 0 ");
    }
}

#[tokio::test]
async fn every_save_after_a_lost_one_tells_what_was_written_since() {
    let ([stored, sealed], [stored_too, sealed_too]) = (both().await, both().await);
    for (end, case) in
        [("logout", stored), ("logout", sealed), ("destroy", stored_too), ("destroy", sealed_too)]
    {
        let client = Client::new(&case.server);
        client.get("/1").await;
        let ends = async {
            client.get(&format!("/{end}")).await;
        };
        let words = "wait+2+save+3+save+save+3+save+rotate+save";
        let (reply, _) = case.interleave(&client, words, ends).await;
        assert_eq!(reply.body, "Lost Lost Unchanged Lost Lost", "{end}");
        assert_eq!(client.get("/show").await.body, "None 0 ", "{end}");
    }
}

#[tokio::test]
async fn what_is_written_to_a_session_that_is_over_is_an_event() {
    let log = Log::of_this_thread();
    for case in both().await {
        let client = Client::new(&case.server);
        for (words, events) in [("1", 0), ("1+destroy", 0), ("1+destroy+2", 1), ("1+logout+2", 0)] {
            let before = count(&log, DROPPED);
            client.get(&format!("/{words}")).await;
            assert_eq!(count(&log, DROPPED) - before, events, "{words}");
        }
        client.get("/1").await;
        let before = count(&log, DROPPED);
        client.get("/destroy+save+2+save+3").await;
        assert_eq!(count(&log, DROPPED) - before, 2);
    }
}

#[tokio::test]
async fn a_transaction_on_a_session_that_is_over_is_an_error() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/1").await;
        assert_eq!(client.get("/destroy+transact+try").await.body, "Gone false");
        client.get("/1").await;
        let ends = async {
            client.get("/destroy").await;
        };
        let (reply, slow) = case.interleave(&client, "wait+transact+transact+try", ends).await;
        assert_eq!(reply.body, "Gone Gone false");
        assert_eq!(slow.get("/show").await.body, "None 0 ");
        client.get("/1").await;
        let expires = async { case.clock.advance(Duration::from_secs(31 * 60)) };
        let (reply, _) = case.interleave(&client, "wait+transact", expires).await;
        assert_eq!(reply.body, "Gone");
    }
}

#[tokio::test]
async fn a_transaction_that_the_client_does_not_consent_to_is_an_error() {
    let case =
        start::<Stored>(routes!(Stored), |builder, store| builder.store(store).consent(|_| false))
            .await;
    assert_eq!(Client::new(&case.server).get("/transact").await.body, "403");
}

#[tokio::test]
async fn a_log_out_of_a_session_with_another_credential_ends_the_session() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/1").await;
        let rotates = async {
            client.get("/rotate").await;
        };
        let (reply, slow) = case.interleave(&client, "wait+rotate+save+logout", rotates).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "Lost"));
        assert_eq!(slow.cookie("t"), None);
    }
    let case = stored().await;
    let client = Client::new(&case.server);
    client.get("/1").await;
    let rotates = async {
        client.get("/rotate").await;
    };
    case.interleave(&client, "wait+2+save+logout", rotates).await;
    assert_eq!(client.get("/show").await.body, "None 0 ", "no token of the session is good");
}

#[tokio::test]
async fn what_is_written_after_log_out_and_a_save_rests_on_the_new_record_alone() {
    for case in both().await {
        let client = Client::new(&case.server);
        client.get("/ada+1+dark").await;
        let old = client.fork();
        let reply = client.get("/logout+2+save+light+save").await;
        assert_eq!(reply.body, "Ended Updated");
        assert_eq!(client.get("/show").await.body, "None 2 light");
        assert_eq!(old.get("/show").await.body, "None 0 ");
    }
}

#[tokio::test]
async fn on_a_store_that_is_down_reading_works_and_a_write_is_503_whoever_the_visitor_is() {
    for create in [Create::OnWrite, Create::Eager] {
        let case = start::<Stored>(routes!(Stored), |builder, store| {
            builder.store(store).on_store_error(OnStoreError::Degrade).create(create)
        })
        .await;
        let known = Client::new(&case.server);
        known.get("/1+dark").await;
        for operation in [Verb::Load, Verb::Insert, Verb::Replace, Verb::Touch] {
            case.store.fault(operation, Fault::Down);
        }
        for client in [&known, &Client::new(&case.server)] {
            let reply = client.get("/show").await;
            assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "None 0 "));
            for words in ["2", "dark", "ada", "1+0"] {
                let reply = client.get(&format!("/{words}")).await;
                let is_known = client.cookie("t").is_some();
                // Zero is what a visitor without a session has.
                let status = if words == "1+0" && !is_known { 200 } else { 503 };
                assert_eq!(reply.status.as_u16(), status, "{words}, {is_known}");
                assert!(reply.set_cookies().is_empty(), "{words}");
            }
        }
        for operation in [Verb::Load, Verb::Insert, Verb::Replace, Verb::Touch] {
            case.store.heal(operation);
        }
        assert_eq!(known.get("/show").await.body, "None 1 dark");
    }
}
