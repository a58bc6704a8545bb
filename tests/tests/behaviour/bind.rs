//! Sessions that are bound to their client.

use std::net::IpAddr;

use axum::{Router, http::Method, http::request::Parts, routing::get};
use session_runtime::{
    Key, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType,
    policy::{Bind, OnMismatch},
    schema::Payload,
    store::{FieldValue, MemoryStore, Namespace, Selector, Store, StoreKey},
};
use tests::{Client, Log, Server, Spy, sessions::Sealed, spy};

#[derive(Session)]
#[session(name = "s", namespace = "s", prefix = "none")]
struct Stored {
    #[session(principal)]
    user: Option<String>,
    #[session(counter)]
    hits: i64,
    theme: String,
}

macro_rules! routes {
    ($session:ty) => {
        Router::new()
            .route("/set", get(async |s: Session<$session>| s.set_theme("dark".to_owned())))
            .route("/light", get(async |s: Session<$session>| s.set_theme("light".to_owned())))
            .route("/read", get(async |s: Session<$session>| s.theme().clone()))
            .route("/id", get(async |s: Session<$session>| s.session_id().to_string()))
            .route("/clear", get(async |s: Session<$session>| s.clear()))
            .route("/rotate", get(async |s: Session<$session>| s.rotate()))
            .route("/login", get(async |s: Session<$session>| s.log_in("ada".to_owned())))
            .route(
                "/login-twice",
                get(async |s: Session<$session>| {
                    s.log_in("ada".to_owned());
                    s.save().await?;
                    s.set_theme("later".to_owned());
                    Ok::<_, session_runtime::Error>(())
                }),
            )
    };
}

fn address(parts: &Parts) -> Option<IpAddr> {
    parts.headers.get("x-address")?.to_str().ok()?.parse().ok()
}

const NETWORK: Bind = Bind::Address { of: address, v4_prefix: 24, v6_prefix: 56 };

struct Setup {
    keys: KeyRing,
    store: Spy<MemoryStore>,
}

impl Setup {
    fn new() -> Self {
        let keys = KeyRing::ephemeral().expect("random bytes");
        Self { keys, store: spy(MemoryStore::default()) }
    }

    /// Another server for the same sessions.
    async fn serve<T: SessionType>(
        &self,
        routes: Router,
        adjust: impl FnOnce(SessionLayerBuilder<T>) -> SessionLayerBuilder<T>,
    ) -> Server {
        let builder = SessionLayer::<T>::builder(self.keys.clone()).insecure_dev();
        let builder = match T::spec().payload {
            Payload::Server => builder.store(self.store.clone()),
            _ => builder.accept_replay_until_expiry(),
        };
        let layer = adjust(builder).build().expect("a sound configuration");
        Server::start(routes.layer(layer)).await
    }
}

const HOME: &[(&str, &str)] = &[("user-agent", "Firefox/1"), ("x-address", "203.0.113.7")];

async fn send(client: &Client, path: &str, headers: &[(&str, &str)]) -> String {
    client.send(Method::GET, path, headers).await.body
}

async fn home(client: &Client, path: &str) -> String {
    send(client, path, HOME).await
}

/// Who else presents the session, and which bind tells.
const OTHERS: [(&[(&str, &str)], &str); 5] = [
    (&[("user-agent", "Firefox/2"), ("x-address", "203.0.113.7")], "user_agent"),
    (&[("x-address", "203.0.113.7")], "user_agent"),
    (&[("user-agent", "Firefox/1"), ("x-address", "203.0.112.7")], "address"),
    (&[("user-agent", "Firefox/1"), ("x-address", "2001:db8::1")], "address"),
    (&[("user-agent", "Firefox/1")], "address"),
];

#[tokio::test]
async fn reject_refuses_another_client_and_leaves_the_session_to_its_own() {
    for sealed in [false, true] {
        let setup = Setup::new();
        let server = if sealed {
            setup.serve::<Sealed>(routes!(Sealed), |b| bound(b, OnMismatch::Reject)).await
        } else {
            setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await
        };
        let client = Client::new(&server);
        home(&client, "/set").await;
        for (headers, _) in OTHERS {
            let thief = client.fork();
            let reply = thief.send(Method::GET, "/read", headers).await;
            assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, ""), "{headers:?}");
            assert!(reply.set_cookies()[0].contains("Max-Age=0"), "as any stale token");
        }
        assert_eq!(home(&client, "/read").await, "dark", "sealed: {sealed}");
        let neighbour = [("user-agent", "Firefox/1"), ("x-address", "::ffff:203.0.113.99")];
        assert_eq!(send(&client, "/read", &neighbour).await, "dark", "within the prefix");
    }
}

fn bound<T: SessionType>(
    builder: SessionLayerBuilder<T>,
    on_mismatch: OnMismatch,
) -> SessionLayerBuilder<T> {
    builder.bind(Bind::UserAgent, on_mismatch).bind(NETWORK, on_mismatch)
}

#[tokio::test]
async fn a_write_of_another_client_is_refused_too() {
    let setup = Setup::new();
    let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await;
    let client = Client::new(&server);
    home(&client, "/set").await;
    for (headers, _) in OTHERS {
        let thief = client.fork();
        send(&thief, "/light", headers).await;
        assert_eq!(home(&client, "/read").await, "dark", "{headers:?}");
    }
    home(&client, "/light").await;
    assert_eq!(home(&client, "/read").await, "light");
    let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Observe)).await;
    let client = client.moved(&server.url(""));
    send(&client, "/light", OTHERS[0].0).await;
    let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await;
    assert_eq!(
        home(&client.moved(&server.url("")), "/read").await,
        "light",
        "and has bound nothing anew"
    );
}

#[tokio::test]
async fn observe_lets_pass_and_says_so() {
    let log = Log::of_this_thread();
    let setup = Setup::new();
    let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Observe)).await;
    let client = Client::new(&server);
    home(&client, "/set").await;
    let id = home(&client, "/id").await;
    let event = |kind: &str| {
        let text = log.text();
        let mut lines = text.lines().filter(|line| line.contains(&id));
        lines.any(|line| {
            line.contains("WARN")
                && line.contains("session presented by another client")
                && line.contains(&format!("bind=\"{kind}\""))
        })
    };
    assert!(!event("user_agent") && !event("address"));
    assert_eq!(send(&client, "/read", OTHERS[0].0).await, "dark");
    assert!(event("user_agent") && !event("address"), "{}", log.text());
    assert_eq!(send(&client, "/light", OTHERS[2].0).await, "");
    assert!(event("address"));
    assert!(!log.text().contains("Firefox") && !log.text().contains("203.0.113"));
    let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await;
    assert_eq!(
        home(&client.moved(&server.url("")), "/read").await,
        "light",
        "not bound to the other one"
    );
}

#[tokio::test]
async fn each_bind_has_a_say_of_its_own() {
    let setup = Setup::new();
    let mixed = |builder: SessionLayerBuilder<Stored>| {
        builder.bind(Bind::UserAgent, OnMismatch::Observe).bind(NETWORK, OnMismatch::Reject)
    };
    let server = setup.serve::<Stored>(routes!(Stored), mixed).await;
    let client = Client::new(&server);
    home(&client, "/set").await;
    for (headers, kind) in OTHERS {
        let expected = if kind == "address" { "" } else { "dark" };
        assert_eq!(send(&client.fork(), "/read", headers).await, expected, "{headers:?}");
    }
}

/// A session that was made for `HOME` is bound to the other client after a log-in there.
async fn moves_at_log_in(observing: Server, rejecting: Server, path: &str) {
    let there = OTHERS[2].0;
    let client = Client::new(&observing);
    home(&client, "/set").await;
    send(&client, path, there).await;
    let client = client.moved(&rejecting.url(""));
    assert_ne!(send(&client, "/read", there).await, "", "{path}");
    assert_eq!(home(&client.fork(), "/read").await, "", "{path}");
}

#[tokio::test]
async fn a_log_in_binds_anew() {
    for path in ["/login", "/login-twice"] {
        let setup = Setup::new();
        let observing =
            setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Observe)).await;
        let rejecting =
            setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await;
        moves_at_log_in(observing, rejecting, path).await;
        let setup = Setup::new();
        let observing =
            setup.serve::<Sealed>(routes!(Sealed), |b| bound(b, OnMismatch::Observe)).await;
        let rejecting =
            setup.serve::<Sealed>(routes!(Sealed), |b| bound(b, OnMismatch::Reject)).await;
        moves_at_log_in(observing, rejecting, path).await;
    }
}

#[tokio::test]
async fn clearing_and_rotating_bind_to_nobody_else() {
    for sealed in [false, true] {
        for path in ["/clear", "/rotate", "/light"] {
            let setup = Setup::new();
            let (observing, rejecting) = if sealed {
                (
                    setup.serve::<Sealed>(routes!(Sealed), |b| bound(b, OnMismatch::Observe)).await,
                    setup.serve::<Sealed>(routes!(Sealed), |b| bound(b, OnMismatch::Reject)).await,
                )
            } else {
                (
                    setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Observe)).await,
                    setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await,
                )
            };
            let client = Client::new(&observing);
            home(&client, "/login").await;
            home(&client, "/set").await;
            send(&client, path, OTHERS[0].0).await;
            let id = home(&client, "/id").await;
            let client = client.moved(&rejecting.url(""));
            assert_ne!(send(&client.fork(), "/id", OTHERS[0].0).await, id, "{path} {sealed}");
            assert_eq!(home(&client, "/id").await, id, "{path} sealed: {sealed}");
        }
    }
}

#[tokio::test]
async fn a_session_from_before_is_bound_at_its_next_commit() {
    let setup = Setup::new();
    let before = setup.serve::<Stored>(routes!(Stored), |b| b).await;
    let client = Client::new(&before);
    home(&client, "/set").await;
    let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await;
    let client = client.moved(&server.url(""));
    setup.store.take_calls();
    assert_eq!(send(&client, "/read", OTHERS[0].0).await, "dark", "not bound yet");
    assert_eq!(setup.store.take_calls(), ["load"], "binding alone is no reason to write");
    home(&client, "/light").await;
    assert_eq!(send(&client.fork(), "/read", OTHERS[0].0).await, "");
    assert_eq!(home(&client, "/read").await, "light");
    let narrower = Bind::Address { of: address, v4_prefix: 32, v6_prefix: 64 };
    let server = setup
        .serve::<Stored>(routes!(Stored), |b| {
            b.bind(Bind::UserAgent, OnMismatch::Reject).bind(narrower, OnMismatch::Reject)
        })
        .await;
    let client = client.moved(&server.url(""));
    let neighbour = [("user-agent", "Firefox/1"), ("x-address", "203.0.113.8")];
    assert_eq!(send(&client, "/read", &neighbour).await, "light", "the prefixes were changed");
    home(&client, "/set").await;
    assert_eq!(send(&client.fork(), "/read", &neighbour).await, "");
    assert_eq!(home(&client, "/read").await, "dark");
}

#[tokio::test]
async fn the_record_holds_keyed_hashes_that_tell_nothing() {
    let setup = Setup::new();
    let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await;
    let mut kept = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let client = Client::new(&server);
        home(&client, "/set").await;
        let id = home(&client, "/id").await;
        let selector = Selector::from_hex(&id).expect("a session id");
        let key = StoreKey { namespace: Namespace::new("s"), selector };
        let record = setup.store.load(&key).await.expect("in memory").expect("it is there");
        let names: Vec<_> = record.fields().map(|(name, _)| name).collect();
        assert_eq!(names, [":address", ":user_agent", "theme"]);
        for name in &names[..2] {
            let Some(FieldValue::Bytes(value)) = record.get(name) else { panic!("bytes") };
            assert_eq!(value.len(), 30);
            assert!(!value.windows(4).any(|part| part == b"Fire" || part == [203, 0, 113, 0]));
            kept.insert(value.clone());
        }
    }
    assert_eq!(kept.len(), 4, "no two sessions have the same");
}

#[tokio::test]
async fn a_key_that_is_replaced_does_not_loosen_the_bind() {
    let [old, new] = [(); 2].map(|()| Key::generate().expect("random bytes").to_base64());
    let mut setup = Setup::new();
    let mut client: Option<Client> = None;
    for ring in [old.to_string(), format!("{},{}@read-only", *new, *old), new.to_string()] {
        setup.keys = KeyRing::from_text(&ring).expect("sound keys");
        let server = setup.serve::<Stored>(routes!(Stored), |b| bound(b, OnMismatch::Reject)).await;
        let at_home = match client.take() {
            None => {
                let client = Client::new(&server);
                home(&client, "/set").await;
                client
            }
            Some(client) => client.moved(&server.url("")),
        };
        assert_eq!(send(&at_home.fork(), "/read", OTHERS[0].0).await, "");
        assert_eq!(home(&at_home, "/read").await, "dark");
        assert_eq!(send(&at_home.fork(), "/read", OTHERS[0].0).await, "");
        client = Some(at_home);
    }
}

#[test]
fn binds_that_cannot_be_are_refused_at_start() {
    let setup = Setup::new();
    let error = SessionLayer::<Stored>::builder(setup.keys)
        .store(setup.store)
        .bind(Bind::UserAgent, OnMismatch::Observe)
        .bind(Bind::UserAgent, OnMismatch::Reject)
        .build()
        .expect_err("refused at start");
    assert!(error.is_config() && error.to_string().contains("twice"), "{error}");
    for (v4_prefix, v6_prefix, what) in
        [(0, 64, "v4_prefix"), (33, 64, "v4_prefix"), (24, 0, "v6_prefix"), (24, 129, "v6_prefix")]
    {
        let setup = Setup::new();
        let bind = Bind::Address { of: address, v4_prefix, v6_prefix };
        let error = SessionLayer::<Stored>::builder(setup.keys)
            .store(setup.store)
            .bind(bind, OnMismatch::Reject)
            .build()
            .expect_err("refused at start");
        assert!(error.is_config() && error.to_string().contains(what), "{error}");
    }
}
