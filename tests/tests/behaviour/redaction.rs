//! Nothing prints a token, a key or a field marked `secret`: not `Debug`, not an event at any
//! level, not an error.

use std::io::Write;

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    Challenge, Key, KeyRing, Session, SessionLayer, Sessions, store::MemoryStore,
};
use tests::{Client, Log, Server, Verb, spy};

const MARKER: &str = "MARKER-VALUE-OF-A-SECRET-FIELD";
const PERSON: &str = "PERSON-WHO-IS-LOGGED-IN";

#[derive(Session)]
#[session(name = "red", prefix = "none")]
struct Red {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    #[session(secret)]
    token: String,
    #[session(secret, on_decode_error = "reject")]
    fragile: Option<String>,
    #[session(merge = "cas")]
    cas: u32,
    #[session(counter)]
    hits: i64,
}

fn routes(debugged: Log) -> Router {
    let debug = move |text: String| {
        let mut debugged = debugged.clone();
        writeln!(debugged, "{text}").expect("memory");
    };
    let debug_in_use = debug.clone();
    Router::new()
        .route(
            "/use/{value}",
            get(async move |s: Session<Red>, d: Sessions<Red>, Path(v): Path<String>| {
                s.set_token(v.clone());
                s.set_fragile(v.clone());
                s.log_in(PERSON.to_owned());
                s.add_hits(1);
                let of = d.of(&PERSON.to_owned());
                debug_in_use(format!("{s:?} {s:#?} {:?} {d:?} {of:?}", *s));
                let saved = s.save().await.expect("the store works");
                debug_in_use(format!("{s:?} {saved:?} {:?}", s.session_id()));
            }),
        )
        .route("/guard", get(async move |user: CurrentUser| debug(format!("{user:?}"))))
        .route("/read", get(async |s: Session<Red>| s.token().len().to_string()))
        .route("/cas", get(async |s: Session<Red>| s.update_cas(|n| *n += 1)))
        .route("/rotate", get(async |s: Session<Red>| s.rotate()))
        .route("/logout", get(async |s: Session<Red>| s.log_out()))
        .route(
            "/500",
            get(async |s: Session<Red>| {
                s.set_token("x".to_owned());
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route(
            "/end",
            get(async |user: CurrentUser, d: Sessions<Red>| {
                d.of(&user).end_all().await.map(|n| n.count.to_string())
            }),
        )
}

#[tokio::test]
async fn no_event_and_no_debug_output_tells_a_secret() {
    let (log, debugged) = (Log::of_this_thread(), Log::default());
    let key = Key::generate().expect("random bytes");
    let secret_text = key.to_base64().to_string();
    let ring = KeyRing::from_text(&secret_text).expect("a sound key");
    let mut debug = debugged.clone();
    writeln!(debug, "{key:?} {ring:?} {ring:#?}").expect("memory");
    let store = spy(MemoryStore::default());
    let builder = SessionLayer::<Red>::builder(ring)
        .store(store.clone())
        .challenge(Challenge::redirect("/login"))
        .insecure_dev();
    writeln!(debug, "{builder:?}").expect("memory");
    let layer = builder.build().expect("a sound layer");
    writeln!(debug, "{layer:?} {:?} {:?}", layer.sessions(), MemoryStore::default())
        .expect("memory");
    let server = Server::start(routes(debugged.clone()).layer(layer)).await;
    let client = Client::new(&server);
    let mut tokens = Vec::new();
    let note = |client: &Client, tokens: &mut Vec<String>| {
        tokens.extend(client.cookie("red"));
    };
    client.get(&format!("/use/{MARKER}")).await;
    note(&client, &mut tokens);
    let old = client.fork();
    for path in ["/guard", "/read", "/cas", "/rotate", "/500", "/read"] {
        client.get(path).await;
        note(&client, &mut tokens);
    }
    old.get("/read").await;
    old.get("/guard").await;
    let damaged = Client::new(&server);
    for token in ["x", &format!("{}A", tokens[0]), &tokens[0].to_lowercase()] {
        damaged.set_cookie("red", token);
        damaged.get("/read").await;
    }
    store.fault(Verb::Replace, tests::Fault::Down);
    client.get("/cas").await;
    store.heal(Verb::Replace);
    let other = Client::new(&server);
    other.get(&format!("/use/{MARKER}")).await;
    note(&other, &mut tokens);
    client.get("/end").await;
    client.get("/logout").await;
    drop(server);

    let (log, debugged) = (log.text(), debugged.text());
    for name in [
        "created",
        "loaded",
        "committed",
        "elevated",
        "ended_all",
        "token_rejected",
        "token_suspected",
        "commit_failed",
    ] {
        let field = format!("event.name=\"session.{name}\"");
        let line = log.lines().find(|line| line.contains(&field));
        let line = line.unwrap_or_else(|| panic!("no event is named `session.{name}`:\n{log}"));
        assert!(line.contains("session.type=\"red\""), "{line}");
    }
    assert!(log.contains("session.reason=\"replaced\"") && log.contains("error.type=\"store\""));
    assert!(tokens.len() > 3 && debugged.len() > 200);
    for (what, text) in [("an event", &log), ("a Debug form", &debugged)] {
        assert!(!text.contains(MARKER), "{what} tells a secret field:\n{text}");
        assert!(!text.contains(PERSON), "{what} tells who is logged in:\n{text}");
        assert!(!text.contains(&secret_text[..20]), "{what} tells the key");
        for token in &tokens {
            for part in [&token[..24], &token[24..48], &token[48..]] {
                assert!(!text.contains(part), "{what} tells a token: {part}\n{text}");
            }
        }
    }
}

#[tokio::test]
async fn a_dump_of_the_store_has_no_token_and_no_secret_field() {
    use session_runtime::store::{Namespace, PrincipalKey, Selector, Store, StoreKey};
    let store = MemoryStore::default();
    let layer = SessionLayer::<Red>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev()
        .build()
        .expect("a sound layer");
    let server = Server::start(routes(Log::default()).layer(layer)).await;
    let client = Client::new(&server);
    client.get(&format!("/use/{MARKER}")).await;
    let token = client.cookie("red").expect("a token");
    let namespace = Namespace::new("red");
    let principal = PrincipalKey::new(&format!("{PERSON:?}"));
    let listed = store
        .list_live(&namespace, &principal, session_runtime::clock::Timestamp::from_millis(0))
        .await
        .expect("the store works");
    let selector: Selector = listed.first().expect("one session").selector;
    let key = StoreKey { namespace, selector };
    let record = store.load(&key).await.expect("the store works").expect("it is there");
    let mut dump = key.to_string().into_bytes();
    dump.extend_from_slice(record.meta.check.as_bytes());
    for (name, value) in record.fields() {
        dump.extend_from_slice(name.as_bytes());
        if let session_runtime::store::FieldValue::Bytes(bytes) = value {
            dump.extend_from_slice(bytes);
        }
    }
    let contains = |needle: &[u8]| dump.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"token") && contains(b"fragile"), "the fields are there, by name");
    assert!(!contains(MARKER.as_bytes()));
    for part in [&token[..16], &token[32..48], &token[56..]] {
        assert!(!contains(part.as_bytes()));
    }
}
