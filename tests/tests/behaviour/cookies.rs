//! Several cookies of one name, as a browser sends them after a deployment has changed the cookie's
//! scope; and what a deployment says of its cookie.

use std::{collections::BTreeMap, sync::Mutex};

use axum::{
    Router,
    http::{Method, StatusCode},
    routing::get,
};
use session_runtime::{
    KeyRing, SameSite, Session, SessionLayer, SessionLayerBuilder,
    policy::OnStale,
    schema::{Prefix, Transport},
    store::MemoryStore,
};
use tests::{Client, Reply, Server};

#[derive(Session)]
struct Shop {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
}

type Adjust = fn(SessionLayerBuilder<Shop>) -> SessionLayerBuilder<Shop>;

fn router(store: &MemoryStore, keys: &KeyRing, adjust: Adjust) -> Router {
    let builder = SessionLayer::<Shop>::builder(keys.clone()).store(store.clone());
    let shop = Router::new()
        .route("/login", get(async |s: Session<Shop>| s.log_in("ada".to_owned())))
        .route("/read", get(async |s: Session<Shop>| s.user().cloned().unwrap_or_default()))
        .route("/me", get(async |CurrentUser(user): CurrentUser| user));
    // Nested, so that handlers see another path than the browser does.
    Router::new().nest("/app", shop).layer(adjust(builder).build().expect("a sound configuration"))
}

/// A browser as far as it tells cookies of one name from another: by domain and path, and not by
/// `Partitioned`, which browsers do only since 2023.
#[derive(Default)]
struct Jar(Mutex<BTreeMap<(String, String, String), String>>);

/// The host that the browser is on.
const HOST: &str = "shop.example.test";

impl Jar {
    async fn get(&self, server: &Server, path: &str) -> Reply {
        let cookies = {
            let jar = self.0.lock().expect("no test panics here");
            let matches = |domain: &str, scope: &str| {
                let rest = path.strip_prefix(scope);
                let below =
                    |rest: &str| rest.is_empty() || scope.ends_with('/') || rest.starts_with('/');
                (domain.is_empty() || HOST.ends_with(domain)) && rest.is_some_and(below)
            };
            let sent = jar.iter().filter(|((_, domain, path), _)| matches(domain, path));
            sent.map(|((name, ..), value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let (client, cookies) = (Client::new(server), cookies.join("; "));
        let reply = client.send(Method::GET, path, &[("host", HOST), ("cookie", &cookies)]).await;
        for line in reply.set_cookies() {
            self.take(line);
        }
        reply
    }

    fn take(&self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) =
            parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie is name=value");
        let attributes: BTreeMap<&str, &str> =
            parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
        let of = |name: &str| attributes.get(name).copied().unwrap_or_default().to_owned();
        let scope = (name.to_owned(), of("Domain"), of("Path"));
        let mut jar = self.0.lock().expect("no test panics here");
        if attributes.get("Max-Age") == Some(&"0") {
            jar.remove(&scope);
        } else {
            jar.insert(scope, value.to_owned());
        }
    }

    fn len(&self) -> usize {
        self.0.lock().expect("no test panics here").len()
    }
}

#[tokio::test]
async fn a_log_in_works_after_the_cookies_domain_or_path_has_changed() {
    let (store, keys) = (MemoryStore::default(), KeyRing::ephemeral().expect("random bytes"));
    let deployments: [Adjust; 5] = [
        |builder| builder.prefix(Prefix::None),
        |builder| builder.prefix(Prefix::None).domain("example.test"),
        |builder| builder.prefix(Prefix::None).path("/app"),
        |builder| builder.prefix(Prefix::None).domain("shop.example.test").path("/app/"),
        |builder| builder.prefix(Prefix::None).path("/app/read").partitioned(true),
    ];
    for before in deployments {
        for after in deployments.iter().take(4) {
            let (old, new) = (router(&store, &keys, before), router(&store, &keys, *after));
            let (old, new) = (Server::start(old).await, Server::start(new).await);
            let jar = Jar::default();
            jar.get(&old, "/app/login").await;
            // Two log-ins: after the first one the client may have several cookies, of which the
            // request to read knows.
            jar.get(&new, "/app/login").await;
            jar.get(&new, "/app/read").await;
            jar.get(&new, "/app/login").await;
            assert_eq!(jar.get(&new, "/app/read").await.body, "ada");
            assert_eq!(jar.len(), 1, "the others have gone");
        }
    }
}

#[tokio::test]
async fn a_log_in_works_although_a_neighbour_has_planted_cookies_of_the_name() {
    let (store, keys) = (MemoryStore::default(), KeyRing::ephemeral().expect("random bytes"));
    for on_stale in [OnStale::ClearToken, OnStale::NewSession, OnStale::Ignore] {
        let keys = keys.clone();
        let layer = SessionLayer::<Shop>::builder(keys)
            .store(store.clone())
            .prefix(Prefix::None)
            .on_stale(on_stale)
            .build()
            .expect("a sound configuration");
        let routes = Router::new()
            .route("/app/login", get(async |s: Session<Shop>| s.log_in("ada".to_owned())))
            .route("/app/read", get(async |s: Session<Shop>| s.user().cloned().unwrap_or_default()))
            .layer(layer);
        let server = Server::start(routes).await;
        let jar = Jar::default();
        jar.take("shop=planted; Domain=example.test; Path=/");
        jar.take("shop=other; Domain=shop.example.test; Path=/app/");
        jar.take("shop=third; Path=/app");
        assert_eq!(jar.get(&server, "/app/read").await.body, "", "{on_stale:?}");
        // The request that logs in brings them, too.
        assert_eq!(jar.get(&server, "/app/login").await.status, StatusCode::OK);
        assert_eq!(jar.get(&server, "/app/read").await.body, "ada", "{on_stale:?}");
        assert_eq!(jar.len(), 1, "{on_stale:?}");
    }
}

#[tokio::test]
async fn two_programs_on_one_host_do_not_log_each_other_out() {
    let start = async || {
        let (store, keys) = (MemoryStore::default(), KeyRing::ephemeral().expect("random bytes"));
        Server::start(router(&store, &keys, SessionLayerBuilder::insecure_dev)).await
    };
    let (one, other) = (start().await, start().await);
    // A browser sends the cookies of a host to each of its ports.
    let here = Client::new(&one);
    here.get("/app/login").await;
    let there = here.moved(&other.url(""));
    assert_eq!(there.get("/app/read").await.body, "");
    there.get("/app/login").await;
    assert_eq!(there.get("/app/read").await.body, "ada");
    let back = there.moved(&one.url(""));
    assert_eq!(back.get("/app/read").await.body, "ada");
    let name = format!("shop-{}", one.address().port());
    assert_eq!(back.cookie(&name), here.cookie(&name));
}

#[tokio::test]
async fn a_deployment_says_what_the_struct_says_otherwise() {
    let (store, keys) = (MemoryStore::default(), KeyRing::ephemeral().expect("random bytes"));
    let cases: [(Adjust, &str, &[&str]); 4] = [
        (|builder| builder, "__Host-Http-shop", &["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]),
        (
            |builder| builder.name("staging").same_site(SameSite::Strict),
            "__Host-Http-staging",
            &["HttpOnly", "Path=/", "SameSite=Strict", "Secure"],
        ),
        (
            |builder| builder.domain("example.test").path("/app").http_only(false),
            "__Secure-shop",
            &["Domain=example.test", "Path=/app", "SameSite=Lax", "Secure"],
        ),
        (
            |builder| builder.prefix(Prefix::None).persistent(true).partitioned(true),
            "shop",
            &["HttpOnly", "Max-Age=1800", "Partitioned", "Path=/", "SameSite=Lax", "Secure"],
        ),
    ];
    for (adjust, name, expected) in cases {
        let server = Server::start(router(&store, &keys, adjust)).await;
        let reply = Client::new(&server).get("/app/login").await;
        let mut attributes: Vec<_> = reply.set_cookies()[0].split("; ").collect();
        let pair = attributes.remove(0);
        assert!(pair.starts_with(&format!("{name}=")), "{pair}");
        attributes.sort_unstable();
        assert_eq!(attributes, expected);
    }
    let server = Server::start(router(&store, &keys, |builder| {
        builder.transport(Transport::Bearer).name("x-token")
    }))
    .await;
    let reply = Client::new(&server).get("/app/login").await;
    assert!(reply.set_cookies().is_empty());
    let bearer = format!("Bearer {}", reply.header("x-token").expect("a token"));
    let me = Client::new(&server).send(Method::GET, "/app/me", &[("authorization", &bearer)]).await;
    assert_eq!(me.body, "ada");
}

#[test]
fn a_deployment_cannot_say_what_browsers_refuse() {
    let build = |adjust: Adjust| {
        let keys = KeyRing::ephemeral().expect("random bytes");
        let builder = SessionLayer::<Shop>::builder(keys).store(MemoryStore::default());
        adjust(builder).build().expect_err("browsers refuse it").to_string()
    };
    let cases: [(Adjust, &str); 6] = [
        (|builder| builder.name("__Host-Http-a").http_only(false), "HttpOnly"),
        (|builder| builder.name("__Host-Http-a").domain("example.test"), "Domain"),
        (|builder| builder.name("__Host-a").path("/app"), "Path=/"),
        (|builder| builder.name("a b"), "a b`"),
        (|builder| builder.path("app"), "path"),
        (|builder| builder.transport(Transport::Header).path("/app"), "`path`"),
    ];
    for (adjust, problem) in cases {
        let message = build(adjust);
        assert!(message.contains(problem), "{problem}: {message}");
    }
}
