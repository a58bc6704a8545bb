//! What the deployment says of the cookie: `Secure` by request, and attributes of its own.

use axum::{http::Method, routing::get};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType, policy::SecureCookie,
    proxy, store::MemoryStore,
};
use tests::{
    Client, Server,
    sessions::{self, Themed},
};

#[derive(Session)]
#[session(name = "shop", prefix = "none")]
struct Shop {
    theme: String,
}

#[derive(Session)]
#[session(name = "plain", prefix = "none", secure = false)]
struct Plain {
    theme: String,
}

#[derive(Session)]
#[session(name = "__Secure-shop")]
struct Prefixed {
    theme: String,
}

#[derive(Session)]
#[session(name = "embedded", prefix = "none", same_site = "none")]
struct Embedded {
    theme: String,
}

#[derive(Session)]
#[session(name = "chips", prefix = "none", partitioned)]
struct Chips {
    theme: String,
}

#[derive(Session)]
#[session(name = "x-shop", transport = "header")]
struct InHeader {
    theme: String,
}

fn layer<T: SessionType>(
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> Result<SessionLayer<T>, Error> {
    let keys = KeyRing::ephemeral().expect("random bytes");
    adjust(SessionLayer::<T>::builder(keys).store(MemoryStore::default())).build()
}

tests::themed!(Shop, Plain, Prefixed, Embedded, Chips, InHeader);

async fn start<T: Themed>(
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> Server {
    let routes = sessions::routes::<T>().route("/destroy", get(async |s: Session<T>| s.destroy()));
    Server::start(routes.layer(layer(adjust).expect("a sound configuration"))).await
}

fn has(cookie: &str, attribute: &str) -> bool {
    cookie.split("; ").skip(1).any(|has| has == attribute)
}

/// Whether the cookies of a new session, of a stale token and of an ended session are `Secure`.
async fn secure(server: &Server, headers: &[(&str, &str)], name: &str) -> [bool; 3] {
    let client = Client::new(server);
    let cookie = async |path: &str| {
        let reply = client.send(Method::GET, path, headers).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.set_cookies().len(), 1, "{path} {headers:?}");
        has(reply.set_cookies()[0], "Secure")
    };
    let set = cookie("/set").await;
    let ended = cookie("/destroy").await;
    client.set_cookie(name, "AAAA");
    [set, ended, cookie("/read").await]
}

#[tokio::test]
async fn always_and_never_override_the_struct() {
    let server = start::<Plain>(|builder| builder.secure(SecureCookie::Always)).await;
    assert_eq!(secure(&server, &[], "plain").await, [true; 3]);
    let server = start::<Plain>(|builder| builder).await;
    assert_eq!(secure(&server, &[], "plain").await, [false; 3]);
    let server = start::<Shop>(|builder| builder.secure(SecureCookie::Never)).await;
    assert_eq!(secure(&server, &[("x-forwarded-proto", "https")], "shop").await, [false; 3]);
}

#[tokio::test]
async fn by_request_the_proxy_decides_if_it_is_asked() {
    let server = start::<Shop>(|builder| builder.secure(SecureCookie::When(proxy::is_https))).await;
    for (headers, expected) in [
        (&[][..], false),
        (&[("x-forwarded-proto", "https")], true),
        (&[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")], false),
        (&[("x-forwarded-proto", "http, https")], true),
        (&[("forwarded", "for=203.0.113.7;proto=http, for=10.0.0.1;proto=\"https\"")], true),
        (&[("forwarded", "proto=https, for=10.0.0.1")], false),
        (&[("forwarded", "proto=http"), ("x-forwarded-proto", "https")], true),
    ] {
        assert_eq!(secure(&server, headers, "shop").await, [expected; 3], "{headers:?}");
    }
    let server = start::<Shop>(|builder| builder).await;
    assert_eq!(secure(&server, &[("x-forwarded-proto", "http")], "shop").await, [true; 3]);
}

#[tokio::test]
async fn the_request_that_uses_the_session_is_the_one_that_decides() {
    let when = SecureCookie::When(|parts| parts.headers.contains_key("x-tls"));
    let server = start::<Shop>(move |builder| builder.secure(when)).await;
    let client = Client::new(&server);
    let plain = client.send(Method::GET, "/set", &[]).await;
    assert!(!has(plain.set_cookies()[0], "Secure"));
    let ended = client.send(Method::GET, "/destroy", &[("x-tls", "1")]).await;
    assert!(has(ended.set_cookies()[0], "Secure"), "{:?}", ended.set_cookies());
    assert!(has(ended.set_cookies()[0], "Max-Age=0"));
}

fn refused<T: SessionType>(
    adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
) -> String {
    let error = layer::<T>(adjust).expect_err("refused at start");
    assert!(error.is_config());
    error.to_string()
}

#[test]
fn what_needs_secure_gets_it_always_or_is_refused_at_start() {
    for secure in [SecureCookie::Never, SecureCookie::When(proxy::is_https)] {
        let message = refused::<Prefixed>(|builder| builder.secure(secure));
        assert!(message.contains("`__Secure-` needs `Secure`"), "{message}");
        let message = refused::<Embedded>(|builder| builder.secure(secure));
        assert!(message.contains("`SameSite=None` needs `Secure`"), "{message}");
        let message = refused::<Chips>(|builder| builder.secure(secure));
        assert!(message.contains("`Partitioned` needs `Secure`"), "{message}");
        let message = refused::<Shop>(|builder| builder.secure(secure).insecure_dev());
        assert!(message.contains("contradict"), "{message}");
    }
    let message = refused::<InHeader>(|builder| builder.secure(SecureCookie::Always));
    assert!(message.contains("`secure` is for cookies"), "{message}");
    for sound in [
        layer::<Prefixed>(|builder| builder.secure(SecureCookie::Always)).is_ok(),
        layer::<Embedded>(|builder| builder.secure(SecureCookie::Always)).is_ok(),
        layer::<Chips>(|builder| builder.secure(SecureCookie::Always)).is_ok(),
    ] {
        assert!(sound);
    }
}

#[tokio::test]
async fn attributes_of_the_deployment_are_on_every_cookie() {
    let server = start::<Shop>(|builder| {
        builder
            .cookie_attribute("Priority=High")
            .cookie_attribute("X-Flag")
            .secure(SecureCookie::When(proxy::is_https))
    })
    .await;
    for headers in [&[][..], &[("x-forwarded-proto", "https")]] {
        let client = Client::new(&server);
        for path in ["/set", "/destroy"] {
            let reply = client.send(Method::GET, path, headers).await;
            let cookie = reply.set_cookies()[0];
            assert!(has(cookie, "Priority=High") && has(cookie, "X-Flag"), "{path}: {cookie}");
            assert!(has(cookie, "HttpOnly") && has(cookie, "Path=/"), "{path}: {cookie}");
        }
    }
}

#[test]
fn attributes_that_cannot_stand_there_are_refused_at_start() {
    for attribute in [
        "",
        "=x",
        "a; b",
        "a;Secure",
        "a\r\nSet-Cookie: x=y",
        "a=\u{7}",
        "a=ä",
        " a",
        "a=b ",
        "a b=c",
        "path=/x",
        "PATH",
        "Domain=example.com",
        "secure",
        "HttpOnly",
        "samesite=None",
        "Max-Age=1",
        "expires=never",
        "Partitioned",
    ] {
        let message = refused::<Shop>(|builder| builder.cookie_attribute(attribute));
        assert!(message.contains(&format!("{attribute:?}")), "{message}");
    }
    let long = format!("a={}", "x".repeat(1024));
    refused::<Shop>(|builder| builder.cookie_attribute(&long));
    let twice = |builder: SessionLayerBuilder<Shop>| {
        builder.cookie_attribute("Priority=High").cookie_attribute("priority=Low")
    };
    assert!(refused::<Shop>(twice).contains("twice"));
    let message = refused::<InHeader>(|builder| builder.cookie_attribute("Priority=High"));
    assert!(message.contains("`cookie_attribute` is for cookies"), "{message}");
}
