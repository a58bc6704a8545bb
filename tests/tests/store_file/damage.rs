//! Files that do not decode: an error that names the file, never an empty session that is saved
//! over it.

use std::fs;

use session_runtime::store::{CommitOutcome, InsertOutcome, Store};
use session_runtime::testing::conformance::Repository as _;
use tempfile::TempDir;

use crate::support::*;

/// Every use of session 1 fails, and the file stays as it is.
fn told(home: &TempDir) -> String {
    let store = open(home);
    let bytes = fs::read(path_of(home, 1)).expect("a file");
    let told = error_of(wait(store.load(&key(1))));
    assert!(told.contains(&*path_of(home, 1).to_string_lossy()), "{told}");
    assert_eq!(error_of(wait(store.commit(&key(1), &commit([add()])))), told);
    let outcome = wait(store.insert_capped(&key(1), anonymous(), None)).expect("an insert");
    assert_eq!(outcome, InsertOutcome::Exists);
    // The others of the principal are listed, and the sweep leaves what it cannot judge.
    assert_eq!(wait(store.list_live(&shop(), &ada(), at(2))).expect("a list").len(), 1);
    assert_eq!(wait(store.sweep(at(2), None, 1000)).expect("a sweep").removed, 0);
    assert_eq!(fs::read(path_of(home, 1)).expect("a file"), bytes);
    told
}

fn two_sessions() -> TempDir {
    let home = home();
    let store = open(&home);
    put(&store, 1, owned(ada()));
    put(&store, 2, owned(ada()));
    assert!(matches!(
        apply(&store, 1, &commit([set("cart", *b"[1,2]")])),
        CommitOutcome::Committed { .. }
    ));
    home
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let home = two_sessions();
    let path = path_of(&home, 1);
    let whole = fs::read(&path).expect("a file");
    let mut cases = vec![Vec::new(), b"x".to_vec(), [&whole[..], b"x"].concat()];
    cases.extend([8, 16, 56, whole.len() - 1].map(|end| whole[..end].to_vec()));
    for position in [0, 8, 16, 24, 60, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[position] ^= 1;
        cases.push(flipped);
    }
    for case in cases {
        fs::write(&path, case).expect("damage");
        assert!(told(&home).contains("damaged"));
    }
    fs::write(&path, whole).expect("a backup");
    assert!(wait(open(&home).load(&key(1))).expect("a load").is_some());
}

#[test]
fn a_file_of_a_later_version_is_told_apart() {
    let home = two_sessions();
    let mut bytes = fs::read(path_of(&home, 1)).expect("a file");
    bytes[7] += 1;
    fs::write(path_of(&home, 1), bytes).expect("another version");
    assert!(told(&home).contains("later version"));
}

#[test]
fn a_session_under_another_ones_name_is_not_that_one() {
    let home = two_sessions();
    fs::copy(path_of(&home, 2), path_of(&home, 1)).expect("a copy");
    assert!(told(&home).contains("another session"));
}

#[test]
fn a_damaged_session_can_be_ended() {
    let home = two_sessions();
    let store = open(&home);
    fs::write(path_of(&home, 1), "").expect("damage");
    assert!(wait(store.remove(&key(1), None)).expect("a delete"));
    assert_eq!(wait(store.load(&key(1))).expect("a load"), None);

    fs::write(path_of(&home, 2), "").expect("damage");
    assert_eq!(wait(store.end_all(&shop(), &ada(), None)).expect("ended"), 1);
    assert_eq!(sessions(&home), [""; 0]);
    // The entry of the first outlived what said whose it was.
    drop(open(&home));
    assert_eq!(entries(&home), [""; 0]);
}
