//! Two processes that serve the same sessions, each with a cache in its own memory.

use std::{sync::Arc, time::Duration};

use session_runtime::{
    KeyRing,
    clock::ManualClock,
    store::{CachedStore, MemoryStore, Store},
};
use tests::{
    Client, Server,
    app::{Setup, Shown},
};

use crate::support::MAX_AGE;

/// Two servers over one durable store, and the clock that they go by.
async fn two(max_age: Duration) -> (Server, Server, Arc<ManualClock>) {
    let (durable, keys) = (MemoryStore::default(), KeyRing::generate().expect("a random key"));
    let clock = Arc::new(ManualClock::default());
    let serve = async || {
        let store = CachedStore::new(MemoryStore::default(), durable.clone())
            .max_age(max_age)
            .clock(Arc::clone(&clock));
        let store: Arc<dyn Store> = Arc::new(store);
        let mut setup = Setup::new(store, keys.clone());
        setup.clock = Some(clock.clone());
        Server::start(setup.router().expect("a valid set-up")).await
    };
    (serve().await, serve().await, clock)
}

async fn shown(client: &Client) -> Shown {
    serde_json::from_str(&client.get("/show").await.body).expect("what is in the session")
}

#[tokio::test]
async fn a_new_credential_passes_at_once_where_an_old_copy_does_not_know_it() {
    let (here, there, _clock) = two(MAX_AGE).await;
    let at_here = Client::new(&here);
    assert!(at_here.post("/theme/dark").await.status.is_success());
    // There is a copy of the anonymous session at the other process now.
    assert_eq!(shown(&at_here.moved(&there.url(""))).await.user, None);
    assert!(at_here.post("/login/ada").await.status.is_success());
    let elsewhere = at_here.moved(&there.url(""));
    let now = shown(&elsewhere).await;
    assert_eq!((now.user.as_deref(), now.theme.as_str()), (Some("ada"), "dark"));
    // And it stays logged in at both.
    assert_eq!(shown(&elsewhere).await.user.as_deref(), Some("ada"));
    assert_eq!(shown(&at_here).await.user.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_session_in_use_elsewhere_is_not_over_for_an_old_copy() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let (here, there, clock) = two(minutes(60)).await;
    let at_here = Client::new(&here);
    assert!(at_here.post("/login/ada").await.status.is_success());
    let elsewhere = at_here.moved(&there.url(""));
    assert_eq!(shown(&elsewhere).await.user.as_deref(), Some("ada"));
    clock.advance(minutes(20));
    assert_eq!(shown(&at_here).await.user.as_deref(), Some("ada"));
    // By the copy there, it has not been used for longer than it may.
    clock.advance(minutes(15));
    assert_eq!(shown(&elsewhere).await.user.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_log_out_is_seen_at_once_here_and_after_the_age_of_a_copy_there() {
    let (here, there, clock) = two(MAX_AGE).await;
    let at_here = Client::new(&here);
    assert!(at_here.post("/login/ada").await.status.is_success());
    let stolen = at_here.moved(&there.url(""));
    assert_eq!(shown(&stolen).await.user.as_deref(), Some("ada"));
    let kept = at_here.fork();
    assert!(at_here.post("/logout").await.status.is_success());
    assert_eq!(shown(&kept.fork()).await.user, None);
    assert_eq!(shown(&stolen.fork()).await.user.as_deref(), Some("ada"), "may be read");
    // What is written there is dropped, and its process knows from then on.
    assert!(stolen.fork().post("/theme/dark").await.status.is_success());
    assert_eq!(shown(&stolen.fork()).await.user, None);
    clock.advance(MAX_AGE);
    assert_eq!(shown(&stolen).await.user, None);
    assert_eq!(shown(&kept).await.user, None);
}
