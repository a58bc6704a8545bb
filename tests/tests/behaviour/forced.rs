//! `create`: the store is asked although nothing has changed, and nothing that did not change
//! is written.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{Path, State},
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Saved, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock, store::MemoryStore,
};
use tests::{
    Client, Fault, Server, Spy, Verb,
    sessions::{Sealed, Stored},
    spy,
};
use tokio::sync::Barrier;

async fn start<T: SessionType>(
    routes: Router<Spy<MemoryStore>>,
    adjust: fn(SessionLayerBuilder<T>, Spy<MemoryStore>) -> SessionLayerBuilder<T>,
) -> (Server, Spy<MemoryStore>, Arc<ManualClock>) {
    let (store, clock) = (spy(MemoryStore::default()), Arc::new(ManualClock::default()));
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .clock(Arc::clone(&clock))
        .insecure_dev();
    let layer = adjust(builder, store.clone()).build().expect("a sound configuration");
    (Server::start(routes.layer(layer).with_state(store.clone())).await, store, clock)
}

async fn start_stored() -> (Server, Spy<MemoryStore>, Arc<ManualClock>) {
    start_gated(Arc::new(Barrier::new(2))).await
}

/// `gate` is passed by `/wait` after its load, and again before its save.
async fn start_gated(gate: Arc<Barrier>) -> (Server, Spy<MemoryStore>, Arc<ManualClock>) {
    let routes = Router::new()
        .route("/force", get(async |s: Session<Stored>| said(s.create().await)))
        .route("/save", get(async |s: Session<Stored>| said(s.save().await)))
        .route("/read", get(async |s: Session<Stored>| s.theme().clone()))
        .route(
            "/set/{theme}",
            get(async |s: Session<Stored>, Path(theme): Path<String>| s.set_theme(theme)),
        )
        .route(
            "/force-while-down",
            get(async |s: Session<Stored>, State(store): State<Spy<MemoryStore>>| {
                store.fault(Verb::Touch, Fault::Down);
                let failed = said(s.create().await);
                store.heal(Verb::Touch);
                failed
            }),
        )
        .route("/destroy", get(async |s: Session<Stored>| s.destroy()))
        .route(
            "/wait",
            get(async |s: Session<Stored>, Extension(gate): Extension<Arc<Barrier>>| {
                let theme = s.theme().clone();
                gate.wait().await;
                gate.wait().await;
                format!("{theme} {}", said(s.create().await))
            }),
        )
        .layer(Extension(gate));
    start::<Stored>(routes, SessionLayerBuilder::store).await
}

fn said(saved: Result<Saved, Error>) -> String {
    match saved {
        Ok(saved) => format!("{saved:?}"),
        Err(error) if error.is_unavailable() => "unavailable".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn it_goes_to_the_store_and_save_does_not() {
    let (server, store, clock) = start_stored().await;
    let client = Client::new(&server);
    client.get("/set/dark").await;
    store.take_calls();
    assert_eq!(client.get("/save").await.body, "Unchanged");
    assert_eq!(store.take_calls(), ["load"]);
    assert_eq!(client.get("/force").await.body, "Updated");
    assert_eq!(store.take_calls(), ["load", "touch"], "once, although the request then ends");
    clock.advance(Duration::from_secs(29 * 60));
    client.get("/force").await;
    clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(client.get("/read").await.body, "dark", "it counts as use");
}

#[tokio::test]
async fn a_session_that_is_not_there_is_created_empty_or_not() {
    let (server, store, _) = start_stored().await;
    let client = Client::new(&server);
    assert_eq!(client.get("/save").await.body, "Unchanged");
    assert!(client.cookie("s").is_none());
    let reply = client.get("/force").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("Created", 1));
    assert_eq!(store.take_calls(), ["insert"]);
    assert_eq!(client.get("/force").await.body, "Updated");
}

#[tokio::test]
async fn a_store_that_is_down_is_said_and_not_taken_for_upkeep() {
    let (server, ..) = start_stored().await;
    let client = Client::new(&server);
    client.get("/set/dark").await;
    assert_eq!(client.get("/force-while-down").await.body, "unavailable");
    assert_eq!(client.get("/read").await.body, "dark");
}

#[tokio::test]
async fn what_did_not_change_is_not_written_and_what_ended_is_lost() {
    let gate = Arc::new(Barrier::new(2));
    let (server, ..) = start_gated(Arc::clone(&gate)).await;
    let client = Client::new(&server);
    client.get("/set/dark").await;
    for (meanwhile, told, afterwards) in
        [("/set/light", "dark Updated", "light"), ("/destroy", "light Lost", "")]
    {
        let other = client.fork();
        let slow = async { client.get("/wait").await.body };
        let parallel = async {
            gate.wait().await;
            other.get(meanwhile).await;
            gate.wait().await;
        };
        let (body, ()) = tokio::join!(slow, parallel);
        assert_eq!(body, told);
        assert_eq!(client.get("/read").await.body, afterwards);
    }
}

#[tokio::test]
async fn a_payload_in_the_token_is_sealed_anew() {
    let routes = Router::new()
        .route("/set", get(async |s: Session<Sealed>| s.set_theme("dark".to_owned())))
        .route("/save", get(async |s: Session<Sealed>| said(s.save().await)))
        .route("/force", get(async |s: Session<Sealed>| said(s.create().await)));
    let (server, ..) =
        start::<Sealed>(routes, |builder, _| builder.accept_replay_until_expiry()).await;
    let client = Client::new(&server);
    client.get("/set").await;
    let before = client.cookie("s");
    let reply = client.get("/save").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("Unchanged", 0));
    let reply = client.get("/force").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("Updated", 1));
    assert_ne!(client.cookie("s"), before);
}
