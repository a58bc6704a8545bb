//! What a handler writes to fields that it has not read.

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder, clock::ManualClock, policy::Resend,
    store::MemoryStore,
};
use tests::{Client, Server, Spy, spy};

#[derive(Session)]
#[session(name = "blind", prefix = "none")]
struct Blind {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    #[session(counter)]
    hits: i64,
    #[session(counter)]
    small: u8,
    #[session(merge = "max")]
    best: u32,
    #[session(merge = "once")]
    campaign: Option<String>,
    roles: std::collections::BTreeSet<String>,
    #[session(flash)]
    notice: Option<String>,
}

fn show(s: &Session<Blind>) -> String {
    format!(
        "{} {} {} {:?} {:?} {:?}",
        s.theme(),
        s.hits(),
        s.best(),
        s.campaign(),
        s.roles(),
        s.peek_notice()
    )
}

fn routes() -> Router {
    Router::new()
        .route("/show", get(async |s: Session<Blind>| show(&s)))
        .route("/login", get(async |s: Session<Blind>| s.log_in("ada".to_owned())))
        .route("/logout", get(async |s: Session<Blind>| s.log_out()))
        .route(
            "/remember",
            get(async |s: Session<Blind>| s.remember_for(Duration::from_secs(30 * 24 * 60 * 60))),
        )
        .route(
            "/fill",
            get(async |w: Session<Blind>| {
                w.set_theme("dark".to_owned());
                w.add_hits(10);
                w.set_best(5);
                w.set_campaign("first".to_owned());
                w.insert_roles("x".to_owned());
                w.set_notice("hello".to_owned());
            }),
        )
        .route(
            "/lower",
            get(async |w: Session<Blind>| {
                w.set_best(3);
                w.set_campaign("second".to_owned());
                w.remove_roles("y");
            }),
        )
        .route(
            "/nothing",
            get(async |w: Session<Blind>| {
                w.set_best(0);
                w.set_campaign(String::new());
            }),
        )
        .route(
            "/higher",
            get(async |w: Session<Blind>| {
                w.set_best(9);
                w.set_best(8);
                w.set_campaign("late".to_owned());
            }),
        )
        .route("/reset", get(async |w: Session<Blind>| w.reset_theme()))
        .route("/hit", get(async |w: Session<Blind>| w.add_hits(1)))
        .route(
            "/saved",
            get(async |w: Session<Blind>, s: Option<Session<Blind>>| {
                w.add_hits(1);
                format!("{:?} {}", w.save().await.ok(), s.is_some())
            }),
        )
        .route(
            "/twice-small",
            get(async |s: Session<Blind>| {
                s.add_small(200);
                s.add_small(200);
            }),
        )
        .route("/below-zero", get(async |w: Session<Blind>| w.add_small(-1)))
}

async fn start(
    adjust: impl FnOnce(SessionLayerBuilder<Blind>) -> SessionLayerBuilder<Blind>,
) -> (Server, Spy<MemoryStore>) {
    let store = spy(MemoryStore::default());
    let builder = SessionLayer::<Blind>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .clock(Arc::new(ManualClock::default()))
        .insecure_dev();
    let layer = adjust(builder).build().expect("a sound configuration");
    (Server::start(routes().layer(layer)).await, store)
}

const FILLED: &str = r#"dark 10 5 Some("first") {"x"} Some("hello")"#;

#[tokio::test]
async fn writes_of_fields_that_were_not_read_merge_as_those_of_others() {
    let (server, store) = start(|builder| builder).await;
    let client = Client::new(&server);
    client.get("/fill").await;
    assert_eq!(client.get("/show").await.body, FILLED);
    for path in ["/lower", "/nothing"] {
        client.get(path).await;
        assert_eq!(client.get("/show").await.body, FILLED, "{path}");
    }
    client.get("/reset").await;
    assert_eq!(client.get("/show").await.body, FILLED.replace("dark", ""));
    client.get("/higher").await;
    assert!(client.get("/show").await.body.starts_with(r#" 10 9 Some("first")"#));
    store.take_calls();
    client.get("/nothing").await;
    assert_eq!(store.take_calls(), ["load"], "what loses is not written");
}

#[tokio::test]
async fn a_counter_of_a_new_session_stays_in_its_range_too() {
    let (server, store) = start(|builder| builder).await;
    for path in ["/twice-small", "/below-zero"] {
        let client = Client::new(&server);
        let reply = client.get(path).await;
        assert_eq!(reply.status, 422, "{path}");
        assert!(reply.set_cookies().is_empty());
        assert_eq!(store.take_calls(), [""; 0]);
    }
}

#[tokio::test]
async fn sending_the_token_again_forgets_nobody_who_is_remembered() {
    let (server, _) = start(|builder| builder.resend(Resend::Always)).await;
    let client = Client::new(&server);
    client.get("/login").await;
    let kept = |reply: &tests::Reply| {
        reply.set_cookies().iter().all(|cookie| cookie.contains("; Max-Age=2592000"))
    };
    assert!(kept(&client.get("/remember").await));
    for path in ["/show", "/hit", "/saved"] {
        let reply = client.get(path).await;
        assert!(kept(&reply), "{path}: {:?}", reply.set_cookies());
    }
}

#[tokio::test]
async fn a_token_that_is_never_sent_again_is_sent_when_it_is_new() {
    let (server, _) = start(|builder| builder.resend(Resend::Never)).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/fill").await.set_cookies().len(), 1);
    assert!(client.get("/remember").await.set_cookies().is_empty());
    assert_eq!(client.get("/login").await.set_cookies().len(), 1);
}
