//! Keys that are refused and keys that are not; rings from text, variables and files; the
//! published vectors of HMAC and HKDF through this module's own functions.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::time::{Duration, UNIX_EPOCH};

use super::{derive::Master, *};
use crate::clock::Timestamp;

/// Returns 32 bytes that look random, and differ for each seed.
fn bytes(seed: u64) -> Vec<u8> {
    // The 64-bit finaliser of MurmurHash3, over a counter.
    let mix = |mut x: u64| {
        x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        x ^ (x >> 33)
    };
    (1..=4).flat_map(|n| mix(seed * 4 + n).to_be_bytes()).collect()
}

fn key(seed: u64) -> Key {
    Key::from_bytes(&bytes(seed)).unwrap()
}

fn text(seed: u64) -> String {
    key(seed).to_base64().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|n| char::from(b"0123456789abcdef"[usize::from(n)]))
        .collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Returns an identifier of the key that is given first.
fn fingerprint(ring: &KeyRing) -> [u8; 32] {
    ring.current().fingerprints().next().unwrap()
}

fn problem<T: fmt::Debug>(result: Result<T, KeyError>) -> Problem {
    result.unwrap_err().problem().clone()
}

#[test]
fn every_spelling_of_a_key_is_the_same_key() {
    // Their base64 contains both characters in which the two alphabets differ.
    let secret = [&[0xfb, 0xff, 0xbf, 0x3e][..], &bytes(1)[..30]].concat();
    let standard = STANDARD.encode(&secret);
    assert!(standard.contains('+') && standard.contains('/') && standard.ends_with('='));
    let url_safe = standard.replace('+', "-").replace('/', "_");
    for text in [
        standard.clone(),
        standard.trim_end_matches('=').to_owned(),
        url_safe.clone(),
        url_safe.trim_end_matches('=').to_owned(),
        hex(&secret),
        hex(&secret).to_uppercase(),
        format!("  {standard}\n"),
    ] {
        assert_eq!(*Key::from_base64(&text).unwrap().secret, secret, "{text}");
    }
    assert_eq!(*Key::from_bytes(&secret).unwrap().to_base64(), standard);
}

#[test]
fn text_that_is_no_key_is_refused() {
    let long = STANDARD.encode(bytes(2).repeat(40));
    for (text, expected) in [
        ("", Problem::TooShort(0)),
        ("hunter2", Problem::Encoding),
        ("AAAA", Problem::TooShort(3)),
        ("c2hvcnQ=", Problem::TooShort(5)),
        (&text(3)[..40], Problem::TooShort(30)),
        (&text(3).replace('=', "%3D"), Problem::Encoding),
        (&format!("{} {}", &text(3)[..20], &text(3)[20..]), Problem::Encoding),
        (&format!("{}=", text(3)), Problem::Encoding),
        (&hex(&bytes(3))[..63], Problem::OddHex),
        (&hex(&bytes(3))[..48], Problem::TooShort(24)),
        (&format!("{}a", hex(&bytes(3))), Problem::OddHex),
        (&long, Problem::TooLong),
        ("schlüssel", Problem::Encoding),
    ] {
        assert_eq!(problem(Key::from_base64(text)), expected, "{text}");
    }
}

#[test]
fn weak_secrets_are_refused() {
    let ascending: Vec<u8> = (0..32).collect();
    let descending: Vec<u8> = (0..=255).rev().collect();
    let few: Vec<u8> = [bytes(4), bytes(40)].concat().iter().map(|byte| byte % 11).collect();
    let period = [&bytes(5)[..20], &bytes(5)[..20]].concat();
    for (secret, expected) in [
        (vec![], Problem::TooShort(0)),
        (bytes(6)[..31].to_vec(), Problem::TooShort(31)),
        (bytes(6).repeat(33), Problem::TooLong),
        (vec![0; 32], Problem::Pattern),
        (vec![0xff; 1024], Problem::Pattern),
        (ascending, Problem::Pattern),
        (descending, Problem::Pattern),
        ((0..32).map(|n| n * 7).collect(), Problem::Pattern),
        (b"ab".repeat(20), Problem::Pattern),
        (b"0123456789abcdef".repeat(3), Problem::Pattern),
        (period, Problem::Pattern),
        (few, Problem::FewBytes(11)),
        (b"correct horse battery staple, and so on".to_vec(), Problem::Passphrase),
        (b"Xq8!vR2#kL9$mN4%pT7^wY1&zB6*cD3(".to_vec(), Problem::Passphrase),
        (b"keyboard cat keyboard cat, my favourite".to_vec(), Problem::Known),
        (b"django-insecure-3$k1(x!9z@7^w5&q2#m8*v6%b4+n0=c_j)h".to_vec(), Problem::Known),
        (b"CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET".to_vec(), Problem::Known),
    ] {
        assert_eq!(problem(Key::from_bytes(&secret)), expected, "{secret:02x?}");
    }
    // A strong key that is repeated is long enough, but has only half of the strength it claims.
    assert_eq!(problem(Key::from_bytes(&bytes(8).repeat(2))), Problem::Pattern);
    // Text can be a key if it is long enough to hold one.
    assert!(Key::from_bytes(hex(&bytes(8)).as_bytes()).is_ok());
}

#[test]
fn limits_are_where_they_are_said_to_be() {
    let of = |different: u8| -> Vec<u8> {
        [bytes(4), bytes(40)].concat().iter().map(|byte| byte % different).collect()
    };
    assert_eq!(problem(Key::from_bytes(&of(11))), Problem::FewBytes(11));
    assert!(Key::from_bytes(&of(12)).is_ok());
    let text = text(9);
    assert_eq!(problem(Key::from_bytes(&text.as_bytes()[..42])), Problem::Passphrase);
    assert!(Key::from_bytes(&text.as_bytes()[..43]).is_ok());
    let largest: Vec<u8> = (0..32).flat_map(bytes).collect();
    assert!(Key::from_base64(&hex(&largest)).is_ok(), "1024 bytes in hex");
    let larger = [largest, vec![0]].concat();
    assert_eq!(problem(Key::from_base64(&hex(&larger))), Problem::TooLong);
    assert_eq!(problem(Key::from_bytes(&larger)), Problem::TooLong);
}

#[test]
fn keys_from_documentation_are_refused() {
    for text in [
        "OM+wnyE0N9+ba5w8AZxpLThkAk5ZxHiFIUtaj4da8gg=",
        "OM-wnyE0N9-ba5w8AZxpLThkAk5ZxHiFIUtaj4da8gg",
        "38cfb09f213437df9b6b9c3c019c692d3864024e59c47885214b5a8f875af208",
        "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=",
        "8Xui8SN4mI+7egV/9dlfYYLGQJeEx4+DwmSQLwDVXJg=",
        "itlYmFR2vYKrOmFhupMIn/hyB6lYCCTXz4yaQX89XVg=",
        "complex_password_at_least_32_characters_long",
        "your-very-long-SECRET-KEY-that-nobody-will-ever-change-01234",
    ] {
        assert_eq!(problem(Key::from_base64(text)), Problem::Known, "{text}");
    }
}

#[test]
fn good_keys_are_not_refused() {
    for seed in 0..2000 {
        let secret = bytes(seed);
        for secret in [secret.clone(), [secret, bytes(seed + 10_000)].concat()] {
            assert!(Key::from_bytes(&secret).is_ok(), "{secret:02x?}");
            assert!(Key::from_base64(&STANDARD.encode(&secret)).is_ok(), "{secret:02x?}");
            assert!(Key::from_base64(&hex(&secret)).is_ok(), "{secret:02x?}");
        }
    }
    let random: Vec<u8> = (0..32).flat_map(bytes).collect();
    assert!(Key::from_bytes(&random).is_ok(), "1024 bytes are allowed");
}

#[test]
fn a_broken_source_of_randomness_gives_no_key() {
    assert_eq!(problem(Key::generate_from(|_| Err(()))), Problem::Random);
    assert_eq!(problem(Key::generate_from(|_| Ok(()))), Problem::Pattern);
    let (one, other) = (Key::generate().unwrap(), Key::generate().unwrap());
    assert_ne!(*one.secret, *other.secret);
}

#[test]
fn nothing_prints_a_key() {
    let text = text(9);
    let bad = format!("{text}, {}", &text[..20]);
    let ring = KeyRing::from_text(&text).unwrap();
    let error = KeyRing::from_text(&bad).unwrap_err();
    for printed in [
        format!("{:?}", key(9)),
        format!("{ring:?} {ring:#?}"),
        format!("{:?} {}", ring.current().writer(), ring.current()),
        format!("{error} {error:?}"),
        KeyRing::from_text("p4ssphr4se").unwrap_err().to_string(),
    ] {
        for secret in [&text[..8], &text[20..28], &hex(&bytes(9))[..8], "p4ss"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
    assert_eq!(format!("{:?}", key(9)), "Key(<redacted>)");
}

#[test]
fn a_ring_reads_keys_comments_and_ends() {
    let ring: KeyRing = format!(
        "# keys of the shop\n{} # the new one, not {}\n\n\t{}@2027-01-31T00:00:00Z , {},",
        text(1),
        text(4),
        text(2),
        text(3),
    )
    .parse()
    .unwrap();
    let ends: Vec<_> = ring.current().all().map(|key| key.not_after).collect();
    assert_eq!(ends, [None, Some(Timestamp::from_millis(1_801_353_600_000)), None]);
    let built = KeyRing::new([
        key(1),
        key(2).not_after(UNIX_EPOCH + Duration::from_secs(1_801_353_600)),
        key(3),
    ])
    .unwrap();
    assert_eq!(format!("{ring:?}"), format!("{built:?}"));
    assert!(!ring.is_ephemeral());
    assert!(KeyRing::ephemeral().unwrap().is_ephemeral());
    assert!(!KeyRing::generate().unwrap().is_ephemeral());
}

#[test]
fn the_first_key_that_is_not_read_only_writes() {
    let ids = |ring: &KeyRing| ring.current().all().map(|key| key.id).collect::<Vec<_>>();
    let (one, two) = (text(1), text(2));
    let of = |text: &str| KeyRing::from_text(text).unwrap();
    for (text, writer) in [
        (format!("{one} {two}"), 0),
        (format!("{one}@read-only {two}"), 1),
        (format!("{one}@read-only@2027-01-31T00:00:00Z {two}"), 1),
        (format!("{one}@2027-01-31T00:00:00Z@read-only {two}"), 1),
        (format!("{one} {two}@read-only"), 0),
    ] {
        let ring = of(&text);
        assert_eq!(ids(&ring), ids(&of(&format!("{one} {two}"))), "in the order of the text");
        assert_eq!(ring.current().writer().id, ids(&ring)[writer], "{writer}");
        let built = [key(1), key(2)].into_iter().enumerate();
        let built =
            KeyRing::new(built.map(|(at, it)| if at < writer { it.read_only() } else { it }));
        assert_eq!(built.unwrap().current().writer().id, ids(&ring)[writer]);
    }
}

#[test]
fn a_ring_takes_the_keys_of_another_one_and_tells_whether_they_are_others() {
    let ring = KeyRing::new([key(1)]).unwrap();
    let clone = ring.clone();
    let before = format!("{clone:?}");
    assert!(!ring.replace(&KeyRing::new([key(1)]).unwrap()).unwrap(), "the same");
    assert!(ring.replace(&KeyRing::new([key(1), key(2)]).unwrap()).unwrap());
    assert_ne!(format!("{clone:?}"), before, "clones are one ring");
    assert!(ring.replace(&KeyRing::new([key(2), key(1)]).unwrap()).unwrap(), "another order");
    assert!(ring.replace(&KeyRing::new([key(2), key(1).read_only()]).unwrap()).unwrap());
    assert!(!ring.replace(&KeyRing::new([key(2), key(1).read_only()]).unwrap()).unwrap());
    assert!(!ring.replace(&ring).unwrap(), "itself");
    assert_eq!(problem(ring.replace(&KeyRing::ephemeral().unwrap())), Problem::Ephemeral);
    assert_eq!(problem(ring.reload()), Problem::NoFile);
    assert_eq!(problem(ring.reload_every(Duration::from_secs(1))), Problem::NoFile);
    assert!(KeyRing::ephemeral().unwrap().replace(&clone).unwrap());
}

#[test]
fn a_file_that_cannot_be_used_leaves_the_ring_as_it_was() {
    let directory = std::env::temp_dir().join(format!("key-tests-again-{}", std::process::id()));
    let path = directory.join("keys");
    let ring = KeyRing::from_file_or_create(&path).unwrap();
    let before = format!("{ring:?}");
    for (content, expected) in [
        (String::new(), Problem::Empty),
        ("AAAA".to_owned(), Problem::TooShort(3)),
        (format!("{}@read-only", text(1)), Problem::NoneWrites),
    ] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(problem(ring.reload()), expected);
        assert_eq!(format!("{ring:?}"), before);
    }
    std::fs::write(&path, text(5)).unwrap();
    assert!(ring.reload().unwrap());
    assert_eq!(format!("{ring:?}"), format!("{:?}", KeyRing::new([key(5)]).unwrap()));
    assert!(!ring.reload().unwrap());
    std::fs::remove_file(&path).unwrap();
    assert!(ring.reload().unwrap_err().to_string().contains("again"), "it names the file");
    assert!(!ring.is_ephemeral());
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_ring_refuses_what_cannot_work() {
    let end = "@2027-01-31T00:00:00Z";
    let nine: Vec<_> = (1..=9).map(text).collect();
    for (text, message) in [
        (String::new(), "no key in it; "),
        (" \n# nothing\n, ,".to_owned(), "no key in it; "),
        (format!("{}{end}", text(1)), "key 1: the first key writes, so it cannot have an end"),
        (format!("{} {}", text(1), text(1)), "key 2: the same key as key 1; "),
        (format!("{} {} {}", text(1), text(2), text(2)), "key 3: the same key as key 2; "),
        (format!("{} {}", text(1), hex(&bytes(1))), "key 2: the same key as key 1; "),
        (nine.join(" "), "more than 8 keys; "),
        (format!("{} short", text(1)), "key 2: "),
        (format!("{} {}@soon", text(1), text(2)), "key 2: after `@` there is neither"),
        (format!("{} {}@", text(1), text(2)), "key 2: after `@` there is neither"),
        (format!("{} {}@2027-01-31", text(1), text(2)), "key 2: after `@` there is neither"),
        (format!("{} {}{end}{end}", text(1), text(2)), "key 2: after `@` there is neither"),
        (format!("{} {}@read-only@read-only", text(1), text(2)), "key 2: after `@` there"),
        (format!("{}@read-only {}@read-only{end}", text(1), text(2)), "every key is marked"),
        (format!("{}@read-only {}{end}", text(1), text(2)), "key 2: the first key writes, so"),
        (format!("{} {end}", text(1)), "key 2: 0 bytes after decoding"),
    ] {
        let error = KeyRing::from_text(&text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    assert!(KeyRing::new((1..=8).map(key)).is_ok());
    assert_eq!(problem(KeyRing::new((1..=9).map(key))), Problem::TooMany);
    assert_eq!(problem(KeyRing::new(std::iter::repeat_with(|| key(1)))), Problem::Twice(1));
    assert_eq!(problem(KeyRing::new([])), Problem::Empty);
}

#[test]
fn a_variable_that_is_missing_or_wrong_is_named() {
    let error = KeyRing::from_env("SESSION_RUNTIME_NOT_SET").unwrap_err().to_string();
    assert!(error.starts_with("environment variable `SESSION_RUNTIME_NOT_SET`: is not set; "));
    assert!(error.contains("openssl rand -base64 32"));
    // Cargo sets this variable for every test. Its value is no key.
    let error = KeyRing::from_env("CARGO_PKG_NAME").unwrap_err().to_string();
    assert!(error.starts_with("environment variable `CARGO_PKG_NAME`: key 1: "), "{error}");
}

#[test]
fn a_file_is_read_if_only_its_owner_can_read_it() {
    let path = std::env::temp_dir().join(format!("session-runtime-keys-{}", std::process::id()));
    let read = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        KeyRing::from_file(&path)
    };
    let error = KeyRing::from_file(&path).unwrap_err();
    assert!(error.to_string().ends_with("cannot be read (entity not found)"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    std::fs::write(&path, "").unwrap();
    #[cfg(unix)]
    for (mode, fine) in
        [(0o600, true), (0o400, true), (0o604, false), (0o620, false), (0o644, false)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, text(1)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let result = KeyRing::from_file(&path);
        assert_eq!(result.is_ok(), fine, "{mode:o}");
        if let Err(error) = result {
            let command = format!("run `chmod 600 {}`", path.display());
            assert!(error.to_string().ends_with(&command), "{error}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(read(format!("{}\n{}\n", text(1), text(2)).as_bytes()).is_ok());
    assert_eq!(problem(read(b"\xff\xfe")), Problem::NotText);
    assert_eq!(problem(read(&vec![b' '; 65 * 1024])), Problem::LargeFile(65 * 1024));
    assert_eq!(problem(read(b"# later")), Problem::Empty);
    std::fs::remove_file(&path).unwrap();
    assert!(KeyRing::from_file(std::env::temp_dir()).is_err(), "a directory");
}

#[cfg(unix)]
#[test]
fn a_file_may_be_mounted_as_containers_mount_secrets() {
    use super::file::{Access, Reader};

    let service = Reader { user: 1000, groups: vec![1000, 2000] };
    let root = Reader { user: 0, groups: vec![0] };
    let check = |reader: &Reader, owner, group, mode: u32| {
        let file = Access { owner, group, mode: 0o100_000 | mode };
        file.check(reader, std::path::Path::new("keys")).is_ok()
    };
    for (owner, group, mode, fine) in [
        (0, 2000, 0o440, true),
        (0, 2000, 0o640, true),
        (0, 1000, 0o440, true),
        (0, 0, 0o400, true),
        (1000, 1000, 0o600, true),
        (0, 3000, 0o440, false),
        (0, 2000, 0o460, false),
        (0, 2000, 0o444, false),
        (0, 2000, 0o442, false),
        (1000, 1000, 0o640, false),
        (1000, 2000, 0o440, false),
    ] {
        assert_eq!(check(&service, owner, group, mode), fine, "{owner}:{group} {mode:o}");
    }
    assert!(check(&root, 0, 0, 0o640));
    assert!(!check(&root, 0, 2000, 0o640), "a group of others");
}

#[cfg(unix)]
#[test]
fn a_file_of_another_user_is_refused_even_by_root() {
    use super::file::{Access, Reader};

    for (user, owner, fine) in
        [(0, 1000, false), (1000, 1001, false), (0, 0, true), (1000, 1000, true), (1000, 0, true)]
    {
        let reader = Reader { user, groups: vec![user] };
        let file = Access { owner, group: owner, mode: 0o600 };
        let result = file.check(&reader, std::path::Path::new("keys"));
        assert_eq!(result.is_ok(), fine, "{user} reads what {owner} owns");
    }
}

#[test]
fn a_file_that_is_missing_is_made_once_and_kept() {
    let directory = std::env::temp_dir().join(format!("key-tests-made-{}", std::process::id()));
    let path = directory.join("below").join("keys");
    let make = || KeyRing::from_file_or_create(&path).map(|ring| fingerprint(&ring));
    let rings: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let first = rings[0].as_ref().expect("a directory that we can write to");
    assert!(rings.iter().all(|ring| ring.as_ref().ok() == Some(first)), "one key for all");
    let names: Vec<_> = std::fs::read_dir(path.parent().expect("it has one"))
        .expect("it was made")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    assert_eq!(names, ["keys"], "nothing unfinished stays behind");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| {
            path.metadata().expect("it is there").permissions().mode() & 0o777
        };
        assert_eq!((mode(&path), mode(&directory)), (0o600, 0o700));
    }

    // An existing file is never replaced, whatever it holds.
    std::fs::write(&path, "").expect("writable");
    assert_eq!(problem(KeyRing::from_file_or_create(&path)), Problem::Empty);
    let under_a_file = path.join("keys");
    let error = KeyRing::from_file_or_create(&under_a_file).unwrap_err().to_string();
    assert!(error.contains("cannot be made") && error.contains("keys"), "{error}");
    std::fs::remove_dir_all(&directory).expect("removable");
}

#[test]
fn what_is_derived_differs_by_key_and_by_context() {
    let ring = KeyRing::new([key(1), key(2)]).unwrap();
    let mut derived = vec![fingerprint(&ring)];
    for key in ring.current().all() {
        for info in [&b""[..], b"a", b"b", b"\0\0\0\x03kid"] {
            derived.push(*key.derive(info));
        }
    }
    let all = derived.len();
    derived.sort_unstable();
    derived.dedup();
    assert_eq!(derived.len(), all);
    let of = |keys: &[u64]| fingerprint(&KeyRing::new(keys.iter().map(|seed| key(*seed))).unwrap());
    assert_eq!(fingerprint(&ring), of(&[1]));
    assert_ne!(fingerprint(&ring), of(&[2, 1]));
}

/// RFC 5869, appendix A.1 to A.3.
#[test]
fn hkdf_vectors() {
    fn check<const N: usize>(secret: &[u8], salt: &[u8], info: &[u8], prk: &str, okm: &str) {
        let (extracted, master) = Master::extract(salt, secret);
        assert_eq!(hex(&*extracted), prk);
        assert_eq!(hex(&*master.expand::<N>(info)), okm);
    }
    check::<42>(
        &[0x0b; 22],
        &unhex("000102030405060708090a0b0c"),
        &unhex("f0f1f2f3f4f5f6f7f8f9"),
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    let range = |from: u8, to: u8| (from..=to).collect::<Vec<_>>();
    check::<82>(
        &range(0x00, 0x4f),
        &range(0x60, 0xaf),
        &range(0xb0, 0xff),
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
         59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
         cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
    check::<42>(
        &[0x0b; 22],
        b"",
        b"",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
}
