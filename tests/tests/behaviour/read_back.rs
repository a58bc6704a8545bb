//! A value that was written reads back as the same value: values that cannot are refused at the write, and a field
//! that is of another kind in the next version of a program keeps its value.

use std::collections::{BTreeSet, HashMap, HashSet};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionType,
    codec::{Codec, CodecError, MsgPack},
    store::{FieldValue, MemoryStore, Namespace, Selector, Store as _, StoreKey},
};
use tests::{Client, Log, Server, Verb};

/// A type that serde reads back as another value.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Renamed {
    #[serde(default, rename(serialize = "written", deserialize = "read"))]
    number: u32,
}

/// A type of which serde reads the first form that fits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Guessed {
    Text(String),
    Nothing(Option<()>),
    Path { path: String, line: Option<u32> },
}

/// A type with a member that is not written, and that reading asks for.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Unwritten {
    #[serde(skip_serializing)]
    _number: u32,
    name: String,
}

/// Numbers up to 255 as one byte. Larger ones are cut off.
struct Byte;

impl Codec<u32> for Byte {
    fn encode(value: &u32) -> Result<Vec<u8>, CodecError> {
        Ok(vec![value.to_le_bytes()[0] / 2 * 2 + 1])
    }

    fn decode(bytes: &[u8]) -> Result<u32, CodecError> {
        let [byte] = bytes else { return Err(CodecError::new("not a byte")) };
        Ok(u32::from(*byte) + 1)
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Nested {
    ids: HashSet<u32>,
    by_name: HashMap<String, Option<f64>>,
    value: Value,
}

#[derive(Session)]
#[session(name = "odd", prefix = "none")]
struct Odd {
    begun: bool,
    ratio: f64,
    ratios: Vec<f64>,
    by_name: HashMap<String, f32>,
    some_ratio: Option<f64>,
    value: Value,
    some_value: Option<Value>,
    some_unit: Option<()>,
    values: Vec<Option<Value>>,
    #[session(codec = MsgPack)]
    packed_ratio: f64,
    #[session(codec = MsgPack)]
    packed_unit: Option<()>,
    renamed: Renamed,
    guessed: Option<Guessed>,
    unwritten: Unwritten,
    #[session(codec = Byte)]
    byte: u32,
    nested: Nested,
    hashed: HashMap<String, String>,
    #[session(merge = "cas")]
    compared: HashMap<String, String>,
}

fn write(s: &Session<Odd>, what: &str) {
    match what {
        "nothing" => {}
        "begun" => s.set_begun(true),
        "ratio" => s.set_ratio(f64::NAN),
        "ratios" => s.push_ratios(f64::INFINITY),
        "by_name" => s.insert_by_name("a".to_owned(), f32::NEG_INFINITY),
        "some_ratio" => s.set_some_ratio(f64::NAN),
        "some_value" => s.set_some_value(Value::Null),
        "some_unit" => s.set_some_unit(()),
        "values" => s.push_values(Some(Value::Null)),
        "packed_unit" => s.set_packed_unit(()),
        "renamed" => s.set_renamed(Renamed { number: 7 }),
        "guessed" => s.set_guessed(Guessed::Nothing(None)),
        "unwritten" => s.set_unwritten(Unwritten { _number: 7, name: "seven".to_owned() }),
        "byte" => s.set_byte(9),
        "fine" => {
            s.set_ratio(0.1);
            s.set_value(json!({"a": null, "b": [null, {"c": null}]}));
            s.set_some_value(json!([null]));
            s.extend_values([None, Some(json!({"a": null}))]);
            s.set_packed_ratio(f64::INFINITY);
            s.set_guessed(Guessed::Path { path: "/".to_owned(), line: None });
            let by_name = ('a'..'m').map(|name| (name.to_string(), None)).collect();
            s.set_nested(Nested { ids: (0..20).collect(), by_name, value: Value::Null });
        }
        "hashed" => {
            for number in 0..8 {
                s.insert_hashed(number.to_string(), "value".to_owned());
                s.insert_compared(number.to_string(), "value".to_owned());
            }
        }
        "same" => {
            s.insert_hashed("3".to_owned(), "value".to_owned());
            s.update_compared(|compared| {
                let taken = compared.remove("3").expect("it is there");
                compared.insert("3".to_owned(), taken);
            });
        }
        other => unreachable!("no value `{other}`"),
    }
}

async fn show(s: Session<Odd>) -> String {
    let numbers = (s.ratio(), s.some_ratio(), s.packed_ratio());
    let nested = (s.nested().ids.len(), s.nested().by_name.len(), &s.nested().value);
    let (value, some, all) = (s.value(), s.some_value(), s.values());
    let guessed = matches!(s.guessed(), Some(Guessed::Path { line: None, .. }));
    format!("{numbers:?} {value} {some:?} {all:?} {nested:?} {guessed}")
}

async fn odd() -> (Server, Client) {
    let routes = Router::new()
        .route("/show", get(show))
        .route("/{what}", get(async |s: Session<Odd>, Path(what): Path<String>| write(&s, &what)));
    let keys = KeyRing::generate().expect("random bytes");
    let server = serve::<Odd>(&keys, routes, &MemoryStore::default()).await;
    let client = Client::new(&server);
    client.get("/begun").await;
    (server, client)
}

async fn serve<T: SessionType>(keys: &KeyRing, routes: Router, store: &MemoryStore) -> Server {
    let builder = SessionLayer::<T>::builder(keys.clone()).store(store.clone()).insecure_dev();
    Server::start(routes.layer(builder.build().expect("a sound configuration"))).await
}

#[tokio::test]
async fn a_value_that_reads_back_as_another_is_an_error_that_names_the_field() {
    let (_server, client) = odd().await;
    for what in [
        "ratio",
        "ratios",
        "by_name",
        "some_ratio",
        "some_value",
        "some_unit",
        "values",
        "packed_unit",
        "renamed",
        "guessed",
        "unwritten",
        "byte",
    ] {
        let log = Log::of_this_thread();
        let before = client.get("/show").await.body;
        let reply = client.get(&format!("/{what}")).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {}", reply.body);
        assert!(log.text().contains(&format!("`{what}`")), "{what}: {}", log.text());
        assert_eq!(client.get("/show").await.body, before, "{what}");
    }
}

#[tokio::test]
async fn a_null_inside_of_a_value_is_a_value_and_the_order_of_what_has_none_is_no_difference() {
    let (_server, client) = odd().await;
    let reply = client.get("/fine").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let shown = client.get("/show").await.body;
    let expected = r#"(0.1, None, inf) {"a":null,"b":[null,{"c":null}]} Some(Array [Null]) [None, Some(Object {"a": Null})] (20, 12, Null) true"#;
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_hash_map_that_gets_a_value_that_it_has_is_not_written_and_conflicts_with_nobody() {
    let keys = KeyRing::generate().expect("random bytes");
    let routes = Router::new()
        .route("/{what}", get(async |s: Session<Odd>, Path(what): Path<String>| write(&s, &what)));
    let store = tests::spy(MemoryStore::default());
    let builder = SessionLayer::<Odd>::builder(keys).store(store.clone()).insecure_dev();
    let layer = builder.build().expect("a sound configuration");
    let server = Server::start(routes.layer(layer)).await;
    let client = Client::new(&server);
    client.get("/hashed").await;
    store.take_calls();
    for _ in 0..20 {
        let (one, other) = (client.fork(), client.fork());
        let (one, other) = tokio::join!(one.get("/same"), other.get("/same"));
        assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    }
    assert!(!store.take_calls().contains(&Verb::Replace));
}

#[derive(Session)]
#[session(name = "hashed", prefix = "none", payload = "sealed")]
struct Hashed {
    by_name: HashMap<String, u32>,
}

#[tokio::test]
async fn a_sealed_hash_map_that_gets_what_it_has_is_no_new_token() {
    let keys = KeyRing::generate().expect("random bytes");
    // Each map has an order of its own.
    let set = async |s: Session<Hashed>| {
        s.set_by_name((0..20).map(|number| (number.to_string(), number)).collect());
    };
    let layer = SessionLayer::<Hashed>::builder(keys)
        .accept_replay_until_expiry()
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let server = Server::start(Router::new().route("/set", get(set)).layer(layer)).await;
    let client = Client::new(&server);
    assert_eq!(client.get("/set").await.set_cookies().len(), 1);
    for _ in 0..20 {
        assert_eq!(client.get("/set").await.set_cookies(), [""; 0]);
    }
}

/// The newer version of a program, in which fields are of another kind than in the older one.
#[derive(Session)]
#[session(name = "kinds", prefix = "none")]
struct Merged {
    begun: bool,
    #[session(counter)]
    counted: i64,
    #[session(counter)]
    small: u8,
    #[session(merge = "max")]
    largest: u32,
    #[session(counter)]
    text: i64,
    members: BTreeSet<String>,
    hashed: HashSet<u32>,
    was_counted: i64,
    was_largest: u32,
}

/// The fields that the older version has written: plain numbers and lists, a counter, and a largest number.
const OLDER: [(&str, &str); 6] = [
    ("counted", "40"),
    ("small", "250"),
    ("largest", "7"),
    ("text", "\"seven\""),
    ("members", r#"["b","a","b"]"#),
    ("hashed", "[1,2]"),
];

async fn kinds() -> (Server, Client) {
    let (keys, store) = (KeyRing::generate().expect("random bytes"), MemoryStore::default());
    let routes = Router::new()
        .route(
            "/show",
            get(async |s: Session<Merged>| {
                let numbers = [s.counted(), s.small().into(), s.largest().into(), s.text()];
                let others = [s.was_counted(), s.was_largest().into()];
                format!("{numbers:?} {:?} {} {others:?}", s.members(), s.hashed().len())
            }),
        )
        .route(
            "/add",
            get(async |s: Session<Merged>| {
                s.add_counted(2);
                s.add_small(1);
                s.set_largest(3);
                s.insert_members("c".to_owned());
                s.insert_hashed(1);
                s.update_was_counted(|number| *number += 1);
                s.update_was_largest(|number| *number += 1);
            }),
        )
        .route("/too-many", get(async |s: Session<Merged>| s.add_small(10)))
        .route("/larger", get(async |s: Session<Merged>| s.set_largest(9)));
    let routes = routes.route(
        "/begin",
        get(async |s: Session<Merged>| {
            s.set_begun(true);
            s.save().await?;
            Ok::<_, Error>(s.session_id().to_string())
        }),
    );
    let server = serve::<Merged>(&keys, routes, &store).await;
    let client = Client::new(&server);
    let id = client.get("/begin").await.body;
    let selector = Selector::from_hex(&id).expect("a session id");
    let key = StoreKey { namespace: Namespace::new("merged"), selector };
    let mut record = (*store.load(&key).await.expect("in memory").expect("it is there")).clone();
    for (field, text) in OLDER {
        record.set(field, FieldValue::Bytes(text.into()));
    }
    record.set("was_counted", FieldValue::Int(5));
    record.set("was_largest", FieldValue::Int(6));
    let revision = record.meta.revision;
    record.meta.revision += 1;
    store.replace(&key, revision, record.into()).await.expect("in memory");
    (server, client)
}

#[tokio::test]
async fn a_field_that_becomes_a_counter_a_largest_number_or_a_set_keeps_its_value() {
    let (_server, client) = kinds().await;
    let shown = client.get("/show").await.body;
    assert_eq!(shown, r#"[40, 250, 7, 0] {"a", "b"} 2 [5, 6]"#);
    let (one, other) = (client.fork(), client.fork());
    let (one, other) = tokio::join!(one.get("/add"), other.get("/add"));
    assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    let shown = client.get("/show").await.body;
    assert_eq!(shown, r#"[44, 252, 7, 0] {"a", "b", "c"} 2 [7, 8]"#);
    assert_eq!(client.get("/too-many").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    client.get("/larger").await;
    assert_eq!(client.get("/show").await.body, r#"[44, 252, 9, 0] {"a", "b", "c"} 2 [7, 8]"#);
}

#[tokio::test]
async fn a_field_that_does_not_decode_is_one_warning_a_session() {
    let (_server, client) = kinds().await;
    let log = Log::of_this_thread();
    for _ in 0..3 {
        client.get("/show").await;
    }
    assert_eq!(log.text().matches("does not decode").count(), 1, "{}", log.text());
    assert!(log.text().contains("field=\"text\""), "{}", log.text());
}
