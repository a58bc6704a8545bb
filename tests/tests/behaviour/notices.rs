//! The notices that the library publishes: of each session that is over, or has another principal, and
//! of no other change. Each test asks the bus of the store that the application uses.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Path,
    routing::{get, post},
};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, Sessions,
    clock::ManualClock,
    policy::OnMaxSessions,
    store::{MemoryStore, Notice},
    testing::Browser,
};
use tests::Watched;

macro_rules! application {
    ($session:ident, $routes:ident, $payload:literal) => {
        #[derive(Session)]
        #[session(name = "shop", idle = "30m", absolute = "12h", payload = $payload)]
        struct $session {
            #[session(principal)]
            user: Option<String>,
            theme: String,
        }

        fn $routes() -> Router {
            Router::new()
                .route("/id", get(async |s: Session<$session>| s.session_id().to_string()))
                .route("/theme", post(async |s: Session<$session>| s.set_theme("dark".to_owned())))
                .route("/rotate", post(async |s: Session<$session>| s.rotate()))
                .route("/log-out", post(async |s: Session<$session>| s.log_out()))
                .route(
                    "/log-in/{user}",
                    post(async |s: Session<$session>, Path(user): Path<String>| s.log_in(user)),
                )
                .route(
                    "/end-all/{user}",
                    post(async |s: Sessions<$session>, Path(user): Path<String>| {
                        s.of(&user).end_all().await.map(drop)
                    }),
                )
                .route(
                    "/end/{id}",
                    post(async |s: Sessions<$session>, Path(id): Path<String>| {
                        s.end(&id.parse().expect("an id")).await.map(drop)
                    }),
                )
                .route(
                    "/everything",
                    post(async |s: Sessions<$session>| -> Result<(), Error> {
                        s.end_everything().await
                    }),
                )
        }
    };
}

application!(Stored, stored, "server");
application!(Sealed, sealed, "sealed");

/// An application whose store is watched.
struct World {
    app: Router,
    clock: Arc<ManualClock>,
    watched: Watched,
}

impl World {
    async fn stored() -> Self {
        let (store, clock) = (MemoryStore::default(), Arc::new(ManualClock::default()));
        let layer = SessionLayer::<Stored>::builder(KeyRing::ephemeral().expect("random bytes"))
            .store(store.clone())
            .clock(Arc::clone(&clock))
            .max_sessions(2, OnMaxSessions::EndOldest)
            .build()
            .expect("a sound layer");
        Self { app: stored().layer(layer), clock, watched: Watched::of(&store).await }
    }

    async fn sealed() -> Self {
        let (store, clock) = (MemoryStore::default(), Arc::new(ManualClock::default()));
        let layer = SessionLayer::<Sealed>::builder(KeyRing::ephemeral().expect("random bytes"))
            .revocation(store.clone())
            .clock(Arc::clone(&clock))
            .build()
            .expect("a sound layer");
        Self { app: sealed().layer(layer), clock, watched: Watched::of(&store).await }
    }

    /// Returns a browser that has logged in, and the id of its session.
    async fn logged_in(&self, user: &str) -> (Browser, String) {
        let browser = Browser::new(self.app.clone()).clock(Arc::clone(&self.clock));
        post_ok(&browser, &format!("/log-in/{user}")).await;
        let id = browser.get("/id").await.text();
        // Each log-in is of a millisecond of its own.
        self.clock.advance(Duration::from_secs(1));
        (browser, id)
    }

    /// Checks that the next notices are of these sessions.
    async fn tells(&mut self, sessions: &[&String]) {
        for session in sessions {
            match self.watched.next().await {
                Some(Notice::Session(key)) if key.selector.to_string() == **session => {}
                other => panic!("{other:?}, not {session}"),
            }
        }
        assert!(self.watched.is_quiet().await, "nothing else is told");
    }

    /// Checks that the next notice is of all sessions of the type.
    async fn tells_of_all(&mut self) {
        let notice = self.watched.next().await;
        assert!(matches!(notice, Some(Notice::Namespace(_))), "{notice:?}");
        assert!(self.watched.is_quiet().await, "nothing else is told");
    }
}

async fn post_ok(browser: &Browser, path: &str) {
    assert_eq!(browser.post(path).await.status, 200, "{path}");
}

#[tokio::test]
async fn a_log_out_is_told() {
    for mut world in [World::stored().await, World::sealed().await] {
        let (browser, id) = world.logged_in("ann").await;
        post_ok(&browser, "/log-out").await;
        world.tells(&[&id]).await;
    }
}

#[tokio::test]
async fn the_end_of_a_session_from_elsewhere_is_told() {
    let mut world = World::stored().await;
    let (_ann, id) = world.logged_in("ann").await;
    let (bob, _) = world.logged_in("bob").await;
    post_ok(&bob, &format!("/end/{id}")).await;
    world.tells(&[&id]).await;
    post_ok(&bob, &format!("/end/{id}")).await;
    world.tells(&[]).await;
}

#[tokio::test]
async fn the_end_of_all_sessions_of_a_principal_is_told() {
    let mut world = World::stored().await;
    let ((_first, first), (_second, second)) =
        (world.logged_in("ann").await, world.logged_in("ann").await);
    let (bob, _) = world.logged_in("bob").await;
    post_ok(&bob, "/end-all/ann").await;
    world.tells(&[&first, &second]).await;
}

#[tokio::test]
async fn of_payloads_in_the_token_the_end_of_all_of_a_principals_is_told_of_everybody() {
    let mut world = World::sealed().await;
    let (ann, _) = world.logged_in("ann").await;
    post_ok(&ann, "/end-all/ann").await;
    world.tells_of_all().await;
}

#[tokio::test]
async fn the_end_of_everything_is_told() {
    for mut world in [World::stored().await, World::sealed().await] {
        let (ann, _) = world.logged_in("ann").await;
        post_ok(&ann, "/everything").await;
        world.tells_of_all().await;
    }
}

#[tokio::test]
async fn an_eviction_is_told() {
    let mut world = World::stored().await;
    let (_first, first) = world.logged_in("ann").await;
    let _second = world.logged_in("ann").await;
    let _third = world.logged_in("ann").await;
    world.tells(&[&first]).await;
}

#[tokio::test]
async fn a_log_in_to_a_session_is_told_and_a_new_session_is_not() {
    let mut world = World::stored().await;
    let browser = Browser::new(world.app.clone()).clock(Arc::clone(&world.clock));
    post_ok(&browser, "/theme").await;
    let id = browser.get("/id").await.text();
    world.tells(&[]).await;
    post_ok(&browser, "/log-in/ann").await;
    world.tells(&[&id]).await;
}

#[tokio::test]
async fn a_write_and_a_rotation_are_not_told() {
    for mut world in [World::stored().await, World::sealed().await] {
        let (browser, _) = world.logged_in("ann").await;
        post_ok(&browser, "/theme").await;
        world.tells(&[]).await;
    }
    let mut world = World::stored().await;
    let (browser, _) = world.logged_in("ann").await;
    post_ok(&browser, "/rotate").await;
    world.tells(&[]).await;
}
