//! The record that a request has loaded is what its changes are made of: a change costs one call.

use axum::{Router, routing::get};
use session_runtime::{KeyRing, Session, SessionLayer, store::MemoryStore};
use tests::{Client, Server, Spy, spy};

#[derive(Session)]
#[session(name = "loaded", prefix = "none")]
struct Visits {
    #[session(principal)]
    user: Option<u64>,
    #[session(counter)]
    visits: u32,
}

async fn served(store: Spy<MemoryStore>) -> Server {
    let routes = Router::new()
        .route("/write", get(async |s: Session<Visits>| s.add_visits(1)))
        .route("/count", get(async |s: Session<Visits>| s.visits().to_string()))
        .route(
            "/twice",
            get(async |s: Session<Visits>| {
                s.add_visits(1);
                s.save().await.map(drop)?;
                s.add_visits(1);
                Ok::<_, session_runtime::Error>(())
            }),
        )
        .route(
            "/begin-again",
            get(async |s: Session<Visits>| {
                s.log_out();
                s.add_visits(1);
                s.save().await.map(drop)?;
                s.add_visits(1);
                Ok::<_, session_runtime::Error>(())
            }),
        );
    let keys = KeyRing::ephemeral().expect("random bytes");
    let layer = SessionLayer::<Visits>::builder(keys).store(store).insecure_dev();
    Server::start(routes.layer(layer.build().expect("a sound configuration"))).await
}

#[tokio::test]
async fn a_change_is_swapped_for_the_record_that_the_request_has_loaded() {
    let store = spy(MemoryStore::default());
    let server = served(store.clone()).await;
    let client = Client::new(&server);
    client.get("/write").await;
    assert_eq!(store.take_calls(), ["insert"]);
    client.get("/write").await;
    assert_eq!(store.take_calls(), ["load", "replace"]);
    client.get("/twice").await;
    assert_eq!(store.take_calls(), ["load", "replace", "load", "replace"]);
    let page = client.get("/count").await;
    assert_eq!(page.body, "4");
}

#[tokio::test]
async fn a_change_is_not_swapped_for_the_record_of_a_session_that_the_request_has_ended() {
    let store = spy(MemoryStore::default());
    let server = served(store.clone()).await;
    let client = Client::new(&server);
    client.get("/write").await;
    store.take_calls();
    client.get("/begin-again").await;
    assert_eq!(store.take_calls(), ["load", "remove", "insert", "load", "replace"]);
    assert_eq!(client.get("/count").await.body, "2");
}
