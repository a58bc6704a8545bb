//! What crashes leave behind, and how the sweep goes on its way: what it collects, what it leaves to
//! those who still need it, and how much it does at once.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use session_runtime::store::{FileStore, Lifetime, Namespace, Record, Store, StoreKey};
use session_runtime::testing::conformance::Repository as _;
use tempfile::TempDir;
use tests::{
    backend::{User, command, find},
    eventually_blocking,
};

use crate::support::*;

fn sweep(store: &FileStore, millis: u64, limit: usize) -> u64 {
    wait(store.sweep(at(millis), None, limit)).expect("a sweep").removed
}

/// A session that is over `millis` after the start.
fn until(millis: u64, record: Record) -> Record {
    let mut record = record;
    record.meta.lifetime =
        Lifetime { idle_millis: None, absolute_until: at(millis), persistent: false };
    record
}

/// Leaves everything that a crash can: a half-written file, an entry of a session that never came
/// to be, one of a session that another has, and one of a session's earlier log-in.
fn crash(home: &TempDir) {
    fs::write(path_of(home, 1).with_file_name("tmp"), "half").expect("a leftover");
    let entry = root(home).join(&entries(home)[0]);
    for (time, number) in [(START, 2), (START, 3), (START - 1, 1)] {
        let session = path_of(home, number);
        let session = session.file_name().and_then(|name| name.to_str()).expect("a name");
        let name = format!("{time:016x}-{session}");
        fs::write(entry.with_file_name(name), "").expect("a leftover");
    }
}

fn store_with_leftovers() -> (TempDir, FileStore) {
    let home = home();
    let store = open(&home);
    put(&store, 1, owned(ada()));
    put(&store, 3, anonymous());
    crash(&home);
    assert_eq!((temporary(&home).len(), entries(&home).len()), (1, 4));
    (home, store)
}

#[test]
fn readers_skip_what_a_crash_left_behind() {
    let (home, store) = store_with_leftovers();
    let listed = wait(store.list_live(&shop(), &ada(), at(2))).expect("a list");
    assert_eq!(listed.iter().map(|it| it.selector).collect::<Vec<_>>(), [key(1).selector]);
    assert_eq!(wait(store.end_all(&shop(), &ada(), None)).expect("ended"), 1);
    assert!(path_of(&home, 3).exists(), "another's session");
}

#[test]
fn opening_collects_leftovers() {
    let (home, _) = store_with_leftovers();
    drop(open(&home));
    assert_eq!((temporary(&home).len(), entries(&home).len()), (0, 1));
    assert_eq!(sessions(&home).len(), 2);
}

#[test]
fn the_sweep_collects_leftovers() {
    let (home, store) = store_with_leftovers();
    assert_eq!(sweep(&store, 2, 1000), 0);
    assert_eq!((temporary(&home).len(), entries(&home).len()), (0, 1));
    assert_eq!(sessions(&home).len(), 2);
    // With its last session, a principal's directory goes too.
    assert!(wait(store.remove(&key(1), None)).expect("a delete"));
    let directories = walk(&root(&home).join("principals"));
    assert!(directories.keys().all(|path| path.len() < 8), "{directories:?}");
}

struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Another process that has the lock beside a file until it is ended.
fn lock_beside(path: &Path) -> Holder {
    let lock = path.with_file_name("lock");
    let mut held = command(User::Same, &find("flock", "util-linux"));
    // Without a process of its own for the command, which would outlive it.
    held.arg("--no-fork").arg(&lock).args(["sleep", "600"]).stdin(Stdio::null());
    let holder = Holder(held.spawn().expect("flock starts"));
    let is_free = || {
        let mut tried = Command::new("flock");
        tried.arg("--nonblock").arg(&lock).arg("true").status().expect("flock starts").success()
    };
    eventually_blocking("the lock is taken", || !is_free());
    holder
}

#[test]
fn the_write_under_way_of_another_process_is_left_alone() {
    let (home, store) = store_with_leftovers();
    let holders = [1, 2, 3].map(|number| lock_beside(&path_of(&home, number)));
    drop(open(&home));
    assert_eq!(sweep(&store, 2, 1000), 0);
    assert_eq!((temporary(&home).len(), entries(&home).len()), (1, 4));
    drop(holders);
    assert_eq!(sweep(&store, 2, 1000), 0);
    assert_eq!((temporary(&home).len(), entries(&home).len()), (0, 1));
}

#[test]
fn the_sweep_removes_what_is_over_and_nothing_else() {
    let home = home();
    let store = open(&home);
    for number in 0..8 {
        put(&store, number, until(10 * (number + 1), owned(ada())));
    }
    assert_eq!(sweep(&store, 9, 1000), 0);
    assert_eq!(sweep(&store, 40, 1000), 4);
    assert_eq!((sessions(&home).len(), entries(&home).len()), (4, 4));
    for number in 4..8 {
        assert!(wait(store.load(&key(number))).expect("a load").is_some(), "{number}");
    }
    assert_eq!(sweep(&store, 80, 1000), 4);
    assert_eq!((sessions(&home).len(), entries(&home).len()), (0, 0));
}

#[test]
fn the_sweep_does_no_more_than_it_is_asked_and_goes_on_where_it_stopped() {
    let home = home();
    let store = open(&home);
    // Several in one part, and in other namespaces.
    for number in 0..10 {
        put(&store, number % 3 + 256 * number, until(10, anonymous()));
        let key = StoreKey { namespace: Namespace::new("Shop/ended"), ..key(number) };
        wait(store.insert_capped(&key, until(10, anonymous()), None)).expect("an insert");
    }
    put(&store, 99, anonymous());
    assert_eq!(sweep(&store, 10, 0), 0);
    let removed: Vec<_> = (0..8).map(|_| sweep(&store, 10, 3)).collect();
    assert_eq!(removed, [3, 3, 3, 3, 3, 3, 2, 0]);
    assert_eq!(sessions(&home).len(), 1);
}

#[test]
fn sweeps_of_several_processes_remove_each_session_once() {
    let home = home();
    let stores = [open(&home), open(&home), open(&home)];
    for number in 0..60 {
        put(&stores[0], number, until(10, owned(ada())));
    }
    let removed: u64 = std::thread::scope(|scope| {
        let sweeps = stores.each_ref().map(|store| scope.spawn(|| sweep(store, 10, 1000)));
        sweeps.into_iter().map(|it| it.join().expect("no panic")).sum()
    });
    assert_eq!(removed, 60);
    assert_eq!((sessions(&home).len(), entries(&home).len()), (0, 0));
}

#[test]
fn names_and_index_show_nobody() {
    let home = home();
    let store = open(&home);
    put(&store, 1, owned(ada()));
    for path in walk(&root(&home)).into_keys() {
        assert!(!path.contains("ada") && !path.contains("example"), "{path}");
    }
    for entry in entries(&home) {
        assert_eq!(fs::read(root(&home).join(entry)).expect("a file"), b"");
    }
}
