//! The check that refuses bytes as a key. Nothing can distinguish random bytes from a good
//! imitation. This check catches what people do put into configurations: too few bytes, a pattern,
//! a phrase, an example.

use super::{MAX_BYTES, MIN_BYTES, error::Problem};

/// Keys of the right form that were published in documentation, test suites and templates.
const PUBLISHED: [&[u8; 32]; 4] = [
    // This crate's own documentation: OM+wnyE0N9+ba5w8AZxpLThkAk5ZxHiFIUtaj4da8gg=
    b"\x38\xcf\xb0\x9f\x21\x34\x37\xdf\x9b\x6b\x9c\x3c\x01\x9c\x69\x2d\
      \x38\x64\x02\x4e\x59\xc4\x78\x85\x21\x4b\x5a\x8f\x87\x5a\xf2\x08",
    // Rocket's guide and examples: hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=
    b"\x84\xf4\x58\xc9\x54\x62\x33\x2c\x69\xc3\x9b\x01\x07\x55\xde\x08\
      \xc3\x75\x90\x5b\x03\x0a\xa2\xaf\x06\x2d\x90\x27\x10\x55\x1d\x09",
    // Rocket 0.4's guide: 8Xui8SN4mI+7egV/9dlfYYLGQJeEx4+DwmSQLwDVXJg=
    b"\xf1\x7b\xa2\xf1\x23\x78\x98\x8f\xbb\x7a\x05\x7f\xf5\xd9\x5f\x61\
      \x82\xc6\x40\x97\x84\xc7\x8f\x83\xc2\x64\x90\x2f\x00\xd5\x5c\x98",
    // Rocket's test suite: itlYmFR2vYKrOmFhupMIn/hyB6lYCCTXz4yaQX89XVg=
    b"\x8a\xd9\x58\x98\x54\x76\xbd\x82\xab\x3a\x61\x61\xba\x93\x08\x9f\
      \xf8\x72\x07\xa9\x58\x08\x24\xd7\xcf\x8c\x9a\x41\x7f\x3d\x5d\x58",
];

/// Words that random text does not contain, in lower case. The shortest has eight letters: a random
/// key of 44 characters contains it once in 10^10.
const WORDS: [&str; 12] = [
    "password",
    "passphrase",
    "changeme",
    "change-me",
    "change_me",
    "keyboard cat",
    "keyboardcat",
    "secretkey",
    "secret-key",
    "secret_key",
    "django-insecure",
    "supersecret",
];

/// Returns true for a placeholder that somebody wrote. A phrase can be long enough for a key and
/// even be valid base64, so callers check the text as well as the bytes that it decodes to.
pub(super) fn is_placeholder(text: &[u8]) -> bool {
    WORDS.iter().any(|word| {
        text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
    })
}

pub(super) fn check(key: &[u8]) -> Result<(), Problem> {
    if key.len() < MIN_BYTES {
        return Err(Problem::TooShort(key.len()));
    }
    if key.len() > MAX_BYTES {
        return Err(Problem::TooLong);
    }
    // This need not take constant time: it only reveals that the key is a public one.
    if PUBLISHED.iter().any(|published| published.as_slice() == key) || is_placeholder(key) {
        return Err(Problem::Known);
    }
    if is_pattern(key) {
        return Err(Problem::Pattern);
    }
    let mut seen = [false; 256];
    for byte in key {
        seen[usize::from(*byte)] = true;
    }
    let different = seen.iter().filter(|seen| **seen).count();
    // 32 random bytes hold about 30 different values; fewer than 12 are beyond chance.
    if different < 12 {
        return Err(Problem::FewBytes(different));
    }
    // 43 characters of base64 hold 256 bits; a shorter text cannot, even if the text is random.
    if key.len() < 43 && key.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Problem::Passphrase);
    }
    Ok(())
}

/// Returns true if the bytes go up or down in equal steps (also of zero), or repeat with a period
/// of at most half their number.
fn is_pattern(key: &[u8]) -> bool {
    let step = |pair: &[u8]| pair[1].wrapping_sub(pair[0]);
    let steady = key.windows(2).all(|pair| step(pair) == step(key));
    steady || (1..=key.len() / 2).any(|period| key[period..] == key[..key.len() - period])
}
