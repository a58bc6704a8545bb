//! The handle itself: shared by middleware, handler and tasks, and strict about writes that come
//! too late.

use axum::{
    Router,
    extract::{Path, Request, State},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use session_runtime::{
    Error, Key, KeyRing, Session, SessionLayer, SessionType, store::MemoryStore,
};
use tests::{Client, Server, Spy, spy};
use tokio::sync::{mpsc, oneshot};

#[derive(Session)]
#[session(name = "main", prefix = "none")]
struct Main {
    #[session(principal)]
    user: Option<String>,
    log: Vec<String>,
    #[session(counter)]
    hits: i64,
    #[session(skip)]
    request_local: u32,
    #[session(copy, default = 7)]
    size: u32,
    #[session(rename = "n", alias = "nick_name")]
    nick: Option<String>,
    #[session(secret)]
    token: Option<String>,
}

#[derive(Session)]
#[session(name = "x-api", transport = "header")]
struct Api {
    calls: u32,
}

#[derive(Session)]
#[session(name = "main", prefix = "none")]
struct Twin {
    other: u32,
}

fn is_a_good_handle<T: Send + Sync + Clone + 'static>() {}

#[test]
fn handles_are_send_sync_clone_and_static() {
    is_a_good_handle::<Session<Main>>();
    is_a_good_handle::<session_runtime::Sessions<Main>>();
    is_a_good_handle::<SessionLayer<Main>>();
}

async fn around(session: Session<Main>, request: Request, next: Next) -> Response {
    session.update_log(|log| log.push("before".to_owned()));
    session.set_request_local(5);
    let response = next.run(request).await;
    session.update_log(|log| log.push("after".to_owned()));
    response
}

fn plain_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/hits", get(async |s: Session<Main>| format!("{} {:?}", s.hits(), s.log())))
        .route(
            "/both",
            get(async |main: Session<Main>, api: Session<Api>| {
                main.add_hits(1);
                api.update_calls(|calls| *calls += 1);
                format!("{} {}", main.hits(), api.calls())
            }),
        )
        .route(
            "/replace",
            get(async |s: Session<Main>| {
                let mut whole = s.snapshot();
                whole.hits += 3;
                whole.nick = Some("a".to_owned());
                whole.user = Some("mallory".to_owned());
                s.replace(whole);
                format!("{} {:?} {:?} {}", s.hits(), s.nick(), s.user(), s.size())
            }),
        )
        .route(
            "/secret/{value}",
            get(async |s: Session<Main>, Path(value): Path<String>| s.set_token(value)),
        )
        .route("/secret", get(async |s: Session<Main>| format!("{:?}", s.token())))
        .route(
            "/id",
            get(async |s: Session<Main>| -> Result<String, Error> {
                let before = s.session_id();
                s.add_hits(1);
                s.save().await?;
                assert_eq!(s.session_id(), before);
                assert!(!s.is_new());
                Ok(before.to_string())
            }),
        )
}

async fn start() -> (
    Server,
    Spy<MemoryStore>,
    mpsc::UnboundedReceiver<(oneshot::Sender<()>, oneshot::Receiver<String>)>,
) {
    let store = spy(MemoryStore::default());
    let keys = KeyRing::ephemeral().expect("random bytes");
    let layer = SessionLayer::<Main>::builder(keys.clone())
        .store(store.clone())
        .insecure_dev()
        .build()
        .expect("a sound layer");
    let api = SessionLayer::<Api>::new(store.clone(), keys).expect("a sound layer");
    let (late, tasks) = mpsc::unbounded_channel();
    let router = Router::new()
        .route(
            "/inside",
            get(async |a: Session<Main>, b: Session<Main>| {
                a.update_log(|log| log.push("handler".to_owned()));
                format!("{:?} {} {}", b.log(), b.request_local(), b.log().len())
            }),
        )
        .route_layer(middleware::from_fn(around))
        .route(
            "/join",
            get(async |session: Session<Main>| {
                let held = session.log();
                let before = held.len();
                let (one, two) = (session.clone(), session.clone());
                tokio::join!(
                    async move {
                        tokio::task::yield_now().await;
                        one.add_hits(1);
                    },
                    async move {
                        two.update_log(|log| log.push("joined".to_owned()));
                        tokio::task::yield_now().await;
                        two.add_hits(1);
                    },
                );
                assert_eq!(held.len(), before, "a reference held over writes does not change");
                format!("{} {}", session.hits(), session.log().len())
            }),
        )
        .route(
            "/spawn",
            get(async |session: Session<Main>, State(late): State<mpsc::UnboundedSender<_>>| {
                session.add_hits(1);
                let (go, wait) = oneshot::channel::<()>();
                let (report, result) = oneshot::channel();
                let _ = late.send((go, result));
                tokio::spawn(async move {
                    let _ = wait.await;
                    session.add_hits(100);
                    let error = session.save().await.expect_err("the response has left");
                    let log = session.log().len();
                    let _ = report.send(format!("{} {log} {error}", error.is_closed()));
                });
            }),
        )
        .merge(plain_routes())
        .with_state(late)
        .layer(layer)
        .layer(api);
    (Server::start(router).await, store, tasks)
}

#[tokio::test]
async fn middleware_before_and_after_and_two_extractors_share_one_session() {
    let (server, store, _tasks) = start().await;
    let client = Client::new(&server);
    assert_eq!(client.get("/inside").await.body, r#"["before", "handler"] 5 2"#);
    assert_eq!(store.take_calls(), ["insert"], "one commit for all of them");
    assert_eq!(client.get("/hits").await.body, r#"0 ["before", "handler", "after"]"#);
}

#[tokio::test]
async fn joined_tasks_write_through_clones() {
    let (server, _, _tasks) = start().await;
    let client = Client::new(&server);
    assert_eq!(client.get("/join").await.body, "2 1");
    assert_eq!(client.get("/hits").await.body, r#"2 ["joined"]"#);
}

#[tokio::test]
async fn a_write_after_the_commit_is_reported_and_not_saved() {
    let (server, _, mut tasks) = start().await;
    let client = Client::new(&server);
    client.get("/spawn").await;
    let (go, result) = tasks.recv().await.expect("the handler ran");
    go.send(()).expect("the task waits");
    let report = result.await.expect("the task reports");
    assert!(report.starts_with("true "), "{report}");
    assert_eq!(client.get("/hits").await.body, "1 []");
}

#[tokio::test]
async fn a_task_that_goes_on_after_the_commit_reads_what_was_loaded() {
    let (server, _, mut tasks) = start().await;
    let client = Client::new(&server);
    client.get("/inside").await;
    // It writes, so that there is a commit, and reads the log only after it.
    client.get("/spawn").await;
    let (go, result) = tasks.recv().await.expect("the handler ran");
    go.send(()).expect("the task waits");
    let report = result.await.expect("the task reports");
    assert!(report.starts_with("true 3 "), "{report}");
}

#[tokio::test]
async fn two_session_types_work_side_by_side_in_a_cookie_and_a_header() {
    let (server, _, _tasks) = start().await;
    let client = Client::new(&server);
    let reply = client.get("/both").await;
    assert_eq!(reply.body, "1 1");
    assert_eq!(reply.set_cookies().len(), 1);
    let token = reply.header("x-api").expect("a token in the header").to_owned();
    let reply = client.send(http::Method::GET, "/both", &[("x-api", &token)]).await;
    assert_eq!(reply.body, "2 2");
    assert_eq!(client.get("/both").await.body, "3 1", "each on its own");
    let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
    assert_eq!(vary.len(), 2, "{vary:?}");
}

#[test]
fn two_types_with_one_name_are_an_error_at_start() {
    let keys = KeyRing::ephemeral().expect("random bytes");
    SessionLayer::<Main>::new(MemoryStore::default(), keys.clone()).expect("the first");
    SessionLayer::<Main>::new(MemoryStore::default(), keys.clone()).expect("the same type again");
    let error =
        SessionLayer::<Twin>::new(MemoryStore::default(), keys).expect_err("the name is taken");
    assert!(error.is_config());
    let text = error.to_string();
    assert!(text.contains("Twin") && text.contains("Main") && text.contains("name"), "{text}");
    assert_eq!(Main::spec().name, Twin::spec().name);
}

#[derive(Session)]
#[session(name = "renamed", namespace = "main")]
struct Renamed {
    visits: u32,
}

#[test]
fn two_types_of_one_name_or_namespace_are_refused_if_they_have_any_key_in_common() {
    let texts: [_; 3] = std::array::from_fn(|_| Key::generate().expect("random bytes").to_base64());
    let ring = |keys: &[usize]| {
        let keys = keys.iter().map(|at| Key::from_base64(&texts[*at]).expect("a key"));
        KeyRing::new(keys).expect("a sound ring")
    };
    SessionLayer::<Main>::new(MemoryStore::default(), ring(&[0, 1])).expect("the first");
    let error = |result: Result<(), Error>| result.expect_err("it is taken").to_string();
    for shared in [&[1][..], &[0], &[2, 1], &[1, 0], &[2, 0]] {
        let keys = ring(shared);
        let name = SessionLayer::<Twin>::new(MemoryStore::default(), keys.clone()).map(drop);
        assert!(error(name).contains("`main`"), "{shared:?}");
        let namespace = SessionLayer::<Renamed>::new(MemoryStore::default(), keys).map(drop);
        let message = error(namespace);
        assert!(message.contains("namespace `main`") && message.contains("Main"), "{message}");
    }
    let other = SessionLayer::<Main>::builder(ring(&[1]));
    other.store(MemoryStore::default()).build().expect("the same type");
    SessionLayer::<Renamed>::new(MemoryStore::default(), ring(&[2])).expect("no key in common");
    let elsewhere = SessionLayer::<Renamed>::builder(ring(&[1])).audience("elsewhere");
    elsewhere.store(MemoryStore::default()).build().expect("another audience");
}

#[tokio::test]
async fn replacing_the_whole_struct_writes_all_but_the_principal() {
    let (server, _, _tasks) = start().await;
    let client = Client::new(&server);
    client.get("/join").await;
    assert_eq!(client.get("/replace").await.body, r#"5 Some("a") None 7"#);
    assert_eq!(client.get("/hits").await.body, r#"5 ["joined"]"#);
}

#[tokio::test]
async fn secret_fields_round_trip_and_equal_ones_are_not_written_again() {
    let (server, store, _tasks) = start().await;
    let client = Client::new(&server);
    client.get("/secret/hush").await;
    assert_eq!(client.get("/secret").await.body, "Some(\"hush\")");
    store.take_calls();
    client.get("/secret/hush").await;
    assert_eq!(store.take_calls(), ["load"]);
    client.get("/secret/other").await;
    assert_eq!(client.get("/secret").await.body, "Some(\"other\")");
}

#[tokio::test]
async fn the_id_is_there_before_the_session_is() {
    let (server, _, _tasks) = start().await;
    let client = Client::new(&server);
    let id = client.get("/id").await.body;
    assert_eq!(id.len(), 32);
    assert_eq!(client.get("/id").await.body, id);
    assert!(!client.cookie("main").expect("a token").contains(&id));
}

fn ring() -> KeyRing {
    KeyRing::ephemeral().expect("random bytes")
}

fn layer(audience: &str, keys: &KeyRing) -> SessionLayer<Main> {
    let builder = SessionLayer::<Main>::builder(keys.clone()).store(MemoryStore::default());
    builder.audience(audience).insecure_dev().build().expect("a sound configuration")
}

#[tokio::test]
async fn is_new_says_whether_the_request_came_with_a_session() {
    let routes = Router::new().route(
        "/",
        get(async |s: Session<Main>| {
            let before = s.is_new();
            s.add_hits(1);
            let written = s.is_new();
            s.save().await.expect("the store works");
            format!("{before} {written} {}", s.is_new())
        }),
    );
    let server = Server::start(routes.layer(layer("", &ring()))).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/").await.body, "true true false");
    assert_eq!(client.get("/").await.body, "false false false");
}

#[tokio::test]
async fn routers_have_layers_of_their_own() {
    let count = || {
        get(async |s: Session<Main>| {
            s.add_hits(1);
            s.hits().to_string()
        })
    };
    let keys = ring();
    let routes = Router::new()
        .nest("/shop", Router::new().route("/", count()).layer(layer("shop", &keys)))
        .nest("/admin", Router::new().route("/", count()).layer(layer("admin", &keys)))
        .route("/none", count());
    let server = Server::start(routes).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/shop").await.body, "1");
    let shop = client.cookie("main").expect("a token");
    assert_eq!(client.get("/shop").await.body, "2");
    assert_eq!(client.get("/admin").await.body, "1", "the other router's session is none of its");
    client.set_cookie("main", &shop);
    assert_eq!(client.get("/shop").await.body, "3");
    assert_eq!(client.get("/none").await.status, 500, "and outside of both there is none");
}
