//! What the tests of the file store share: directories, sessions made from small numbers, the files
//! that are there, and this very test in another process.

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    clock::Timestamp,
    store::{
        Check, Commit, CommitOutcome, FieldValue, FileStore, InsertOutcome, KeyId, Lifetime, Meta,
        Namespace, Op, PrincipalKey, Record, Selector, StoreKey,
    },
};
use tempfile::TempDir;
use tests::backend::{User, command};

pub(crate) const START: u64 = 1_767_225_600_000;
/// Where a child process finds the store.
const CHILD: &str = "STORE_FILE_TEST_CHILD";

/// A directory of the test's own, gone when dropped.
pub(crate) fn home() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory")
}

pub(crate) fn open(home: &TempDir) -> FileStore {
    FileStore::open(root(home)).expect("a store")
}

pub(crate) fn root(home: &TempDir) -> PathBuf {
    home.path().join("store")
}

/// Runs to its end what a store does.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

pub(crate) fn shop() -> Namespace {
    Namespace::new("shop")
}

/// The key of a session; those of 0 to 255 are all in different parts.
pub(crate) fn key(number: u64) -> StoreKey {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    StoreKey { namespace: shop(), selector: Selector::from_bytes(bytes) }
}

pub(crate) fn ada() -> PrincipalKey {
    PrincipalKey::new("\"ada@example.com\"")
}

pub(crate) fn bob() -> PrincipalKey {
    PrincipalKey::new("\"bob@example.com\"")
}

/// A session of nobody, created at the start, that lives for a minute.
pub(crate) fn anonymous() -> Record {
    let lifetime = Lifetime { idle_millis: None, absolute_until: at(60_000), persistent: false };
    Record::new(Meta::new(check(), key_id(), at(0), lifetime))
}

pub(crate) fn owned(principal: PrincipalKey) -> Record {
    let mut record = anonymous();
    record.meta.set_principal(Some(principal), at(0));
    record
}

fn check() -> Check {
    Check::from_bytes([7; 16])
}

fn key_id() -> KeyId {
    KeyId::from_bytes([7; 4])
}

pub(crate) fn commit(ops: impl Into<Vec<Op>>) -> Commit {
    let mut commit = Commit::touch(at(1), check(), key_id());
    commit.ops = ops.into();
    commit
}

/// A log-in.
pub(crate) fn becomes(principal: Option<PrincipalKey>) -> Commit {
    let mut commit = commit([]);
    commit.principal = Some(principal);
    commit
}

pub(crate) fn add() -> Op {
    Op::Add { field: "visits".into(), by: 1, min: 0, max: i64::MAX }
}

pub(crate) fn set(field: &'static str, value: impl Into<Vec<u8>>) -> Op {
    Op::Set { field: field.into(), value: FieldValue::Bytes(value.into().into()) }
}

pub(crate) fn put(store: &FileStore, number: u64, record: Record) {
    let outcome = wait(store.insert_capped(&key(number), record, None)).expect("an insert");
    assert_eq!(outcome, InsertOutcome::inserted());
}

pub(crate) fn apply(store: &FileStore, number: u64, commit: &Commit) -> CommitOutcome {
    wait(store.commit(&key(number), commit)).expect("a commit")
}

/// What somebody is told who uses the session of this number.
pub(crate) fn error_of<T: std::fmt::Debug>(
    answer: Result<T, session_runtime::store::StoreError>,
) -> String {
    answer.expect_err("it must not work").to_string()
}

/// Everything below a directory: the path within it, and what is there.
pub(crate) fn walk(directory: &Path) -> BTreeMap<String, fs::Metadata> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a directory") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("it is there");
            if metadata.is_dir() {
                open.push(path.clone());
            }
            let name = path.strip_prefix(directory).expect("it is below").to_str();
            found.insert(name.expect("only text").to_owned(), metadata);
        }
    }
    found
}

/// The files whose path within the store satisfies `which`.
pub(crate) fn files(home: &TempDir, which: impl Fn(&str) -> bool) -> Vec<String> {
    let found = walk(&root(home)).into_iter();
    found.filter(|(path, file)| !file.is_dir() && which(path)).map(|(path, _)| path).collect()
}

/// The files of sessions.
pub(crate) fn sessions(home: &TempDir) -> Vec<String> {
    files(home, |path| path.starts_with("sessions/") && path.ends_with("-shop"))
}

/// The entries of the index.
pub(crate) fn entries(home: &TempDir) -> Vec<String> {
    files(home, |path| path.starts_with("principals/") && path.ends_with("-shop"))
}

/// The temporary files.
pub(crate) fn temporary(home: &TempDir) -> Vec<String> {
    files(home, |path| path.ends_with("/tmp"))
}

/// Where the file of a session is.
pub(crate) fn path_of(home: &TempDir, number: u64) -> PathBuf {
    let selector = key(number).selector.to_string();
    root(home).join("sessions").join(&selector[..2]).join(format!("{selector}-shop"))
}

/// The store that this process is to work on, if it is a child.
pub(crate) fn in_child() -> Option<(FileStore, u64)> {
    let (path, number) = child_arguments()?;
    Some((FileStore::open(path).expect("a store"), number))
}

fn child_arguments() -> Option<(String, u64)> {
    let arguments = std::env::var(CHILD).ok()?;
    let (number, path) = arguments.split_once(':')?;
    Some((path.to_owned(), number.parse().ok()?))
}

/// Runs the test of this name in another process, in which [`in_child`] gives the store in `home`
/// and this number.
pub(crate) fn child(home: &TempDir, test: &str, number: u64) -> Child {
    spawn(command(User::Same, &this_program()), home, test, number)
}

/// The same in a process that can write nothing to any file, as on a full disk.
pub(crate) fn child_without_room(home: &TempDir, test: &str, number: u64) -> Child {
    let mut shell = command(User::Same, Path::new("/bin/sh"));
    // The signal would end the process; ignored, the write fails.
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 0; exec \"$0\" \"$@\""]).arg(this_program());
    spawn(shell, home, test, number)
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("this program has a path")
}

fn spawn(mut command: Command, home: &TempDir, test: &str, number: u64) -> Child {
    let root = root(home);
    command
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, format!("{number}:{}", root.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command.spawn().expect("this program starts again")
}
