//! `encrypt_at_rest` and `sign_at_rest`: what lies in the store shows nothing, or cannot be changed, and
//! everything works as without.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    Key, KeyRing, Session, SessionLayer,
    clock::Timestamp,
    store::{FieldValue, MemoryStore, Namespace, PrincipalKey, Record, Selector, Store, StoreKey},
};
use tests::{Client, Log, Server, app::Setup, sessions::Sealed};

const MARKER: &str = "MARKER";

struct Case {
    store: MemoryStore,
    server: Server,
}

fn router(store: &MemoryStore, keys: KeyRing) -> Router {
    let setup = Setup { encrypt: true, ..Setup::new(Arc::new(store.clone()), keys) };
    setup.router().expect("a sound configuration")
}

impl Case {
    async fn new(keys: KeyRing) -> Self {
        let store = MemoryStore::default();
        let server = Server::start(router(&store, keys)).await;
        Self { store, server }
    }

    /// A client whose session has something in every field.
    async fn client(&self, user: &str) -> (Client, StoreKey) {
        let client = Client::new(&self.server);
        for path in [
            format!("/login/{user}-{MARKER}"),
            format!("/theme/{user}-{MARKER}"),
            format!("/notice/{MARKER}"),
            format!("/note/key/{MARKER}"),
            "/tally".to_owned(),
        ] {
            assert_eq!(client.post(&path).await.status, StatusCode::OK, "{path}");
        }
        let id = client.get("/id").await.body;
        let selector = Selector::from_hex(&id).expect("a session id");
        (client, StoreKey { namespace: Namespace::new("app"), selector })
    }

    async fn record(&self, key: &StoreKey) -> Arc<Record> {
        self.store.load(key).await.expect("in memory").expect("a live session")
    }

    /// Puts a record in another's place, behind the application's back.
    async fn plant(&self, key: &StoreKey, record: Record) {
        self.store.remove(key, None).await.expect("in memory");
        self.store.insert(key, Arc::new(record)).await.expect("in memory");
    }
}

fn keys() -> KeyRing {
    KeyRing::generate().expect("random bytes")
}

#[tokio::test]
async fn everything_works_as_without_and_the_store_sees_no_value_and_no_name() {
    let case = Case::new(keys()).await;
    let (client, key) = case.client("ada").await;
    let shown = client.get("/show").await.body;
    assert_eq!(
        shown,
        format!(
            r#"{{"user":"ada-{MARKER}","theme":"ada-{MARKER}","notice":"{MARKER}","tally":1,"notes":{{"key":"{MARKER}"}}}}"#
        )
    );
    let record = case.record(&key).await;
    let stored: Vec<(&str, &FieldValue)> = record.fields().collect();
    let [(name, FieldValue::Bytes(sealed))] = stored[..] else { panic!("one blob: {record:?}") };
    let text = format!("{name} {}", String::from_utf8_lossy(sealed));
    for open in [MARKER, "ada", "user", "theme", "notice", "tally", "notes"] {
        assert!(!text.contains(open), "{open} in {text}");
    }
    let principal = record.meta.principal.as_ref().expect("somebody is logged in");
    let is_hash = |text: &str| text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
    assert!(is_hash(principal.as_str()), "{principal:?}");

    assert_eq!(client.post("/take").await.body, MARKER);
    assert_eq!(client.post("/take").await.body, "");
}

#[tokio::test]
async fn the_same_principal_is_found_again_and_another_key_ring_finds_none() {
    let case = Case::new(keys()).await;
    let (first, _) = case.client("ada").await;
    let (second, _) = case.client("ada").await;
    let (bob, _) = case.client("bob").await;
    assert_eq!(first.get("/devices").await.body.lines().count(), 2);
    assert_eq!(first.post("/end_others").await.body, "1");
    assert_eq!(second.get("/user").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bob.get("/devices").await.body.lines().count(), 1);
}

#[tokio::test]
async fn sessions_of_before_a_new_key_stay_readable_and_are_listed_and_ended_with_the_others() {
    let (old, new) = (Key::generate().expect("random"), Key::generate().expect("random"));
    let again = || Key::from_base64(&old.to_base64()).expect("the same key");
    let case = Case::new(KeyRing::new([again()]).expect("a ring")).await;
    let (before, _) = case.client("ada").await;

    let ring = KeyRing::new([new, again()]).expect("a ring");
    let rotated = Server::start(router(&case.store, ring)).await;
    let before = before.moved(&rotated.url(""));
    let later = Client::new(&rotated);
    later.post(&format!("/login/ada-{MARKER}")).await;
    assert_eq!(before.get("/user").await.body, format!("ada-{MARKER}"));
    assert_eq!(later.get("/devices").await.body.lines().count(), 2);
    assert_eq!(later.post("/end_others").await.body, "1");
    assert_eq!(before.get("/user").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_record_that_was_changed_or_moved_is_nobody_s_with_an_event_and_stays() {
    let log = Log::of_this_thread();
    let case = Case::new(keys()).await;
    let (ada, ada_key) = case.client("ada").await;
    let (_, bob_key) = case.client("bob").await;
    let (adas, bobs) = (case.record(&ada_key).await, case.record(&bob_key).await);

    // Somebody else's record, all but the credential that opens it.
    let mut moved = Record::new(adas.meta.clone());
    moved.extend(bobs.fields().map(|(name, value)| (name.to_owned().into(), value.clone())));
    // The session's own record with a longer life, and one without a seal.
    let mut longer = Record::clone(&adas);
    longer.meta.lifetime.absolute_until = Timestamp::MAX;
    let mut open = Record::new(adas.meta.clone());
    open.set("user", FieldValue::Bytes("\"root\"".into()));
    for planted in [moved, longer, open] {
        case.plant(&ada_key, planted.clone()).await;
        let ada = ada.fork();
        assert_eq!(ada.get("/user").await.status, StatusCode::UNAUTHORIZED);
        // What the client does then happens in another session.
        assert_eq!(ada.post("/login/ada").await.status, StatusCode::OK);
        assert_eq!(ada.get("/user").await.body, "ada");
        assert_ne!(ada.get("/id").await.body, ada_key.selector.to_string());
        assert_eq!(*case.record(&ada_key).await, planted, "nothing is written over it");
    }
    let text = log.text();
    for reason in ["forged", "malformed"] {
        assert!(text.contains("does not open") && text.contains(reason), "{reason}:\n{text}");
    }
    assert!(!text.contains(MARKER) && !text.contains("root"), "{text}");

    // What was only put back in its place opens again.
    case.plant(&ada_key, Record::clone(&adas)).await;
    assert_eq!(ada.get("/user").await.body, format!("ada-{MARKER}"));
}

#[tokio::test]
async fn sessions_from_before_it_was_switched_on_are_over() {
    let (store, keys) = (MemoryStore::default(), keys());
    let plain = Setup::new(Arc::new(store.clone()), keys.clone());
    let before = Server::start(plain.router().expect("a sound configuration")).await;
    let client = Client::new(&before);
    client.post("/login/ada").await;
    let after = Server::start(router(&store, keys)).await;
    let client = client.moved(&after.url(""));
    assert_eq!(client.get("/user").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.post("/login/ada").await.status, StatusCode::OK);
    assert_eq!(client.get("/user").await.body, "ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_parallel_requests_add_and_insert_arrives() {
    let case = Case::new(keys()).await;
    let client = Client::new(&case.server);
    client.post("/hit").await;
    let requests = (0..16).map(|number| {
        let client = client.fork();
        tokio::spawn(async move {
            let (hit, seen) = (client.post("/hit").await, format!("/seen/{number}"));
            assert_eq!(
                (hit.status, client.post(&seen).await.status),
                (StatusCode::OK, StatusCode::OK)
            );
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.expect("it asserts");
    }
    assert_eq!(client.get("/hits").await.body, "17");
    assert_eq!(client.get("/seen").await.body, "16");
}

#[tokio::test]
async fn a_record_is_indexed_by_nothing_that_the_name_gives_away() {
    let case = Case::new(keys()).await;
    let (_, key) = case.client("ada").await;
    let plain = PrincipalKey::new(&format!("\"ada-{MARKER}\""));
    let now = Timestamp::from(std::time::SystemTime::now());
    let listed = case.store.list_live(&key.namespace, &plain, now).await.expect("in memory");
    assert_eq!(listed, []);
}

#[derive(Session)]
#[session(name = "wallet", prefix = "none")]
struct Wallet {
    coins: u32,
}

#[tokio::test]
async fn a_signed_record_can_be_read_but_not_changed() {
    let store = MemoryStore::default();
    let layer = SessionLayer::<Wallet>::builder(keys())
        .store(store.clone())
        .sign_at_rest()
        .session_ids(|_| [7; 16])
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route("/earn", post(async |s: Session<Wallet>| s.update_coins(|coins| *coins += 5)))
        .route("/coins", get(async |s: Session<Wallet>| s.coins().to_string()))
        .layer(layer);
    let server = Server::start(router).await;
    let client = Client::new(&server);
    client.post("/earn").await;
    client.post("/earn").await;
    assert_eq!(client.get("/coins").await.body, "10");
    let key =
        StoreKey { namespace: Namespace::new("wallet"), selector: Selector::from_bytes([7; 16]) };
    let record = store.load(&key).await.expect("in memory").expect("a session");
    assert_eq!(record.get("coins"), Some(&FieldValue::Bytes("10".into())));
    let mut rich = Record::clone(&record);
    rich.set("coins", FieldValue::Bytes("99".into()));
    store.remove(&key, None).await.expect("in memory");
    store.insert(&key, Arc::new(rich)).await.expect("in memory");
    assert_eq!(client.get("/coins").await.body, "0");
}

#[test]
fn a_payload_in_the_token_is_at_rest_nowhere() {
    let ring = || KeyRing::ephemeral().expect("random bytes");
    for in_token in [
        SessionLayer::<Sealed>::builder(ring()).encrypt_at_rest(),
        SessionLayer::<Sealed>::builder(ring()).sign_at_rest(),
    ] {
        let error = in_token.accept_replay_until_expiry().build().map(drop);
        let error = error.expect_err("nothing is at rest");
        assert!(error.is_config() && error.to_string().contains("as it is"), "{error}");
    }
}
