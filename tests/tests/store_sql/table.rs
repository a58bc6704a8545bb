//! The table as its documentation shows it: a user's own SQL joins it and reads the fields, and a
//! dump of the database shows values as they were given and nothing else.

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, FieldValue, Lifetime, Op, Previous, PrincipalKey, Store},
};

use crate::support::*;

fn columns_are_as_documented(kind: Kind) {
    let url = kind.fresh("columns");
    wait(async {
        let store = connect(&url).await;
        let mut record = owned("7");
        record.set("cart", text(r#"[{"id": 1},{"id": 2.50}]"#));
        record.set("visits", FieldValue::Int(41));
        record.set("roles", FieldValue::Set([r#""admin""#.into(), r#""it's""#.into()].into()));
        record.set("sealed", FieldValue::Bytes(b"\xff\x00\x01".as_slice().into()));
        record.set("extra:a \"quoted\" % name", text("\"x\""));
        store.insert_capped(&key(1), record, None).await.expect("an insert");
        let commit = commit([add("visits"), set("theme", "\"dark\"")]);
        store.commit(&key(1), &commit).await.expect("a commit");
        let mut nobody = crate::support::record();
        nobody.meta.lifetime = Lifetime {
            idle_millis: None,
            absolute_until: session_runtime::clock::Timestamp::MAX,
            persistent: true,
        };
        store.insert_capped(&key(2), nobody, None).await.expect("an insert");
    });
    kind.sql("columns", "CREATE TABLE users (id INTEGER, name VARCHAR(20))");
    kind.sql("columns", "INSERT INTO users VALUES (7, 'Ada')");
    let get = match kind {
        Kind::Postgres => {
            "s.fields -> 'cart', (s.fields ->> 'visits')::bigint,
            s.fields ->> 'theme', s.fields ->> 'sealed',
            s.fields ->> 'extra:a %22quoted%22 %25 name', s.fields -> 'roles' ->> 1"
        }
        Kind::MariaDb => {
            "JSON_EXTRACT(s.fields, '$.cart'), JSON_VALUE(s.fields, '$.visits'),
            JSON_VALUE(s.fields, '$.theme'), JSON_VALUE(s.fields, '$.sealed'),
            JSON_VALUE(s.fields, '$.\"extra:a %22quoted%22 %25 name\"'),
            JSON_VALUE(s.fields, '$.roles[1]')"
        }
        Kind::Sqlite => {
            "s.fields -> 'cart', s.fields ->> 'visits', s.fields ->> 'theme',
            s.fields ->> 'sealed', s.fields ->> '$.\"extra:a %22quoted%22 %25 name\"',
            s.fields ->> '$.roles[1]'"
        }
    };
    let id = if kind == Kind::Postgres { "u.id::text" } else { "u.id" };
    let join = format!(
        "SELECT u.name, s.namespace, s.selector, s.version, s.logged_in_at, s.logged_in_version,
                s.last_seen_at, s.expires_at - s.last_seen_at, {get}
           FROM http_session s JOIN users u ON s.principal = {id}
          WHERE s.expires_at > {}",
        at(1).as_millis()
    );
    let start = at(0).as_millis();
    // Some functions write JSON anew.
    let cart = match kind {
        Kind::Postgres => r#"[{"id": 1},{"id": 2.50}]"#,
        Kind::MariaDb => r#"[{"id": 1}, {"id": 2.50}]"#,
        Kind::Sqlite => r#"[{"id":1},{"id":2.50}]"#,
    };
    let expected = format!(
        "Ada|shop|00000000000000000000000000000001|2|{start}|1|{}|{IDLE}|\
         {cart}|42|dark|base64:/wAB|x|it's\n",
        start + 1
    );
    assert_eq!(kind.sql("columns", &join), expected);
    let whole = "SELECT fields FROM http_session WHERE principal = '7'";
    let expected = "{\"cart\":[{\"id\": 1},{\"id\": 2.50}],\"extra:a %22quoted%22 %25 name\":\"x\",\
         \"roles\":[\"admin\",\"it's\"],\"sealed\":\"base64:/wAB\",\"theme\":\"dark\",\"visits\":42}\n";
    assert_eq!(kind.sql("columns", whole), expected);
    let yes = if kind == Kind::Postgres { "t" } else { "1" };
    let forever = "SELECT logged_in_at IS NULL, expires_at, fields
         FROM http_session WHERE principal IS NULL";
    let never = i64::MAX;
    assert_eq!(
        kind.sql("columns", forever),
        format!("{yes}|{never}|{{}}\n"),
        "never is the largest number"
    );
}

fn what_does_not_fit_a_column_is_read_back_whole(kind: Kind) {
    let url = kind.fresh("odd");
    let late = session_runtime::clock::Timestamp::from_millis(u64::MAX - 7);
    wait(async {
        let store = connect(&url).await;
        let long = "x".repeat(5000);
        let mut record = owned(&long);
        record.meta.created = late;
        record.meta.logged_in = Some(late);
        record.meta.last_seen = late;
        record.meta.revision = i64::MAX as u64 - 1;
        record.meta.lifetime.absolute_until = session_runtime::clock::Timestamp::MAX;
        record.meta.lifetime.idle_millis = Some(i64::MAX as u64 - 2);
        record.meta.previous = Some(Previous { check: check(), key_id: key_id(), until: late });
        record.set("text", text("no JSON, and 'quotes' \\ \u{1f980}"));
        store.insert_capped(&key(1), record.clone(), None).await.expect("an insert");
        let there = store.load(&key(1)).await.expect("a load").expect("a session");
        assert_eq!(*there, record);
        let mut late_commit = commit([add("n")]);
        late_commit.now = late;
        let outcome = store.commit(&key(1), &late_commit).await.expect("a commit");
        assert_eq!(
            outcome,
            session_runtime::store::CommitOutcome::committed(i64::MAX as u64, false)
        );
        let there = store.load(&key(1)).await.expect("a load").expect("a session");
        assert_eq!(there.meta.last_seen, late);
        assert_eq!(there.meta.principal, Some(PrincipalKey::new(&long)));
        // Who lives for ever is not swept, whatever the time.
        let end = session_runtime::clock::Timestamp::MAX;
        assert_eq!(store.sweep(end, None, 10).await.expect("a sweep").removed, 0);
    });
    let count = "SELECT count(*) FROM http_session WHERE principal LIKE 'sha256:%'";
    assert_eq!(kind.sql("odd", count).trim(), "1");
}

/// Statements and files of a database.
fn dump(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Postgres => postgres().dump(name),
        Kind::MariaDb => mariadb().dump(name),
        Kind::Sqlite => {
            let path = place(name).display().to_string();
            let mut bytes = std::fs::read(&path).expect("a file");
            // The last connection to close puts the log into the file, and removes it.
            bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }
}

fn a_dump_shows_values_only_as_they_were_given(kind: Kind) {
    let url = kind.fresh("dumped");
    // As the runtime gives a sealed field, and one in plain text.
    let sealed: Vec<u8> = (0..64_u8).map(|byte| byte.wrapping_mul(37) ^ 0x80).collect();
    wait(async {
        let store = connect(&url).await;
        let mut record = owned("\"ada\"");
        record.set("note", text("\"plain-at-insert\""));
        record.set("sealed", FieldValue::Bytes(sealed.clone().into()));
        let cap = Some(Cap::new(2, OnMaxSessions::EndOldest));
        store.insert_capped(&key(1), record, cap).await.expect("an insert");
        let change = commit([
            set("note", "\"plain-at-commit\""),
            Op::Take { field: "none".into(), seen: text("\"only-asked-for\"") },
            Op::Insert { field: "s".into(), member: "\"member\"".into() },
        ]);
        store.commit(&key(1), &change).await.expect("a commit");
    });
    let dump = dump(kind, "dumped");
    // MariaDB's key columns are binary, and dumped as such.
    let principal = if kind == Kind::MariaDb { "2261646122" } else { "ada" };
    for there in ["plain-at-commit", "base64:gKXK7xQ5XoOozfIXPGGGq9D1", "member", principal] {
        assert!(dump.contains(there), "{there} is not in the dump");
    }
    // What a commit only compares, it writes nowhere.
    assert!(!dump.contains("only-asked-for"));
    // SQLite keeps old pages until they are written over.
    assert!(kind == Kind::Sqlite || !dump.contains("plain-at-insert"));
}

on_each! {
    columns_are_as_documented
    what_does_not_fit_a_column_is_read_back_whole
    a_dump_shows_values_only_as_they_were_given
}
