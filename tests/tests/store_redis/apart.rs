//! Values too long to be packed with the others: they lie apart in the session's hash, come and go
//! with what ops make of them, and are written only when they change.

use bytes::Bytes;
use session_runtime::store::{CommitOutcome, FieldValue, Op, Record, RedisStore, Store, StoreKey};
use tests::backend::redis::Redis;

use crate::support::{bytes, commit, connect, key, record};

struct Session<'a> {
    server: &'a Redis,
    store: RedisStore,
    key: StoreKey,
    /// What it must be, by the reference.
    expected: Record,
    /// Whether commits come with what was loaded, and so are made by the client.
    with_loaded: bool,
}

/// The two ways that a commit goes.
const BOTH_WAYS: [bool; 2] = [false, true];

impl Session<'_> {
    /// Commits, and says which values lie apart afterwards.
    async fn apply(&mut self, ops: impl Into<Vec<Op>>) -> Vec<String> {
        let mut commit = commit(self.expected.meta.revision, ops);
        if self.with_loaded {
            commit.loaded = self.store.load(&self.key).await.expect("a load");
        }
        let outcome = self.expected.apply(&commit);
        assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
        assert_eq!(self.store.commit(&self.key, &commit).await.expect("a commit"), outcome);
        self.apart().await
    }

    async fn apart(&self) -> Vec<String> {
        let found = self.store.load(&self.key).await.expect("a load");
        assert_eq!(found.as_deref(), Some(&self.expected));
        let names = self.server.ask(&["HKEYS", &format!("session:{}", self.key)]);
        let names: Vec<String> = redis::from_redis_value(names).expect("names");
        let mut apart: Vec<_> =
            names.iter().filter_map(|name| name.strip_prefix("f:")).map(str::to_owned).collect();
        apart.sort_unstable();
        assert_eq!(names.len(), 1 + apart.len(), "nothing else lies there: {names:?}");
        apart
    }
}

async fn begun<'a>(
    server: &'a Redis,
    with_loaded: bool,
    fields: &[(&'static str, FieldValue)],
) -> Session<'a> {
    let (store, key) = (connect(&server.url()).await, key("shop", 1 + u64::from(with_loaded)));
    let mut expected = record(0);
    expected.extend(fields.iter().map(|(name, value)| ((*name).into(), value.clone())));
    store.insert(&key, expected.clone(), None).await.expect("an insert");
    Session { server, store, key, expected, with_loaded }
}

fn long(letter: &str) -> FieldValue {
    bytes(&letter.repeat(1025))
}

fn set(field: &'static str, value: FieldValue) -> Op {
    Op::Set { field: field.into(), value }
}

fn member(number: usize) -> Bytes {
    format!("member {number:04}").into_bytes().into()
}

#[tokio::test]
async fn values_over_a_kibibyte_lie_apart() {
    let server = Redis::volatile();
    for with_loaded in BOTH_WAYS {
        let fits = bytes(&"a".repeat(1024));
        let fields = [("fits", fits.clone()), ("long", long("a")), ("short", bytes("a"))];
        let mut session = begun(&server, with_loaded, &fields).await;
        assert_eq!(session.apart().await, ["long"], "inserted");
        assert_eq!(session.apply([set("short", bytes("b"))]).await, ["long"], "left alone");
        assert_eq!(session.apply([set("short", long("b"))]).await, ["long", "short"], "grown");
        assert_eq!(session.apply([set("long", long("c"))]).await, ["long", "short"], "replaced");
        assert_eq!(session.apply([set("long", fits)]).await, ["short"], "shrunk");
        let twice = [set("short", bytes("d")), set("short", long("e"))];
        assert_eq!(session.apply(twice).await, ["short"], "shrunk and grown");
        let twice = [set("short", long("f")), set("short", bytes("g"))];
        assert_eq!(session.apply(twice).await, [""; 0], "grown and shrunk");
    }
}

#[tokio::test]
async fn ops_on_values_that_lie_apart_do_what_they_do_on_others() {
    let server = Redis::volatile();
    for with_loaded in BOTH_WAYS {
        let mut session = begun(&server, with_loaded, &[("a", long("a")), ("b", long("b"))]).await;
        let take = |field: &'static str, seen| Op::Take { field: field.into(), seen };
        assert_eq!(session.apply([take("a", long("b"))]).await, ["a", "b"], "not the one seen");
        assert_eq!(session.apply([take("a", long("a"))]).await, ["b"], "taken");
        let once = |value| Op::Once { field: "a".into(), value };
        assert_eq!(session.apply([once(long("c")), once(bytes("d"))]).await, ["a", "b"], "once");
        let written = [set("a", long("d")), take("a", long("d"))];
        assert_eq!(session.apply(written).await, ["b"], "written and taken");
        assert_eq!(session.apply([Op::Unset { field: "b".into() }]).await, [""; 0], "removed");
        assert_eq!(session.apply([set("a", long("e")), set("b", long("e"))]).await, ["a", "b"]);
        assert_eq!(
            session.apply([Op::Clear { keep: ["b".into()].into() }]).await,
            ["b"],
            "cleared"
        );
        let number = Op::Max { field: "b".into(), value: 5 };
        assert_eq!(session.apply([number]).await, [""; 0], "replaced by a number");
    }
}

#[tokio::test]
async fn a_set_moves_apart_and_back_as_it_grows_and_shrinks() {
    let server = Redis::volatile();
    for with_loaded in BOTH_WAYS {
        let mut session = begun(&server, with_loaded, &[]).await;
        let insert = |number| Op::Insert { field: "set".into(), member: member(number) };
        let remove = |number| Op::Remove { field: "set".into(), member: member(number) };
        let grown: Vec<_> = (0..100).map(insert).collect();
        assert_eq!(session.apply(grown).await, ["set"], "grown");
        assert_eq!(session.apply([insert(100), remove(0)]).await, ["set"], "changed");
        assert_eq!(session.apply([insert(100)]).await, ["set"], "nothing new");
        let shrunk: Vec<_> = (1..=90).map(remove).collect();
        assert_eq!(session.apply(shrunk).await, [""; 0], "shrunk");
        let gone: Vec<_> = (91..=100).map(remove).collect();
        assert_eq!(session.apply(gone).await, [""; 0], "gone");
        assert_eq!(session.expected.fields().len(), 0);
    }
}
