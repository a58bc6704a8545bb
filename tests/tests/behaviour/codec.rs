//! Fields with codecs of their own: what is stored, and what does not read.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionType,
    codec::{Chain, Codec, CodecError, Json, MsgPack},
    schema::Payload,
    store::{FieldValue, MemoryStore, Namespace, Record, Selector, Store, StoreKey},
};
use tests::{Client, Log, Server};

/// A type that serde does not know.
#[derive(Clone, Debug, Default, PartialEq)]
struct Colour([u8; 3]);

struct Hex;

impl Codec<Colour> for Hex {
    fn encode(value: &Colour) -> Result<Vec<u8>, CodecError> {
        let [red, green, blue] = value.0;
        if red == 0xbb {
            return Err(CodecError::new("no red like that"));
        }
        Ok(format!("{red:02x}{green:02x}{blue:02x}").into_bytes())
    }

    fn decode(bytes: &[u8]) -> Result<Colour, CodecError> {
        let byte = |at: usize| {
            let hex = bytes.get(at..at + 2).and_then(|hex| std::str::from_utf8(hex).ok());
            hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())
                .ok_or_else(|| CodecError::new("six hex digits are needed"))
        };
        Ok(Colour([byte(0)?, byte(2)?, byte(4)?]))
    }
}

/// Bytes in reverse, with a letter that shows who wrote last.
struct Reversed<const LETTER: char>;

impl<const LETTER: char> Codec<Vec<u8>> for Reversed<LETTER> {
    fn encode(bytes: &Vec<u8>) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.iter().rev().copied().chain([LETTER as u8]).collect())
    }

    fn decode(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
        let bytes = bytes.strip_suffix(&[LETTER as u8]);
        let bytes = bytes.ok_or_else(|| CodecError::new("another letter"))?;
        Ok(bytes.iter().rev().copied().collect())
    }
}

#[test]
fn a_chain_writes_in_order_and_reads_in_reverse() {
    type Chained = Chain<Json, Chain<Reversed<'a'>, Reversed<'b'>>>;
    let bytes = <Chained as Codec<u32>>::encode(&120).expect("it encodes");
    assert_eq!(bytes, b"a120b");
    assert_eq!(<Chained as Codec<u32>>::decode(&bytes).expect("it decodes"), 120);
    for wrong in [&b"a120"[..], b"120ab", b"ax20b"] {
        assert!(<Chained as Codec<u32>>::decode(wrong).is_err(), "{wrong:?}");
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Item {
    number: u64,
    name: String,
    #[serde(default)]
    bytes: Vec<u8>,
}

#[derive(Session)]
#[session(name = "s", namespace = "s", prefix = "none", codec = MsgPack)]
struct Stored {
    #[session(principal)]
    user: Option<String>,
    #[session(counter)]
    hits: i64,
    tags: std::collections::BTreeSet<String>,
    notes: BTreeMap<String, String>,
    #[session(codec = Hex)]
    colour: Colour,
    items: Vec<Item>,
    #[session(flash)]
    notice: Option<Item>,
    #[session(merge = "once")]
    origin: Option<Item>,
    #[session(codec = Json)]
    plain: Item,
    #[session(secret)]
    hidden: Option<Item>,
    #[session(merge = "cas")]
    tally: u32,
}

#[derive(Session)]
#[session(name = "s", namespace = "s", prefix = "none", payload = "sealed", codec = MsgPack)]
struct Sealed {
    #[session(principal)]
    user: Option<String>,
    #[session(codec = Hex)]
    colour: Colour,
    items: Vec<Item>,
    #[session(flash)]
    notice: Option<Item>,
}

fn item() -> Item {
    Item { number: 7, name: "seven".to_owned(), bytes: vec![0, 255] }
}

macro_rules! common {
    ($session:ty) => {
        Router::new()
            .route(
                "/fill",
                get(async |s: Session<$session>| {
                    s.log_in("ada".to_owned());
                    s.set_colour(Colour([0, 128, 255]));
                    s.update_items(|items| items.push(item()));
                    s.set_notice(item());
                }),
            )
            .route(
                "/read",
                get(async |s: Session<$session>| {
                    let notice = s.peek_notice().is_some();
                    format!("{:?} {:?} {} {notice}", s.user(), s.colour().0, s.items().len())
                }),
            )
            .route("/items", get(async |s: Session<$session>| format!("{:?}", s.items())))
            .route("/take", get(async |s: Session<$session>| format!("{:?}", s.take_notice())))
            .route("/same", get(async |s: Session<$session>| s.set_colour(Colour([0, 128, 255]))))
            .route("/bad", get(async |s: Session<$session>| s.set_colour(Colour([0xbb, 0, 0]))))
            .route("/other", get(async |s: Session<$session>| s.set_colour(Colour([1, 2, 3]))))
            .route("/id", get(async |s: Session<$session>| s.session_id().to_string()))
            .route("/replace", get(async |s: Session<$session>| s.replace(s.snapshot())))
    };
}

fn routes() -> Router {
    common!(Stored)
        .route(
            "/more",
            get(async |s: Session<Stored>| {
                s.add_hits(2);
                s.insert_tags("a".to_owned());
                s.insert_notes("k".to_owned(), "v".to_owned());
                s.set_origin(item());
                s.set_plain(item());
                s.set_hidden(item());
                s.transact(|s| s.update_tally(|tally| *tally += 300)).await
            }),
        )
        .route(
            "/plain",
            get(async |s: Session<Stored>| {
                let (user, colour, items) = (s.user(), s.colour().0, s.items().len());
                format!("{user:?} {colour:?} {items} true {}", s.plain().number)
            }),
        )
        .route(
            "/rest",
            get(async |s: Session<Stored>| {
                let all = [s.origin(), Some(s.plain()), s.hidden()];
                assert!(all.iter().all(|one| *one == Some(&item())), "{all:?}");
                format!("{} {:?} {:?} {}", s.hits(), s.tags(), s.notes(), s.tally())
            }),
        )
}

fn layer<T: SessionType>(store: &Arc<MemoryStore>, keys: &KeyRing) -> SessionLayer<T> {
    let builder = SessionLayer::<T>::builder(keys.clone()).insecure_dev();
    let builder = match T::spec().payload {
        Payload::Server => builder.store(Arc::clone(store)),
        _ => builder.accept_replay_until_expiry(),
    };
    builder.build().expect("a sound configuration")
}

fn fixture() -> (Arc<MemoryStore>, KeyRing) {
    (Arc::default(), KeyRing::ephemeral().expect("random bytes"))
}

async fn record(client: &Client, store: &MemoryStore) -> Arc<Record> {
    let id = client.get("/id").await.body;
    let selector = Selector::from_hex(&id).expect("a session id");
    let key = StoreKey { namespace: Namespace::new("s"), selector };
    store.load(&key).await.expect("in memory").expect("it is there")
}

fn bytes(record: &Record, field: &str) -> Vec<u8> {
    match record.get(field) {
        Some(FieldValue::Bytes(bytes)) => bytes.to_vec(),
        other => panic!("{field}: {other:?}"),
    }
}

#[tokio::test]
async fn each_field_is_stored_as_its_codec_says() {
    let (store, keys) = fixture();
    let server = Server::start(routes().layer(layer::<Stored>(&store, &keys))).await;
    let client = Client::new(&server);
    client.get("/fill").await;
    assert_eq!(client.get("/more").await.status, 200);
    assert_eq!(client.get("/read").await.body, "Some(\"ada\") [0, 128, 255] 1 true");
    assert_eq!(client.get("/rest").await.body, r#"2 {"a"} {"k": "v"} 300"#);
    let record = record(&client, &store).await;
    assert_eq!(bytes(&record, "colour"), b"0080ff");
    assert_eq!(bytes(&record, "user"), br#""ada""#, "the principal stays JSON");
    assert_eq!(bytes(&record, "plain"), br#"{"number":7,"name":"seven","bytes":[0,255]}"#);
    let named = b"\x83\xa6number\x07\xa4name\xa5seven\xa5bytes\x92\x00\xcc\xff";
    assert_eq!(bytes(&record, "origin"), named);
    assert_eq!(bytes(&record, "notice"), named);
    assert_eq!(bytes(&record, "items"), [b"\x91", &named[..]].concat());
    assert_eq!(bytes(&record, "tally"), b"\xcd\x01\x2c");
    let notes: BTreeMap<String, String> = MsgPack::decode(&bytes(&record, "notes")).expect("a map");
    assert_eq!(notes["k"], "v");
    assert_eq!(record.get("hits"), Some(&FieldValue::Int(2)));
    assert!(!bytes(&record, "hidden").windows(5).any(|part| part == b"seven"), "sealed");
}

#[tokio::test]
async fn a_payload_in_the_token_has_codecs_too() {
    let (store, keys) = fixture();
    let server = Server::start(common!(Sealed).layer(layer::<Sealed>(&store, &keys))).await;
    let client = Client::new(&server);
    client.get("/fill").await;
    assert_eq!(client.get("/read").await.body, "Some(\"ada\") [0, 128, 255] 1 true");
    assert_eq!(client.get("/take").await.body, format!("{:?}", Some(item())));
    assert_eq!(client.get("/take").await.body, "None");
    client.get("/other").await;
    client.get("/replace").await;
    assert_eq!(client.get("/read").await.body, "Some(\"ada\") [1, 2, 3] 1 false");
}

#[tokio::test]
async fn what_did_not_change_is_not_written_and_what_did_is() {
    let (store, keys) = fixture();
    let server = Server::start(routes().layer(layer::<Stored>(&store, &keys))).await;
    let client = Client::new(&server);
    client.get("/fill").await;
    let before = record(&client, &store).await.meta.revision;
    client.get("/same").await;
    client.get("/replace").await;
    assert_eq!(record(&client, &store).await.meta.revision, before);
    client.get("/other").await;
    assert_eq!(record(&client, &store).await.meta.revision, before + 1);
    assert_eq!(client.get("/read").await.body, "Some(\"ada\") [1, 2, 3] 1 true");
}

#[tokio::test]
async fn a_value_that_the_codec_refuses_fails_the_commit() {
    let (store, keys) = fixture();
    let errors = axum::middleware::map_response(async |response: axum::response::Response| {
        let error = response.extensions().get::<Error>().map(ToString::to_string);
        error.unwrap_or_default()
    });
    let routes = routes().layer(layer::<Stored>(&store, &keys)).layer(errors);
    let server = Server::start(routes).await;
    let error = Client::new(&server).get("/bad").await.body;
    assert_eq!(error, "session field `colour` does not serialise: no red like that");
}

#[tokio::test]
async fn bytes_of_another_codec_read_as_the_default_and_the_log_says_where() {
    let log = Log::of_this_thread();
    let (store, keys) = fixture();
    let server = Server::start(routes().layer(layer::<Stored>(&store, &keys))).await;
    let client = Client::new(&server);
    client.get("/fill").await;
    let id = client.get("/id").await.body;
    let selector = Selector::from_hex(&id).expect("a session id");
    let key = StoreKey { namespace: Namespace::new("s"), selector };
    for (field, written, says) in [
        ("items", &br#"[{"number":7}]"#[..], "MessagePack of another type"),
        ("items", &b"\x91\x83\xa6num"[..], "cut off MessagePack"),
        ("colour", &b"SECRET"[..], "six hex digits are needed"),
        ("plain", &br#"{"number":"SECRET"}"#[..], "line 1, column 18 of its JSON"),
    ] {
        let mut record = (*store.load(&key).await.expect("in memory").expect("there")).clone();
        record.set(field, FieldValue::Bytes(written.to_vec().into()));
        store.remove(&key, None).await.expect("in memory");
        store.insert_capped(&key, record, None).await.expect("in memory");
        assert!(!log.text().contains(says), "{field}: {says}");
        let expected = match field {
            "items" => "Some(\"ada\") [0, 128, 255] 0 true",
            "colour" => "Some(\"ada\") [0, 0, 0] 0 true",
            _ => "Some(\"ada\") [0, 0, 0] 0 true 0",
        };
        assert_eq!(
            client.get(if field == "plain" { "/plain" } else { "/read" }).await.body,
            expected
        );
        assert!(log.text().contains(says), "{field}: {says}");
    }
    assert!(!log.text().contains("SECRET"), "no value is told");
}
