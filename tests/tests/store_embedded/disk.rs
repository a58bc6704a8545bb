//! The embedded store on a disk that is full: errors, nothing lost, reads go on, and so do writes
//! once there is room.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
};

use session_runtime::store::{CommitOutcome, EmbeddedStore, FieldValue, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::backend;

use super::support::{add, directory, in_child, is_child, key, record};

const NAME: &str = "disk::a_full_disk_is_an_error_and_the_store_goes_on_after_it";
/// Larger than a new file, smaller than what is written.
const LIMIT: u64 = 6 << 20;

/// In the child, under the limit: writes until it fails.
#[tokio::main]
async fn fill(path: &std::path::Path) {
    let store = EmbeddedStore::open(path).unwrap();
    store.insert_capped(&key(0), record(0), None).await.unwrap();
    let mut filler = record(0);
    filler.set("filler", FieldValue::Bytes(vec![7; 100_000].into()));
    let (mut written, mut failures) = (0, 0);
    for number in 1..200 {
        match store.insert_capped(&key(number), filler.clone(), None).await {
            Ok(_) => written = number,
            Err(error) => {
                let told = format!("{error}: {:?}", std::error::Error::source(&error));
                assert!(told.contains(path.to_str().unwrap()), "{told}");
                assert!(told.contains("File too large") || told.contains("opened anew"), "{told}");
                failures += 1;
                if failures == 5 {
                    break;
                }
            }
        }
    }
    assert!((5..150).contains(&written), "{written} before it was full");
    assert_eq!(failures, 5);
    // A change that needs no room may succeed; one that fails has not happened.
    let small = store.commit(&key(0), &add(1)).await;
    let added = i64::from(small.is_ok());
    // The file may be in the middle of being opened anew.
    let first = loop {
        match store.load(&key(0)).await {
            Ok(first) => break first.expect("it is there"),
            Err(error) => assert!(error.to_string().contains("opened anew"), "{error}"),
        }
    };
    let n = first.get("n").map_or(0, |n| if *n == FieldValue::Int(1) { 1 } else { -1 });
    assert_eq!(n, added);
    for number in 1..=written {
        let record = store.load(&key(number)).await.expect("reads go on").expect("answered");
        assert_eq!(record.get("filler"), filler.get("filler"));
    }
    std::io::stdout().lock().write_all(b"\nfull.\n").unwrap();
    // The parent lifts the limit.
    std::io::stdin().read_exact(&mut [0]).unwrap();
    for number in 200..300 {
        let inserted = store.insert_capped(&key(number), filler.clone(), None).await;
        // Of what failed while it was full, the last may be noticed only now.
        assert!(inserted.is_ok(), "there is room: {inserted:?}");
    }
    let committed = store.commit(&key(0), &add(1)).await.unwrap();
    assert!(matches!(committed, CommitOutcome::Committed { .. }));
    drop(store);
    let store = EmbeddedStore::open(path).unwrap();
    for number in (1..=written).chain(200..300) {
        assert!(store.load(&key(number)).await.unwrap().is_some());
    }
    std::io::stdout().lock().write_all(b"\nwent on.\n").unwrap();
}

#[test]
fn a_full_disk_is_an_error_and_the_store_goes_on_after_it() {
    if let Some(path) = is_child(NAME) {
        return fill(&path);
    }
    let directory = directory();
    let path = directory.path().join("sessions.redb");
    let mut child = in_child(NAME, &path, Some(LIMIT))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line == "full."), "the child failed");
    assert!(path.metadata().unwrap().len() <= LIMIT);
    let prlimit = backend::find("prlimit", "util-linux");
    let pid = child.id().to_string();
    backend::run(Command::new(prlimit).args(["--pid", &pid, "--fsize=unlimited:unlimited"]));
    child.stdin.take().unwrap().write_all(b".").unwrap();
    assert!(lines.any(|line| line == "went on."), "the child failed");
    assert!(child.wait().unwrap().success());
}
