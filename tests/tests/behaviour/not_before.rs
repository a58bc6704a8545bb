//! `not_before`: what began earlier is over, wherever it was begun and whoever puts it back.

use std::{sync::Arc, time::Duration};

use axum::routing::get;
use session_runtime::{
    Key, KeyRing, Session, SessionLayer, SessionLayerBuilder,
    clock::{Clock as _, ManualClock},
    schema::Payload,
    store::{MemoryStore, Namespace, Selector, Store as _, StoreKey},
};
use tests::{
    Client, Server,
    sessions::{self, Sealed, Signed, Stored, Themed},
};

struct Deployment {
    keys: KeyRing,
    store: MemoryStore,
    clock: Arc<ManualClock>,
}

impl Deployment {
    fn new() -> Self {
        let keys = KeyRing::new([Key::generate().expect("random bytes")]).expect("one key");
        Self { keys, store: MemoryStore::default(), clock: Arc::default() }
    }

    fn builder<T: Themed>(&self) -> SessionLayerBuilder<T> {
        let builder = SessionLayer::<T>::builder(self.keys.clone())
            .clock(Arc::clone(&self.clock))
            .insecure_dev();
        match T::spec().payload {
            Payload::Server => builder.store(self.store.clone()),
            _ => builder.accept_replay_until_expiry(),
        }
    }
}

/// Serves the routes of all session types, and a log-in.
macro_rules! serve {
    ($session:ty, $builder:expr) => {{
        let layer = $builder.build().expect("a sound layer");
        let routes = sessions::routes::<$session>()
            .route("/login", get(async |s: Session<$session>| s.log_in("ada".to_owned())))
            .route("/id", get(async |s: Session<$session>| s.session_id().to_string()));
        Server::start(routes.layer(layer)).await
    }};
}

macro_rules! ends_what_began_before {
    ($session:ty) => {{
        let deployment = Deployment::new();
        let before = serve!($session, deployment.builder::<$session>());
        let [visitor, user, later] = [(); 3].map(|()| Client::new(&before));
        for client in [&visitor, &user, &later] {
            client.get("/set").await;
        }
        user.get("/login").await;
        deployment.clock.advance(Duration::from_secs(1));
        let mark = deployment.clock.now();
        // A log-in at the very moment counts, also in a session that was begun before.
        later.get("/login").await;
        let after = serve!($session, deployment.builder::<$session>().not_before(mark.into()));
        for client in [&visitor, &user] {
            let client = client.moved(&after.url(""));
            let reply = client.get("/read").await;
            assert_eq!((reply.body.as_str(), reply.set_cookies().len()), ("", 1));
            client.get("/set").await;
            assert_eq!(client.get("/read").await.body, "dark", "what begins now counts");
            client.get("/login").await;
            assert_eq!(client.get("/read").await.body, "dark");
        }
        assert_eq!(later.moved(&after.url("")).get("/read").await.body, "dark");
    }};
}

#[tokio::test]
async fn what_began_before_is_over_and_a_log_in_begins_anew() {
    ends_what_began_before!(Stored);
    ends_what_began_before!(Sealed);
    ends_what_began_before!(Signed);
}

#[tokio::test]
async fn a_session_that_a_backup_brings_back_is_over() {
    let deployment = Deployment::new();
    let before = serve!(Stored, deployment.builder::<Stored>());
    let client = Client::new(&before);
    client.get("/set").await;
    let id = client.get("/id").await.body;
    let selector = Selector::from_hex(&id).expect("a session id");
    let key = StoreKey { namespace: Namespace::new("stored"), selector };
    let record = deployment.store.load(&key).await.expect("in memory").expect("a session");
    deployment.store.remove(&key, None).await.expect("in memory");
    assert_eq!(client.fork().get("/read").await.body, "");
    deployment.store.insert(&key, record).await.expect("in memory");
    assert_eq!(client.fork().get("/read").await.body, "dark", "it is back");
    deployment.clock.advance(Duration::from_secs(1));
    let mark = deployment.clock.now().into();
    let after = serve!(Stored, deployment.builder::<Stored>().not_before(mark));
    assert_eq!(client.moved(&after.url("")).get("/read").await.body, "");
}

#[test]
fn a_time_in_the_future_is_refused_at_start() {
    let deployment = Deployment::new();
    let soon = deployment.clock.now().saturating_add(Duration::from_millis(1));
    let refused = deployment.builder::<Stored>().not_before(soon.into()).build();
    let error = refused.expect_err("in the future");
    assert!(error.is_config() && error.to_string().contains("not_before"), "{error}");
    let now = deployment.clock.now();
    assert!(deployment.builder::<Stored>().not_before(now.into()).build().is_ok());
}
