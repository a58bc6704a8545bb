//! Opening a store: what is made and for whom, and which directories are refused.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use session_runtime::store::{FileStore, Properties, Store};

use crate::support::*;

fn refusal(path: impl AsRef<Path>) -> String {
    error_of(FileStore::open(path))
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn everything_is_for_the_owner_only() {
    let home = home();
    let deep = home.path().join("a/b/store");
    let store = FileStore::open(&deep).expect("missing directories are made");
    put(&store, 1, owned(ada()));
    apply(&store, 1, &commit([add()]));
    put(&store, 2, anonymous());
    let found = walk(home.path());
    assert!(found.values().filter(|it| it.is_file()).count() > 3, "sessions, entries, locks");
    for (path, file) in found {
        let mode = file.permissions().mode() & 0o7777;
        assert_eq!(mode, if file.is_dir() { 0o700 } else { 0o600 }, "{path}");
    }
}

#[test]
fn a_store_is_shared_and_durable() {
    let home = home();
    let store = open(&home);
    assert_eq!(store.properties(), Properties::SHARED);
    put(&store, 1, owned(ada()));
    drop(store);
    let again = open(&home);
    assert_eq!(wait(again.load(&key(1))).expect("a load").as_deref(), Some(&owned(ada())));
    let printed = format!("{again:?}");
    assert!(printed.contains(&*root(&home).to_string_lossy()), "{printed}");
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    let home = home();
    drop(open(&home));
    for directory in [root(&home), root(&home).join("sessions"), root(&home).join("principals")] {
        for mode in [0o770, 0o707, 0o720, 0o702, 0o1777] {
            chmod(&directory, mode);
            let told = refusal(root(&home));
            let advice = format!("chmod go-w {}", directory.display());
            assert!(told.contains(&advice), "{mode:o}: {told}");
        }
        // Others may look at the names, if that is how it was made.
        chmod(&directory, 0o755);
        drop(open(&home));
    }
}

#[test]
fn a_symbolic_link_is_refused_as_the_directory() {
    let home = home();
    drop(open(&home));
    let link = home.path().join("link");
    symlink(root(&home), &link).expect("a link");
    for path in [link.clone(), link.join(""), link.join(".")] {
        let told = refusal(&path);
        assert!(told.contains("symbolic link") && told.contains("link"), "{told}");
    }
    let nowhere = home.path().join("nowhere");
    symlink(home.path().join("missing"), &nowhere).expect("a link");
    assert!(refusal(&nowhere).contains("symbolic link"));
    assert!(!home.path().join("missing").exists(), "made through a link");
    // And below it.
    fs::rename(root(&home).join("sessions"), home.path().join("moved")).expect("moved");
    symlink(home.path().join("moved"), root(&home).join("sessions")).expect("a link");
    assert!(refusal(root(&home)).contains("symbolic link"));
}

#[test]
fn what_is_no_directory_is_refused() {
    let home = home();
    fs::write(root(&home), "").expect("a file");
    assert!(refusal(root(&home)).contains("no directory"));
    assert!(refusal(root(&home).join("below")).contains("store"));
    assert!(refusal("").contains("cannot"));
}

#[test]
fn a_store_outside_of_a_runtime_says_so() {
    let home = home();
    let store = open(&home);
    let key = key(1);
    let load = std::pin::pin!(store.load(&key));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(answer) = Future::poll(load, &mut context) else {
        panic!("nothing can be waited for");
    };
    assert!(error_of(answer).contains("Tokio runtime"));
}
