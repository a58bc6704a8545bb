//! What somebody put where a session, a temporary file or a lock should be: no link is followed, no
//! pipe waited for, and nothing outside of the store is read or written.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use session_runtime::store::{FileStore, InsertOutcome, Store};
use session_runtime::testing::conformance::Repository as _;
use tempfile::TempDir;
use tests::backend::run;

use crate::support::*;

const SECRET: &str = "somebody else's file";

struct Scene {
    home: TempDir,
    store: FileStore,
    victim: PathBuf,
}

/// A store with session 1, and a file outside of it.
fn scene() -> Scene {
    let home = home();
    let store = open(&home);
    put(&store, 1, owned(ada()));
    let victim = home.path().join("victim");
    fs::write(&victim, SECRET).expect("a file");
    Scene { home, store, victim }
}

impl Scene {
    fn check(&self) {
        assert_eq!(fs::read_to_string(&self.victim).expect("a file"), SECRET);
    }

    fn beside(&self, number: u64, name: &str) -> PathBuf {
        path_of(&self.home, number).with_file_name(name)
    }
}

fn replace_by_link(path: &Path, target: &Path) {
    let _ = fs::remove_file(path);
    symlink(target, path).expect("a link");
}

/// Every use of a session, each of which must fail and name the file.
fn all_fail(store: &FileStore, number: u64, named: &str) {
    let key = key(number);
    for told in [
        error_of(wait(store.load(&key))),
        error_of(wait(store.commit(&key, &commit([add()])))),
        error_of(wait(store.remove(&key, None))),
    ] {
        assert!(told.contains(named), "{told}");
    }
}

#[test]
fn a_link_in_the_place_of_a_session_is_not_followed() {
    let scene = scene();
    // To a session, even: two names must not share one.
    for target in [&scene.victim, &path_of(&scene.home, 1), &scene.home.path().join("missing")] {
        let path = path_of(&scene.home, 2);
        replace_by_link(&path, target);
        all_fail(&scene.store, 2, "symbolic link");
        let outcome =
            wait(scene.store.insert_capped(&key(2), anonymous(), None)).expect("an insert");
        assert_eq!(outcome, InsertOutcome::Exists);
        assert!(path.is_symlink());
    }
    scene.check();
    assert!(!scene.home.path().join("missing").exists());
}

#[test]
fn a_link_in_the_place_of_the_temporary_file_is_not_followed() {
    let scene = scene();
    let temporary = scene.beside(1, "tmp");
    for target in [&scene.victim, &scene.home.path().join("missing")] {
        replace_by_link(&temporary, target);
        apply(&scene.store, 1, &commit([add()]));
        scene.check();
        assert!(!scene.home.path().join("missing").exists());
        assert!(path_of(&scene.home, 1).symlink_metadata().expect("a session").is_file());
        assert!(temporary.symlink_metadata().is_err());
    }
    // Nor when leftovers are collected.
    replace_by_link(&temporary, &scene.victim);
    drop(open(&scene.home));
    assert!(temporary.symlink_metadata().is_err());
    scene.check();
}

#[test]
fn a_link_in_the_place_of_a_lock_is_not_followed() {
    let scene = scene();
    let missing = scene.home.path().join("missing");
    for target in [&scene.victim, &missing] {
        replace_by_link(&scene.beside(1, "lock"), target);
        for told in [
            error_of(wait(scene.store.commit(&key(1), &commit([add()])))),
            error_of(wait(scene.store.remove(&key(1), None))),
        ] {
            assert!(told.contains("lock") && told.contains("symbolic link"), "{told}");
        }
    }
    scene.check();
    assert!(!missing.exists());
    // Loads need no lock.
    assert!(wait(scene.store.load(&key(1))).expect("a load").is_some());
}

#[test]
fn a_link_in_the_place_of_a_directory_is_not_followed() {
    let scene = scene();
    let part = path_of(&scene.home, 1).parent().expect("a directory").to_owned();
    let moved = scene.home.path().join("moved");
    fs::rename(&part, &moved).expect("moved");
    symlink(&moved, &part).expect("a link");
    all_fail(&scene.store, 1, "symbolic link");
    assert!(
        error_of(wait(scene.store.insert_capped(&key(1), anonymous(), None))).contains("symbolic")
    );

    let principals = root(&scene.home).join("principals");
    let elsewhere = scene.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    for number in 0..=255 {
        let (part, moved) = (principals.join(format!("{number:02x}")), format!("{number}"));
        fs::rename(&part, elsewhere.join(&moved)).expect("moved");
        symlink(elsewhere.join(&moved), &part).expect("a link");
    }
    let store = &scene.store;
    assert!(error_of(wait(store.list_live(&shop(), &ada(), at(2)))).contains("symbolic link"));
    let log_in = wait(store.insert_capped(&key(3), owned(ada()), None));
    assert!(error_of(log_in).contains("symbolic link"));
    assert!(!path_of(&scene.home, 3).exists(), "a session that the index does not have");
    assert!(error_of(FileStore::open(root(&scene.home))).contains("symbolic link"));
}

#[test]
fn what_is_no_file_in_the_place_of_a_session_is_told() {
    let scene = scene();
    fs::create_dir(path_of(&scene.home, 2)).expect("a directory");
    run(Command::new("mkfifo").arg(path_of(&scene.home, 3)));
    for number in [2, 3] {
        all_fail(&scene.store, number, "is no file of this store");
    }
    // The sweep goes on.
    assert_eq!(wait(scene.store.sweep(at(60_000), None, 1000)).expect("a sweep").removed, 1);
}

#[test]
fn files_that_are_not_the_stores_stay() {
    let scene = scene();
    let readme = scene.beside(1, "README");
    let entry = root(&scene.home).join("principals").join("README");
    fs::write(&readme, "").expect("a file");
    fs::write(&entry, "").expect("a file");
    drop(open(&scene.home));
    assert_eq!(wait(scene.store.sweep(at(60_000), None, 1000)).expect("a sweep").removed, 1);
    assert!(readme.exists() && entry.exists());
}
