//! Damaged, foreign and replayed tokens of all three kinds: one and the same answer to all of
//! them, and no store access for what does not verify.

use std::time::Duration;

use axum::{Router, routing::get};
use session_runtime::{Key, KeyRing, Session, SessionLayer, store::MemoryStore};
use tests::{Client, Server, Spy, spy};

#[derive(Session)]
#[session(name = "stored", transport = "header")]
struct Stored {
    theme: String,
}

#[derive(Session)]
#[session(name = "stored", transport = "bearer")]
struct SameNameOtherTransport {
    theme: String,
}

#[derive(Session)]
#[session(name = "other", transport = "header")]
struct OtherName {
    theme: String,
}

/// Has the name, the transport and the ring of the first type, and another namespace.
#[derive(Session)]
#[session(name = "stored", transport = "header", namespace = "foreign")]
struct Foreign {
    theme: String,
}

#[derive(Session)]
#[session(name = "sealed", transport = "header", payload = "sealed")]
struct Sealed {
    theme: String,
}

#[derive(Session)]
#[session(name = "signed", transport = "header", payload = "signed")]
struct Signed {
    theme: String,
}

#[derive(Session)]
#[session(name = "sealed", transport = "header", payload = "sealed", namespace = "foreign")]
struct ForeignSealed {
    theme: String,
}

#[derive(Session)]
#[session(name = "signed", transport = "header", payload = "signed", namespace = "foreign")]
struct ForeignSigned {
    theme: String,
}

macro_rules! router {
    ($session:ty, $layer:expr) => {
        Router::new()
            .route("/set", get(async |s: Session<$session>| s.set_theme("dark".to_owned())))
            .route("/read", get(async |s: Session<$session>| format!("theme={}", s.theme())))
            .layer($layer)
    };
}

/// Lets the damaged tokens through by hundreds without hundreds of sockets' worth of parsing in
/// the test: the same keep-alive connection, the same header.
struct Probe {
    client: Client,
    header: &'static str,
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    body: String,
    headers: Vec<(String, String)>,
}

impl Probe {
    async fn send(&self, token: &str) -> Answer {
        let value = if self.header == "authorization" {
            format!("Bearer {token}")
        } else {
            token.to_owned()
        };
        let reply =
            self.client.send(http::Method::GET, "/read", &[(self.header, value.as_str())]).await;
        let mut headers: Vec<_> = reply
            .headers
            .iter()
            .filter(|(name, _)| *name != "date")
            .map(|(name, value)| (name.to_string(), format!("{value:?}")))
            .collect();
        headers.sort();
        Answer { status: reply.status.as_u16(), body: reply.body, headers }
    }
}

async fn token_of(server: &Server, header: &str) -> String {
    let reply = Client::new(server).get("/set").await;
    reply.header(header).expect("a new token").to_owned()
}

/// Until the grace is over, a token under an unknown key has an answer of its own: see `rotation`.
const NO_GRACE: Duration = Duration::ZERO;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Every token that differs from `token` in one bit of its bytes or is as long as no token is, and
/// texts that are no canonical form of it.
fn damaged(token: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (at, byte) in token.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|c| *c == byte).expect("base64url");
        for bit in 0..6 {
            let mut text = token.as_bytes().to_vec();
            text[at] = ALPHABET[digit ^ (1 << bit)];
            all.push(String::from_utf8(text).expect("ASCII"));
        }
    }
    all.extend((1..token.len()).map(|length| token[..length].to_owned()));
    for extra in ["A", "=", "==", "AAAA", ".", "%41", "\"", ",x"] {
        all.push(format!("{token}{extra}"));
        all.push(format!("{extra}{token}"));
    }
    all.push(format!("{token} {token}"));
    all.push(format!("{token},{token}"));
    all.push(token.replace('-', "+").replace('_', "/") + "=");
    all.push(token.to_uppercase());
    all.push("A".repeat(9000));
    for raw in ["{}", "e30", "null", "admin", "{\"theme\":\"dark\"}", "\u{fc}"] {
        all.push(raw.to_owned());
    }
    all.retain(|text| text != token);
    all
}

async fn nothing_damaged_passes(
    server: &Server,
    header: &'static str,
    spy: Option<&Spy<MemoryStore>>,
) {
    let token = token_of(server, header).await;
    let probe = Probe { client: Client::new(server), header };
    assert_eq!(probe.send(&token).await.body, "theme=dark", "the token itself passes");
    let expected = probe.send("x").await;
    assert_eq!((expected.status, expected.body.as_str()), (200, "theme="));
    if let Some(spy) = spy {
        spy.take_calls();
    }
    let mut tried = 0;
    for text in damaged(&token) {
        let answer = probe.send(&text).await;
        // What the client is told differs for nothing but the token that was presented twice.
        assert_eq!(answer, expected, "{} characters: {}", text.len(), &text[..text.len().min(8)]);
        tried += 1;
    }
    assert!(tried > 72 * 6 + 71);
    if let Some(spy) = spy {
        assert_eq!(spy.take_calls(), [""; 0], "no store access for what does not verify");
    }
    assert_eq!(probe.send(&token).await.body, "theme=dark", "and the session is unharmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_damaged_server_token_passes_or_reaches_the_store() {
    let spy = spy(MemoryStore::default());
    let keys = KeyRing::ephemeral().expect("random bytes");
    let builder = SessionLayer::<Stored>::builder(keys).store(spy.clone());
    let layer = builder.unknown_key_grace(NO_GRACE).build().expect("a sound layer");
    let server = Server::start(router!(Stored, layer)).await;
    nothing_damaged_passes(&server, "stored", Some(&spy)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_damaged_sealed_token_passes() {
    let spy = spy(MemoryStore::default());
    let layer = SessionLayer::<Sealed>::builder(KeyRing::ephemeral().expect("random bytes"))
        .revocation(spy.clone())
        .unknown_key_grace(NO_GRACE)
        .build()
        .expect("a sound layer");
    let server = Server::start(router!(Sealed, layer)).await;
    nothing_damaged_passes(&server, "sealed", Some(&spy)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_damaged_signed_token_passes() {
    let layer = SessionLayer::<Signed>::builder(KeyRing::ephemeral().expect("random bytes"))
        .accept_replay_until_expiry()
        .unknown_key_grace(NO_GRACE)
        .build()
        .expect("a sound layer");
    let server = Server::start(router!(Signed, layer)).await;
    nothing_damaged_passes(&server, "signed", None).await;
}

#[tokio::test]
async fn tokens_of_another_type_transport_audience_or_ring_do_not_pass() {
    let keys = KeyRing::new([Key::generate().expect("random bytes")]).expect("one key");
    let store = spy(MemoryStore::default());
    let stored = SessionLayer::<Stored>::new(store.clone(), keys.clone()).expect("a sound layer");
    let home = Server::start(router!(Stored, stored)).await;
    let token = token_of(&home, "stored").await;

    let other_name = SessionLayer::<OtherName>::new(store.clone(), keys.clone());
    let other_transport = SessionLayer::<SameNameOtherTransport>::new(store.clone(), keys.clone());
    let audience = SessionLayer::<Stored>::builder(keys.clone())
        .store(store.clone())
        .audience("admin")
        .build();
    let foreign = SessionLayer::<Foreign>::builder(keys.clone())
        .store(store.clone())
        .as_another_program()
        .build();
    let ring = KeyRing::new([Key::generate().expect("random bytes")]).expect("one key");
    let other_ring = SessionLayer::<Stored>::builder(ring)
        .store(store.clone())
        .unknown_key_grace(NO_GRACE)
        .build();
    let servers = [
        (Server::start(router!(OtherName, other_name.expect("sound"))).await, "other"),
        (
            Server::start(router!(SameNameOtherTransport, other_transport.expect("sound"))).await,
            "authorization",
        ),
        (Server::start(router!(Foreign, foreign.expect("sound"))).await, "stored"),
        (Server::start(router!(Stored, audience.expect("sound"))).await, "stored"),
        (Server::start(router!(Stored, other_ring.expect("sound"))).await, "stored"),
    ];
    store.take_calls();
    for (server, header) in &servers {
        let probe = Probe { client: Client::new(server), header };
        let expected = probe.send("x").await;
        assert_eq!(probe.send(&token).await, expected, "{header}");
    }
    assert_eq!(store.take_calls(), [""; 0]);
    let probe = Probe { client: Client::new(&home), header: "stored" };
    assert_eq!(probe.send(&token).await.body, "theme=dark");
}

#[tokio::test]
async fn a_payload_of_one_kind_is_none_of_another() {
    let keys = KeyRing::new([Key::generate().expect("random bytes")]).expect("one key");
    let sealed = SessionLayer::<Sealed>::builder(keys.clone())
        .accept_replay_until_expiry()
        .build()
        .expect("a sound layer");
    let signed = SessionLayer::<Signed>::builder(keys)
        .accept_replay_until_expiry()
        .build()
        .expect("a sound layer");
    let sealed = Server::start(router!(Sealed, sealed)).await;
    let signed = Server::start(router!(Signed, signed)).await;
    let tokens = [token_of(&sealed, "sealed").await, token_of(&signed, "signed").await];
    let probe = |server, header| Probe { client: Client::new(server), header };
    assert_eq!(probe(&sealed, "sealed").send(&tokens[1]).await.body, "theme=");
    assert_eq!(probe(&signed, "signed").send(&tokens[0]).await.body, "theme=");
    assert_eq!(probe(&signed, "signed").send(&tokens[1]).await.body, "theme=dark");
}

#[tokio::test]
async fn a_token_without_a_record_does_not_pass_at_another_type_of_its_name_and_ring() {
    let keys = KeyRing::new([Key::generate().expect("random bytes")]).expect("one key");
    macro_rules! refused {
        ($home:ty, $foreign:ty, $header:literal) => {
            let home = SessionLayer::<$home>::builder(keys.clone())
                .accept_replay_until_expiry()
                .build()
                .expect("a sound layer");
            let foreign = SessionLayer::<$foreign>::builder(keys.clone())
                .accept_replay_until_expiry()
                .as_another_program()
                .build()
                .expect("a sound layer");
            let home = Server::start(router!($home, home)).await;
            let foreign = Server::start(router!($foreign, foreign)).await;
            let token = token_of(&home, $header).await;
            let probe = |server| Probe { client: Client::new(server), header: $header };
            let expected = probe(&foreign).send("x").await;
            assert_eq!(probe(&foreign).send(&token).await, expected, $header);
            assert_eq!(probe(&home).send(&token).await.body, "theme=dark");
        };
    }
    refused!(Sealed, ForeignSealed, "sealed");
    refused!(Signed, ForeignSigned, "signed");
}

#[tokio::test]
async fn an_ended_session_answers_like_one_that_never_was() {
    let store = MemoryStore::default();
    let keys = KeyRing::ephemeral().expect("random bytes");
    let layer = SessionLayer::<Stored>::new(store.clone(), keys).expect("a sound layer");
    let router = router!(Stored, layer.clone()).merge(
        Router::new().route("/destroy", get(async |s: Session<Stored>| s.destroy())).layer(layer),
    );
    let server = Server::start(router).await;
    let token = token_of(&server, "stored").await;
    let probe = Probe { client: Client::new(&server), header: "stored" };
    let expected = probe.send("x").await;
    probe.client.send(http::Method::GET, "/destroy", &[("stored", &token)]).await;
    assert_eq!(probe.send(&token).await, expected);
    assert!(store.is_empty());
}
