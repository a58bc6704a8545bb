//! Several commits in one request: what each of them writes, and what a failed one leaves to the
//! next.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Saved, Session, SessionLayer, SessionLayerBuilder, Sessions,
    policy::{Create, OnStale},
    store::MemoryStore,
};
use tests::{Client, Fault, Odd, Server, Spy, Verb, spy};

#[derive(Session)]
#[session(name = "saves", prefix = "none")]
struct Account {
    #[session(principal)]
    user: Option<String>,
    #[session(keep)]
    theme: String,
    odd: Odd,
    #[session(counter, clear_on_login)]
    attempts: i64,
    #[session(group = "order")]
    items: Vec<u32>,
    #[session(group = "order")]
    total: u32,
    #[session(secret)]
    token: Odd,
}

type Kept = Arc<Mutex<Option<Session<Account>>>>;

async fn act(s: &Session<Account>, store: &Spy<MemoryStore>, action: &str) -> Result<(), Error> {
    match action {
        "read" => {}
        "theme" => s.set_theme("dark".to_owned()),
        "attempts" => s.add_attempts(3),
        "order" => s.set_total(20),
        "login" => s.log_in("ada".to_owned()),
        "logout" => s.log_out(),
        "login-while-down" => {
            s.log_in("ada".to_owned());
            for operation in [Verb::Insert, Verb::Replace] {
                store.fault(operation, Fault::Down);
            }
            assert!(s.save().await.expect_err("the store is down").is_unavailable());
            for operation in [Verb::Insert, Verb::Replace] {
                store.heal(operation);
            }
        }
        "login-while-broken" => {
            s.log_in("ada".to_owned());
            s.set_odd(Odd { broken: true });
            let error = s.save().await.expect_err("it does not serialise");
            assert!(error.is_encode() && error.to_string().contains("MARKER"), "{error}");
            s.reset_odd();
        }
        "asked-while-down" => {
            s.clear();
            s.rotate();
            s.remember_for(Duration::from_secs(24 * 60 * 60));
            store.fault(Verb::Replace, Fault::Down);
            assert!(s.save().await.expect_err("the store is down").is_unavailable());
            store.heal(Verb::Replace);
        }
        "out-write-in" => {
            s.log_out();
            s.set_total(7);
            s.log_in("alan".to_owned());
        }
        "secret-broken" => {
            s.set_token(Odd { broken: true });
            let error = s.save().await.expect_err("it does not serialise");
            assert!(error.to_string().contains("`token`"), "{error}");
            assert!(!format!("{error} {error:?}").contains("MARKER"), "{error}");
            s.reset_token();
        }
        "log-out-while-down" => {
            s.log_out();
            store.fault(Verb::Insert, Fault::Down);
            assert!(s.save().await.expect_err("the store is down").is_unavailable());
            store.heal(Verb::Insert);
            s.reset_theme();
        }
        "add-unanswered" | "add-unanswered-and-leave" | "log-in-unanswered" => {
            save_unanswered(s, store, action).await;
        }
        "values-twice" => {
            s.set_theme("a".to_owned());
            s.save().await?;
            assert_eq!(s.save().await?, Saved::Unchanged, "it is saved");
            s.set_theme("b".to_owned());
            assert_eq!(s.save().await?, Saved::Updated);
            s.set_theme("b".to_owned());
            assert_eq!(s.save().await?, Saved::Unchanged, "equal to what was saved");
        }
        "login-and-count" => {
            s.log_in("ada".to_owned());
            s.save().await?;
            for _ in 0..2 {
                s.add_attempts(1);
                s.save().await?;
            }
        }
        // Another record, whose fields nobody has written yet.
        "out-and-order" => {
            s.log_out();
            s.set_theme("dark".to_owned());
            assert_eq!(s.save().await?, Saved::Ended);
            s.set_total(5);
        }
        "order-out-and-order" => {
            s.set_total(1);
            s.save().await?;
            s.log_out();
            s.set_theme("dark".to_owned());
            assert_eq!(s.save().await?, Saved::Ended);
            s.set_total(5);
        }
        "id-after-log-out" => {
            let before = s.session_id();
            s.log_out();
            let after = s.session_id();
            assert_ne!(after, before);
            s.set_theme("dark".to_owned());
            s.save().await?;
            assert_eq!(s.session_id(), after);
        }
        other => unreachable!("no action `{other}`"),
    }
    Ok(())
}

/// Saves so that the store does it, but the answer gets lost.
async fn save_unanswered(s: &Session<Account>, store: &Spy<MemoryStore>, action: &str) {
    if action == "log-in-unanswered" {
        s.log_in("ada".to_owned());
    }
    s.add_attempts(3);
    s.push_items(1);
    store.fault(Verb::Replace, Fault::AnswerLost);
    assert!(s.save().await.expect_err("no answer").is_unavailable());
    store.heal(Verb::Replace);
    if action == "add-unanswered-and-leave" {
        s.log_out();
    } else {
        assert!(s.save().await.expect_err("it may be there").is_unavailable());
    }
}

async fn start(
    adjust: impl FnOnce(SessionLayerBuilder<Account>) -> SessionLayerBuilder<Account>,
) -> (Server, Spy<MemoryStore>, Kept) {
    let (store, kept) = (spy(MemoryStore::default()), Kept::default());
    let builder = SessionLayer::<Account>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev();
    let layer = adjust(builder).build().expect("a sound configuration");
    let spy = store.clone();
    let router = Router::new()
        .route(
            "/do/{action}",
            get(async move |s: Session<Account>, Path(action): Path<String>| {
                act(&s, &spy, &action).await?;
                Ok::<_, Error>(format!(
                    "{:?} {} {} {:?} {}",
                    s.user(),
                    s.theme(),
                    s.attempts(),
                    s.items(),
                    s.total()
                ))
            }),
        )
        .route(
            "/keep/{status}",
            get(async |s: Session<Account>, State(kept): State<Kept>, Path(status): Path<u16>| {
                s.rotate();
                *kept.lock().expect("no panic") = Some(s);
                StatusCode::from_u16(status).expect("a status")
            }),
        )
        .route(
            "/end-others/{user}",
            get(
                async |_: Session<Account>,
                       devices: Sessions<Account>,
                       Path(user): Path<String>| {
                    devices.of(&user).end_others().await.map(|ended| ended.count.to_string())
                },
            ),
        )
        .route(
            "/count/{user}",
            get(async |devices: Sessions<Account>, Path(user): Path<String>| {
                devices.of(&user).list(None).await.map(|page| page.sessions.len().to_string())
            }),
        )
        .with_state(Arc::clone(&kept))
        .layer(layer);
    (Server::start(router).await, store, kept)
}

#[tokio::test]
async fn what_a_failed_save_could_not_do_the_next_one_does() {
    for path in ["/do/login-while-down", "/do/login-while-broken"] {
        for live_before in [true, false] {
            let (server, _, _) = start(|builder| builder).await;
            let client = Client::new(&server);
            if live_before {
                client.get("/do/theme").await;
            }
            let before = client.fork();
            let reply = client.get(path).await;
            assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1), "{path}");
            assert!(client.get("/do/read").await.body.starts_with("Some(\"ada\")"), "{path}");
            assert!(before.get("/do/read").await.body.starts_with("None"), "no fixation");
            assert_eq!(client.get("/count/ada").await.body, "1", "{path}: it is listed");
        }
    }
}

/// Only the answer was lost: the changes are in the store, and would be there twice.
#[tokio::test]
async fn what_may_have_been_saved_is_not_saved_again_and_the_response_says_so() {
    let (server, store, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/attempts").await;
    store.take_calls();
    assert_eq!(client.get("/do/add-unanswered").await.status, 503);
    assert_eq!(store.take_calls(), ["load", "replace"]);
    assert_eq!(client.get("/do/read").await.body, "None  6 [1] 0");
    let reply = client.fork().get("/do/log-in-unanswered").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (503, 0));
    // An end takes place, and repeats nothing.
    let client = Client::new(&server);
    client.get("/do/attempts").await;
    let before = client.fork();
    assert_eq!(client.get("/do/add-unanswered-and-leave").await.status, 503);
    assert_eq!(before.get("/do/read").await.body, "None  0 [] 0");
}

#[tokio::test]
async fn what_was_asked_for_while_the_store_was_down_is_not_forgotten() {
    let (server, _, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/theme").await;
    let before = client.fork();
    let reply = client.get("/do/asked-while-down").await;
    assert!(reply.set_cookies()[0].contains("; Max-Age=86400"), "{:?}", reply.set_cookies());
    assert_ne!(client.cookie("saves"), before.cookie("saves"));
    assert_eq!(client.get("/do/read").await.body, "None  0 [] 0");
}

#[tokio::test]
async fn what_was_written_between_log_out_and_log_in_is_the_next_ones() {
    let (server, _, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    client.get("/do/order").await;
    client.get("/do/out-write-in").await;
    assert_eq!(client.get("/do/read").await.body, "Some(\"alan\")  0 [] 7");
}

#[tokio::test]
async fn an_end_whose_new_session_failed_is_told_all_the_same() {
    let (server, _, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/theme").await;
    let reply = client.get("/do/log-out-while-down").await;
    assert_eq!(reply.status, 200);
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{:?}", reply.set_cookies());
}

#[tokio::test]
async fn a_message_about_a_secret_does_not_quote_it() {
    let (server, _, _) = start(|builder| builder).await;
    assert_eq!(Client::new(&server).get("/do/secret-broken").await.status, 200);
}

#[tokio::test]
async fn each_save_writes_what_changed_since_the_last() {
    let (server, _, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/attempts").await;
    assert_eq!(client.get("/do/values-twice").await.status, 200);
    client.get("/do/login-and-count").await;
    assert_eq!(client.get("/do/read").await.body, "Some(\"ada\") b 2 [] 0");
}

#[tokio::test]
async fn a_session_after_log_out_compares_with_its_own_record() {
    for path in ["/do/out-and-order", "/do/order-out-and-order"] {
        let (server, _, _) = start(|builder| builder).await;
        let client = Client::new(&server);
        client.get("/do/login").await;
        client.get("/do/order").await;
        assert_eq!(client.get(path).await.status, 200, "{path}");
        assert_eq!(client.get("/do/read").await.body, "None dark 0 [] 5", "{path}");
    }
}

#[tokio::test]
async fn the_id_after_log_out_is_the_next_sessions() {
    let (server, _, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    assert_eq!(client.get("/do/id-after-log-out").await.status, 200);
}

#[tokio::test]
async fn a_response_that_does_not_commit_closes_its_session_too() {
    let (server, store, kept) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/theme").await;
    for status in [500, 200] {
        client.get(&format!("/keep/{status}")).await;
        let session = kept.lock().expect("no panic").take().expect("it was kept");
        store.take_calls();
        session.set_theme("late".to_owned());
        assert!(session.save().await.expect_err("too late").is_closed(), "{status}");
        assert_eq!(store.take_calls(), [""; 0], "{status}");
    }
}

#[tokio::test]
async fn a_log_in_to_a_session_that_is_there_is_listed() {
    let (server, _, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/do/theme").await;
    client.get("/do/login").await;
    assert_eq!(client.get("/count/ada").await.body, "1");
    let over = client.fork();
    client.get("/do/logout").await;
    assert_eq!(over.get("/end-others/ada").await.status, 500, "there is no current session");
}

#[tokio::test]
async fn logging_out_begins_no_empty_session_and_clears_even_an_ignored_token() {
    let (server, store, _) = start(|builder| builder.create(Create::Eager)).await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    store.take_calls();
    let reply = client.get("/do/logout").await;
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{:?}", reply.set_cookies());
    assert_eq!(store.take_calls(), ["load", "remove"]);

    let (server, _, _) = start(|builder| builder.on_stale(OnStale::Ignore)).await;
    let client = Client::new(&server);
    client.set_cookie("saves", "AAAA");
    assert!(client.get("/do/read").await.set_cookies().is_empty());
    let reply = client.get("/do/logout").await;
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{:?}", reply.set_cookies());
}
