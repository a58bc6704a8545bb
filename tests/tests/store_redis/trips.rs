//! What reaches the server: which commands, and how many round trips, each operation takes. Watched
//! by MONITOR on a server of the tests' own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    sync::Arc,
};

use session_runtime::store::{
    CommitOutcome, InsertOutcome, Namespace, Op, PrincipalKey, Record, Store,
};
use session_runtime::testing::conformance::Repository as _;
use tests::backend::redis::Redis;

use crate::support::{
    END_OLDEST, add, at, bytes, calls, cap, commit, connect, entries, entry, entry_of, index_of,
    key, log_in, owned, record, touch,
};

/// Prints every command that the server gets.
struct Monitor<'a> {
    server: &'a Redis,
    lines: BufReader<TcpStream>,
    marks: u32,
}

impl<'a> Monitor<'a> {
    fn new(server: &'a Redis) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("a connection");
        stream.write_all(b"MONITOR\r\n").expect("a command");
        let mut lines = BufReader::new(stream);
        lines.read_line(&mut String::new()).expect("an answer");
        Self { server, lines, marks: 0 }
    }

    /// The names of the commands since the last call; those that scripts run are not sent.
    fn since(&mut self) -> Vec<String> {
        self.marks += 1;
        let mark = format!("\"mark {}\"", self.marks);
        let _ = self.server.ask(&["ECHO", mark.trim_matches('"')]);
        let mut commands = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).expect("a line"), 0, "the server is there");
            if line.contains(&mark) {
                // What its own connection said first.
                commands.retain(|name| !["CLIENT", "HELLO"].contains(&String::as_str(name)));
                return commands;
            }
            if !line.contains(" lua] ") {
                commands.push(line.split('"').nth(1).unwrap_or_default().to_owned());
            }
        }
    }
}

#[tokio::test]
async fn each_operation_takes_as_many_round_trips_as_the_documentation_says() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let (namespace, ada) = (Namespace::new("shop"), PrincipalKey::new("ada"));
    // Teaches the server every script, which costs one more each, once.
    let warm = key("warm", 1);
    store.insert_capped(&warm, owned(0, "eve"), None).await.expect("an insert");
    store.remove(&warm, None).await.expect("a deletion");
    let mut monitor = Monitor::new(&server);
    monitor.since();

    let first = key("shop", 1);
    store.insert_capped(&first, record(0), None).await.expect("an insert");
    assert_eq!(monitor.since(), ["SET"], "an insert of nobody's session");
    let mut write = commit(1, [add(1), Op::Set { field: "f".into(), value: bytes("1") }]);
    write.loaded = store.load(&first).await.expect("a load");
    assert_eq!(monitor.since(), ["GET"], "a load");
    store.commit(&first, &write).await.expect("a commit");
    assert_eq!(monitor.since(), ["EVALSHA"], "a commit on what was loaded");
    store.commit(&first, &write).await.expect("a commit");
    let changed = ["EVALSHA", "GET", "EVALSHA"];
    assert_eq!(monitor.since(), changed, "a commit on what has changed since");
    store.commit(&first, &touch(2)).await.expect("a touch");
    assert_eq!(monitor.since(), ["GET", "EVALSHA"], "a touch without a load");
    // A transaction is one trip.
    let entry_and_session = ["MULTI", "EVALSHA", "EVALSHA", "EXEC"];
    let mut log_in_first = log_in(3, "ada", Some(cap(2, END_OLDEST)));
    log_in_first.loaded = store.load(&first).await.expect("a load");
    monitor.since();
    store.commit(&first, &log_in_first).await.expect("a log-in");
    assert_eq!(monitor.since(), entry_and_session, "a log-in below the cap");
    let mut theirs = commit(4, [add(1)]);
    theirs.loaded = store.load(&first).await.expect("a load");
    monitor.since();
    store.commit(&first, &theirs).await.expect("a commit");
    assert_eq!(monitor.since(), ["EVALSHA"], "a commit on somebody's session");
    // As a cache has it, or a commit of the same request has left it: without the store's note.
    let loaded = store.load(&first).await.expect("a load").expect("a session");
    let mut copy = Record::new(loaded.meta.clone());
    copy.extend(loaded.fields().map(|(name, value)| (name.to_owned().into(), value.clone())));
    let mut theirs = commit(5, [add(1)]);
    theirs.loaded = Some(Arc::new(copy));
    monitor.since();
    store.commit(&first, &theirs).await.expect("a commit");
    assert_eq!(monitor.since(), ["EVALSHA"], "a commit on a copy of what was loaded");
    let second = key("shop", 2);
    store.insert_capped(&second, owned(4, "ada"), None).await.expect("an insert");
    let entry_and_new_session = ["MULTI", "EVALSHA", "SET", "EXEC"];
    assert_eq!(monitor.since(), entry_and_new_session, "an insert of somebody's session");
    let mut again = log_in(6, "ada", None);
    again.loaded = store.load(&second).await.expect("a load");
    monitor.since();
    store.commit(&second, &again).await.expect("a log-in");
    let replaced = ["MULTI", "EVALSHA", "EVALSHA", "EXEC", "ZREM"];
    assert_eq!(monitor.since(), replaced, "a log-in to a session that has a principal");
    // The entry and the session; the list; the session that gives way, and its entry.
    let third = key("shop", 3);
    let inserted = store.insert_capped(&third, owned(7, "ada"), Some(cap(2, END_OLDEST))).await;
    let ended = vec![first.selector];
    assert_eq!(inserted.expect("an insert"), InsertOutcome::Inserted { ended });
    let list = ["ZRANGE", "GET", "GET", "GET"];
    let at_the_cap = [&entry_and_new_session[..], &list, &["EVALSHA", "ZREM"]].concat();
    assert_eq!(monitor.since(), at_the_cap, "a log-in at the cap");
    store.list_live(&namespace, &ada, at(8)).await.expect("a list");
    assert_eq!(monitor.since(), ["ZRANGE", "GET", "GET"], "a list");
    // The session's end moves beyond that of the index.
    let mut longer = touch(9);
    longer.lifetime = Some(record(1_000_000_000).meta.lifetime);
    longer.loaded = store.load(&second).await.expect("a load");
    monitor.since();
    store.commit(&second, &longer).await.expect("a longer life");
    assert_eq!(monitor.since(), replaced, "a longer life");
    store.remove(&second, None).await.expect("a deletion");
    assert_eq!(monitor.since(), ["EVALSHA", "ZREM"], "a deletion of somebody's session");
    let fourth = key("shop", 4);
    store.insert_capped(&fourth, record(0), None).await.expect("an insert");
    monitor.since();
    store.remove(&fourth, None).await.expect("a deletion");
    assert_eq!(monitor.since(), ["EVALSHA"], "a deletion of nobody's session");
    store.sweep(at(0), None, 1000).await.expect("a sweep");
    assert_eq!(monitor.since(), [""; 0], "a sweep");
    let _ = server.ask(&["ZADD", &index_of(&server), "0", &entry(&key("shop", 5), 0, 3600)]);
    monitor.since();
    assert_eq!(store.list_live(&namespace, &ada, at(1)).await.expect("a list").len(), 1);
    assert_eq!(monitor.since(), ["ZRANGE", "GET", "GET", "ZREM"], "a list with a gap");
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let key = key("shop", 1);
    store.insert_capped(&key, record(0), None).await.expect("an insert");
    let mut monitor = Monitor::new(&server);
    for round in 1..4 {
        let _ = server.ask(&["SCRIPT", "FLUSH"]);
        monitor.since();
        let outcome = store.commit(&key, &commit(round, [add(1)])).await.expect("a commit");
        assert_eq!(outcome, CommitOutcome::committed(round + 1, false));
        assert_eq!(monitor.since(), ["GET", "EVALSHA", "EVAL"]);
        // The next round's revision.
        store.remove(&key, None).await.expect("a deletion");
        let mut again = record(0);
        again.meta.revision = round + 1;
        store.insert_capped(&key, again, None).await.expect("an insert");
    }
    // The new session is there before its entry, and is still found to be its own.
    for number in 2..5 {
        let key = self::key("shop", number);
        let _ = server.ask(&["SCRIPT", "FLUSH"]);
        monitor.since();
        let inserted = store.insert_capped(&key, owned(number, "ada"), None).await;
        assert_eq!(inserted.expect("a log-in"), InsertOutcome::inserted());
        let twice = ["MULTI", "EVALSHA", "SET", "EXEC", "MULTI", "EVAL", "EVAL", "EXEC"];
        assert_eq!(monitor.since(), twice);
        assert!(entries(&server).contains(&entry_of(&server, &key)));
        let _ = server.ask(&["SCRIPT", "FLUSH"]);
        let again = store.insert_capped(&key, owned(number, "eve"), None).await;
        assert_eq!(again.expect("an answer"), InsertOutcome::Exists);
    }
    assert_eq!(entries(&server).len(), 3);
}

#[tokio::test]
async fn keys_live_a_minute_longer_than_sessions_and_those_without_an_end_for_ever() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let left = |name: &str| -> i64 {
        redis::from_redis_value(server.ask(&["PTTL", name])).expect("a number")
    };
    let near = |found: i64, expected: i64| (expected - 20_000..=expected).contains(&found);
    let key = key("shop", 1);
    let name = format!("session:{key}");
    store.insert_capped(&key, owned(0, "ada"), None).await.expect("an insert");
    let index = &index_of(&server);
    assert!(near(left(&name), 1_800_000 + 60_000), "idle: {}", left(&name));
    assert!(near(left(index), 3_600_000 + 3_600_000), "absolute: {}", left(index));
    // Ten minutes before its absolute end.
    store.commit(&key, &touch(3_000_000 - 1_300_000)).await.expect("a touch");
    store.commit(&key, &touch(3_000_000)).await.expect("a touch");
    assert!(near(left(&name), 600_000 + 60_000), "absolute: {}", left(&name));
    let mut for_ever = touch(3_000_001);
    let mut lifetime = record(0).meta.lifetime;
    (lifetime.idle_millis, lifetime.absolute_until) =
        (None, session_runtime::clock::Timestamp::MAX);
    for_ever.lifetime = Some(lifetime);
    store.commit(&key, &for_ever).await.expect("a commit");
    assert_eq!((left(&name), left(index)), (-1, -1), "for ever");
    let mut shorter = touch(3_000_002);
    shorter.lifetime = Some(record(3_000_002).meta.lifetime);
    store.commit(&key, &shorter).await.expect("a commit");
    assert!(near(left(&name), 1_800_000 + 60_000), "an end again: {}", left(&name));
    assert_eq!(left(index), -1, "an index never lives for less than it did");
    store.remove(&key, None).await.expect("a deletion");
    assert_eq!((left(&name), left(index)), (-2, -2), "nothing is left of it");
}

#[tokio::test]
async fn the_server_is_told_of_an_end_that_has_moved_by_more_than_half_a_minute() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let told = || calls(&server, "pexpire");
    let key = key("shop", 1);
    store.insert_capped(&key, record(0), None).await.expect("an insert");
    let before = told();
    for second in 1..=100 {
        // The end moves away from the server's clock, which hardly moves meanwhile.
        let (seen, ends) = (at(second * 1000), at(2 * second * 1000 + 1_800_000));
        assert!(store.touch(&key, seen, ends).await.expect("a touch"));
    }
    let moves = told() - before;
    // At 31, 62 and 93 seconds, on a machine that is not slower than that by half a minute.
    assert!((2..=4).contains(&moves), "told {moves} times");
}
