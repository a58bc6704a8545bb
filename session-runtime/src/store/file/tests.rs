//! Tests of names, file content and locks: the parts of the file store that its behaviour does not
//! show, or shows too rarely.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    directory::Directory,
    disk::Disk,
    frame::{self, Damage, GLANCE},
    lock::{Lock, Tried},
    name::{self, Owner},
    open,
    sweep::{self, Budget, Place},
};
use crate::{
    clock::Timestamp,
    store::{Check, KeyId, Lifetime, Meta, Namespace, PrincipalKey, Record, Selector, StoreKey},
};

fn key(namespace: &str) -> StoreKey {
    StoreKey { namespace: Namespace::new(namespace), selector: Selector::from_bytes([0xa7; 16]) }
}

fn record(principal: Option<&str>) -> Record {
    let end = Timestamp::from_millis(1000);
    let lifetime = Lifetime { idle_millis: None, absolute_until: end, persistent: false };
    let check = Check::from_bytes([1; 16]);
    let mut record =
        Record::new(Meta::new(check, KeyId::from_bytes([2; 4]), Timestamp::default(), lifetime));
    record.meta.set_principal(principal.map(PrincipalKey::new), Timestamp::default());
    record
}

/// A directory that is gone at the end of the test.
struct Home(PathBuf);

impl Home {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("session-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a directory");
        Self(path)
    }

    fn open(&self) -> Directory {
        open::root(&self.0).expect("a directory of ours")
    }

    fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn names_are_plain_and_no_two_keys_share_one() {
    let long = "n".repeat(5000);
    let longer = "n".repeat(5001);
    let upper = "U".repeat(160);
    let namespaces = [
        "",
        ".",
        "..",
        "../..",
        "/",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "shop",
        "Shop",
        "SHOP",
        "%53hop",
        "shop/ended",
        "shop%2fended",
        "shop-1",
        "a:b",
        "a\0b",
        "con",
        "a ",
        "a.",
        "~",
        "=",
        "ä",
        "a\u{308}",
        "\u{10ffff}",
        "-",
        "--",
        &long,
        &longer,
        &upper,
    ];
    let mut names = BTreeSet::new();
    for namespace in namespaces {
        let name = name::of_session(&key(namespace));
        assert!(name.len() <= 255, "{name}");
        let plain =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'%' | b'=');
        assert!(name.bytes().all(plain), "{name}");
        assert_eq!(name::selector_in(&name), Some(key("").selector));
        assert!(names.insert(name), "{namespace:?} shares a name");
    }
    assert_eq!(name::of_session(&key("Shop/ended")), format!("{}-%53hop%2fended", "a7".repeat(16)));
    for other in
        ["lock", "tmp", "README", "", "a7", &"A7".repeat(17), &"a7".repeat(17), &"ä".repeat(17)]
    {
        assert_eq!(name::selector_in(other), None, "{other}");
    }
}

#[test]
fn an_owner_is_a_namespace_and_a_principal() {
    let owner =
        |namespace, principal| Owner::of(&Namespace::new(namespace), &PrincipalKey::new(principal));
    assert_ne!(owner("a", "bc"), owner("ab", "c"));
    assert_ne!(owner("a", "b"), owner("b", "b"));
    let ada = owner("shop", "\"ada\"");
    assert_eq!(ada.name().len(), 64);
    assert_eq!(Owner::in_name(&ada.name()), Some(ada));
    for other in ["", "lock", &ada.name()[1..], &ada.name().to_uppercase(), &"ä".repeat(32)] {
        assert_eq!(Owner::in_name(other), None, "{other}");
    }
}

#[test]
fn a_file_reads_back_and_no_changed_byte_passes() {
    for principal in [None, Some("\"ada\"")] {
        let (key, record) = (key("shop"), record(principal));
        let bytes = frame::write(&key, &record);
        assert_eq!(frame::read(&bytes), Ok((key, record)));
        for end in 0..bytes.len() {
            assert_eq!(frame::read(&bytes[..end]), Err(Damage::Torn), "cut at {end}");
        }
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x40;
            let damage = if position == 7 { Damage::Newer } else { Damage::Torn };
            assert_eq!(frame::read(&changed), Err(damage), "at {position}");
        }
        assert_eq!(frame::read(&[&bytes[..], &[0]].concat()), Err(Damage::Torn));
    }
}

#[test]
fn a_glance_tells_the_end_and_the_owner() {
    let ada = Owner::of(&Namespace::new("shop"), &PrincipalKey::new("ada"));
    for (principal, owner) in [(None, Owner::NOBODY), (Some("ada"), ada)] {
        let bytes = frame::write(&key("shop"), &record(principal));
        let beginning: &[u8; GLANCE] = bytes.first_chunk().expect("longer than that");
        let glance = frame::glance(beginning).expect("a session");
        let expected = (Timestamp::from_millis(1000), owner, Timestamp::default());
        assert_eq!((glance.expires_at, glance.owner, glance.logged_in), expected);
    }
    assert_eq!(frame::glance(&[0; GLANCE]), None);
}

#[test]
fn a_lock_has_one_holder_and_others_give_up() {
    let home = Home::new("lock");
    let (one, other) = (home.open(), home.open());
    let held = Lock::take(&one).expect("a free lock");
    assert!(Lock::take_if_free(&other).expect("an answer").is_none());
    let told = Lock::take_within(&other, Duration::from_millis(20)).expect_err("it is held");
    assert!(told.to_string().contains("/lock has been locked"), "{told}");
    drop(held);
    assert!(Lock::take_if_free(&other).expect("an answer").is_some());
}

#[test]
fn a_lock_file_that_was_replaced_is_not_the_lock() {
    let home = Home::new("replaced");
    let directory = home.open();
    let old = || directory.lock_file("lock").expect("a file");
    let opened = old();
    assert!(matches!(Lock::take_file(&directory, old()), Ok(Tried::Taken(_))));
    fs::remove_file(home.lock()).expect("it was there");
    assert!(matches!(Lock::take_file(&directory, opened), Ok(Tried::Replaced)));
    let opened = old();
    let held = Lock::take(&directory).expect("a free lock");
    assert!(matches!(Lock::take_file(&directory, opened), Ok(Tried::Held)));
    assert!(held.is_current(&directory).expect("an answer"));
    fs::remove_file(home.lock()).expect("it was there");
    assert!(!held.is_current(&directory).expect("an answer"));
}

#[test]
fn nothing_is_saved_under_a_lock_that_was_replaced() {
    let home = Home::new("stale");
    let index = super::index::Index::new(home.open());
    let key = key("shop");
    let name = name::of_session(&key);
    let part = super::part::LockedPart::take(home.open(), &index).expect("a free lock");
    part.save(&key, &record(None), None).expect("saved");
    let before = fs::read(home.0.join(&name)).expect("a session");
    fs::write(home.0.join("another"), "").expect("a file");
    fs::rename(home.0.join("another"), home.lock()).expect("replaced");
    let told = part.save(&key, &record(Some("ada")), None).expect_err("no longer alone");
    assert!(told.to_string().contains("was replaced"), "{told}");
    assert_eq!(fs::read(home.0.join(&name)).expect("a session"), before);
}

#[test]
fn the_sweep_goes_on_where_its_looks_ended() {
    let home = Home::new("walk");
    let disk = Disk::open(&home.0).expect("a store");
    let mut place = Place::default();
    // All in one part, half of them somebody's; the last one is over, and the rest is in its way.
    for number in 0..12 {
        let mut key = key("shop");
        key.selector.0[15] = number;
        let mut record = record((number % 2 == 0).then_some("ada"));
        record.meta.lifetime.absolute_until =
            Timestamp::from_millis(if number == 11 { 10 } else { 1000 });
        disk.insert(&key, &record).expect("an insert");
    }
    let mut walk = |looks| {
        let budget = Budget::new(looks, 100);
        sweep::walk(&disk, &mut place, Timestamp::from_millis(10), budget).expect("a walk")
    };
    assert_eq!([walk(5), walk(5), walk(1)], [0, 0, 0], "eleven files, and no more");
    assert_eq!(walk(1), 1);
    // It stands behind the last session; what comes next is the index.
    let ada = Owner::of(&Namespace::new("shop"), &PrincipalKey::new("ada"));
    let gone = disk.index.entries(&ada).expect("a list").pop().expect("an entry");
    let part = disk.part(0xa7).expect("a part");
    let (_, session) = name::log_in_in(&gone).expect("an entry");
    part.remove(session).expect("removed");
    assert_eq!([walk(3), walk(2)], [0, 0]);
    assert_eq!(disk.index.entries(&ada).expect("a list").len(), 6);
    assert_eq!(walk(1), 0);
    assert_eq!(disk.index.entries(&ada).expect("a list").len(), 5);
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let home = Home::new("owner");
    let directory = home.open();
    let us = rustix::process::geteuid().as_raw();
    assert!(open::check_for(&directory, us).is_ok());
    if us == 0 {
        chown(&home.0, Some(1), None).expect("root may");
    }
    // Ours is another's to somebody else; that root's own is not, all of the system relies on.
    let told = open::check_for(&directory, us + 2).expect_err("another's").to_string();
    assert!(told.contains("belongs to user"), "{told}");
    let refused = open::root(&home.0).is_err();
    assert_eq!(refused, us == 0, "opening asks for the user of this process");
}

#[test]
fn a_session_that_is_too_large_is_refused() {
    let home = Home::new("large");
    let directory = home.open();
    let told = directory.write_temporary(&vec![0; (256 << 20) + 1]).expect_err("too large");
    assert!(told.to_string().contains("268435457 bytes"), "{told}");
    assert!(!Path::new(&home.0).join("tmp").exists());
}
