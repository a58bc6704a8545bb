//! `key generate`, `key inspect` and `key rotate`. A time that has passed is written into the file,
//! where the tool reads it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use session_runtime::{Key, KeyRing};
use tempfile::TempDir;

use crate::support::{Ran, admin, run};

/// A key file.
struct Keys {
    _folder: TempDir,
    path: PathBuf,
}

impl Keys {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Self { path: folder.path().join("keys"), _folder: folder };
        keys.write(text);
        set_mode(&keys.path, 0o600);
        keys
    }

    fn write(&self, text: &str) {
        fs::write(&self.path, text).expect("it can be written");
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).expect("it can be read")
    }

    /// The ids of the keys as an application reads them.
    fn ids(&self) -> Vec<String> {
        let ring = KeyRing::from_file(&self.path).expect("a good file");
        ring.keys().map(|key| key.id.to_string()).collect()
    }

    fn rotate(&self, options: &[&str]) -> Ran {
        let path = self.path.display().to_string();
        let ran = run(admin(&[&["key", "rotate", &path, "--json"], options].concat()));
        for word in self.text().split_whitespace().filter(|word| word.len() >= 44) {
            assert!(!ran.out.contains(&word[..10]), "a key is printed: {ran:?}");
        }
        ran
    }

    /// Writes other times into the comments of the file: those of an hour ago.
    fn an_hour_later(&self) {
        let then = time(SystemTime::now() - Duration::from_hours(1));
        let line = |line: &str| match line.split_once(" since ") {
            Some((before, _)) => format!("{before} since {then}\n"),
            None => format!("{line}\n"),
        };
        self.write(&self.text().lines().map(line).collect::<String>());
    }
}

fn time(time: SystemTime) -> String {
    let text = run_date(time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs());
    text.trim().to_owned()
}

fn run_date(seconds: u64) -> String {
    let mut date = std::process::Command::new("date");
    date.args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"]);
    run(date).out
}

fn key() -> String {
    Key::generate().expect("random bytes").to_base64().to_string()
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn a_generated_key_is_one_that_a_ring_takes() {
    let ran = run(admin(&["key", "generate"]));
    assert!(KeyRing::from_text(&ran.out).is_ok(), "{}", ran.code);
    let told = run(admin(&["key", "generate", "--json"])).json();
    let ring = KeyRing::from_text(told["key"].as_str().expect("a text")).expect("a key");
    assert_eq!(told["id"], json!(ring.keys().next().expect("a key").id.to_string()));
}

#[test]
fn a_rotation_adds_a_key_puts_it_first_and_removes_the_old_one_after_its_end() {
    let keys = Keys::new(&format!("# of the shop\n{} # the spring's\n", key()));
    let [old] = keys.ids().try_into().expect("one key");

    let added = keys.rotate(&[]);
    assert_eq!((added.code, &added.json()["step"]), (0, &json!("added")));
    let roles = [&added.json()["keys"][0]["role"], &added.json()["keys"][1]["role"]];
    assert_eq!(roles, [&json!("waits"), &json!("writes")]);
    let [new, second] = keys.ids().try_into().expect("two keys");
    assert_eq!(second, old, "the new key only reads");

    let early = keys.rotate(&["--end", "12h"]);
    assert_eq!(early.code, 2, "{early:?}");
    assert!(early.err.contains("every process must know the key"), "{early:?}");
    assert!(keys.text().contains("@read-only"));

    keys.an_hour_later();
    let promoted = keys.rotate(&["--promote", "--end", "12h"]);
    assert_eq!((promoted.code, &promoted.json()["step"]), (0, &json!("promoted")));
    assert_eq!(keys.ids(), [new.clone(), old.clone()]);
    let rows = promoted.json()["keys"].clone();
    assert_eq!((&rows[0]["role"], &rows[0]["end"]), (&json!("writes"), &Value::Null));
    assert_eq!(rows[1]["role"], json!("reads"));
    let end = rows[1]["end"].as_str().expect("an end").to_owned();

    keys.write(&keys.text().replace(&end, "2020-01-01T00:00:00Z"));
    let path = keys.path.display().to_string();
    let inspected = run(admin(&["key", "inspect", "--keys", &path, "--json"])).json();
    assert_eq!(inspected["keys"][1]["role"], json!("ended"));
    let removed = keys.rotate(&[]);
    assert_eq!((removed.code, &removed.json()["step"]), (0, &json!("removed")));
    assert_eq!(keys.ids(), std::slice::from_ref(&new));
    assert!(keys.text().contains("# of the shop\n"), "comments stay");

    // The next rotation begins.
    assert_eq!(keys.rotate(&[]).json()["step"], json!("added"));
    keys.an_hour_later();
    assert_eq!(keys.rotate(&[]).json()["step"], json!("promoted"));
    assert_eq!(keys.ids()[1], new);
    let text = keys.text();
    assert_eq!(text.matches("# writes since").count(), 1, "of one key");
    assert_eq!(text.matches("# wrote until").count(), 1);
}

#[test]
fn a_rotation_leaves_everything_else_in_the_file_as_it_is() {
    let [one, two, three] = [key(), key(), key()];
    let text = format!(
        "# one\n{one}, {two}@2020-01-01T00:00:00Z,\t{three} # in one line\n\n# the end, without a line"
    );
    let keys = Keys::new(&text);
    assert_eq!(keys.rotate(&[]).json()["step"], json!("removed"));
    let less = format!("# one\n{one}, {three} # in one line\n\n# the end, without a line");
    assert_eq!(keys.text(), less);
    assert_eq!(keys.rotate(&[]).json()["step"], json!("added"));
    let more = keys.text();
    let (front, rest) = more.split_once('\n').expect("lines");
    assert_eq!(rest, less, "the new key is in front");
    let (new, _) = front.split_once("@read-only  # only reads, and waits since 20").expect("marks");
    assert_eq!(keys.rotate(&["--wait", "0s", "--end", "2099-01-31T00:00:00Z"]).code, 0);
    let promoted = keys.text();
    let (first, rest) = promoted.split_once('\n').expect("lines");
    assert!(first.starts_with(&format!("{new}  # writes since 20")), "the new key is first");
    let kept = less.replace(&one, &format!("{one}@2099-01-31T00:00:00Z"));
    assert_eq!(rest, kept);
}

#[test]
fn nothing_is_promoted_that_does_not_wait() {
    let keys = Keys::new(&format!("{}\n{}\n", key(), key()));
    let before = keys.text();
    let ran = keys.rotate(&["--promote"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("no key waits"), "{ran:?}");
    assert_eq!(keys.text(), before);
}

#[test]
fn a_ninth_key_is_refused_and_the_file_stays() {
    let keys = Keys::new(&(0..8).map(|_| key() + "\n").collect::<String>());
    let before = keys.text();
    let ran = keys.rotate(&[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("more than 8 keys"), "{ran:?}");
    assert_eq!(keys.text(), before);
}

#[cfg(unix)]
#[test]
fn the_file_keeps_its_mode_and_its_owner_and_a_link_stays_a_link() {
    use std::os::unix::fs::{MetadataExt as _, chown, symlink};

    let keys = Keys::new(&key());
    set_mode(&keys.path, 0o640);
    // Only root can give a file away.
    let is_given = chown(&keys.path, Some(65_534), Some(65_534)).is_ok();
    let before = fs::metadata(&keys.path).expect("it is there");
    assert_eq!(is_given, before.uid() == 65_534);
    let link = keys.path.with_extension("link");
    symlink(&keys.path, &link).expect("a link");
    let ran = run(admin(&["key", "rotate", &link.display().to_string()]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    let after = fs::metadata(&keys.path).expect("it is there");
    assert_ne!(after.ino(), before.ino(), "the new text is a new file");
    assert_eq!(
        (after.mode(), after.uid(), after.gid()),
        (before.mode(), before.uid(), before.gid())
    );
    let left = fs::read_dir(keys.path.parent().expect("a folder")).expect("it can be read");
    assert_eq!(left.count(), 2, "nothing is left beside the file");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    let keys = Keys::new(&key());
    for mode in [0o644, 0o620, 0o602] {
        set_mode(&keys.path, mode);
        let ran = run(admin(&["key", "rotate", &keys.path.display().to_string()]));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("run `chmod 600"), "{ran:?}");
    }
}

#[test]
fn two_rotations_at_once_are_one() {
    let keys = Keys::new(&key());
    let other = fs::File::open(&keys.path).expect("it is there");
    other.lock().expect("nobody else has it");
    let before = keys.text();
    let ran = keys.rotate(&[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("another rotation is at work"), "{ran:?}");
    assert_eq!(keys.text(), before);
    let path = keys.path.display().to_string();
    let inspected = run(admin(&["key", "inspect", "--keys", &path]));
    assert_eq!(inspected.code, 0, "what only reads waits for nobody: {inspected:?}");
    drop(other);
    assert_eq!(keys.rotate(&[]).code, 0);
}

#[test]
fn a_rotation_that_goes_on_until_a_key_ends_is_followed_by_no_other_unless_asked_for() {
    let keys = Keys::new(&format!("{}\n", key()));
    assert_eq!(keys.rotate(&[]).code, 0);
    keys.an_hour_later();
    assert_eq!(keys.rotate(&["--end", "2099-01-31T00:00:00Z"]).code, 0);
    let before = keys.text();
    let third = keys.rotate(&[]);
    assert_eq!(third.code, 2, "{third:?}");
    for told in ["ends, at 2099-01-31T00:00:00Z", "again at 2099-01-31T00:01:00Z", "--add"] {
        assert!(third.err.contains(told), "{third:?}");
    }
    assert_eq!(keys.text(), before);
    assert_eq!(keys.rotate(&["--add"]).json()["step"], json!("added"));
    assert_eq!(keys.ids().len(), 3);
}

#[test]
fn an_end_is_refused_in_a_step_that_gives_no_key_an_end() {
    let keys = Keys::new(&format!("{}\n{}@2020-01-01T00:00:00Z\n", key(), key()));
    for step in ["removes keys", "adds a key"] {
        let before = keys.text();
        let ran = keys.rotate(&["--end", "12h"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("--end is for") && ran.err.contains(step), "{ran:?}");
        assert_eq!(keys.text(), before);
        assert_eq!(keys.rotate(&[]).code, 0);
    }
}

#[test]
fn keys_in_a_variable_are_inspected_by_their_ids() {
    let [one, two] = [key(), key()];
    let mut command = admin(&["key", "inspect"]);
    command.env("SESSION_KEYS", format!("{one}\n{two}@2099-01-31T00:00:00Z"));
    let ran = run(command);
    let ids: Vec<String> = KeyRing::from_text(&format!("{one}\n{two}"))
        .expect("two keys")
        .keys()
        .map(|key| key.id.to_string())
        .collect();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[1].contains(&ids[0]) && lines[1].contains("writes"), "{ran:?}");
    assert!(lines[2].contains(&ids[1]) && lines[2].contains("2099-01-31T00:00:00Z"), "{ran:?}");
    assert!(!ran.out.contains(&one[..10]) && !ran.out.contains(&two[..10]), "{ran:?}");
}
