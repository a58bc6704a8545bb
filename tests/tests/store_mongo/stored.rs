//! What the store writes, and with how many commands.

use std::time::SystemTime;

use bytes::Bytes;
use mongodb::{
    bson::{Bson, doc},
    options::{Acknowledgment, DatabaseOptions, WriteConcern},
};
use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    clock::Timestamp,
    policy::OnMaxSessions,
    store::{
        Cap, CommitOutcome, Expected, FieldValue, InsertOutcome, Lifetime, Op, Rotation, Store,
    },
};

use crate::support::{
    IDLE, Own, START, ada, at, binary, check, is_committed, key, log_in, record, touch,
};

fn bytes(text: &'static str) -> FieldValue {
    FieldValue::Bytes(Bytes::from_static(text.as_bytes()))
}

fn set(field: &'static str, value: FieldValue) -> Op {
    Op::Set { field: field.into(), value }
}

fn millis(date: Option<&Bson>) -> i64 {
    date.and_then(Bson::as_datetime).map_or(0, |date| date.timestamp_millis())
}

#[tokio::test]
async fn a_document_is_the_record_and_what_the_server_compares_or_sorts_by() {
    let own = Own::new().await;
    let mut new = record();
    new.set("cart", bytes("[7]"));
    new.set("visits", FieldValue::Int(i64::MAX));
    new.set("roles", FieldValue::Set([Bytes::from_static(b"a"), Bytes::from_static(b"b")].into()));
    new.set("extra:a.$b\0", bytes("1"));
    new.set("", bytes("2"));
    new.meta.set_principal(Some(ada()), at(3));
    own.insert(1, new.clone()).await;

    let mut document = own.document(1).await;
    assert!(document.remove("e").is_some());
    let Some(Bson::Binary(encoded)) = document.remove("r") else { panic!("{document}") };
    assert!(encoded.bytes.windows(3).any(|part| part == b"[7]"));
    let Some(Bson::Binary(place)) = document.remove("p") else { panic!("{document}") };
    let (principal, log_in) = place.bytes.split_at(32);
    assert_ne!(principal, [0; 32]);
    assert_eq!(log_in, [&at(3).as_millis().to_be_bytes()[..], &[1; 16]].concat());
    let start = i64::try_from(START).expect("a time of ours");
    let expires = start + i64::try_from(IDLE).expect("small");
    let names = document.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names, ["_id", "s", "v", "x"].into());
    assert_eq!(document.get_str("_id").ok(), Some(&*key(1).to_string()));
    assert_eq!(document.get_i64("v").ok(), Some(1));
    assert_eq!(document.get_i64("s").ok(), Some(start));
    assert_eq!(document.get_i64("x").ok(), Some(expires));
    assert_eq!(own.load(1).await.as_deref(), Some(&new));
}

#[tokio::test]
async fn each_operation_takes_as_many_commands_as_the_documentation_says() {
    let own = Own::new().await;
    own.store.prepare().await.expect("prepares");
    let took = || own.command_names();
    took();
    own.insert(1, record()).await;
    assert_eq!(took(), ["insert"]);
    let loaded = own.load(1).await;
    assert_eq!(took(), ["find"]);
    let mut commit = touch(1);
    commit.ops = vec![set("a", bytes("1"))];
    commit.loaded.clone_from(&loaded);
    assert!(is_committed(&own.commit(1, &commit).await));
    assert_eq!(took(), ["findAndModify"], "a commit");
    assert!(is_committed(&own.commit(1, &commit).await));
    assert_eq!(took(), ["findAndModify", "find", "findAndModify"], "a commit that was overtaken");

    let cap = Some(Cap::new(2, OnMaxSessions::EndOldest));
    let mut new = record();
    new.meta.set_principal(Some(ada()), at(0));
    let outcome = own.store.insert_capped(&key(2), new, cap).await.expect("inserts");
    assert_eq!(outcome, InsertOutcome::inserted());
    assert_eq!(took(), ["insert", "aggregate"], "a log-in to a new session");
    let mut commit = log_in(1);
    commit.cap = cap;
    commit.loaded = own.load(1).await;
    took();
    assert_eq!(own.commit(1, &commit).await, CommitOutcome::committed(4, false));
    assert_eq!(took(), ["findAndModify", "aggregate"], "a log-in to a session");
    let mut write = touch(2);
    write.loaded = own.load(1).await;
    took();
    assert!(is_committed(&own.commit(1, &write).await));
    assert_eq!(took(), ["update"], "a touch");
    write.ops = vec![set("a", bytes("2"))];
    assert!(is_committed(&own.commit(1, &write).await));
    assert_eq!(took(), ["findAndModify"], "a commit of a principal's session");
    own.insert(3, record()).await;
    let mut commit = log_in(3);
    commit.cap = cap;
    commit.loaded = own.load(3).await;
    took();
    assert!(is_committed(&own.commit(3, &commit).await));
    assert_eq!(took(), ["findAndModify", "aggregate", "find", "delete"], "a log-in at the cap");
    let mut new = record();
    new.meta.set_principal(Some(ada()), at(4));
    let refuse = Some(Cap::new(3, OnMaxSessions::RefuseNew));
    let outcome = own.store.insert_capped(&key(4), new, refuse).await.expect("inserts");
    assert_eq!(outcome, InsertOutcome::inserted());
    let expected = ["find", "insert", "aggregate", "insert", "aggregate", "delete"];
    assert_eq!(took(), expected, "a log-in that may be refused, under its lease");

    let listed = own.store.list_live(&key(1).namespace, &ada(), at(4)).await.expect("lists");
    assert_eq!((listed.len(), took()), (3, vec!["find".to_owned()]));
    let mut log_out = touch(5);
    log_out.principal = Some(None);
    log_out.loaded = own.load(1).await;
    took();
    assert!(is_committed(&own.commit(1, &log_out).await));
    assert_eq!(took(), ["findAndModify"], "nobody's session is counted");
    assert!(own.store.remove(&key(1), None).await.expect("deletes"));
    assert_eq!(took(), ["delete"]);
}

#[tokio::test]
async fn a_commit_is_one_command_that_never_inserts_and_waits_for_a_majority() {
    let own = Own::new().await;
    let mut new = record();
    new.set("n", FieldValue::Int(1));
    own.insert(1, new).await;
    let mut commit = touch(1);
    commit.expected = vec![Expected { field: "g".into(), seen: None }];
    commit.rotation = Some(Rotation {
        check: check(2),
        key_id: crate::support::KEY_ID,
        grace_until: Some(at(9)),
    });
    commit.lifetime =
        Some(Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: true });
    commit.ops = vec![
        Op::Add { field: "n".into(), by: 1, min: 0, max: 2 },
        Op::Clear { keep: vec!["n".into()] },
        set("a", bytes("1")),
        Op::Once { field: "a".into(), value: bytes("2") },
        Op::Insert { field: "s".into(), member: Bytes::from_static(b"x") },
        Op::Remove { field: "s".into(), member: Bytes::from_static(b"x") },
        Op::Max { field: "m".into(), value: -1 },
        Op::Take { field: "a".into(), seen: bytes("3") },
        Op::Unset { field: "b".into() },
    ];
    commit.loaded = own.load(1).await;
    own.commands();
    assert_eq!(own.commit(1, &commit).await, CommitOutcome::committed(2, true));
    let [command] = own.commands().try_into().expect("one command");
    assert!(command.contains_key("findAndModify"), "{command}");
    assert!(!command.get_bool("upsert").unwrap_or(false));
    let concern = command.get_document("writeConcern").expect("a write concern");
    assert_eq!(concern, &doc! { "w": "majority", "j": true });
    let after = own.load(1).await.expect("is there");
    let fields: Vec<_> = after.fields().collect();
    let expected = [("a", &bytes("1")), ("m", &FieldValue::Int(-1)), ("n", &FieldValue::Int(2))];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn a_write_concern_of_the_user_s_own_counts() {
    let own = WriteConcern::builder().w(Acknowledgment::Nodes(1)).build();
    let settings = DatabaseOptions::builder().write_concern(own).build();
    let own = Own::with("weaker", settings).await;
    own.insert(1, record()).await;
    let insert = own.commands().pop().expect("a command");
    let concern = insert.get_document("writeConcern").expect("a write concern");
    assert_eq!(concern, &doc! { "w": 1 });
}

#[tokio::test]
async fn nothing_but_an_insert_makes_a_session() {
    let own = Own::new().await;
    own.insert(1, record()).await;
    let loaded = own.load(1).await;
    assert!(own.store.remove(&key(1), None).await.expect("deletes"));
    for on_max in [None, Some(OnMaxSessions::EndOldest), Some(OnMaxSessions::RefuseNew)] {
        for loaded in [None, loaded.clone()] {
            let mut commit = on_max.map_or(touch(1), |_| log_in(1));
            commit.cap = on_max.map(|on_max| Cap::new(3, on_max));
            commit.loaded = loaded;
            assert_eq!(own.commit(1, &commit).await, CommitOutcome::Gone);
        }
    }
    assert_eq!(own.sessions.count_documents(doc! {}).await.expect("counts"), 0);
}

#[tokio::test]
async fn the_server_s_own_clean_up_goes_by_how_long_is_left_and_not_by_the_clock_of_the_runtime() {
    let own = Own::new().await;
    let present = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        i64::try_from(now.as_millis()).expect("a time of ours")
    };
    let hour = 3_600_000;
    let idle = i64::try_from(IDLE).expect("small");
    let is_about = |date: i64, expected: i64| (date - expected).abs() < 60_000;
    own.insert(1, record()).await;
    let purge = millis(own.document(1).await.get("e"));
    assert!(is_about(purge, present() + idle + hour), "{purge}");

    let shorter =
        Lifetime { idle_millis: Some(1000), absolute_until: Timestamp::MAX, persistent: false };
    let mut commit = touch(1);
    commit.lifetime = Some(shorter);
    assert!(is_committed(&own.commit(1, &commit).await));
    let purge = millis(own.document(1).await.get("e"));
    assert!(is_about(purge, present() + 1000 + hour), "{purge}");

    let mut commit = touch(2);
    commit.lifetime = Some(Lifetime { idle_millis: None, ..shorter });
    assert!(is_committed(&own.commit(1, &commit).await));
    let document = own.document(1).await;
    assert_eq!(document.get("e"), None, "it never ends");
    assert_eq!(document.get("x"), Some(&Bson::Int64(i64::MAX)));
}

#[tokio::test]
async fn indexes_are_made_once_by_however_many_processes() {
    let own = Own::new().await;
    let name = own.sessions.name().to_owned();
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let name = name.clone();
            tokio::spawn(async move {
                let other = Own::named(&name).await;
                other.store.prepare().await.expect("prepares");
                other.store.prepare().await.expect("prepares");
                other.command_names()
            })
        })
        .collect();
    for maker in makers {
        let commands = maker.await.expect("no panic");
        assert!(commands.iter().all(|name| name == "createIndexes"), "{commands:?}");
        assert_eq!(commands.len(), 1, "the second time it knows");
    }
    let mut names = own.sessions.list_index_names().await.expect("lists");
    names.sort();
    assert_eq!(names, ["_id_", "e_1", "p_1", "x_1"]);
    // A store that was not told makes them with its first session, once.
    let other = Own::named(&name).await;
    other.insert(1, record()).await;
    other.insert(2, record()).await;
    assert_eq!(other.command_names(), ["createIndexes", "insert", "insert"]);
}

#[tokio::test]
async fn a_sweep_asks_again_whether_what_it_found_is_over() {
    let own = Own::new().await;
    own.insert(1, record()).await;
    own.insert(2, record()).await;
    own.commands();
    assert_eq!(own.store.sweep(at(IDLE), None, 1).await.expect("sweeps").removed, 1);
    let delete = own.commands().pop().expect("a command");
    let delete = delete.get_array("deletes").expect("a delete")[0].as_document();
    let filter = delete.and_then(|delete| delete.get_document("q").ok()).expect("a filter");
    assert!(filter.contains_key("_id") && filter.contains_key("x"), "{filter}");
    assert_eq!(own.store.sweep(at(IDLE), None, 0).await.expect("sweeps").removed, 0);
    assert_eq!(own.sessions.count_documents(doc! {}).await.expect("counts"), 1);
}

#[tokio::test]
async fn a_damaged_document_is_an_error_that_names_no_value() {
    let own = Own::new().await;
    for (name, value) in
        [("r", binary(b"mallory")), ("r", "mallory".into()), ("s", "mallory".into())]
    {
        own.insert(1, record()).await;
        let update = doc! { "$set": { name: value } };
        own.sessions.update_one(doc! {}, update).await.expect("updates");
        let error = own.store.load(&key(1)).await.expect_err("damaged").to_string();
        assert!(error.contains("does not read back") && !error.contains("mallory"), "{error}");
        assert!(own.store.remove(&key(1), None).await.expect("deletes"), "it can be ended");
    }
}

#[tokio::test]
async fn a_session_that_is_too_large_is_an_error_that_says_so() {
    let own = Own::new().await;
    own.insert(1, record()).await;
    let large = FieldValue::Bytes(Bytes::from(vec![7; 17 << 20]));
    let mut new = record();
    new.set("cart", large.clone());
    let error =
        own.store.insert_capped(&key(2), new, None).await.expect_err("too large").to_string();
    assert!(error.contains("store a new session") && error.contains("16 MiB"), "{error}");
    let mut commit = touch(1);
    commit.ops = vec![set("cart", large)];
    let error = own.store.commit(&key(1), &commit).await.expect_err("too large").to_string();
    assert!(error.contains("commit a session"), "{error}");
    assert_eq!(own.load(1).await.as_deref(), Some(&record()), "as it was");
    assert_eq!(own.load(2).await, None);
}

#[tokio::test]
async fn revisions_beyond_the_range_of_the_server_s_numbers_go_on() {
    let own = Own::new().await;
    let mut new = record();
    new.meta.revision = 1 << 63;
    new.meta.last_seen = Timestamp::from_millis(u64::MAX - 1);
    own.insert(1, new.clone()).await;
    assert_eq!(own.load(1).await.as_deref(), Some(&new));
    let mut commit = touch(1);
    commit.ops = vec![set("a", bytes("1"))];
    assert_eq!(own.commit(1, &commit).await, CommitOutcome::committed((1 << 63) + 1, false));
    new.apply(&commit);
    assert_eq!(own.load(1).await.as_deref(), Some(&new));
}
