//! What a layer tells whoever runs the program: whether it is ready, and what goes on at its end; and
//! the log-outs that did not happen.

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::get};
use session_runtime::{
    Key, KeyRing, Session, SessionLayer, SessionLayerBuilder,
    store::{MemoryStore, Properties},
};
use tests::{
    Client, Fault, Log, Server, Spy, Verb, eventually,
    sessions::{Sealed, Stored, Themed},
    spy,
};

const LONG: Duration = Duration::from_secs(600);

fn layer<T: Themed>(
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> SessionLayer<T> {
    let key = Key::generate().expect("random bytes");
    let keys = KeyRing::from_text(&key.to_base64()).expect("a key");
    adjust(SessionLayer::<T>::builder(keys).insecure_dev()).build().expect("a sound configuration")
}

fn store() -> Spy<MemoryStore> {
    let store = spy(MemoryStore::default());
    store.pretend(Properties::SHARED);
    store
}

async fn serve<T: Themed>(layer: SessionLayer<T>) -> (Server, Client) {
    let router = Router::new()
        .route("/set", get(async |session: Session<T>| T::set_theme(&session, "dark")))
        .route("/id", get(async |session: Session<T>| session.session_id().to_string()))
        .route("/end", get(async |session: Session<T>| session.destroy()))
        .layer(layer);
    let server = Server::start(router).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/set").await.status, StatusCode::OK);
    (server, client)
}

#[tokio::test]
async fn a_drain_waits_for_what_clients_have_left_behind() {
    let store = store();
    let layer = layer::<Stored>(|builder| builder.store(store.clone()).deadline(LONG));
    let (_server, client) = serve(layer.clone()).await;
    let nothing = layer.drain(LONG).await;
    assert!(nothing.is_complete() && nothing.finished == 0);

    store.fault(Verb::Remove, Fault::Held);
    let leaving = client.fork();
    let request = tokio::spawn(async move { leaving.get("/end").await.status });
    let goes_on = async || layer.drain(Duration::from_millis(1)).await.left == 1;
    eventually("the session is being ended", goes_on).await;
    request.abort();
    assert!(request.await.is_err(), "the client has left");
    assert!(goes_on().await, "it goes on without the client");

    let draining = tokio::spawn({
        let layer = layer.clone();
        async move { layer.drain(LONG).await }
    });
    tokio::task::yield_now().await;
    assert!(!draining.is_finished());
    store.heal(Verb::Remove);
    let drained = draining.await.expect("no panic");
    assert_eq!((drained.finished, drained.left), (1, 0));
    store.take_calls();
    assert_eq!(client.get("/set").await.set_cookies().len(), 1, "a new session");
}

#[tokio::test]
async fn a_layer_is_ready_when_its_store_has_done_once_what_requests_need() {
    let check = ["insert", "load", "touch", "replace", "count", "list", "remove"];
    for encrypt in [false, true] {
        let store = store();
        let layer = layer::<Stored>(|builder| {
            let builder = builder.store(store.clone());
            if encrypt { builder.encrypt_at_rest() } else { builder }
        });
        store.fault(Verb::Replace, Fault::Down);
        let error = layer.ready().await.expect_err("a store that cannot be written to");
        assert!(
            error.is_unavailable() && error.to_string().contains("the store is down"),
            "{error}"
        );
        store.heal(Verb::Replace);
        store.take_calls();
        layer.ready().await.expect("it is ready");
        assert_eq!(store.take_calls(), check);
        // A probe that comes every second may write nothing.
        layer.ready().await.expect("it is ready still");
        assert_eq!(store.take_calls(), ["load"]);
        store.fault(Verb::Load, Fault::Down);
        assert!(layer.ready().await.is_err());
    }
    let sealed = store();
    let of_token = layer::<Sealed>(|builder| builder.revocation(sealed.clone()));
    sealed.fault_all(Fault::Down);
    assert!(of_token.ready().await.is_err());
    sealed.heal_all();
    of_token.ready().await.expect("it is ready");
    layer::<Sealed>(SessionLayerBuilder::accept_replay_until_expiry)
        .ready()
        .await
        .expect("there is nothing that might not be");
}

#[tokio::test]
async fn a_log_out_that_did_not_happen_is_an_error_in_the_log_with_its_session() {
    let log = Log::of_this_thread();
    let told = |id: &str| {
        let text = log.text();
        let mut lines = text.lines().filter(|line| line.contains("session NOT ended"));
        let line = lines.next_back().unwrap_or_default().to_owned();
        line.contains("ERROR") && line.contains(id) && line.contains("the store is down")
    };
    let (stored, sealed) = (store(), store());
    let (_first, client) = serve(layer::<Stored>(|builder| builder.store(stored.clone()))).await;
    let id = client.get("/id").await.body;
    stored.fault(Verb::Remove, Fault::Down);
    assert_eq!(client.get("/end").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(told(&id), "{}", log.text());

    let (_second, client) =
        serve(layer::<Sealed>(|builder| builder.revocation(sealed.clone()))).await;
    let id = client.get("/id").await.body;
    sealed.fault(Verb::Insert, Fault::Down);
    assert_eq!(client.get("/end").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(told(&id), "{}", log.text());
}
