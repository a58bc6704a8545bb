//! The table as its documentation shows it: a user's own SQL joins it and reads the fields, and a
//! dump of the database shows values as they were given and nothing else.

use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, FieldValue, Lifetime, Op, Previous, Rotation, Store},
};

use crate::support::*;

fn columns_are_as_documented(kind: Kind) {
    let url = kind.fresh("columns");
    wait(async {
        let store = connect(&url).await;
        let mut record = owned("7");
        record.set("cart", text(r#"[{"id":1},{"id":2}]"#));
        record.set("visits", FieldValue::Int(41));
        record.set("roles", FieldValue::Set([r#""admin""#.into(), r#""it's""#.into()].into()));
        record.set("sealed", FieldValue::Bytes(b"\xff\x00\x01".as_slice().into()));
        record.set("extra:a \"quoted\" % name", text("\"x\""));
        record.set_group_revision("g", 3);
        store.insert(&key(1), record, None).await.expect("an insert");
        let mut commit = commit([add("visits"), set("theme", "\"dark\"")]);
        commit.rotation = Some(Rotation {
            check: session_runtime::store::Check::from_bytes([0xab; 16]),
            key_id: key_id(),
            grace_until: Some(at(60_000)),
        });
        store.commit(&key(1), &commit).await.expect("a commit");
        let mut nobody = crate::support::record();
        nobody.meta.lifetime = Lifetime {
            idle_millis: None,
            absolute_until: session_runtime::clock::Timestamp::MAX,
            persistent: true,
        };
        store.insert(&key(2), nobody, None).await.expect("an insert");
    });
    kind.sql("columns", "CREATE TABLE users (id INTEGER, name VARCHAR(20))");
    kind.sql("columns", "INSERT INTO users VALUES (7, 'Ada')");
    let get = match kind {
        Kind::Postgres => "s.fields ->> 'cart', (s.fields ->> 'visits')::bigint,
            s.fields ->> 'theme', s.fields ->> 'sealed',
            s.fields ->> 'extra:a %22quoted%22 %25 name', s.group_revisions ->> 'g',
            s.fields -> 'roles' ? '\"admin\"'",
        Kind::MariaDb => "JSON_UNQUOTE(JSON_EXTRACT(s.fields, '$.cart')),
            JSON_EXTRACT(s.fields, '$.visits'), JSON_UNQUOTE(JSON_EXTRACT(s.fields, '$.theme')),
            JSON_UNQUOTE(JSON_EXTRACT(s.fields, '$.sealed')),
            JSON_UNQUOTE(JSON_EXTRACT(s.fields, '$.\"extra:a %22quoted%22 %25 name\"')),
            JSON_EXTRACT(s.group_revisions, '$.g'),
            IF(JSON_CONTAINS(JSON_KEYS(s.fields, '$.roles'), '\"\\\\\"admin\\\\\"\"'), 't', 'f')",
        Kind::Sqlite => "s.fields ->> 'cart', s.fields ->> 'visits', s.fields ->> 'theme',
            s.fields ->> 'sealed', s.fields ->> '$.\"extra:a %22quoted%22 %25 name\"',
            s.group_revisions ->> 'g',
            iif(EXISTS (SELECT 1 FROM json_each(s.fields, '$.roles') WHERE key = '\"admin\"'), 't', 'f')",
    };
    let id = if kind == Kind::Postgres { "u.id::text" } else { "u.id" };
    let join = format!(
        "SELECT u.name, s.namespace, s.selector, s.created_at, s.logged_in_at, s.last_seen_at,
                s.expires_at - s.last_seen_at, s.revision, s.rotated_revision, {get}
           FROM http_session s JOIN users u ON s.principal = {id}
          WHERE s.expires_at > {}",
        at(1).as_millis()
    );
    let start = at(0).as_millis();
    let expected = format!(
        "Ada|shop|00000000000000000000000000000001|{start}|{start}|{}|{IDLE}|2|2|\
         [{{\"id\":1}},{{\"id\":2}}]|42|\"dark\"|base64:/wAB|\"x\"|3|t\n",
        start + 1
    );
    assert_eq!(kind.sql("columns", &join), expected);
    let hex = |column: &str| match kind {
        Kind::Postgres => format!("encode({column}, 'hex')"),
        _ => format!("lower(hex({column}))"),
    };
    let credentials = format!(
        "SELECT {}, {}, previous_until, idle_millis, principal_bytes IS NULL,
                exact_numbers IS NULL
           FROM http_session WHERE principal IS NOT NULL",
        hex("credential_check"),
        hex("previous_check"),
    );
    let yes = if kind == Kind::Postgres { "t" } else { "1" };
    let key_id = "6b696431";
    let expected = format!(
        "{key_id}{}|{key_id}{}|{}|{IDLE}|{yes}|{yes}\n",
        "ab".repeat(16),
        "7369787465656e2062797465732e2e2e",
        start + 60_000
    );
    assert_eq!(kind.sql("columns", &credentials), expected);
    let forever = "SELECT idle_millis IS NULL, absolute_until, expires_at, is_persistent, fields
         FROM http_session WHERE principal IS NULL";
    let never = i64::MAX;
    assert_eq!(
        kind.sql("columns", forever),
        format!("{yes}|{never}|{never}|{yes}|{{}}\n"),
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
        record.meta.lifetime.absolute_until = late;
        record.meta.previous = Some(Previous { check: check(), key_id: key_id(), until: late });
        store.insert(&key(1), record.clone(), None).await.expect("an insert");
        assert_eq!(store.load(&key(1)).await.expect("a load").as_deref(), Some(&record));
        // Changed by a look at it, as if the database had changed it.
        let change = commit([add("n"), Op::Unset { field: "a".into() }]);
        let expected = record.apply(&change);
        assert_eq!(store.commit(&key(1), &change).await.expect("a commit"), expected);
        assert_eq!(store.load(&key(1)).await.expect("a load").as_deref(), Some(&record));
        let who = session_runtime::store::PrincipalKey::new(&long);
        assert_eq!(store.list(&shop(), &who, at(5)).await.expect("a list").len(), 1);
        // The sum of these is beyond the end of a column: live until the absolute end.
        let mut lasting = crate::support::record();
        lasting.meta.lifetime.idle_millis = Some(i64::MAX as u64 - 2);
        lasting.meta.lifetime.absolute_until = session_runtime::clock::Timestamp::MAX;
        store.insert(&key(2), lasting, None).await.expect("an insert");
        let outcome = store.commit(&key(2), &commit([add("n")])).await.expect("a commit");
        assert_eq!(outcome, session_runtime::store::CommitOutcome::committed(2, false));
    });
    let count = "SELECT count(*) FROM http_session WHERE exact_numbers IS NOT NULL
        AND principal LIKE 'sha256:%' AND length(principal_bytes) = 5000";
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
        let cap = Some(Cap { sessions: 2, on_max: OnMaxSessions::EndOldest });
        store.insert(&key(1), record, cap).await.expect("an insert");
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
