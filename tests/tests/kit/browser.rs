//! The browser in this process: which cookies it keeps and sends, tokens in headers, forms, and
//! several browsers of one application.

use std::{sync::Arc, time::Duration};

use axum::{
    Form, Router,
    body::Body,
    extract::{Path, Request},
    http::{HeaderMap, StatusCode, header},
    routing::{get, post},
};
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    clock::ManualClock,
    store::MemoryStore,
    testing::{self, Browser},
};

#[derive(Default, Session)]
#[session(name = "shop", persistent, idle = "1h")]
struct Shop {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    #[session(counter)]
    visits: i64,
}

#[derive(Default, Session)]
#[session(name = "x-session", transport = "header")]
struct Header {
    #[session(counter)]
    visits: i64,
}

#[derive(Default, Session)]
#[session(name = "x-token", transport = "bearer")]
struct Bearer {
    #[session(counter)]
    visits: i64,
}

fn layer<T: SessionType>(
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> SessionLayer<T> {
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<T>::builder(keys).store(MemoryStore::default());
    adjust(builder).build().expect("a sound configuration")
}

/// Answers `/set/…` with the rest of the path, percent-decoded, as `Set-Cookie`, and every other
/// path with the cookies of the request.
fn echo() -> Router {
    let cookies = async |headers: HeaderMap| {
        let sent =
            headers.get(header::COOKIE).map(|value| value.to_str().expect("text").to_owned());
        sent.unwrap_or_default()
    };
    Router::new()
        .route("/set/{line}", get(async |Path(line): Path<String>| [(header::SET_COOKIE, line)]))
        .fallback(cookies)
}

async fn sent(lines: &[&str], path: &str) -> String {
    let browser = Browser::new(echo());
    for line in lines {
        browser.set_cookie(line);
    }
    browser.get(path).await.text()
}

#[tokio::test]
async fn cookies_are_sent_to_the_paths_that_they_are_for() {
    let lines = ["a=1; Path=/", "b=2; Path=/shop", "c=3", "d=4; Path=/shop/cart"];
    assert_eq!(sent(&lines, "/").await, "a=1; c=3");
    assert_eq!(sent(&lines, "/shop").await, "b=2; a=1; c=3");
    assert_eq!(sent(&lines, "/shop/cart?x=1").await, "d=4; b=2; a=1; c=3");
    assert_eq!(sent(&lines, "/shopping").await, "a=1; c=3");
    let browser = Browser::new(echo());
    browser.get("/set/e=5").await;
    assert_eq!(browser.get("/set/more").await.status, StatusCode::OK);
    assert_eq!(
        (browser.cookie("e").as_deref(), browser.get("/").await.text()),
        (Some("5"), String::new())
    );
}

#[tokio::test]
async fn a_cookie_replaces_only_one_of_its_name_domain_and_path() {
    assert_eq!(sent(&["a=1; Path=/", "a=2; Path=/"], "/x").await, "a=2");
    assert_eq!(sent(&["a=1; Path=/", "a=2; Path=/x"], "/x").await, "a=2; a=1");
    assert_eq!(sent(&["a=1; Path=/x", "a=; Path=/; Max-Age=0"], "/x").await, "a=1");
    assert_eq!(sent(&["a=1; Path=/", "a=; Path=/; Max-Age=0"], "/x").await, "");
    let past = "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    assert_eq!(sent(&["a=1; Path=/", past], "/x").await, "");
}

#[tokio::test]
async fn cookies_that_a_browser_refuses_are_not_kept() {
    for refused in [
        "__Host-a=1; Secure; Path=/x",
        "__Host-a=1; Path=/",
        "__Host-a=1; Secure; Path=/; Domain=localhost",
        "__Secure-a=1",
        "__Http-a=1; Secure",
        "__Host-Http-a=1; Secure; Path=/",
        "__hOST-a=1; Path=/",
        "a=1; Domain=example.com",
        "a=1; Domain=host",
        "a=1; SameSite=None",
        "no cookie",
    ] {
        assert_eq!(sent(&[refused], "/x").await, "", "{refused}");
    }
    for kept in ["__Host-Http-a=1; Secure; HttpOnly; Path=/", "a=1; Domain=localhost; Path=/"] {
        assert_ne!(sent(&[kept], "/x").await, "", "{kept}");
    }
}

#[tokio::test]
async fn a_domain_is_also_what_lies_below_it() {
    let browser = Browser::new(echo()).host("www.example.com:8443");
    browser.set_cookie("a=1; Domain=example.com");
    browser.set_cookie("b=2");
    assert_eq!(browser.get("/").await.text(), "a=1; b=2");
    assert_eq!(browser.clone().host("api.example.com").get("/").await.text(), "a=1");
    assert_eq!(browser.clone().host("notexample.com").get("/").await.text(), "");
}

#[tokio::test]
async fn secure_cookies_travel_by_https_only() {
    let browser = Browser::new(echo());
    browser.set_cookie("a=1; Secure");
    browser.set_cookie("b=2");
    assert_eq!(browser.get("/").await.text(), "a=1; b=2");
    let plain = browser.over_http();
    assert_eq!(plain.get("/").await.text(), "b=2");
    plain.set_cookie("c=3; Secure");
    assert_eq!(plain.get("/").await.text(), "b=2");
}

fn shop(layer: SessionLayer<Shop>) -> Router {
    Router::new()
        .route(
            "/",
            get(async |s: Session<Shop>| {
                s.add_visits(1);
                s.visits().to_string()
            }),
        )
        .route("/out", get(async |s: Session<Shop>| s.log_out()))
        .route("/orders", get(async |CurrentUser(user): CurrentUser| user))
        .route(
            "/login",
            post(async |s: Session<Shop>, Form(form): Form<Vec<(String, String)>>| {
                s.log_in(form[0].1.clone());
            }),
        )
        .layer(layer)
}

#[tokio::test]
async fn browsers_of_one_application_are_different_clients() {
    let app = shop(layer(|builder| builder));
    let (ann, bob) = (Browser::new(app.clone()), Browser::new(app));
    ann.post_form("/login", &[("user", "ann & Åsa+ü=%")]).await;
    assert_eq!(ann.get("/orders").await.text(), "ann & Åsa+ü=%");
    assert_eq!(bob.get("/orders").await.status, StatusCode::UNAUTHORIZED);
    let twin = ann.clone();
    assert_eq!(twin.get("/out").await.status, StatusCode::OK);
    assert_eq!(twin.cookie("__Host-Http-shop"), None);
    assert_eq!(ann.get("/orders").await.status, StatusCode::UNAUTHORIZED, "it has ended");
}

#[tokio::test]
async fn cookies_expire_by_the_clock_and_go_when_the_browser_closes() {
    let clock = Arc::new(ManualClock::default());
    let browser = Browser::new(shop(layer(|builder| builder.clock(Arc::clone(&clock)))))
        .clock(Arc::clone(&clock));
    browser.set_cookie("other=1; Path=/");
    assert_eq!(browser.get("/").await.text(), "1");
    browser.reopen();
    assert_eq!(browser.cookie("other"), None);
    assert_eq!(browser.get("/").await.text(), "2", "it is persistent");
    clock.advance(Duration::from_secs(3600));
    assert_eq!(browser.cookie("__Host-Http-shop"), None);
    assert_eq!(browser.get("/").await.text(), "1");
}

#[tokio::test]
async fn tokens_in_headers_are_kept_and_sent_again() {
    let header = Router::new().route("/", get(async |s: Session<Header>| s.add_visits(1)));
    let header = header
        .route("/read", get(async |s: Session<Header>| s.visits().to_string()))
        .route("/end", get(async |s: Session<Header>| s.destroy()))
        .layer(layer::<Header>(|builder| builder));
    let browser = Browser::new(header).session_header("x-session");
    for expected in ["1", "2"] {
        browser.get("/").await;
        assert_eq!(browser.get("/read").await.text(), expected);
    }
    browser.get("/end").await;
    assert_eq!(browser.get("/read").await.text(), "0");

    let bearer = layer::<Bearer>(|builder| builder);
    let app = Router::new()
        .route(
            "/",
            get(async |s: Session<Bearer>| {
                s.add_visits(1);
                s.visits().to_string()
            }),
        )
        .layer(bearer.clone());
    let browser = Browser::new(app.clone()).session_bearer("x-token");
    assert_eq!(browser.get("/").await.text(), "1");
    assert_eq!(browser.get("/").await.text(), "2");
    let session = testing::session_in(&bearer, Bearer { visits: 5 });
    let token = session.session_token().expect("it is stored");
    assert_eq!(Browser::new(app).bearer(token.as_str()).get("/").await.text(), "6");
}

#[tokio::test]
async fn a_browser_enters_a_session_by_each_transport() {
    let (cookie, header) = (layer::<Shop>(|builder| builder), layer::<Header>(|builder| builder));
    let shop = Browser::new(shop(cookie.clone()));
    shop.enter(&testing::session_in(&cookie, Shop { user: Some("ann".to_owned()), visits: 4 }));
    assert_eq!(shop.get("/orders").await.text(), "ann");
    assert_eq!(shop.get("/").await.text(), "5");
    let read = get(async |s: Session<Header>| s.visits().to_string());
    let browser = Browser::new(Router::new().route("/", read).layer(header.clone()));
    browser.enter(&testing::session_in(&header, Header { visits: 3 }));
    assert_eq!(browser.get("/").await.text(), "3");
}

#[tokio::test]
async fn a_requests_own_headers_stand_above_the_browsers() {
    let app = Router::new().fallback(async |request: Request| {
        let all = request.headers().get_all("accept").iter();
        let all: Vec<_> = all.map(|value| value.to_str().expect("text").to_owned()).collect();
        format!("{} {} {:?}", request.method(), all.join(","), request.headers()["host"])
    });
    let browser = Browser::new(app).header("accept", "text/html");
    assert_eq!(browser.get("/").await.text(), "GET text/html \"localhost\"");
    let request = Request::put("/x").header("accept", "a").header("accept", "b");
    let reply = browser.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(reply.text(), "PUT a,b \"localhost\"");
    assert!(reply.header("content-type").is_some_and(|value| value.starts_with("text/plain")));
}
