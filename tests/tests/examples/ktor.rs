//! What the tests of the Ktor examples share: reading a `Set-Cookie`, the characters of a token,
//! and what Ktor itself would have sent. Knows nothing of any single example.

/// Ktor's own signed value of `abc123` (`SessionTransportTransformerMessageAuthentication`), its
/// encrypted one of `{"id":"123abc","count":0}` (`SessionTransportTransformerEncrypt`), and one
/// without either, `{"name":"jetbrains","count":1}`: as a header has them, and as a cookie does.
pub(crate) const THEIRS: [&str; 6] = [
    "abc123/946e1b9f7463e66d3e389b472ded5dbc5a82c031a5eee6f5cf8b58840eaa6b76",
    "abc123%2F946e1b9f7463e66d3e389b472ded5dbc5a82c031a5eee6f5cf8b58840eaa6b76",
    "000102030405060708090a0b0c0d0e0f/\
     9ef48aa52c4f44c1b201cd05eb8cc402b5ac95ba56c63a64d5e7cc0195881ec6:\
     0f87e2031aeec1d3f25a19d5c14022cd94c7367d5717ee02e9b626f261cd2b36",
    "000102030405060708090a0b0c0d0e0f%2F\
     9ef48aa52c4f44c1b201cd05eb8cc402b5ac95ba56c63a64d5e7cc0195881ec6%3A\
     0f87e2031aeec1d3f25a19d5c14022cd94c7367d5717ee02e9b626f261cd2b36",
    "{\"name\":\"jetbrains\",\"count\":1}",
    "%7B%22name%22%3A%22jetbrains%22%2C%22count%22%3A1%7D",
];

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What a `Set-Cookie` says.
#[derive(Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) max_age: Option<u64>,
    /// The other attributes, in small letters and sorted.
    pub(crate) others: Vec<String>,
}

impl Cookie {
    /// The only one of a response.
    pub(crate) fn only(lines: &[&str]) -> Self {
        let [line] = lines else { panic!("one cookie is expected: {lines:?}") };
        let mut parts = line.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
        let (ages, mut others): (Vec<_>, Vec<_>) =
            parts.map(str::to_ascii_lowercase).partition(|part| part.starts_with("max-age="));
        assert!(ages.len() <= 1, "{line}");
        let max_age = ages.first().map(|age| age["max-age=".len()..].parse().expect("seconds"));
        others.sort();
        Self { name: name.to_owned(), value: value.to_owned(), max_age, others }
    }

    /// Whether it is to be kept for `seconds`.
    pub(crate) fn lasts(&self, seconds: u64) -> bool {
        self.max_age == Some(seconds)
    }

    /// Whether it makes the browser drop the cookie that has these other attributes.
    pub(crate) fn clears(&self, name: &str, others: &[&str]) -> bool {
        let (dates, kept): (Vec<_>, Vec<_>) =
            self.others.iter().map(String::as_str).partition(|other| other.starts_with("expires="));
        (self.name.as_str(), self.value.as_str(), self.max_age) == (name, "", Some(0))
            && dates == ["expires=thu, 01 jan 1970 00:00:00 gmt"]
            && kept == others
    }
}

/// The bytes that a token in base64url is of.
pub(crate) fn bytes(token: &str) -> Vec<u8> {
    let bits: Vec<bool> = token
        .bytes()
        .flat_map(|byte| {
            let value = sextet(byte);
            (0..6).rev().map(move |bit| value >> bit & 1 == 1)
        })
        .collect();
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks_exact(8).map(byte).collect()
}

/// Whether a token is like one of ours but for the id of its key. It may be another process', so for a
/// while the client keeps it.
pub(crate) fn is_under_another_key(ours: &str, token: &str) -> bool {
    let is_text = |text: &&str| text.bytes().all(|byte| ALPHABET.contains(&byte));
    let header = |text: &str| text.get(..8).filter(is_text).map(bytes);
    let (Some(own), Some(other)) = (header(ours), header(token)) else { return false };
    ours.len() == token.len() && own[..2] == other[..2] && own[2..] != other[2..]
}

/// Every token that differs from this one in one bit. Each character is six bits of the bytes, so
/// this leaves none out; those that pad the last byte are here too.
pub(crate) fn one_bit_off(token: &str) -> Vec<String> {
    let places = 0..token.len();
    let flipped = places.flat_map(|at| {
        (0..6).map(move |bit| {
            let mut text = token.as_bytes().to_vec();
            text[at] = ALPHABET[usize::from(sextet(text[at]) ^ 1 << bit)];
            String::from_utf8(text).expect("the alphabet is ASCII")
        })
    });
    flipped.collect()
}

fn sextet(byte: u8) -> u8 {
    let place = ALPHABET.iter().position(|other| *other == byte);
    place.and_then(|place| u8::try_from(place).ok()).expect("a token is base64url")
}

#[test]
fn tokens_are_read_and_flipped_bit_by_bit() {
    assert_eq!(bytes("MTIzYWJj_w"), b"123abc\xff");
    let flipped = one_bit_off("MTIz");
    assert_eq!(flipped.len(), 24);
    assert_eq!((flipped[0].as_str(), flipped[23].as_str()), ("NTIz", "MTIT"));
    for text in &flipped {
        let bits: u32 = bytes(text).iter().zip(b"123").map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!(bits, 1, "{text}");
    }
}
