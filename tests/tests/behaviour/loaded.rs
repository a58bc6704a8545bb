//! What a store is told of the record that a request has loaded: only one that wants it, and only
//! while nothing has changed since by the request itself.

use axum::{Router, routing::get};
use session_runtime::{
    KeyRing, Session, SessionLayer,
    store::{MemoryStore, Properties},
};
use tests::{Client, Server, Spy};

#[derive(Session)]
#[session(name = "loaded")]
struct Visits {
    #[session(principal)]
    user: Option<u64>,
    #[session(counter)]
    visits: u32,
}

async fn served(store: Spy<MemoryStore>) -> Server {
    let routes = Router::new()
        .route("/write", get(async |s: Session<Visits>| s.add_visits(1)))
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
async fn a_store_is_told_what_was_loaded_if_it_wants_it_and_it_is_not_older() {
    let store = Spy::new(MemoryStore::default());
    let mut wanting = Properties::IN_PROCESS;
    wanting.wants_loaded = true;
    store.pretend(wanting);
    let server = served(store.clone()).await;
    let client = Client::new(&server);
    client.get("/write").await;
    assert_eq!(store.told(), [], "an insert");
    client.get("/write").await;
    assert_eq!(store.told(), [Some(1)]);
    client.get("/twice").await;
    assert_eq!(store.told(), [Some(2), None]);
    client.get("/write").await;
    assert_eq!(store.told(), [Some(4)]);
    store.pretend(Properties::IN_PROCESS);
    client.get("/write").await;
    assert_eq!(store.told(), [None], "not wanted");
}

#[tokio::test]
async fn a_store_is_not_told_of_the_record_of_a_session_that_the_request_has_ended() {
    let store = Spy::new(MemoryStore::default());
    let mut wanting = Properties::IN_PROCESS;
    wanting.wants_loaded = true;
    store.pretend(wanting);
    let server = served(store.clone()).await;
    let client = Client::new(&server);
    client.get("/write").await;
    client.get("/begin-again").await;
    assert_eq!(store.told(), [None], "one commit, to a session that was never loaded");
    client.get("/write").await;
    assert_eq!(store.told(), [Some(2)], "the new session is the one that goes on");
}
