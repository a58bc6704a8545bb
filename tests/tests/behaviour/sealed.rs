//! Payloads that travel in the token: what they cannot do by themselves, and what a revocation
//! store adds.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::Path, routing::get};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, Sessions, clock::ManualClock,
    store::MemoryStore,
};
use tests::{Client, Server, Spy, spy};

#[derive(Session)]
#[session(name = "prefs", prefix = "none", payload = "sealed")]
struct Prefs {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    notes: Vec<String>,
    #[session(flash)]
    notice: Option<String>,
    #[session(keep)]
    language: Option<String>,
}

struct Case {
    server: Server,
    clock: Arc<ManualClock>,
    store: Spy<MemoryStore>,
}

async fn start(
    settle: impl FnOnce(SessionLayerBuilder<Prefs>, Spy<MemoryStore>) -> SessionLayerBuilder<Prefs>,
) -> Case {
    let (clock, store) = (Arc::new(ManualClock::default()), spy(MemoryStore::default()));
    let builder = SessionLayer::<Prefs>::builder(KeyRing::ephemeral().expect("random bytes"))
        .clock(Arc::clone(&clock))
        .insecure_dev();
    let layer = settle(builder, store.clone()).build().expect("a sound configuration");
    let router = Router::new()
        .route("/set", get(async |s: Session<Prefs>| s.set_theme("dark".to_owned())))
        .route(
            "/notes/{length}",
            get(async |s: Session<Prefs>, Path(length): Path<usize>| {
                s.set_notes(vec!["n".repeat(length)]);
                s.set_theme("small".to_owned());
            }),
        )
        .route(
            "/read",
            get(async |s: Session<Prefs>| {
                format!("{:?} {} {:?} {:?}", s.user(), s.theme(), s.peek_notice(), s.language())
            }),
        )
        .route("/notify", get(async |s: Session<Prefs>| s.set_notice("hello".to_owned())))
        .route("/take", get(async |s: Session<Prefs>| format!("{:?}", s.take_notice())))
        .route("/language", get(async |s: Session<Prefs>| s.set_language("de".to_owned())))
        .route(
            "/login/{user}",
            get(async |s: Session<Prefs>, Path(user): Path<String>| s.log_in(user)),
        )
        .route("/logout", get(async |s: Session<Prefs>| s.log_out()))
        .route("/destroy", get(async |s: Session<Prefs>| s.destroy()))
        .route(
            "/end-all/{user}",
            get(async |sessions: Sessions<Prefs>, Path(user): Path<String>| {
                Ok::<_, Error>(sessions.of(&user).end_all().await?.count.to_string())
            }),
        )
        .route(
            "/list/{user}",
            get(async |sessions: Sessions<Prefs>, Path(user): Path<String>| {
                Ok::<_, Error>(sessions.of(&user).list(None).await?.sessions.len().to_string())
            }),
        )
        .layer(layer);
    Case { server: Server::start(router).await, clock, store }
}

async fn revocable() -> Case {
    start(SessionLayerBuilder::revocation).await
}

async fn replayable() -> Case {
    start(|builder, _| builder.accept_replay_until_expiry()).await
}

#[tokio::test]
async fn starting_without_a_word_on_replay_is_an_error() {
    let builder = || SessionLayer::<Prefs>::builder(KeyRing::ephemeral().expect("random bytes"));
    let error = builder().build().expect_err("nothing was said");
    assert!(error.is_config());
    let text = error.to_string();
    assert!(text.contains("revocation") && text.contains("accept_replay_until_expiry"), "{text}");
    let both = builder().revocation(MemoryStore::default()).accept_replay_until_expiry().build();
    assert!(both.expect_err("they contradict").is_config());
    let stored = builder().store(MemoryStore::default()).accept_replay_until_expiry().build();
    assert!(stored.expect_err("there is nothing to store").is_config());
    let rotating = builder().accept_replay_until_expiry().rotate_every(Duration::from_secs(60));
    let error = rotating.build().expect_err("there is no credential to rotate");
    assert!(error.to_string().contains("rotate_every"), "{error}");
}

#[tokio::test]
async fn fields_travel_in_the_token_and_equal_writes_send_nothing() {
    let case = replayable().await;
    let client = Client::new(&case.server);
    assert_eq!(client.get("/set").await.set_cookies().len(), 1);
    assert_eq!(client.get("/read").await.body, "None dark None None");
    assert!(client.get("/set").await.set_cookies().is_empty());
    client.get("/notify").await;
    assert_eq!(client.get("/take").await.body, "Some(\"hello\")");
    assert_eq!(client.get("/take").await.body, "None");
}

#[tokio::test]
async fn a_replay_after_expiry_is_refused_without_any_store() {
    let case = replayable().await;
    let client = Client::new(&case.server);
    client.get("/login/ada").await;
    let copy = client.fork();
    case.clock.advance(Duration::from_secs(30 * 60 - 1));
    assert!(copy.fork().get("/read").await.body.starts_with("Some"));
    case.clock.advance(Duration::from_secs(1));
    assert!(copy.get("/read").await.body.starts_with("None"));
    // Now not only by a clock that is a little wrong.
    case.clock.advance(Duration::from_secs(61));
    let reply = copy.get("/read").await;
    assert!(reply.body.starts_with("None"));
    assert!(reply.set_cookies()[0].contains("Max-Age=0"));
}

#[tokio::test]
async fn log_out_kills_every_copy_with_revocation_and_none_without() {
    for path in ["/logout", "/destroy"] {
        let case = revocable().await;
        let client = Client::new(&case.server);
        client.get("/login/ada").await;
        let copy = client.fork();
        let reply = client.get(path).await;
        assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{path}");
        assert!(copy.get("/read").await.body.starts_with("None"), "{path}: the copy is dead");

        let case = replayable().await;
        let client = Client::new(&case.server);
        client.get("/login/ada").await;
        let copy = client.fork();
        client.get(path).await;
        assert!(copy.get("/read").await.body.starts_with("Some"), "{path}: as was accepted");
    }
}

#[tokio::test]
async fn a_revocation_is_remembered_until_the_last_copy_is_over_and_not_longer() {
    let case = revocable().await;
    let client = Client::new(&case.server);
    client.get("/login/ada").await;
    client.get("/logout").await;
    let sweep = async |after: Duration| {
        use session_runtime::{clock::Clock, store::Store};
        case.store
            .sweep(case.clock.now().saturating_add(after), None, usize::MAX)
            .await
            .expect("works")
            .removed
    };
    // And a minute longer: another process may have a clock that is behind.
    assert_eq!(sweep(Duration::from_secs(12 * 3600 + 59)).await, 0);
    assert!(sweep(Duration::from_secs(12 * 3600 + 60)).await >= 1);
}

#[tokio::test]
async fn log_in_makes_copies_from_before_worthless() {
    let case = revocable().await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    let anonymous = client.fork();
    client.get("/login/ada").await;
    assert_eq!(client.get("/read").await.body, r#"Some("ada") dark None None"#);
    assert_eq!(anonymous.get("/read").await.body, "None  None None", "the old token is dead");
}

#[tokio::test]
async fn what_is_kept_goes_on_after_log_out() {
    let case = revocable().await;
    let client = Client::new(&case.server);
    client.get("/login/ada").await;
    client.get("/set").await;
    client.get("/language").await;
    client.get("/logout").await;
    assert_eq!(client.get("/read").await.body, r#"None  None Some("de")"#);
}

#[tokio::test]
async fn ending_all_of_a_principal_reaches_every_copy_and_later_log_ins_work() {
    let case = revocable().await;
    let [one, two, other] = [(); 3].map(|()| Client::new(&case.server));
    one.get("/login/ada").await;
    two.get("/login/ada").await;
    other.get("/login/alan").await;
    assert_eq!(other.get("/end-all/ada").await.status, 200);
    assert!(one.get("/read").await.body.starts_with("None"));
    assert!(two.get("/read").await.body.starts_with("None"));
    assert!(other.get("/read").await.body.starts_with("Some"));
    // In the same millisecond of the injected clock: an epoch, not a time, decides.
    one.get("/login/ada").await;
    assert!(one.get("/read").await.body.starts_with("Some"));
    other.get("/end-all/ada").await;
    assert!(one.get("/read").await.body.starts_with("None"));
    let reply = other.get("/list/ada").await;
    assert_eq!(reply.status, 500, "there is nothing to list");
}

#[tokio::test]
async fn a_payload_over_4096_bytes_is_an_error_that_names_the_fields() {
    let case = replayable().await;
    let client = Client::new(&case.server);
    client.get("/set").await;
    let token = client.cookie("prefs");
    let reply = client.get("/notes/4000").await;
    assert_eq!(reply.status, 422);
    assert!(reply.set_cookies().is_empty());
    assert_eq!(client.cookie("prefs"), token, "the old cookie is untouched");
    assert_eq!(client.get("/read").await.body, "None dark None None");
    // The longest that fits, to the 32 bytes that a payload is padded to: one more is refused.
    let mut longest = 0;
    for length in (2700..3000).rev() {
        let reply = client.fork().get(&format!("/notes/{length}")).await;
        if reply.status == 200 {
            longest = length;
            let pair = reply.set_cookies()[0].split(';').next().expect("a pair").len() - 1;
            assert!((4053..=4096).contains(&pair), "name and value: {pair}");
            break;
        }
    }
    assert!(longest > 0);
}

#[tokio::test]
async fn the_error_names_fields_and_sizes_but_no_values() {
    use session_runtime::Saved;
    let layer = SessionLayer::<Prefs>::builder(KeyRing::ephemeral().expect("random bytes"))
        .accept_replay_until_expiry()
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route(
            "/",
            get(async |s: Session<Prefs>| {
                s.set_notes(vec!["MARKER".repeat(1000)]);
                s.set_theme("MARKER".to_owned());
                let error = s.save().await.expect_err("too large");
                assert!(error.is_too_large());
                s.reset_notes();
                let saved = s.save().await.expect("small again");
                assert_eq!(saved, Saved::Created);
                error.to_string()
            }),
        )
        .layer(layer);
    let server = Server::start(router).await;
    let text = Client::new(&server).get("/").await.body;
    assert!(text.contains("`notes` 6009 bytes, `theme` 13 bytes"), "{text}");
    assert!(text.contains("4096") && !text.contains("MARKER"), "{text}");
}
