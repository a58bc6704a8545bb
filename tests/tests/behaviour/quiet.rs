//! What is not used costs nothing, and what did not change is not written.

use axum::{Router, routing::get};
use session_runtime::{
    KeyRing, Peek, Session, SessionLayer,
    policy::{Create, OnEnd, OnStale, Resend},
    store::MemoryStore,
};
use tests::{Client, Server, Spy, spy};

#[derive(Session)]
#[session(name = "quiet", prefix = "none")]
struct Quiet {
    theme: String,
    #[session(counter)]
    visits: i64,
    #[session(flash)]
    notice: Option<String>,
    tags: std::collections::BTreeMap<String, u8>,
    roles: std::collections::BTreeSet<String>,
    extra: std::collections::BTreeMap<String, String>,
}

fn routes() -> Router {
    Router::new()
        .route("/ignored", get(async || "ignored"))
        .route("/looked", get(async |_: Session<Quiet>| "looked"))
        .route("/optional", get(async |s: Option<Session<Quiet>>| s.is_some().to_string()))
        .route(
            "/read",
            get(async |s: Session<Quiet>| format!("{} {:?}", s.theme(), s.peek_notice())),
        )
        .route(
            "/dark",
            get(async |s: Session<Quiet>| {
                s.set_theme("dark".to_owned());
                s.insert_tags("a".to_owned(), 1);
                s.insert_roles("admin".to_owned());
                s.insert_extra("k".to_owned(), "v".to_owned());
            }),
        )
        .route(
            "/defaults",
            get(async |s: Session<Quiet>| {
                s.set_theme(String::new());
                s.clear_notice_if_any();
                s.add_visits(2);
                s.add_visits(-2);
                s.insert_roles("x".to_owned());
                s.remove_roles("x");
            }),
        )
        .route("/clear", get(async |s: Session<Quiet>| s.clear()))
        .route("/destroy", get(async |s: Session<Quiet>| s.destroy()))
        .route("/id", get(async |s: Session<Quiet>| format!("{} {}", s.session_id(), s.is_new())))
}

trait ClearNotice {
    fn clear_notice_if_any(&self);
}

impl ClearNotice for QuietFields {
    fn clear_notice_if_any(&self) {
        assert_eq!(self.take_notice(), None);
    }
}

async fn start(
    adjust: impl FnOnce(
        session_runtime::SessionLayerBuilder<Quiet>,
    ) -> session_runtime::SessionLayerBuilder<Quiet>,
) -> (Server, Spy<MemoryStore>) {
    let store = spy(MemoryStore::default());
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<Quiet>::builder(keys).store(store.clone()).insecure_dev();
    let layer = adjust(builder).build().expect("a sound configuration");
    (Server::start(routes().layer(layer)).await, store)
}

#[tokio::test]
async fn a_route_that_extracts_nothing_asks_no_store_and_sends_nothing() {
    let (server, store) = start(|builder| builder).await;
    let client = Client::new(&server);
    let bare = client.get("/ignored").await;
    assert!(bare.set_cookies().is_empty());
    assert_eq!(bare.header("vary"), None);
    assert_eq!(bare.header("cache-control"), None);
    client.get("/dark").await;
    assert!(client.cookie("quiet").is_some());
    store.take_calls();
    let with_cookie = client.get("/ignored").await;
    assert!(with_cookie.set_cookies().is_empty());
    assert_eq!(with_cookie.header("vary"), None);
    assert_eq!(store.take_calls(), [""; 0]);
}

#[tokio::test]
async fn an_extracted_but_empty_session_is_never_stored() {
    let (server, store) = start(|builder| builder).await;
    let client = Client::new(&server);
    for path in ["/looked", "/read", "/defaults", "/clear", "/id", "/destroy"] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.set_cookies());
        assert_eq!(reply.header("vary"), Some("Cookie"), "{path}");
    }
    assert_eq!(client.get("/optional").await.body, "false");
    assert_eq!(store.take_calls(), [""; 0]);
}

#[tokio::test]
async fn a_second_write_of_equal_values_writes_and_sends_nothing() {
    let (server, store) = start(|builder| builder).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/dark").await.set_cookies().len(), 1);
    assert_eq!(store.take_calls(), ["insert"]);
    let again = client.get("/dark").await;
    assert!(again.set_cookies().is_empty());
    assert_eq!(store.take_calls(), ["load"], "no commit");
    assert_eq!(client.get("/read").await.body, "dark None");
    assert_eq!(client.get("/optional").await.body, "true");
    assert_eq!(store.take_calls(), ["load", "load"]);
}

#[tokio::test]
async fn reading_asks_the_store_once_however_often_it_is_extracted() {
    let (server, store) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/dark").await;
    store.take_calls();
    client.get("/id").await;
    assert_eq!(store.take_calls(), ["load"]);
}

#[tokio::test]
async fn eager_sessions_are_created_empty_and_keep_the_id_the_handler_saw() {
    let (server, store) = start(|builder| builder.create(Create::Eager)).await;
    let client = Client::new(&server);
    let first = client.get("/id").await;
    let (id, new) = first.body.split_once(' ').expect("id and flag");
    assert_eq!(new, "true");
    assert_eq!(store.take_calls(), ["insert"]);
    let second = client.get("/id").await;
    assert_eq!(second.body, format!("{id} false"));
    assert!(client.get("/ignored").await.set_cookies().is_empty());
}

#[tokio::test]
async fn resend_always_sends_the_same_token_on_each_use() {
    let (server, _) = start(|builder| builder.resend(Resend::Always)).await;
    let client = Client::new(&server);
    client.get("/dark").await;
    let token = client.cookie("quiet").expect("a token");
    for path in ["/read", "/dark"] {
        let reply = client.get(path).await;
        assert_eq!(reply.set_cookies().len(), 1, "{path}");
        assert_eq!(client.cookie("quiet").as_ref(), Some(&token), "{path}");
    }
    assert!(client.get("/ignored").await.set_cookies().is_empty());
}

#[tokio::test]
async fn a_stale_token_is_cleared_replaced_or_ignored_as_configured() {
    let stale = "AAAA";
    let (server, _) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.set_cookie("quiet", stale);
    let reply = client.get("/read").await;
    assert_eq!(reply.set_cookies().len(), 1);
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{:?}", reply.set_cookies());
    assert_eq!(client.cookie("quiet"), None);

    let (server, store) = start(|builder| builder.on_stale(OnStale::NewSession)).await;
    let client = Client::new(&server);
    assert!(client.get("/read").await.set_cookies().is_empty(), "no token, no session");
    client.set_cookie("quiet", stale);
    client.get("/read").await;
    assert_eq!(store.take_calls(), ["insert"]);
    assert_ne!(client.cookie("quiet").as_deref(), Some(stale));

    let (server, store) = start(|builder| builder.on_stale(OnStale::Ignore)).await;
    let client = Client::new(&server);
    client.set_cookie("quiet", stale);
    assert!(client.get("/read").await.set_cookies().is_empty());
    assert_eq!(store.take_calls(), [""; 0]);
}

#[tokio::test]
async fn a_silent_end_says_nothing_to_the_client() {
    let (server, store) = start(|builder| builder.on_end(OnEnd::Silent)).await;
    let client = Client::new(&server);
    client.get("/dark").await;
    store.take_calls();
    assert!(client.get("/destroy").await.set_cookies().is_empty());
    assert_eq!(store.take_calls(), ["load", "remove"]);
    assert_eq!(client.get("/optional").await.body, "false");
}

#[tokio::test]
async fn clearing_empties_the_fields_and_keeps_the_session() {
    let (server, store) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/dark").await;
    let token = client.cookie("quiet");
    store.take_calls();
    assert!(client.get("/clear").await.set_cookies().is_empty());
    assert_eq!(store.take_calls(), ["load", "replace"]);
    assert_eq!(client.cookie("quiet"), token);
    assert_eq!(client.get("/read").await.body, " None");
    assert_eq!(client.get("/optional").await.body, "true", "still a live session");
}

#[derive(Session)]
#[session(name = "eager", create = "eager", on_stale = "new_session")]
struct Eager {
    #[session(principal, extract = "EagerUser")]
    user: Option<u64>,
}

#[tokio::test]
async fn looking_and_a_guards_401_store_no_session_although_they_are_created_eagerly() {
    let store = spy(MemoryStore::default());
    let layer = SessionLayer::<Eager>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route("/optional", get(async |s: Option<Session<Eager>>| s.is_some().to_string()))
        .route("/guard", get(async |EagerUser(user): EagerUser| user.to_string()))
        .route("/maybe", get(async |user: Option<EagerUser>| user.is_some().to_string()))
        .route("/peek", get(async |eager: Peek<Eager>| format!("{:?}", eager.user)))
        .route("/take", get(async |_: Session<Eager>| "taken"))
        .layer(layer);
    let server = Server::start(router).await;
    for stale in [false, true] {
        for (path, status) in [("/optional", 200), ("/guard", 401), ("/maybe", 200), ("/peek", 200)]
        {
            let client = Client::new(&server);
            if stale {
                client.set_cookie("eager", "AAAA");
            }
            let reply = client.get(path).await;
            assert_eq!(reply.status.as_u16(), status, "{path}");
            assert!(reply.set_cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
            assert_eq!(store.take_calls(), [""; 0], "{path}");
        }
        let client = Client::new(&server);
        assert_eq!(client.get("/take").await.set_cookies().len(), 1);
        assert_eq!(store.take_calls(), ["insert"]);
        assert_eq!(client.get("/optional").await.body, "true");
        store.take_calls();
    }
}
