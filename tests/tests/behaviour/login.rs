//! Log-in, log-out, and what they keep.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use session_runtime::{
    Error, KeyRing, Peek, Session, SessionId, SessionLayer, Sessions, store::MemoryStore,
};
use tests::{Client, Server, Spy, spy};

#[derive(Session)]
#[session(name = "login", prefix = "none")]
struct Account {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    cart: Vec<u32>,
    #[session(keep)]
    theme: String,
    #[session(clear_on_login)]
    oauth_state: Option<String>,
    #[session(counter, clear_on_login)]
    attempts: i64,
    #[session(flash)]
    notice: Option<String>,
}

fn show(s: &Session<Account>) -> String {
    format!(
        "{:?} {:?} {} {:?} {} {:?}",
        s.user(),
        s.cart(),
        s.theme(),
        s.oauth_state(),
        s.attempts(),
        s.peek_notice()
    )
}

fn routes() -> Router<Sessions<Account>> {
    Router::new()
        .route("/show", get(async |s: Session<Account>| show(&s)))
        .route("/id", get(async |s: Session<Account>| s.session_id().to_string()))
        .route(
            "/fill",
            get(async |s: Session<Account>| {
                s.set_cart(vec![7]);
                s.set_theme("dark".to_owned());
                s.set_oauth_state("state".to_owned());
                s.add_attempts(3);
            }),
        )
        .route(
            "/login/{user}",
            get(async |s: Session<Account>, Path(user): Path<String>| s.log_in(user)),
        )
        .route(
            "/logout",
            get(async |s: Session<Account>| {
                s.log_out();
                s.set_notice("Goodbye".to_owned());
            }),
        )
        .route("/logout-only", get(async |s: Session<Account>| s.log_out()))
        .route(
            "/switch/{user}",
            get(async |s: Session<Account>, Path(user): Path<String>| {
                s.log_out();
                s.log_in(user);
            }),
        )
        .route("/rotate", get(async |s: Session<Account>| s.rotate()))
        .route(
            "/login-then-fail/{user}",
            get(async |s: Session<Account>, Path(user): Path<String>| {
                s.log_in(user);
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route(
            "/login-saved-then-fail/{user}",
            get(async |s: Session<Account>, Path(user): Path<String>| {
                s.log_in(user);
                s.save().await.expect("the store works");
                s.set_theme("lost".to_owned());
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route("/me", get(async |CurrentUser(user): CurrentUser| user))
        .route("/maybe", get(async |user: Option<CurrentUser>| user.is_some().to_string()))
        .route("/peek", get(async |account: Peek<Account>| format!("{:?}", account.user)))
        .route(
            "/devices",
            get(async |CurrentUser(user): CurrentUser, devices: Sessions<Account>| {
                let devices = devices.of(&user);
                let listed = devices.list(None).await?.sessions;
                let mine = listed.iter().filter(|session| session.current).count();
                Ok::<_, Error>(format!("{} {mine} {}", listed.len(), devices.count().await?))
            }),
        )
        .route(
            "/end-others",
            get(async |CurrentUser(user): CurrentUser, devices: Sessions<Account>| {
                Ok::<_, Error>(devices.of(&user).end_others().await?.count.to_string())
            }),
        )
        .route(
            "/end/{handle}",
            get(
                async |CurrentUser(user): CurrentUser,
                       devices: Sessions<Account>,
                       Path(handle): Path<SessionId>| {
                    Ok::<_, Error>(devices.of(&user).end(&handle).await?.to_string())
                },
            ),
        )
        .route(
            "/admin/end/{handle}",
            get(async |State(devices): State<Sessions<Account>>, Path(handle): Path<SessionId>| {
                Ok::<_, Error>(devices.end(&handle).await?.to_string())
            }),
        )
        .route(
            "/admin/end-all/{user}",
            get(async |State(devices): State<Sessions<Account>>, Path(user): Path<String>| {
                Ok::<_, Error>(devices.of(&user).end_all().await?.count.to_string())
            }),
        )
}

async fn start() -> (Server, Spy<MemoryStore>) {
    let store = spy(MemoryStore::default());
    let layer = SessionLayer::<Account>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let router = routes().with_state(layer.sessions()).layer(layer);
    (Server::start(router).await, store)
}

#[tokio::test]
async fn logging_in_changes_the_credential_and_kills_the_old_one_at_once() {
    let (server, store) = start().await;
    let client = Client::new(&server);
    client.get("/fill").await;
    let id = client.get("/id").await.body;
    let before = client.fork();
    store.take_calls();
    let reply = client.get("/login/ada").await;
    assert_eq!(store.take_calls(), ["load", "replace"], "no second record");
    assert_eq!(reply.set_cookies().len(), 1);
    assert_ne!(client.cookie("login"), before.cookie("login"));
    assert_eq!(before.get("/show").await.body, "None []  None 0 None", "no grace");
    assert_eq!(client.get("/show").await.body, r#"Some("ada") [7] dark None 0 None"#);
    assert_eq!(client.get("/id").await.body, id, "the session id is stable");
}

#[tokio::test]
async fn changing_the_principal_keeps_only_what_is_marked() {
    let (server, _) = start().await;
    let client = Client::new(&server);
    client.get("/login/ada").await;
    client.get("/fill").await;
    let ada = client.fork();
    client.get("/login/alan").await;
    assert_eq!(client.get("/show").await.body, r#"Some("alan") [] dark None 0 None"#);
    assert_eq!(ada.get("/me").await.status, 401);
    // Logging in again as oneself renews the credential and keeps everything.
    client.get("/fill").await;
    let before = client.cookie("login");
    client.get("/login/alan").await;
    assert_ne!(client.cookie("login"), before);
    assert_eq!(client.get("/show").await.body, r#"Some("alan") [7] dark Some("state") 3 None"#);
}

#[tokio::test]
async fn logging_out_kills_the_token_and_keeps_what_is_marked_in_a_fresh_session() {
    let (server, store) = start().await;
    let client = Client::new(&server);
    client.get("/login/ada").await;
    client.get("/fill").await;
    let id = client.get("/id").await.body;
    let old = client.fork();
    store.take_calls();
    client.get("/logout").await;
    assert_eq!(store.take_calls(), ["load", "remove", "insert"]);
    assert_eq!(client.get("/show").await.body, r#"None [] dark None 0 Some("Goodbye")"#);
    assert_ne!(client.get("/id").await.body, id);
    assert_eq!(old.get("/show").await.body, "None []  None 0 None");
}

#[tokio::test]
async fn logging_out_with_nothing_to_keep_expires_the_token() {
    let (server, store) = start().await;
    let client = Client::new(&server);
    client.get("/login/ada").await;
    store.take_calls();
    let reply = client.get("/logout-only").await;
    assert_eq!(store.take_calls(), ["load", "remove"]);
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{:?}", reply.set_cookies());
    assert_eq!(client.cookie("login"), None);
}

#[tokio::test]
async fn logging_out_and_in_again_in_one_request_is_a_new_session() {
    let (server, _) = start().await;
    let client = Client::new(&server);
    client.get("/login/ada").await;
    let (id, old) = (client.get("/id").await.body, client.fork());
    client.get("/switch/alan").await;
    assert_eq!(client.get("/me").await.body, "alan");
    assert_ne!(client.get("/id").await.body, id);
    assert_eq!(old.get("/me").await.status, 401);
}

#[tokio::test]
async fn rotating_changes_the_token_and_nothing_else() {
    let (server, _) = start().await;
    let client = Client::new(&server);
    client.get("/login/ada").await;
    let old = client.fork();
    client.get("/rotate").await;
    assert_ne!(client.cookie("login"), old.cookie("login"));
    assert_eq!(client.get("/me").await.body, "ada");
    assert_eq!(old.get("/me").await.status, 401);
}

#[tokio::test]
async fn an_unknown_id_is_never_adopted() {
    let (server, _) = start().await;
    let client = Client::new(&server);
    client.get("/login/ada").await;
    let dead = client.fork();
    client.get("/logout-only").await;
    let token = dead.cookie("login").expect("a well-formed token of an ended session");
    let reply = dead.get("/login/mallory").await;
    assert_eq!(reply.set_cookies().len(), 1);
    assert_ne!(dead.cookie("login"), Some(token), "a new session has a new id");
}

#[tokio::test]
async fn elevation_is_lost_with_a_server_error_unless_it_was_saved() {
    let (server, _) = start().await;
    let client = Client::new(&server);
    let reply = client.get("/login-then-fail/ada").await;
    assert_eq!(reply.status, 500);
    assert!(reply.set_cookies().is_empty());
    let reply = client.get("/login-saved-then-fail/ada").await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.set_cookies().len(), 1, "what was saved is told");
    assert_eq!(client.get("/show").await.body, r#"Some("ada") []  None 0 None"#);
}

#[tokio::test]
async fn guards_reject_with_401_and_have_optional_forms() {
    let (server, _) = start().await;
    let client = Client::new(&server);
    let reply = client.get("/me").await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some("Session"));
    assert_eq!(reply.header("vary"), Some("Cookie"));
    assert_eq!(client.get("/maybe").await.body, "false");
    client.get("/login/ada").await;
    assert_eq!(client.get("/me").await.body, "ada");
    assert_eq!(client.get("/maybe").await.body, "true");
    assert_eq!(client.get("/peek").await.body, r#"Some("ada")"#);
}

#[tokio::test]
async fn an_administrator_ends_a_session_by_its_id_whoever_is_in_it() {
    let (server, _) = start().await;
    let [admin, ada, nobody] = [(); 3].map(|()| Client::new(&server));
    ada.get("/login/ada").await;
    nobody.get("/fill").await;
    for client in [&ada, &nobody] {
        let handle = client.get("/id").await.body;
        assert_eq!(admin.get(&format!("/admin/end/{handle}")).await.body, "true");
        assert_eq!(admin.get(&format!("/admin/end/{handle}")).await.body, "false", "it is gone");
    }
    assert_eq!(ada.get("/me").await.status, 401);
    assert_eq!(nobody.get("/show").await.body, "None []  None 0 None");
}

#[tokio::test]
async fn the_directory_lists_and_ends_a_principals_sessions() {
    let (server, _) = start().await;
    let [one, two, three] = [(); 3].map(|()| Client::new(&server));
    for client in [&one, &two, &three] {
        client.get("/login/ada").await;
    }
    let other = Client::new(&server);
    other.get("/login/alan").await;
    assert_eq!(one.get("/devices").await.body, "3 1 3");
    let handle = two.get("/id").await.body;
    assert_eq!(other.get(&format!("/end/{handle}")).await.body, "false", "not alan's to end");
    assert_eq!(two.get("/me").await.status, 200);
    assert_eq!(one.get(&format!("/end/{handle}")).await.body, "true");
    assert_eq!(two.get("/me").await.status, 401);
    assert_eq!(one.get("/end-others").await.body, "1");
    assert_eq!(three.get("/me").await.status, 401);
    assert_eq!(one.get("/devices").await.body, "1 1 1");
    assert_eq!(other.get("/admin/end-all/ada").await.body, "1");
    assert_eq!(one.get("/me").await.status, 401);
    assert_eq!(other.get("/me").await.status, 200, "alan stays");
    let reply = other.get("/end/not-a-handle").await;
    assert_eq!(reply.status, 400);
}
