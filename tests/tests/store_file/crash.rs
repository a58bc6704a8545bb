//! Processes that are killed while they write, at random moments: each session is as it was before
//! or after the write under way, what was acknowledged is there, and the next to open the store
//! collects what was left.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    thread,
    time::Duration,
};

use session_runtime::store::{
    Commit, CommitOutcome, FieldValue, FileStore, PrincipalKey, Record, Selector, Store,
};
use session_runtime::testing::conformance::Repository as _;
use tempfile::TempDir;

use crate::support::*;

/// At least so many, and more until one came in the middle of a file.
const KILLS: u64 = 60;
/// These are changed again and again; the one after them is made and deleted.
const SESSIONS: u64 = 6;
/// Large enough that a kill often comes in the middle of the file.
const BLOB: usize = 20_000;

/// What a session holds after so many changes: all of it follows from the number.
fn change(visits: i64) -> Commit {
    let mut commit = becomes(principal(visits));
    commit.ops = vec![add(), set("blob", blob(visits))];
    commit
}

fn blob(visits: i64) -> Vec<u8> {
    vec![u8::try_from(visits % 251).expect("below 251"); BLOB]
}

fn principal(visits: i64) -> Option<PrincipalKey> {
    match visits % 3 {
        0 => None,
        1 => Some(ada()),
        _ => Some(bob()),
    }
}

fn visits(record: &Record) -> i64 {
    match record.get("visits") {
        Some(FieldValue::Int(visits)) => *visits,
        None => 0,
        other => panic!("{other:?}"),
    }
}

/// Changes sessions until it is killed. Prints `ack`, which, and its number after each.
fn write_for_ever(store: &FileStore) {
    wait(async {
        loop {
            for number in 0..SESSIONS {
                let record = store.load(&key(number)).await.expect("a load").expect("a session");
                let next = visits(&record) + 1;
                let outcome = store.commit(&key(number), &change(next)).await.expect("a commit");
                let revision = next.cast_unsigned() + 1;
                assert_eq!(outcome, CommitOutcome::committed(revision, false));
                println!("ack {number} {next}");
            }
            if store.remove(&key(SESSIONS), None).await.expect("a delete") {
                println!("ack {SESSIONS} 0");
            } else {
                let outcome = store.insert_capped(&key(SESSIONS), owned(ada()), None).await;
                assert!(outcome.is_ok(), "{outcome:?}");
                println!("ack {SESSIONS} 1");
            }
        }
    });
}

/// What each session's number was when it was last heard of.
type Acknowledged = BTreeMap<u64, i64>;

/// Runs a child, kills it after a while, and returns what it has acknowledged.
fn write_and_kill(home: &TempDir, pause: Duration, acknowledged: &mut Acknowledged) {
    let test = "crash::a_kill_at_any_moment_leaves_each_session_old_or_new";
    let mut child = child(home, test, 0);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    let mut killed = false;
    while lines.read_line(&mut line).expect("text") > 0 {
        // The last line may be cut in the middle.
        if let Some((_, told)) = line.trim_end_matches('\n').split_once("ack ")
            && line.ends_with('\n')
        {
            let (number, value) = told.split_once(' ').expect("two numbers");
            let (number, value) = (number.parse().expect(told), value.parse().expect(told));
            acknowledged.insert(number, value);
            if !killed {
                #[expect(clippy::disallowed_methods, reason = "it plays a kill at any moment")]
                thread::sleep(pause);
                child.kill().expect("it runs");
                killed = true;
            }
        }
        line.clear();
    }
    let status = child.wait().expect("it ran");
    assert!(killed && status.code().is_none(), "the child ended by itself: {status}");
}

/// Checks every session against what was acknowledged; how many of them were a step further.
fn check(store: &FileStore, acknowledged: &mut Acknowledged) -> usize {
    let mut further = 0;
    let mut owned: Vec<(PrincipalKey, Selector)> = Vec::new();
    for number in 0..SESSIONS {
        let record = wait(store.load(&key(number))).expect("it decodes").expect("it is there");
        let now = visits(&record);
        let before = acknowledged.insert(number, now).unwrap_or(0);
        assert!(now == before || now == before + 1, "{number}: {before} became {now}");
        further += usize::from(now != before);
        assert_eq!(record.meta.revision, now.cast_unsigned() + 1);
        assert_eq!(record.meta.principal, principal(now));
        if now > 0 {
            assert_eq!(record.get("blob"), Some(&FieldValue::Bytes(blob(now).into())));
        }
        owned.extend(principal(now).map(|principal| (principal, key(number).selector)));
    }
    let made = wait(store.load(&key(SESSIONS))).expect("it decodes").is_some();
    let before = acknowledged.insert(SESSIONS, i64::from(made)).unwrap_or(0);
    further += usize::from(i64::from(made) != before);
    if made {
        owned.push((ada(), key(SESSIONS).selector));
    }
    for principal in [ada(), bob()] {
        let listed = wait(store.list_live(&shop(), &principal, at(2))).expect("a list");
        let mut listed: Vec<_> = listed.into_iter().map(|session| session.selector).collect();
        listed.sort();
        let of = owned.iter().filter(|(owner, _)| *owner == principal);
        let mut owned: Vec<_> = of.map(|(_, selector)| *selector).collect();
        owned.sort();
        assert_eq!(listed, owned, "the index holds at least every live session");
    }
    further
}

#[test]
fn a_kill_at_any_moment_leaves_each_session_old_or_new() {
    if let Some((store, _)) = in_child() {
        return write_for_ever(&store);
    }
    let home = home();
    let store = open(&home);
    for number in 0..SESSIONS {
        put(&store, number, anonymous());
    }
    let (mut kills, mut torn, mut further) = (0, 0, 0);
    let mut acknowledged = Acknowledged::new();
    while kills < KILLS || torn == 0 {
        assert!(kills < 10 * KILLS, "no kill came while a file was written");
        kills += 1;
        let pause = Duration::from_micros(kills * 7919 % 20_000);
        write_and_kill(&home, pause, &mut acknowledged);
        torn += temporary(&home).len();
        further += check(&open(&home), &mut acknowledged);
        assert_eq!(temporary(&home), [""; 0], "opening collects temporary files");
        // The entries that are left are those that are needed.
        let owned = |visits: &i64| principal(*visits).is_some();
        let needed = (0..SESSIONS).filter(|number| owned(&acknowledged[number])).count();
        let made = usize::try_from(acknowledged[&SESSIONS]).expect("0 or 1");
        assert_eq!(entries(&home).len(), needed + made, "opening collects entries");
    }
    println!("{kills} kills: {torn} within a file, {further} between a write and its answer");
    assert_eq!(sessions(&home).len() as u64, SESSIONS + acknowledged[&SESSIONS].cast_unsigned());
}
