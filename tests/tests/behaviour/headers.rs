//! What a response says about sessions: cookies, caching, and the header transports.

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{AppendHeaders, IntoResponse},
    routing::get,
};
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType, schema::Prefix,
    store::MemoryStore,
};
use tests::{
    Client, Server,
    sessions::{self, Themed},
};

#[derive(Session)]
struct MyShop {
    theme: String,
}

#[derive(Session)]
#[session(
    name = "scoped",
    prefix = "none",
    path = "/app",
    domain = "example.com",
    same_site = "strict"
)]
struct Scoped {
    theme: String,
}

#[derive(Session)]
#[session(name = "embedded", prefix = "none", same_site = "none", partitioned)]
struct Embedded {
    theme: String,
}

#[derive(Session)]
#[session(name = "x-session", transport = "header")]
struct InHeader {
    theme: String,
}

#[derive(Session)]
#[session(name = "session-token", transport = "bearer")]
struct InBearer {
    theme: String,
}

tests::themed!(MyShop, Scoped, Embedded, InHeader, InBearer);

fn routes<T: Themed>() -> Router {
    sessions::routes::<T>()
        .route("/ignored", get(async || "ignored"))
        .route("/destroy", get(async |s: Session<T>| s.destroy()))
        .route(
            "/others",
            get(async |s: Session<T>| {
                T::set_theme(&s, "dark");
                let cookies =
                    [("a", "1"), ("b", "2")].map(|(k, v)| (header::SET_COOKIE, format!("{k}={v}")));
                let cache = [
                    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60")),
                    (header::VARY, HeaderValue::from_static("accept-encoding")),
                ];
                (AppendHeaders(cookies), AppendHeaders(cache)).into_response()
            }),
        )
}

async fn start<T: SessionType>(
    routes: Router,
    settle: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> Server {
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<T>::builder(keys).store(MemoryStore::default());
    Server::start(routes.layer(settle(builder).build().expect("a sound configuration"))).await
}

fn attributes(cookie: &str) -> Vec<&str> {
    cookie.split("; ").skip(1).collect()
}

#[tokio::test]
async fn the_default_cookie_is_host_only_secure_http_only_and_lax() {
    let server = start::<MyShop>(routes::<MyShop>(), |builder| builder).await;
    let client = Client::new(&server);
    let reply = client.get("/set").await;
    let cookie = reply.set_cookies()[0].to_owned();
    let (name, value) =
        cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
    assert_eq!(name, "__Host-Http-my-shop");
    assert_eq!(value.len(), 72);
    let mut seen = attributes(&cookie);
    seen.sort_unstable();
    assert_eq!(seen, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    let reply = client.get("/destroy").await;
    let gone = reply.set_cookies()[0];
    assert!(gone.starts_with("__Host-Http-my-shop=;"), "{gone}");
    for attribute in attributes(&cookie) {
        assert!(attributes(gone).contains(&attribute), "`{attribute}` is missing in {gone}");
    }
    assert!(attributes(gone).contains(&"Max-Age=0"));
}

#[tokio::test]
async fn scoped_and_embedded_cookies_carry_their_attributes_on_setting_and_deletion() {
    let scoped = start::<Scoped>(routes::<Scoped>(), |builder| builder).await;
    let embedded = start::<Embedded>(routes::<Embedded>(), |builder| builder).await;
    let cases: [(_, &[&str]); 2] = [
        (scoped, &["Path=/app", "Domain=example.com", "SameSite=Strict", "Secure", "HttpOnly"]),
        (embedded, &["Path=/", "SameSite=None", "Secure", "HttpOnly", "Partitioned"]),
    ];
    for (server, expected) in cases {
        let client = Client::new(&server);
        for path in ["/set", "/destroy"] {
            let reply = client.get(path).await;
            for attribute in expected {
                let cookie = reply.set_cookies()[0];
                assert!(attributes(cookie).contains(attribute), "{path}: {attribute} in {cookie}");
            }
        }
    }
}

#[tokio::test]
async fn caches_are_told() {
    let server = start::<MyShop>(routes::<MyShop>(), |builder| builder).await;
    let client = Client::new(&server);
    let reply = client.get("/others").await;
    assert_eq!(reply.header("cache-control"), Some("no-store"), "over the handler's `public`");
    let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["accept-encoding", "Cookie"]);
    let cookies = reply.set_cookies();
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    assert!(cookies.contains(&"a=1") && cookies.contains(&"b=2"), "{cookies:?}");
    let reply = client.get("/others").await;
    assert_eq!(reply.header("cache-control"), Some("public, max-age=60"), "no token, no say");
    assert_eq!(reply.set_cookies(), ["a=1", "b=2"]);
    assert_eq!(client.get("/read").await.header("vary"), Some("Cookie"));
    assert_eq!(client.get("/ignored").await.header("vary"), None);
}

#[tokio::test]
async fn insecure_dev_serves_loopback_only() {
    let server = start::<MyShop>(routes::<MyShop>(), SessionLayerBuilder::insecure_dev).await;
    let client = Client::new(&server);
    let reply = client.get("/set").await;
    let cookie = reply.set_cookies()[0];
    let name = format!("my-shop-{}", server.address().port());
    assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    let token = client.cookie(&name).expect("a token");
    for headers in [
        [("host", "shop.example.com"), ("accept", "*/*")],
        [("host", "localhost"), ("x-forwarded-for", "203.0.113.7")],
        [("host", "localhost"), ("forwarded", "for=203.0.113.7")],
        [("host", "localhost"), ("x-forwarded-proto", "https")],
        [("host", "localhost"), ("x-forwarded-host", "shop.example.com")],
        [("host", "localhost"), ("x-real-ip", "203.0.113.7")],
        [("host", "localhost"), ("via", "1.1 proxy")],
        [("host", "localhost.example.com"), ("accept", "*/*")],
        [("host", "notlocalhost"), ("accept", "*/*")],
        [("host", "127.0.0.1.example.com"), ("accept", "*/*")],
    ] {
        let reply = client.send(Method::GET, "/read", &headers).await;
        assert_eq!(reply.status, 421, "{headers:?}");
        assert!(reply.body.contains("insecure_dev"), "{}", reply.body);
        assert!(reply.set_cookies().is_empty());
    }
    for (host, port) in [
        ("localhost", ""),
        ("LOCALHOST:3000", "-3000"),
        ("127.0.0.1:80", "-80"),
        ("[::1]:3000", "-3000"),
        ("127.8.8.8", ""),
        ("localhost.", ""),
        ("app.localhost:3000", "-3000"),
        ("a.b.LocalHost.:3000", "-3000"),
    ] {
        let cookie = format!("my-shop{port}={token}");
        let headers = [("host", host), ("cookie", &cookie)];
        let reply = client.blank().send(Method::GET, "/read", &headers).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "dark"), "{host}");
    }
}

#[tokio::test]
async fn insecure_dev_refuses_a_target_in_absolute_form_of_another_host() {
    use tower::ServiceExt;
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<MyShop>::builder(keys).store(MemoryStore::default());
    let app = routes::<MyShop>().layer(builder.insecure_dev().build().expect("a sound layer"));
    for (target, host, status) in [
        ("http://shop.example.com/read", "localhost", 421),
        ("http://localhost/read", "shop.example.com", 421),
        ("http://localhost:3000/read", "localhost:3000", 200),
    ] {
        let request = http::Request::builder().uri(target).header("host", host);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let response = app.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), status, "{target} {host}");
    }
}

#[tokio::test]
async fn a_cookie_session_is_found_among_others_and_nowhere_else() {
    let server = start::<MyShop>(routes::<MyShop>(), |builder| builder.prefix(Prefix::None)).await;
    let client = Client::new(&server);
    client.get("/set").await;
    let token = client.cookie("my-shop").expect("a token");
    let anonymous = Client::new(&server);
    let read = async |headers: &[(&str, &str)], path: &str| {
        anonymous.send(Method::GET, path, headers).await.body
    };
    let pair = format!("my-shop={token}");
    let among = format!("_ga=1; {pair}; theme=x; empty=; odd");
    assert_eq!(read(&[("cookie", &among)], "/read").await, "dark");
    assert_eq!(read(&[("cookie", "_ga=1"), ("cookie", &pair)], "/read").await, "dark");
    let twice = format!("{pair}; my-shop=; {pair}");
    assert_eq!(read(&[("cookie", &twice)], "/read").await, "dark", "equal ones count once");
    assert_eq!(read(&[("cookie", &pair), ("cookie", "my-shop=x")], "/read").await, "");
    for wrong in [
        format!("MY-SHOP={token}"),
        format!("my%2Dshop={token}"),
        format!("=my-shop={token}"),
        format!("my-shop=\"{token}\""),
        format!("x-my-shop={token}"),
        format!("__Host-my-shop={token}"),
    ] {
        assert_eq!(read(&[("cookie", &wrong)], "/read").await, "", "{}", &wrong[..14]);
    }
    assert_eq!(read(&[("my-shop", &token)], "/read").await, "");
    assert_eq!(read(&[("authorization", &format!("Bearer {token}"))], "/read").await, "");
    assert_eq!(read(&[], &format!("/read?my-shop={token}&session={token}")).await, "");
}

#[tokio::test]
async fn handlers_decide_caching_only_if_the_deployment_says_so() {
    let server =
        start::<MyShop>(routes::<MyShop>(), SessionLayerBuilder::handlers_decide_caching).await;
    let client = Client::new(&server);
    let reply = client.get("/others").await;
    assert_eq!(reply.set_cookies().len(), 3, "with the token");
    assert_eq!(reply.header("cache-control"), Some("public, max-age=60"));
    let reply = Client::new(&server).get("/set").await;
    assert_eq!(reply.header("cache-control"), Some("no-store"), "where the handler says nothing");
}

#[tokio::test]
async fn header_and_bearer_transports_carry_the_token_both_ways() {
    let in_header = start::<InHeader>(routes::<InHeader>(), |builder| builder).await;
    let in_bearer = start::<InBearer>(routes::<InBearer>(), |builder| builder).await;
    for (server, response_name, request_name, prefix, vary) in [
        (in_header, "x-session", "x-session", "", "x-session"),
        (in_bearer, "session-token", "authorization", "Bearer ", "authorization"),
    ] {
        let client = Client::new(&server);
        let reply = client.get("/set").await;
        assert!(reply.set_cookies().is_empty());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("vary").is_some_and(|v| v.eq_ignore_ascii_case(vary)));
        let token = reply.header(response_name).expect("the token").to_owned();
        let value = format!("{prefix}{token}");
        let with = [(request_name, value.as_str())];
        let read = client.send(Method::GET, "/read", &with).await;
        assert_eq!(read.body, "dark");
        assert_eq!(read.header(response_name), None, "not sent again");
        let cookie = format!("{response_name}={token}");
        assert_eq!(client.send(Method::GET, "/read", &[("cookie", &cookie)]).await.body, "");
        let twice = [with[0], with[0]];
        assert_eq!(client.send(Method::GET, "/read", &twice).await.body, "", "two values are none");
        let end = client.send(Method::GET, "/destroy", &with).await;
        assert_eq!(end.header(response_name), Some(""), "the end is said clearly");
        assert_eq!(client.send(Method::GET, "/read", &with).await.body, "");
    }
}

#[tokio::test]
async fn the_layer_serves_a_plain_tower_service() {
    use tower::{Layer, ServiceExt, service_fn};
    let keys = KeyRing::ephemeral().expect("random bytes");
    let layer = SessionLayer::<MyShop>::new(MemoryStore::default(), keys).expect("a sound layer");
    let service = layer.layer(service_fn(async |request: http::Request<()>| {
        let (parts, ()) = request.into_parts();
        let session = Session::<MyShop>::from_parts(&parts).await?;
        let before = session.theme().clone();
        session.set_theme("dark".to_owned());
        Ok::<_, session_runtime::Error>(http::Response::new(before))
    }));
    let call = async |headers: HeaderMap| {
        let mut request = http::Request::new(());
        *request.headers_mut() = headers;
        service.clone().oneshot(request).await.expect("the service answers")
    };
    let first = call(HeaderMap::new()).await;
    let cookie = first.headers()["set-cookie"].to_str().expect("text");
    let pair = cookie.split(';').next().expect("a pair");
    let headers =
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(pair).expect("a value"))]);
    assert_eq!(call(headers).await.body(), "dark");
}
