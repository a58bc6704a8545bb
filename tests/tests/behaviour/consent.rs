//! No session without consent, where the deployment asks for it.

use axum::{Router, http::Method, routing::get};
use session_runtime::{
    Error, Session, SessionLayerBuilder, SessionType,
    policy::{Create, OnStale},
    store::MemoryStore,
};
use tests::{
    Client, Log, Reply, Server, Spy,
    sessions::{Case, Sealed, Stored},
};

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route(
                "/set",
                get(async |s: Session<$session>| {
                    s.set_theme("dark".to_owned());
                    s.theme().clone()
                }),
            )
            .route("/light", get(async |s: Session<$session>| s.set_theme("light".to_owned())))
            .route("/read", get(async |s: Session<$session>| s.theme().clone()))
            .route("/look", get(async |_: Session<$session>| "looked"))
            .route("/who", get(async |s: Session<$session>| format!("{:?}", s.user())))
            .route("/login", get(async |s: Session<$session>| s.log_in("ada".to_owned())))
            .route("/logout", get(async |s: Session<$session>| s.log_out()))
            .route(
                "/save",
                get(async |s: Session<$session>| {
                    s.set_theme("dark".to_owned());
                    Ok::<_, Error>(format!("{:?} {}", s.save().await?, s.is_new()))
                }),
            )
    };
}

async fn start<T: SessionType>(
    routes: Router,
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> (Server, Spy<MemoryStore>) {
    let asks = |builder: SessionLayerBuilder<T>| {
        adjust(builder.consent(|parts| parts.headers.contains_key("x-consent")))
    };
    let Case { server, store, .. } = Case::start(routes, asks).await;
    (server, store)
}

async fn consenting(client: &Client, path: &str) -> Reply {
    client.send(Method::GET, path, &[("x-consent", "yes")]).await
}

#[tokio::test]
async fn without_consent_the_handler_works_on_a_session_that_is_not_saved() {
    let (stored, store) = start::<Stored>(routes!(Stored), |builder| builder).await;
    let (sealed, _) = start::<Sealed>(routes!(Sealed), |builder| builder).await;
    for server in [stored, sealed] {
        let client = Client::new(&server);
        for path in ["/set", "/light", "/login", "/logout", "/save", "/look"] {
            let reply = client.get(path).await;
            let status = if path == "/login" { 403 } else { 200 };
            assert_eq!(reply.status, status, "{path}");
            assert!(reply.set_cookies().is_empty(), "{path}");
            assert_eq!(reply.header("vary"), Some("Cookie"), "{path}");
        }
        assert_eq!(client.get("/set").await.body, "dark", "the handler sees what it wrote");
        assert_eq!(client.get("/save").await.body, "Withheld true");
        assert_eq!(client.get("/who").await.body, "None", "nobody is logged in");
        assert_eq!(store.take_calls(), [""; 0]);
        assert_eq!(consenting(&client, "/save").await.body, "Created false");
        assert!(client.cookie("s").is_some());
        store.take_calls();
    }
}

#[tokio::test]
async fn a_session_that_is_there_goes_on() {
    let (stored, _) = start::<Stored>(routes!(Stored), |builder| builder).await;
    let (sealed, _) = start::<Sealed>(routes!(Sealed), |builder| builder).await;
    for server in [stored, sealed] {
        let client = Client::new(&server);
        consenting(&client, "/set").await;
        client.get("/light").await;
        assert_eq!(client.get("/read").await.body, "light");
        let before = client.cookie("s");
        client.get("/login").await;
        assert_eq!(client.get("/who").await.body, "Some(\"ada\")");
        assert_ne!(client.cookie("s"), before, "a new credential");
        let reply = client.get("/logout").await;
        assert!(reply.set_cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
        assert_eq!(client.cookie("s"), None, "what is kept would need a new session");
        assert_eq!(client.get("/who").await.body, "None");
        consenting(&client, "/set").await;
        client.get("/login").await;
        consenting(&client, "/logout").await;
        assert_eq!(client.get("/read").await.body, "dark");
    }
}

#[tokio::test]
async fn no_other_knob_creates_one_either() {
    let (server, store) = start::<Stored>(routes!(Stored), |builder| {
        builder.create(Create::Eager).on_stale(OnStale::NewSession)
    })
    .await;
    let client = Client::new(&server);
    assert!(client.get("/look").await.set_cookies().is_empty());
    client.set_cookie("s", "AAAA");
    let reply = client.get("/look").await;
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{:?}", reply.set_cookies());
    assert_eq!(store.take_calls(), [""; 0]);
    assert_eq!(consenting(&client, "/look").await.set_cookies().len(), 1);
}

#[tokio::test]
async fn the_log_says_that_a_session_was_withheld() {
    let log = Log::of_this_thread();
    let (server, _) = start::<Stored>(routes!(Stored), |builder| builder).await;
    let event = "session not created: no consent";
    let client = Client::new(&server);
    client.get("/look").await;
    client.get("/read").await;
    client.get("/set").await;
    let text = log.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains(event)).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("DEBUG")), "{lines:?}");
}
