//! `is_live`: the store is asked at that moment, nothing is saved by it, and it is no use.

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, routing::get};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock,
    store::{CachedStore, MemoryStore},
};
use tests::{
    Client, Fault, Server, Spy, Verb,
    sessions::{Case, Sealed, Stored, Themed, routes},
    spy,
};
use tokio::sync::Barrier;

fn said(live: Result<bool, Error>) -> String {
    match live {
        Ok(live) => live.to_string(),
        Err(error) if error.is_unavailable() => "unavailable".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// `/wait` asks twice, and passes `gate` between, twice.
fn asking<T: Themed>(gate: &Arc<Barrier>) -> Router {
    routes::<T>()
        .route("/live", get(async |s: Session<T>| said(s.is_live().await)))
        .route("/destroy", get(async |s: Session<T>| s.destroy()))
        .route("/rotate", get(async |s: Session<T>| s.rotate()))
        .route(
            "/wait",
            get(async |s: Session<T>, Extension(gate): Extension<Arc<Barrier>>| {
                let before = said(s.is_live().await);
                gate.wait().await;
                gate.wait().await;
                format!("{before} {}", said(s.is_live().await))
            }),
        )
        .layer(Extension(Arc::clone(gate)))
}

fn layer<T: SessionType>(
    keys: &KeyRing,
    clock: &Arc<ManualClock>,
    settle: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> SessionLayer<T> {
    let builder = SessionLayer::<T>::builder(keys.clone()).clock(Arc::clone(clock)).insecure_dev();
    settle(builder).build().expect("a sound configuration")
}

/// Asks for `/wait`, and for `path` between its two questions, by the same client at `other`. Returns
/// the answer of `/wait`.
async fn meanwhile(client: &Client, other: &Client, path: &str, gate: &Barrier) -> String {
    let parallel = async {
        gate.wait().await;
        other.get(path).await;
        gate.wait().await;
    };
    tokio::join!(async { client.get("/wait").await.body }, parallel).0
}

#[tokio::test]
async fn the_store_is_asked_and_nothing_is_written() {
    let (keys, clock) = (KeyRing::ephemeral().expect("random bytes"), Arc::default());
    let (store, gate) = (spy(MemoryStore::default()), Arc::new(Barrier::new(2)));
    let routes = asking::<Stored>(&gate).route(
        "/while-down",
        get(async |s: Session<Stored>, Extension(store): Extension<Spy<MemoryStore>>| {
            store.fault(Verb::Load, Fault::Down);
            let failed = said(s.is_live().await);
            store.heal(Verb::Load);
            failed
        }),
    );
    let layer = layer::<Stored>(&keys, &clock, |builder| builder.store(store.clone()));
    let server = Server::start(routes.layer(layer).layer(Extension(store.clone()))).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/live").await.body, "false", "there is none yet");
    assert_eq!(store.take_calls(), [""; 0]);
    client.get("/set").await;
    store.take_calls();
    assert_eq!(client.get("/live").await.body, "true");
    assert_eq!(store.take_calls(), ["load", "load"]);
    assert_eq!(client.get("/while-down").await.body, "unavailable");
    assert_eq!(client.get("/read").await.body, "dark");
}

#[tokio::test]
async fn a_session_that_ended_or_has_another_credential_meanwhile_is_not_live() {
    let gate = Arc::new(Barrier::new(2));
    let Case { server, .. } = Case::start::<Stored>(asking::<Stored>(&gate), |it| it).await;
    for (path, told) in
        [("/read", "true true"), ("/rotate", "true false"), ("/destroy", "true false")]
    {
        let client = Client::new(&server);
        client.get("/set").await;
        assert_eq!(meanwhile(&client, &client.fork(), path, &gate).await, told, "{path}");
    }
}

#[tokio::test]
async fn a_session_that_expires_meanwhile_is_not_live() {
    let gate = Arc::new(Barrier::new(2));
    let Case { server, clock, .. } = Case::start::<Stored>(asking::<Stored>(&gate), |it| it).await;
    let client = Client::new(&server);
    client.get("/set").await;
    let parallel = async {
        gate.wait().await;
        clock.advance(Duration::from_secs(30 * 60));
        gate.wait().await;
    };
    let (reply, ()) = tokio::join!(client.get("/wait"), parallel);
    assert_eq!(reply.body, "true false");
}

#[tokio::test]
async fn no_copy_in_a_cache_passes_for_a_session_that_ended_in_another_process() {
    let (keys, clock) = (KeyRing::generate().expect("random bytes"), Arc::default());
    let (durable, gate) = (MemoryStore::default(), Arc::new(Barrier::new(2)));
    // The second one has a cache in front of its cache.
    for nested in [false, true] {
        let serve = async || {
            let store = CachedStore::new(MemoryStore::default(), durable.clone());
            let layer = layer::<Stored>(&keys, &clock, |builder| {
                if nested {
                    builder.store(CachedStore::new(MemoryStore::default(), store))
                } else {
                    builder.store(store)
                }
            });
            Server::start(asking::<Stored>(&gate).layer(layer)).await
        };
        let (here, there) = (serve().await, serve().await);
        let client = Client::new(&here);
        client.get("/set").await;
        assert_eq!(client.get("/live").await.body, "true");
        let elsewhere = client.moved(&there.url(""));
        assert_eq!(meanwhile(&client, &elsewhere, "/destroy", &gate).await, "true false");
        assert_eq!(client.get("/read").await.body, "", "the copy is not read any more, either");
    }
}

#[tokio::test]
async fn of_a_payload_in_the_token_the_revocation_is_asked() {
    let gate = Arc::new(Barrier::new(2));
    for (revoked, told) in [(true, "true false"), (false, "true true")] {
        let case = Case::with::<Sealed>(asking::<Sealed>(&gate), |builder, store| {
            if revoked { builder.revocation(store) } else { builder.accept_replay_until_expiry() }
        });
        let Case { server, .. } = case.await;
        let client = Client::new(&server);
        client.get("/set").await;
        assert_eq!(meanwhile(&client, &client.fork(), "/destroy", &gate).await, told);
    }
}
