//! What the store writes, and with how many commands.

use std::time::SystemTime;

use bytes::Bytes;
use mongodb::{
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
    options::{Acknowledgment, DatabaseOptions, WriteConcern},
};
use session_runtime::{
    clock::Timestamp,
    policy::OnMaxSessions,
    store::{Cap, Commit, CommitOutcome, Expected, FieldValue, Lifetime, Op, Rotation, Store},
};

use crate::support::{IDLE, Own, START, ada, at, check, is_committed, key, log_in, record, touch};

fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

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
async fn values_lie_there_as_they_were_given_under_names_that_mean_nothing_to_the_server() {
    let own = Own::new().await;
    let mut new = record();
    new.set("cart", bytes("[7]"));
    new.set("visits", FieldValue::Int(i64::MAX));
    new.set("roles", FieldValue::Set([Bytes::from_static(b"a"), Bytes::from_static(b"b")].into()));
    new.set("extra:a.$b\0", bytes("1"));
    new.set("", bytes("2"));
    new.set("0", bytes("3"));
    new.set_group_revision("cart", 4);
    new.meta.set_principal(Some(ada()), at(0));
    own.insert(1, new.clone()).await;

    let mut document = own.document(1).await;
    assert!(document.remove("purge").is_some());
    assert!(matches!(document.remove("owner"), Some(Bson::Binary(hash)) if hash.bytes.len() == 32));
    let start = i64::try_from(START).expect("a time of ours");
    let expected = doc! {
        "_id": key(1).to_string(),
        "check": binary(&[1; 16]),
        "key": binary(&[7; 4]),
        "created": start,
        "rotated": start,
        "seen": start,
        "idle": 1_800_000_i64,
        "absolute": start + 43_200_000,
        "persistent": false,
        "expires": start + 1_800_000,
        "principal": "\"ada\"",
        "logged_in": start,
        "revision": 1_i64,
        "fields": {
            "%": binary(b"2"),
            "%30": binary(b"3"),
            "cart": binary(b"[7]"),
            "extra:a%2e%24b%00": binary(b"1"),
            "roles": [binary(b"a"), binary(b"b")],
            "visits": i64::MAX,
        },
        "groups": { "cart": 4_i64 },
    };
    let sorted = |document: Document| {
        let mut pairs: Vec<_> = document.into_iter().collect();
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        pairs
    };
    assert_eq!(sorted(document), sorted(expected));
    assert_eq!(own.load(1).await.as_deref(), Some(&new));
}

#[tokio::test]
async fn a_commit_is_one_command_that_never_inserts_and_waits_for_a_majority() {
    let own = Own::new().await;
    let mut new = record();
    new.set("n", FieldValue::Int(1));
    own.insert(1, new).await;
    own.commands();
    let mut commit = touch(1);
    commit.expected = vec![Expected { group: "g".into(), revision: 0 }];
    commit.bump = vec!["g".into()];
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
    assert_eq!(own.command_names(), ["find"], "a load is one, too");
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
    assert!(own.store.delete(&key(1)).await.expect("deletes"));
    let with = |change: &dyn Fn(&mut Commit)| {
        let mut commit = touch(1);
        change(&mut commit);
        commit
    };
    let cap = |on_max| Some(Cap { sessions: 3, on_max });
    let mut commits = vec![
        touch(1),
        with(&|it| it.ops = vec![set("a", bytes("1"))]),
        // These take the way around.
        with(&|it| it.now = Timestamp::from_millis(1 << 63)),
        with(&|it| {
            it.ops =
                vec![set("a", bytes("1")), Op::Add { field: "a".into(), by: 1, min: 0, max: 9 }];
        }),
    ];
    for on_max in [OnMaxSessions::EndOldest, OnMaxSessions::RefuseNew] {
        let mut commit = log_in(1);
        commit.cap = cap(on_max);
        commits.push(commit);
    }
    for commit in &commits {
        assert_eq!(own.commit(1, commit).await, CommitOutcome::Gone);
    }
    assert_eq!(own.sessions.count_documents(doc! {}).await.expect("counts"), 0);
    let register = own.log_ins.find_one(doc! {}).await.expect("finds").expect("there was a log-in");
    let open = register.get_array("open").expect("a list");
    assert!(open.is_empty(), "no note stays behind");
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
    let purge = millis(own.document(1).await.get("purge"));
    assert!(is_about(purge, present() + idle + hour), "{purge}");

    let shorter =
        Lifetime { idle_millis: Some(1000), absolute_until: Timestamp::MAX, persistent: false };
    let mut commit = touch(1);
    commit.lifetime = Some(shorter);
    assert!(is_committed(&own.commit(1, &commit).await));
    let purge = millis(own.document(1).await.get("purge"));
    assert!(is_about(purge, present() + 1000 + hour), "{purge}");

    let mut commit = touch(2);
    commit.lifetime = Some(Lifetime { idle_millis: None, ..shorter });
    assert!(is_committed(&own.commit(1, &commit).await));
    let document = own.document(1).await;
    assert_eq!(document.get("purge"), None, "it never ends");
    assert_eq!(document.get("expires"), Some(&Bson::Int64(i64::MAX)));
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
        assert_eq!(commands.len(), 2, "the second time it knows");
    }
    let names = async |collection: &mongodb::Collection<Document>| {
        let mut names = collection.list_index_names().await.expect("lists");
        names.sort();
        names
    };
    assert_eq!(names(&own.sessions).await, ["_id_", "expires_1", "owner_1", "purge_1"]);
    assert_eq!(names(&own.log_ins).await, ["_id_", "at_1", "open.ticket_1"]);
    // A store that was not told makes them with its first session, once.
    let other = Own::named(&name).await;
    other.insert(1, record()).await;
    other.insert(2, record()).await;
    let expected = ["createIndexes", "createIndexes", "insert", "insert"];
    assert_eq!(other.command_names(), expected);
}

#[tokio::test]
async fn a_sweep_asks_again_whether_what_it_found_is_over() {
    let own = Own::new().await;
    own.insert(1, record()).await;
    own.insert(2, record()).await;
    own.commands();
    assert_eq!(own.store.sweep(at(IDLE), 1).await.expect("sweeps"), 1);
    let delete = own.commands().pop().expect("a command");
    let delete = delete.get_array("deletes").expect("a delete")[0].as_document();
    let filter = delete.and_then(|delete| delete.get_document("q").ok()).expect("a filter");
    assert!(filter.contains_key("_id") && filter.contains_key("expires"), "{filter}");
    assert_eq!(own.store.sweep(at(IDLE), 0).await.expect("sweeps"), 0);
    assert_eq!(own.sessions.count_documents(doc! {}).await.expect("counts"), 1);
}

#[tokio::test]
async fn a_damaged_document_is_an_error_that_names_what_is_wrong_and_no_value() {
    let own = Own::new().await;
    own.insert(1, record()).await;
    let update = doc! { "$set": { "check": "mallory" } };
    own.sessions.update_one(doc! {}, update).await.expect("updates");
    let error = own.store.load(&key(1)).await.expect_err("no check value").to_string();
    assert!(error.contains("`check`") && !error.contains("mallory"), "{error}");
    assert_eq!(own.sessions.count_documents(doc! {}).await.expect("counts"), 1);
}

#[tokio::test]
async fn a_session_that_is_too_large_is_an_error_that_says_so() {
    let own = Own::new().await;
    own.insert(1, record()).await;
    let large = FieldValue::Bytes(Bytes::from(vec![7; 17 << 20]));
    let mut new = record();
    new.set("cart", large.clone());
    let error = own.store.insert(&key(2), new, None).await.expect_err("too large").to_string();
    assert!(error.contains("store a new session") && error.contains("16 MiB"), "{error}");
    let mut commit = touch(1);
    commit.ops = vec![set("cart", large)];
    let error = own.store.commit(&key(1), &commit).await.expect_err("too large").to_string();
    assert!(error.contains("commit a session"), "{error}");
    assert_eq!(own.load(1).await.as_deref(), Some(&record()), "as it was");
    assert_eq!(own.load(2).await, None);
}

#[tokio::test]
async fn what_one_command_cannot_say_is_said_in_three() {
    let own = Own::new().await;
    let mut new = record();
    new.set("n", FieldValue::Int(4));
    own.insert(1, new).await;
    let add = |by, max| Op::Add { field: "n".into(), by, min: 0, max };
    let conflict = CommitOutcome::Conflict { field: "n".into() };
    let commit = async |ops: &[Op]| {
        let mut commit = touch(1);
        commit.ops = ops.to_vec();
        own.commands();
        let outcome = own.commit(1, &commit).await;
        (outcome, own.command_names().len())
    };
    let set_to_5 = set("n", FieldValue::Int(5));
    let clear = Op::Clear { keep: Vec::new() };
    assert_eq!(commit(&[set_to_5.clone(), add(1, 5)]).await.0, conflict);
    assert_eq!(commit(&[add(1, 9), add(1, 5)]).await.0, conflict);
    assert_eq!(commit(&[add(9, 9)]).await.0, conflict);
    assert_eq!(commit(&[set_to_5, add(1, 6)]).await, (CommitOutcome::committed(2, false), 2));
    assert_eq!(commit(&[add(1, 7), add(1, 8)]).await, (CommitOutcome::committed(3, false), 2));
    assert_eq!(commit(&[clear, add(3, 3)]).await, (CommitOutcome::committed(4, false), 2));
    assert_eq!(own.load(1).await.expect("is there").get("n"), Some(&FieldValue::Int(3)));
}

#[tokio::test]
async fn revisions_beyond_the_range_of_the_server_s_numbers_go_on() {
    let own = Own::new().await;
    let mut new = record();
    new.meta.revision = 1 << 63;
    new.meta.last_seen = Timestamp::from_millis(u64::MAX - 1);
    new.set_group_revision("g", u64::MAX - 1);
    own.insert(1, new.clone()).await;
    assert_eq!(own.load(1).await.as_deref(), Some(&new));
    let mut commit = touch(1);
    commit.bump = vec!["g".into()];
    assert_eq!(own.commit(1, &commit).await, CommitOutcome::committed((1 << 63) + 1, false));
    new.apply(&commit);
    assert_eq!(own.load(1).await.as_deref(), Some(&new));
}
