//! What the tests of the embedded store share: keys, records and commits from small numbers, and
//! this program once more as a child.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use session_runtime::{
    clock::Timestamp,
    store::{
        Check, Commit, EmbeddedStore, KeyId, Lifetime, Meta, Namespace, Op, PrincipalKey, Record,
        Selector, StoreKey,
    },
};
use tempfile::TempDir;
use tests::backend::{self, User};

pub(crate) const MINUTE: u64 = 60_000;
const START: u64 = 1_767_225_600_000;
const CHILD: &str = "EMBEDDED_STORE_CHILD";

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn open(directory: &Path) -> EmbeddedStore {
    EmbeddedStore::open(directory.join("sessions.redb")).unwrap()
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("shop")
}

pub(crate) fn key(number: u64) -> StoreKey {
    let mut selector = [0; 16];
    selector[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    StoreKey { namespace: namespace(), selector: Selector::from_bytes(selector) }
}

pub(crate) fn ada() -> PrincipalKey {
    PrincipalKey::new("\"ada\"")
}

/// A record of half an hour without use, created `millis` after the start.
pub(crate) fn record(millis: u64) -> Record {
    let lifetime = Lifetime {
        idle_millis: Some(30 * MINUTE),
        absolute_until: at(720 * MINUTE),
        persistent: false,
    };
    let (check, key_id) = (Check::from_bytes([1; 16]), KeyId::from_bytes([1; 4]));
    Record::new(Meta::new(check, key_id, at(millis), lifetime))
}

pub(crate) fn record_of(millis: u64, who: &PrincipalKey) -> Record {
    let mut record = record(millis);
    record.meta.set_principal(Some(who.clone()), at(millis));
    record
}

pub(crate) fn touch(millis: u64) -> Commit {
    Commit::touch(at(millis), Check::from_bytes([1; 16]), KeyId::from_bytes([1; 4]))
}

/// Adds to the field `n`.
pub(crate) fn add(by: i64) -> Commit {
    let mut commit = touch(1);
    commit.ops = vec![Op::Add { field: "n".into(), by, min: i64::MIN, max: i64::MAX }];
    commit
}

/// What the child was started for, if this is the child of that test.
pub(crate) fn is_child(test: &str) -> Option<PathBuf> {
    let told: OsString = std::env::var_os(CHILD)?;
    let told = told.into_string().unwrap();
    let (name, path) = told.split_once('=')?;
    (name == test).then(|| path.into())
}

/// This program once more, for one test, which finds `path` by [`is_child`]. With a limit, no file
/// that it writes can be larger than so many bytes: further writes fail, as on a full disk.
pub(crate) fn in_child(test: &str, path: &Path, limit: Option<u64>) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match limit {
        None => backend::command(User::Same, &program),
        Some(limit) => {
            let mut command = backend::command(User::Same, Path::new("/bin/sh"));
            // The signal would end the process; ignored, the write fails.
            let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", limit / 512);
            command.args(["-c", &script]).arg(&program);
            command
        }
    };
    let told = format!("{test}={}", path.display());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, told);
    command
}

pub(crate) fn from_base64url(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes() {
        let value = DIGITS.iter().position(|it| *it == digit).expect("a digit of base64url");
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    out
}
