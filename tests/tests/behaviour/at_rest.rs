//! `encrypt_at_rest`: what lies in the store shows nothing, and nothing in it can be moved.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, http::StatusCode};
use session_runtime::{
    Key, KeyRing, Session, SessionLayer,
    clock::Timestamp,
    store::{
        Commit, FieldValue, MemoryStore, Namespace, Op, PrincipalKey, Record, Selector, Store,
        StoreKey,
    },
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

    /// Writes to the store behind the application's back.
    async fn plant(&self, key: &StoreKey, field: &'static str, value: FieldValue) {
        let meta = self.record(key).await.meta.clone();
        let mut commit = Commit::touch(meta.last_seen, meta.check, meta.key_id);
        commit.ops.push(Op::Set { field: field.into(), value });
        self.store.commit(key, &commit).await.expect("in memory");
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
    let fields: BTreeSet<&str> = record.fields().map(|(name, _)| name).collect();
    assert_eq!(fields, BTreeSet::from(["user", "theme", "notice", "tally", "notes"]));
    for (name, value) in record.fields() {
        let FieldValue::Bytes(bytes) = value else { panic!("{name} is no sealed blob") };
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(MARKER) && !text.contains("ada"), "{name}: {text}");
    }
    let principal = record.meta.principal.as_ref().expect("somebody is logged in");
    assert!(principal.as_str().len() == 32 && !principal.as_str().contains("ada"));

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
async fn a_value_from_another_session_or_field_or_in_plain_is_refused_with_an_event() {
    let log = Log::of_this_thread();
    let case = Case::new(keys()).await;
    let (ada, ada_key) = case.client("ada").await;
    let (_, bob_key) = case.client("bob").await;
    let (eve, eve_key) = case.client("eve").await;
    let bob = case.record(&bob_key).await;
    let eves = case.record(&eve_key).await;

    // Somebody else's identity.
    case.plant(&eve_key, "user", bob.get("user").expect("logged in").clone()).await;
    assert_eq!(eve.get("/user").await.status, StatusCode::UNAUTHORIZED);
    // The session's own value under another name.
    case.plant(&eve_key, "user", eves.get("theme").expect("written").clone()).await;
    assert_eq!(eve.get("/user").await.status, StatusCode::UNAUTHORIZED);
    // What was never sealed.
    case.plant(&eve_key, "user", FieldValue::Bytes("\"root\"".into())).await;
    assert_eq!(eve.get("/user").await.status, StatusCode::UNAUTHORIZED);
    // A map in the place of another value.
    case.plant(&eve_key, "theme", eves.get("notes").expect("written").clone()).await;
    assert!(eve.get("/show").await.body.contains(r#""theme":"""#));
    let refusals = log.text().matches("sealed under another key").count();
    assert!(refusals >= 4, "{refusals} events:\n{}", log.text());

    // A whole row over another one, all but its credential: what opened in its own place opens in
    // no other.
    let mut moved = Record::new(case.record(&ada_key).await.meta.clone());
    case.store.delete(&ada_key).await.expect("in memory");
    for (name, value) in bob.fields() {
        moved.set(name.to_owned(), value.clone());
    }
    case.store.insert(&ada_key, moved, None).await.expect("in memory");
    assert_eq!(ada.get("/user").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sessions_from_before_it_was_switched_on_read_as_empty() {
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

#[tokio::test]
async fn a_record_is_indexed_by_nothing_that_the_name_gives_away() {
    let case = Case::new(keys()).await;
    let (_, key) = case.client("ada").await;
    let plain = PrincipalKey::new(&format!("\"ada-{MARKER}\""));
    let now = Timestamp::from(std::time::SystemTime::now());
    let listed = case.store.list(&key.namespace, &plain, now).await.expect("in memory");
    assert_eq!(listed, []);
}

macro_rules! refused {
    ($($name:ident: [$($attribute:tt)*], $type:ty, $why:literal;)*) => {$(
        #[derive(Session)]
        struct $name {
            #[session($($attribute)*)]
            field: $type,
        }
    )*
        #[test]
        fn what_the_store_works_on_is_refused_at_start_with_the_field_and_the_reason() {
            $({
                let keys = KeyRing::ephemeral().expect("random bytes");
                let layer = SessionLayer::<$name>::builder(keys)
                    .store(MemoryStore::default())
                    .encrypt_at_rest()
                    .build();
                let error = layer.map(drop).expect_err($why);
                let text = error.to_string();
                assert!(error.is_config() && text.contains("`field`"), "{text}");
                assert!(text.contains($why) && text.contains("the store itself"), "{text}");
            })*
        }
    };
}

refused! {
    Counter: [counter], i64, "`counter`";
    Largest: [merge = "max"], u32, "`merge = \"max\"`";
}

#[test]
fn a_payload_in_the_token_needs_none() {
    let layer = SessionLayer::<Sealed>::builder(KeyRing::ephemeral().expect("random bytes"))
        .accept_replay_until_expiry()
        .encrypt_at_rest()
        .build();
    let error = layer.map(drop).expect_err("nothing is at rest");
    assert!(error.to_string().contains("encrypted as it is"), "{error}");
}
