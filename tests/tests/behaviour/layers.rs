//! Session layers around session layers, and what responses tell caches.

use axum::{
    Router,
    extract::Request,
    http::header::CACHE_CONTROL,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Peek, Session, SessionLayer, SessionLayerBuilder, policy::Resend,
    store::MemoryStore,
};
use tests::{Client, Server, Spy, spy};

#[derive(Session)]
#[session(name = "layers", prefix = "none")]
struct Shop {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    #[session(counter)]
    visits: i64,
}

#[derive(Session)]
#[session(name = "other", prefix = "none")]
struct Other {
    theme: String,
}

fn layer(
    adjust: impl FnOnce(SessionLayerBuilder<Shop>) -> SessionLayerBuilder<Shop>,
) -> (SessionLayer<Shop>, Spy<MemoryStore>) {
    let store = spy(MemoryStore::default());
    let builder = SessionLayer::<Shop>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev();
    (adjust(builder).build().expect("a sound configuration"), store)
}

fn routes() -> Router {
    Router::new()
        .route("/none", get(async || "nothing"))
        .route(
            "/show",
            get(async |s: Session<Shop>| format!("{:?} {} {}", s.user(), s.theme(), s.visits())),
        )
        .route("/peek", get(async |shop: Peek<Shop>| shop.theme.clone()))
        .route("/maybe", get(async |s: Option<Session<Shop>>| s.is_some().to_string()))
        .route("/set", get(async |s: Session<Shop>| s.set_theme("dark".to_owned())))
        .route("/login", get(async |s: Session<Shop>| s.log_in("ada".to_owned())))
        .route("/logout", get(async |s: Session<Shop>| s.log_out()))
        .route(
            "/public",
            get(async |s: Session<Shop>| {
                ([(CACHE_CONTROL, "public, max-age=60")], s.theme().clone())
            }),
        )
}

async fn count(session: Session<Shop>, request: Request, next: Next) -> Response {
    session.add_visits(1);
    next.run(request).await
}

async fn look(_: Session<Shop>, request: Request, next: Next) -> Response {
    next.run(request).await
}

#[tokio::test]
async fn a_layer_inside_of_itself_is_one_layer() {
    for resend in [Resend::OnChange, Resend::Always] {
        let (sessions, store) = layer(|builder| builder.resend(resend));
        let router = routes()
            .layer(sessions.clone())
            .layer(middleware::from_fn(count))
            .layer(sessions.clone());
        // Also on a nested router, and on the whole.
        let router = Router::new().nest("/in", router).layer(sessions);
        let server = Server::start(router).await;
        let client = Client::new(&server);
        let reply = client.get("/in/login").await;
        assert_eq!(reply.set_cookies().len(), 1, "{:?}", reply.set_cookies());
        assert_eq!(store.take_calls(), ["insert"], "one record");
        client.get("/in/set").await;
        assert_eq!(client.get("/in/show").await.body, "Some(\"ada\") dark 3");
        assert_eq!(client.get("/in/logout").await.set_cookies().len(), 1);
        assert_eq!(client.cookie("layers"), None);
    }
}

#[tokio::test]
async fn a_middleware_that_looks_does_not_undo_the_log_in_of_an_inner_layer() {
    let (sessions, _) = layer(|builder| builder);
    let router = routes().layer(sessions.clone()).layer(middleware::from_fn(look)).layer(sessions);
    let server = Server::start(router).await;
    let client = Client::new(&server);
    client.set_cookie("layers", "AAAA");
    let reply = client.get("/login").await;
    assert_eq!(reply.set_cookies().len(), 1, "{:?}", reply.set_cookies());
    assert_eq!(client.get("/show").await.body, "Some(\"ada\")  0");
}

#[tokio::test]
async fn a_layer_inside_of_one_with_other_settings_is_an_error_that_names_both() {
    let (inner, _) = layer(|builder| builder.audience("inside"));
    let (outer, store) = layer(|builder| builder.audience("outside"));
    let router =
        Router::new().nest("/in", routes().layer(inner)).merge(routes()).layer(outer).layer(
            middleware::map_response(async |response: Response| {
                let told = response.extensions().get::<Error>().map(ToString::to_string);
                (response.status(), told.unwrap_or_default())
            }),
        );
    let server = Server::start(router).await;
    let client = Client::new(&server);
    for path in ["/in/none", "/in/set"] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, 500, "{path}");
        for part in ["`Shop`", "`shop@inside`", "`shop@outside`"] {
            assert!(reply.body.contains(part), "{}", reply.body);
        }
    }
    assert_eq!(store.take_calls(), [""; 0]);
    assert_eq!(client.get("/set").await.status, 200, "the outer one alone works");
}

#[tokio::test]
async fn layers_of_two_session_types_work_inside_of_each_other() {
    let (sessions, _) = layer(|builder| builder);
    let others = SessionLayer::<Other>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route(
            "/both",
            get(async |shop: Session<Shop>, other: Session<Other>| {
                shop.set_theme("dark".to_owned());
                other.set_theme("light".to_owned());
            }),
        )
        .layer(sessions)
        .layer(others);
    let server = Server::start(router).await;
    assert_eq!(Client::new(&server).get("/both").await.set_cookies().len(), 2);
}

#[tokio::test]
async fn a_response_that_depends_on_the_session_is_private_to_caches() {
    let (sessions, _) = layer(|builder| builder);
    let server = Server::start(routes().layer(sessions)).await;
    let client = Client::new(&server);
    for (path, expected) in [
        ("/none", None),
        ("/show", Some("private")),
        ("/peek", Some("private")),
        ("/maybe", Some("private")),
        ("/set", Some("no-store")),
        ("/show", Some("private")),
        ("/peek", Some("private")),
        ("/set", Some("private")),
        ("/public", Some("public, max-age=60")),
        ("/login", Some("no-store")),
        ("/logout", Some("no-store")),
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("cache-control"), expected, "{path}");
        let vary = expected.map(|_| "Cookie");
        assert_eq!(reply.header("vary"), vary, "{path}");
    }
}
