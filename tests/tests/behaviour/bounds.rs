//! The limit on the size of a session in a store: what is too large is an error, and nothing of it is
//! stored.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, store::MemoryStore,
};
use tests::{Client, Log, Server, sessions::Sealed};

#[derive(Session)]
#[session(name = "notes", prefix = "none")]
struct Notes {
    #[session(principal)]
    user: Option<String>,
    text: String,
    other: String,
    pages: BTreeMap<String, String>,
}

struct Case {
    store: MemoryStore,
    keys: KeyRing,
}

impl Case {
    fn new() -> Self {
        let keys = KeyRing::generate().expect("random bytes");
        Self { store: MemoryStore::default(), keys }
    }

    async fn server(
        &self,
        setting: impl FnOnce(SessionLayerBuilder<Notes>) -> SessionLayerBuilder<Notes>,
    ) -> Server {
        let builder = SessionLayer::<Notes>::builder(self.keys.clone()).store(self.store.clone());
        let layer = setting(builder.insecure_dev()).build().expect("a sound configuration");
        Server::start(router().layer(layer)).await
    }
}

fn router() -> Router {
    Router::new()
        .route(
            "/text/{bytes}",
            post(async |s: Session<Notes>, Path(bytes): Path<usize>| s.set_text(text_of(bytes))),
        )
        .route(
            "/other/{text}",
            post(async |s: Session<Notes>, Path(t): Path<String>| s.set_other(t)),
        )
        .route(
            "/page/{key}/{bytes}",
            post(async |s: Session<Notes>, Path((key, bytes)): Path<(String, usize)>| {
                s.insert_pages(key, text_of(bytes));
            }),
        )
        .route(
            "/save/{bytes}",
            post(async |s: Session<Notes>, Path(bytes): Path<usize>| {
                s.set_text(text_of(bytes));
                let error = s.save().await.expect_err("too large");
                assert!(error.is_too_large());
                s.set_text(text_of(1));
                s.save().await?;
                Ok::<_, Error>(error.to_string())
            }),
        )
        .route(
            "/login/{bytes}",
            post(async |s: Session<Notes>, Path(bytes): Path<usize>| {
                s.log_in("ada".to_owned());
                s.set_text(text_of(bytes));
            }),
        )
        .route("/logout", post(async |s: Session<Notes>| s.log_out()))
        .route("/user", get(async |s: Session<Notes>| s.user().cloned().unwrap_or_default()))
        .route("/show", get(async |s: Session<Notes>| format!("{} {}", s.text().len(), s.other())))
}

/// A text that takes so many bytes as JSON with the name of the field `text`.
fn text_of(bytes: usize) -> String {
    "Q".repeat(bytes.saturating_sub(6))
}

const LIMIT: usize = 64 * 1024;

#[tokio::test]
async fn a_session_holds_64_kib_and_a_request_that_wants_more_stores_nothing() {
    let log = Log::of_this_thread();
    let case = Case::new();
    let server = case.server(|it| it).await;
    let client = Client::new(&server);
    let first = client.post(&format!("/text/{}", LIMIT + 1)).await;
    assert_eq!(first.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(first.headers.get("set-cookie"), None);
    assert!(first.body.is_empty() && case.store.is_empty());

    assert_eq!(client.post(&format!("/text/{LIMIT}")).await.status, StatusCode::OK);
    assert_eq!(client.post("/other/more").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(client.get("/show").await.body, format!("{} ", LIMIT - 6));
    assert_eq!(client.post(&format!("/text/{}", LIMIT - 11)).await.status, StatusCode::OK);
    assert_eq!(client.post("/other/more").await.status, StatusCode::OK);
    assert_eq!(client.get("/show").await.body, format!("{} more", LIMIT - 17));

    let text = log.text();
    assert!(text.contains("session too large") && text.contains("`text` 65536 bytes"), "{text}");
    assert!(text.contains("max_session_bytes") && !text.contains("QQ"), "{text}");
}

#[tokio::test]
async fn a_log_in_that_makes_the_session_too_large_logs_nobody_in() {
    let case = Case::new();
    let server = case.server(|it| it.max_session_bytes(1000)).await;
    let client = Client::new(&server);
    client.post("/text/10").await;
    assert_eq!(client.post("/login/1001").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(client.get("/user").await.body, "");
    assert_eq!(client.get("/show").await.body, "4 ");
    assert_eq!(client.post("/login/900").await.status, StatusCode::OK);
    assert_eq!(client.get("/user").await.body, "ada");
    assert_eq!(client.post("/logout").await.status, StatusCode::OK);
    assert_eq!(client.get("/user").await.body, "");
}

#[tokio::test]
async fn a_handler_that_saves_gets_the_error_and_can_go_on() {
    let case = Case::new();
    let server = case.server(|it| it.max_session_bytes(100)).await;
    let client = Client::new(&server);
    for _ in 0..2 {
        let told = client.post("/save/101").await;
        assert_eq!(told.status, StatusCode::OK);
        assert!(told.body.contains("101 bytes is over the limit of 100"), "{}", told.body);
    }
}

#[tokio::test]
async fn keys_of_a_map_count_and_are_told_to_nobody() {
    let log = Log::of_this_thread();
    let case = Case::new();
    let server = case.server(|it| it.max_session_bytes(100)).await;
    let client = Client::new(&server);
    let key = "k".repeat(60);
    assert_eq!(client.post(&format!("/page/{key}/30")).await.status, StatusCode::OK);
    let full = client.post("/page/other/10").await;
    assert_eq!(full.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = log.text();
    assert!(text.contains("`pages` 1") && !text.contains(&key), "{text}");
}

#[tokio::test]
async fn a_session_from_before_a_lower_limit_is_read_and_can_shrink() {
    let case = Case::new();
    let before = case.server(SessionLayerBuilder::unlimited_session_bytes).await;
    let client = Client::new(&before);
    assert_eq!(client.post("/text/200000").await.status, StatusCode::OK);
    let after = case.server(|it| it.max_session_bytes(1000)).await;
    let client = client.moved(&after.url(""));
    assert_eq!(client.get("/show").await.body, "199994 ");
    assert_eq!(client.post("/other/more").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(client.post("/text/150000").await.status, StatusCode::OK);
    assert_eq!(client.post("/text/150001").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(client.post("/text/10").await.status, StatusCode::OK);
    assert_eq!(client.post("/other/more").await.status, StatusCode::OK);
}

#[test]
fn a_limit_that_cannot_hold_is_refused_at_start() {
    let ring = || KeyRing::ephemeral().expect("random bytes");
    let store = MemoryStore::default();
    let none = SessionLayer::<Notes>::builder(ring()).store(store).max_session_bytes(0).build();
    assert!(none.map(drop).expect_err("no session fits").is_config());
    let token = SessionLayer::<Sealed>::builder(ring())
        .accept_replay_until_expiry()
        .max_session_bytes(9000)
        .build();
    let error = token.map(drop).expect_err("a cookie has a limit of its own");
    assert!(error.is_config() && error.to_string().contains("cookie or header"), "{error}");
}
