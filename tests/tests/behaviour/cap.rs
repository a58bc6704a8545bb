//! `max_sessions`: how many sessions one principal may have, and what gives way.

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, routing::get};
use session_runtime::{
    KeyRing, Session, SessionLayer, clock::ManualClock, policy::OnMaxSessions, store::MemoryStore,
};
use tests::{
    Client, Fault, Log, Server, Spy, Verb,
    app::Setup,
    sessions::{Sealed, Stored},
    spy,
};

struct Case {
    server: Server,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
}

impl Case {
    async fn new(sessions: u32, on_max: OnMaxSessions) -> Self {
        let clock = Arc::new(ManualClock::default());
        let keys = KeyRing::ephemeral().expect("random bytes");
        let store = spy(MemoryStore::default());
        let setup = Setup {
            cap: Some((sessions, on_max)),
            clock: Some(clock.clone()),
            ..Setup::new(Arc::new(store.clone()), keys)
        };
        let server = Server::start(setup.router().expect("a sound configuration")).await;
        Self { server, clock, store }
    }

    async fn log_in(&self, user: &str) -> (Client, StatusCode) {
        self.clock.advance(Duration::from_secs(1));
        let client = Client::new(&self.server);
        let status = client.post(&format!("/login/{user}")).await.status;
        (client, status)
    }
}

async fn user_of(client: &Client) -> Option<String> {
    let reply = client.get("/user").await;
    (reply.status == StatusCode::OK).then_some(reply.body)
}

#[tokio::test]
async fn the_earliest_log_in_gives_way_and_its_token_is_dead() {
    let log = Log::of_this_thread();
    let case = Case::new(2, OnMaxSessions::EndOldest).await;
    let (first, _) = case.log_in("ada").await;
    let (second, _) = case.log_in("ada").await;
    let (other, _) = case.log_in("bob").await;
    // Used last, yet logged in first.
    case.clock.advance(Duration::from_secs(300));
    first.post("/theme/dark").await;
    let handle = first.get("/id").await.body;
    let (third, status) = case.log_in("ada").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(user_of(&first).await, None);
    for (client, user) in [(&second, "ada"), (&third, "ada"), (&other, "bob")] {
        assert_eq!(user_of(client).await.as_deref(), Some(user));
    }
    assert_eq!(third.get("/devices").await.body.lines().count(), 2);
    let told = log.text();
    let evicted = |line: &str| line.contains("session evicted") && line.contains(&handle);
    assert!(told.lines().any(evicted), "{told}");
}

/// The log-in has taken place when the sessions above the cap are ended: a failure there must not be
/// told as one of the log-in, whose client would not get its new token.
#[tokio::test]
async fn a_log_in_whose_eviction_fails_is_answered_and_the_next_one_restores_the_cap() {
    let log = Log::of_this_thread();
    for verb in [Verb::Remove, Verb::List] {
        for begun_before in [false, true] {
            let case = Case::new(1, OnMaxSessions::EndOldest).await;
            let (first, _) = case.log_in("ada").await;
            let second = Client::new(&case.server);
            if begun_before {
                second.post("/theme/dark").await;
            }
            case.clock.advance(Duration::from_secs(1));
            case.store.fault(verb, Fault::Down);
            assert_eq!(second.post("/login/ada").await.status, StatusCode::OK);
            case.store.heal(verb);
            for client in [&first, &second] {
                assert_eq!(user_of(client).await.as_deref(), Some("ada"));
            }
            let (third, _) = case.log_in("ada").await;
            assert_eq!(user_of(&third).await.as_deref(), Some("ada"));
            for client in [&first, &second] {
                assert_eq!(user_of(client).await, None, "{verb:?} {begun_before}");
            }
        }
    }
    assert_eq!(log.text().matches("more sessions than `max_sessions` allows").count(), 4);
}

#[tokio::test]
async fn one_log_in_too_many_is_refused_and_leaves_nobody_logged_in() {
    let case = Case::new(2, OnMaxSessions::RefuseNew).await;
    let (first, _) = case.log_in("ada").await;
    let (second, _) = case.log_in("ada").await;
    let (third, status) = case.log_in("ada").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(user_of(&third).await, None);
    // A visitor who has a session already keeps it as it was.
    let visitor = Client::new(&case.server);
    visitor.post("/theme/dark").await;
    let refused = visitor.post("/login/ada").await;
    assert_eq!((refused.status, refused.headers.get("set-cookie")), (StatusCode::FORBIDDEN, None));
    assert!(visitor.get("/show").await.body.contains(r#""user":null,"theme":"dark""#));
    assert_eq!(user_of(&first).await.as_deref(), Some("ada"));

    second.post("/logout").await;
    assert_eq!(visitor.post("/login/ada").await.status, StatusCode::OK);
    assert_eq!(user_of(&visitor).await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn sessions_that_are_over_and_logging_in_again_count_for_nothing() {
    let case = Case::new(1, OnMaxSessions::RefuseNew).await;
    let (first, _) = case.log_in("ada").await;
    assert_eq!(first.post("/login/ada").await.status, StatusCode::OK, "it is the same session");
    assert_eq!(case.log_in("ada").await.1, StatusCode::FORBIDDEN);
    case.clock.advance(Duration::from_secs(31 * 60));
    assert_eq!(case.log_in("ada").await.1, StatusCode::OK);
}

#[tokio::test]
async fn parallel_log_ins_leave_as_many_sessions_as_are_allowed() {
    for on_max in [OnMaxSessions::EndOldest, OnMaxSessions::RefuseNew] {
        let case = Arc::new(Case::new(3, on_max).await);
        let log_ins: Vec<_> = (0..24)
            .map(|_| {
                let client = Client::new(&case.server);
                tokio::spawn(async move {
                    client.post("/login/ada").await;
                    client
                })
            })
            .collect();
        let mut live = 0;
        for log_in in log_ins {
            let client = log_in.await.expect("no panic");
            live += usize::from(user_of(&client).await.is_some());
        }
        assert_eq!(live, 3, "{on_max:?}");
    }
}

#[tokio::test]
async fn a_principal_has_a_hundred_sessions_unless_the_program_says_otherwise() {
    let routes = || {
        Router::new()
            .route("/login", get(async |s: Session<Stored>| s.log_in("ada".to_owned())))
            .route("/user", get(async |s: Session<Stored>| s.user().is_some().to_string()))
    };
    for (unlimited, first_is_live) in [(false, "false"), (true, "true")] {
        let clock = Arc::new(ManualClock::default());
        let builder = SessionLayer::<Stored>::builder(KeyRing::ephemeral().expect("random bytes"))
            .store(MemoryStore::default())
            .clock(Arc::clone(&clock))
            .insecure_dev();
        let builder = if unlimited { builder.unlimited_sessions() } else { builder };
        let layer = builder.build().expect("a sound configuration");
        let server = Server::start(routes().layer(layer)).await;
        let clients: Vec<_> = (0..101).map(|_| Client::new(&server)).collect();
        for client in &clients {
            clock.advance(Duration::from_secs(1));
            assert_eq!(client.get("/login").await.status, StatusCode::OK);
        }
        assert_eq!(clients[0].get("/user").await.body, first_is_live);
        assert_eq!(clients[1].get("/user").await.body, "true");
    }
}

#[derive(Session)]
struct Nobody {
    theme: String,
}

#[test]
fn what_cannot_be_counted_is_refused_at_start() {
    let keys = || KeyRing::ephemeral().expect("random bytes");
    let sealed = SessionLayer::<Sealed>::builder(keys())
        .accept_replay_until_expiry()
        .max_sessions(2, OnMaxSessions::EndOldest)
        .build();
    let none = SessionLayer::<Nobody>::builder(keys())
        .store(MemoryStore::default())
        .max_sessions(2, OnMaxSessions::EndOldest)
        .build();
    let zero = SessionLayer::<Stored>::builder(keys())
        .store(MemoryStore::default())
        .max_sessions(0, OnMaxSessions::RefuseNew)
        .build();
    for (layer, why) in [
        (sealed.map(drop), "payload = \"server\""),
        (none.map(drop), "no field marked `principal`"),
        (zero.map(drop), "at least 1"),
    ] {
        let error = layer.expect_err(why);
        assert!(error.is_config() && error.to_string().contains(why), "{error}");
    }
}
