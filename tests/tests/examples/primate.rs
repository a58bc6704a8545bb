//! The page that shows a visitor's session id, as in Primate's first example, as its visitors meet
//! it: cases R1 to R5 and R8. R6, R7 and R9 are about options and later versions: small
//! applications of this file.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use session_runtime::{
    Key, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType, policy::Preset,
    store::MemoryStore,
};
use tests::{
    Client, Server,
    example::{Copy, Example, Reply},
};

fn start(settings: &[(&str, &str)]) -> Example {
    Example::start("primate", settings)
}

/// The id that the page shows. It is no UUID here, but as many random bits.
fn id(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.body.len(), 32, "{reply:?}");
    assert!(reply.body.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)));
    reply.body.clone()
}

/// The response's only cookie: its token, and its attributes in lower case.
fn cookie(reply: &Reply) -> (String, Vec<String>) {
    let [cookie] = reply.set_cookies()[..] else { panic!("not one cookie: {reply:?}") };
    let mut parts = cookie.split("; ");
    let pair = parts.next().expect("a cookie begins with its name");
    let token = pair.strip_prefix("sessionId=").expect("it is the session's");
    (token.to_owned(), parts.map(str::to_ascii_lowercase).collect())
}

fn replay(primate: &Example, token: &str) -> Reply {
    primate.replay("/", &format!("sessionId={token}"))
}

#[test]
fn r01_the_first_request_shows_an_id_and_brings_a_strict_cookie() {
    let primate = start(&[]);
    let reply = primate.request("/", &[]);
    let (token, mut attributes) = cookie(&reply);
    attributes.sort();
    assert_eq!(attributes, ["httponly", "path=/", "samesite=strict"]);
    // Here the cookie is not the id: the id may be seen, the cookie is what opens the session.
    assert!(token.len() == 72 && !token.contains(&id(&reply)), "{token}");
    // The id that was shown is the one that the session has.
    assert_eq!(id(&replay(&primate, &token)), id(&reply));
}

#[test]
fn r02_the_second_request_shows_the_same_id_and_brings_no_cookie() {
    let primate = start(&[]);
    let browser = primate.browser();
    let first = id(&browser.get("/"));
    for _ in 0..2 {
        let reply = browser.get("/");
        assert_eq!(id(&reply), first);
        assert!(reply.set_cookies().is_empty(), "{reply:?}");
    }
    // What the session holds hangs on the id: it is there when it is asked for, and not sent again.
    assert_eq!(browser.get("/visits").body, "visit 1");
    let reply = browser.get("/visits");
    assert_eq!((reply.body.as_str(), reply.set_cookies()), ("visit 2", vec![]));
    assert_eq!(id(&browser.get("/")), first);
    assert_eq!(primate.request("/visits", &[]).body, "your first request");
}

#[test]
fn r03_an_unknown_id_is_replaced_in_page_and_cookie() {
    let primate = start(&[]);
    let known = primate.request("/", &[]);
    // The second is the id of a session, which opens it there; the third a UUID, as there.
    for unknown in ["unknown", &id(&known), "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", ""] {
        let reply = replay(&primate, unknown);
        let new = id(&reply);
        assert!(new != unknown && new != id(&known), "{unknown}");
        assert_eq!(id(&replay(&primate, &cookie(&reply).0)), new);
    }
}

#[test]
fn r04_a_second_client_has_another_id() {
    let primate = start(&[]);
    let (one, other) = (primate.browser(), primate.browser());
    let ids = [id(&one.get("/")), id(&other.get("/"))];
    assert_ne!(ids[0], ids[1]);
    assert_eq!([id(&one.get("/")), id(&other.get("/"))], ids);
}

#[test]
fn r05_the_cookie_is_secure_on_https() {
    for (tls, secure) in [("1", true), ("0", false)] {
        let primate = start(&[("TLS", tls)]);
        let browser = primate.browser();
        let reply = browser.get("/");
        let (_, attributes) = cookie(&reply);
        assert_eq!(attributes.contains(&"secure".to_owned()), secure, "{attributes:?}");
        assert_eq!(id(&browser.get("/")), id(&reply));
    }
}

#[test]
fn r08_after_a_restart_an_id_of_memory_is_replaced_and_a_stored_one_stays() {
    let key = Key::generate().expect("random bytes").to_base64();
    let settings = [("SESSION_KEYS", key.as_str())];
    let before = start(&settings).request("/", &[]);
    let primate = start(&settings);
    let reply = replay(&primate, &cookie(&before).0);
    assert_ne!(id(&reply), id(&before));
    assert_eq!(id(&replay(&primate, &cookie(&reply).0)), id(&reply));

    // Here a program that is told nothing keeps its sessions.
    let copy = Copy::new("primate");
    let before = Example::run(&mut copy.command()).request("/", &[]);
    let reply = replay(&Example::run(&mut copy.command()), &cookie(&before).0);
    assert_eq!((id(&reply), reply.set_cookies()), (id(&before), vec![]));
}

// ---- Options, and later versions. ----

async fn serve<T: SessionType>(
    routes: Router,
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> Server {
    let builder = SessionLayer::<T>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(MemoryStore::default())
        .insecure_dev();
    let layer = adjust(builder).build().expect("a sound configuration");
    Server::start(routes.layer(layer)).await
}

#[derive(Session)]
#[session(name = "session_id", prefix = "none", same_site = "lax", path = "/blog")]
struct Options {
    visits: u32,
}

#[tokio::test]
async fn r06_name_same_site_and_path_are_as_they_are_set() {
    let routes =
        Router::new().route("/blog", get(async |s: Session<Options>| s.session_id().to_string()));
    let server = serve::<Options>(routes, |builder| builder.preset(Preset::StableId)).await;
    let reply = Client::new(&server).get("/blog").await;
    let [cookie] = reply.set_cookies()[..] else { panic!("not one cookie: {reply:?}") };
    assert!(cookie.starts_with("session_id="), "{cookie}");
    for attribute in ["SameSite=Lax", "Path=/blog", "HttpOnly"] {
        assert!(cookie.split("; ").any(|other| other == attribute), "{attribute}: {cookie}");
    }
}

#[tokio::test]
async fn r07_an_id_of_a_managers_own_is_shown_and_given_once() {
    let one = 1_u128.to_be_bytes();
    let hex = "00000000000000000000000000000001";
    let routes =
        Router::new().route("/", get(async |s: Session<Options>| s.session_id().to_string()));
    let server = serve::<Options>(routes, |builder| {
        builder.preset(Preset::StableId).session_ids(move |_| one)
    })
    .await;
    let client = Client::new(&server);
    let reply = client.get("/").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), (hex, 1));
    let reply = client.get("/").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), (hex, 0));
    // Here an id is given to one client only, and does not open its session by itself. There, this
    // manager puts every visitor into one session.
    for sent in [None, Some("1"), Some(hex)] {
        let other = Client::new(&server);
        if let Some(sent) = sent {
            other.set_cookie("session_id", sent);
        }
        assert_eq!(other.get("/").await.status, StatusCode::INTERNAL_SERVER_ERROR, "{sent:?}");
    }
    assert_eq!(client.get("/").await.body, hex);
}

/// Later versions: a session begins when it is asked for, and holds what it is given. Here that
/// which is written is what begins it (`create = "on_write"`, the default).
#[derive(Session)]
#[session(name = "session_id", prefix = "none", same_site = "strict")]
struct Later {
    data: BTreeMap<String, String>,
}

async fn show(session: Option<Session<Later>>) -> Response {
    match session {
        None => "no session".into_response(),
        Some(session) => Json(session.data().clone()).into_response(),
    }
}

#[tokio::test]
async fn r09_without_implicit_creation_a_session_begins_when_it_is_written() {
    let routes = Router::new()
        .route("/", get(show))
        .route("/new", get(async |s: Session<Later>| s.is_new().to_string()))
        .route(
            "/create",
            post(async |s: Session<Later>| {
                s.insert_data("foo".to_owned(), "bar".to_owned());
                Json(s.data().clone())
            }),
        )
        .route("/destroy", post(async |s: Session<Later>| s.destroy()));
    let server = serve::<Later>(routes, |builder| builder).await;
    let client = Client::new(&server);
    for (path, body) in [("/", "no session"), ("/new", "true")] {
        let reply = client.get(path).await;
        assert_eq!((reply.body.as_str(), reply.set_cookies().len()), (body, 0), "{path}");
    }
    let reply = client.post("/create").await;
    assert_eq!((reply.body.as_str(), reply.set_cookies().len()), (r#"{"foo":"bar"}"#, 1));
    for (path, body) in [("/", r#"{"foo":"bar"}"#), ("/new", "false")] {
        let reply = client.get(path).await;
        assert_eq!((reply.body.as_str(), reply.set_cookies().len()), (body, 0), "{path}");
    }
    // Here the end of a session takes its cookie along.
    let reply = client.post("/destroy").await;
    assert!(reply.set_cookies()[0].contains("Max-Age=0"), "{reply:?}");
    assert_eq!(client.get("/").await.body, "no session");
}
