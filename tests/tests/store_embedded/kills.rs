//! The embedded store when its process is killed: what was answered is there, what was deleted
//! stays away, the index agrees with the records, and a file is never left half made.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use session_runtime::store::{CommitOutcome, EmbeddedStore, FieldValue, InsertOutcome, Store};
use session_runtime::testing::conformance::Repository as _;

use super::support::{
    ada, add, at, directory, in_child, is_child, key, namespace, record, record_of,
};

const KILLS: usize = 24;
const SHARED: u64 = 24;
const TASKS: u64 = 8;

/// Tells the parent, at once and whole: what is in the pipe outlives the kill.
fn tell(what: &str, number: u64, detail: u64) {
    // Written past the harness, which has its own lines on this stream.
    let line = format!("\n{what} {number} {detail}.\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Commits to shared sessions and inserts and deletes its own, until it is killed.
#[tokio::main]
async fn work(path: &Path) {
    let store = EmbeddedStore::open(path).unwrap();
    let round = u64::from(std::process::id());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for step in 0.. {
                    let shared = (step * 7 + task) % SHARED;
                    match store.commit(&key(shared), &add(1)).await.unwrap() {
                        CommitOutcome::Committed { revision, .. } => tell("c", shared, revision),
                        other => panic!("{other:?}"),
                    }
                    let own = (round * TASKS + task) * 1_000_000 + step;
                    let inserted = store.insert_capped(&key(own), record_of(0, &ada()), None).await;
                    assert_eq!(inserted.unwrap(), InsertOutcome::inserted());
                    tell("i", own, 0);
                    if step % 2 == 0 {
                        tell("ask", own, 0);
                        assert!(store.remove(&key(own), None).await.unwrap());
                        tell("d", own, 0);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// The child's lines: those until it was killed, after `lines` of them, and those that were still
/// in the pipe.
fn kill_after(mut child: Command, lines: usize) -> Vec<(String, u64, u64)> {
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let mut parts = line.strip_suffix('.').unwrap_or("").split(' ');
        if let (Some(what), Some(Ok(number)), Some(Ok(detail))) =
            (parts.next(), parts.next().map(str::parse), parts.next().map(str::parse))
        {
            told.push((what.to_owned(), number, detail));
            if told.len() == lines {
                child.kill().unwrap();
            }
        }
    }
    assert!(told.len() >= lines, "the child ended by itself after {} lines", told.len());
    child.wait().unwrap();
    told
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    const NAME: &str = "kills::a_kill_loses_nothing_that_was_answered";
    let directory = directory();
    let path = directory.path().join("sessions.redb");
    {
        let store = EmbeddedStore::open(&path).unwrap();
        for number in 0..SHARED {
            store.insert_capped(&key(number), record(0), None).await.unwrap();
        }
    }
    let mut revisions = BTreeMap::new();
    let (mut there, mut perhaps, mut gone) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for kill in 0..KILLS {
        for (what, number, detail) in
            kill_after(in_child("kills::child", &path, None), 40 + kill * 97)
        {
            match what.as_str() {
                "c" => {
                    let newest = revisions.entry(number).or_insert(1);
                    *newest = detail.max(*newest);
                }
                "i" => drop(there.insert(number)),
                "ask" => drop(there.remove(&number) && perhaps.insert(number)),
                "d" => drop(perhaps.remove(&number) && gone.insert(number)),
                other => panic!("{NAME}: {other}"),
            }
        }
        let store = EmbeddedStore::open(&path).unwrap();
        for (number, answered) in &revisions {
            let record = store.load(&key(*number)).await.unwrap().expect("never deleted");
            let revision = record.meta.revision;
            assert!(revision >= *answered, "kill {kill}: {revision} of {answered}");
            // Each commit whole: as many additions as revisions.
            let additions = i64::try_from(revision - 1).unwrap();
            assert_eq!(record.get("n"), Some(&FieldValue::Int(additions)));
        }
        for number in &there {
            assert!(store.load(&key(*number)).await.unwrap().is_some(), "kill {kill}: lost");
        }
        for number in &gone {
            assert_eq!(store.load(&key(*number)).await.unwrap(), None, "kill {kill}: came back");
        }
        let listed = store.list_live(&namespace(), &ada(), at(1)).await.unwrap();
        let listed: BTreeSet<_> = listed.iter().map(|it| it.selector).collect();
        assert!(there.iter().all(|number| listed.contains(&key(*number).selector)));
        assert!(!gone.iter().any(|number| listed.contains(&key(*number).selector)));
        for selector in &listed {
            let mut key = key(0);
            key.selector = *selector;
            assert!(store.load(&key).await.unwrap().is_some(), "an entry without a record");
        }
    }
    assert!(revisions.values().sum::<u64>() > 1000 && !gone.is_empty() && !there.is_empty());
}

/// Not a test by itself: what the one above kills.
#[test]
fn child() {
    if let Some(path) = is_child("kills::child") {
        work(&path);
    }
}

#[test]
fn a_kill_while_the_file_is_made_leaves_none_or_a_whole_one() {
    const NAME: &str = "kills::a_kill_while_the_file_is_made_leaves_none_or_a_whole_one";
    if let Some(path) = is_child(NAME) {
        for number in 0.. {
            tell("make", number, 0);
            drop(EmbeddedStore::open(path.join(number.to_string())).unwrap());
        }
    }
    let directory = directory();
    let (mut none, mut whole) = (0, 0);
    for kill in 0..KILLS {
        let path = directory.path().join(kill.to_string());
        let told = kill_after(in_child(NAME, &path, None), 1 + kill % 5);
        let (_, last, _) = told.last().unwrap();
        let file = path.join(last.to_string());
        *(if file.exists() { &mut whole } else { &mut none }) += 1;
        drop(EmbeddedStore::open(&file).unwrap());
        drop(EmbeddedStore::open(&file).unwrap());
    }
    assert_eq!(none + whole, KILLS);
}
