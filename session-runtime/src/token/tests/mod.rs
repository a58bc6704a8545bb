//! Tokens: what is accepted, and that nothing else is. `golden` compares with another
//! implementation, `vectors` with the published ones.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod at_rest;
mod bind;
mod credential;
mod envelope;
mod field;
mod golden;
mod payload;
mod vectors;

use std::time::{Duration, UNIX_EPOCH};

use super::{Binding, MAX_TEXT, Purpose, Random, decode, decode_exactly, encode};
use crate::{
    clock::Timestamp,
    event::Reason,
    key::{Key, KeyRing},
    store::{KeyId, Selector},
};

/// The id of a key that is in no ring: the key that writes is used instead.
const KEY: KeyId = KeyId([0; 4]);
const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A key that looks random; another one for each seed.
fn key(seed: u8) -> Key {
    let bytes: Vec<u8> =
        (0..32_u8).map(|n| n.wrapping_mul(n).wrapping_mul(7) ^ seed.wrapping_add(n << 3)).collect();
    Key::from_bytes(&bytes).unwrap()
}

fn ring(seeds: &[u8]) -> KeyRing {
    KeyRing::new(seeds.iter().map(|seed| key(*seed))).unwrap()
}

/// A ring that writes with `first` and reads `old` until [`NOW`].
fn retiring(first: u8, old: u8) -> KeyRing {
    let end = UNIX_EPOCH + Duration::from_millis(NOW.as_millis());
    KeyRing::new([key(first), key(old).not_after(end)]).unwrap()
}

fn binding(purpose: Purpose) -> Binding {
    Binding::new(purpose, "cookie", "__Host-shop", "shop", "prod", "1")
}

/// Bindings that differ from [`binding`] in one part each, or in where a part ends.
fn other_bindings(purpose: Purpose) -> Vec<Binding> {
    let mut bindings = vec![
        Binding::new(purpose, "header", "__Host-shop", "shop", "prod", "1"),
        Binding::new(purpose, "bearer", "__Host-shop", "shop", "prod", "1"),
        Binding::new(purpose, "cookie", "shop", "shop", "prod", "1"),
        Binding::new(purpose, "cookie", "__host-shop", "shop", "prod", "1"),
        Binding::new(purpose, "cookie", "__Host-shop", "shop", "", "1"),
        Binding::new(purpose, "cookie", "__Host-shop", "shop", "test", "1"),
        Binding::new(purpose, "cookie", "__Host-shop", "shop", "prod", "2"),
        Binding::new(purpose, "cookie", "__Host-shop", "Shop", "prod", "1"),
        Binding::new(purpose, "cookie", "__Host-shop", "shopp", "rod", "1"),
        Binding::new(purpose, "cookie", "__Host-shops", "hop", "prod", "1"),
        Binding::new(purpose, "cookie", "__Host-shopp", "shop", "rod", "1"),
        Binding::new(purpose, "cookie", "__Host-sho", "shop", "pprod", "1"),
        Binding::new(purpose, "cookie", "__Host-shop", "shop", "prod1", ""),
        Binding::new(purpose, "cookie__Host-shop", "", "shop", "prod", "1"),
    ];
    let all = [
        Purpose::Credential,
        Purpose::Sealed,
        Purpose::Signed,
        Purpose::Field,
        Purpose::Record,
        Purpose::SignedRecord,
        Purpose::Index,
        Purpose::Bind,
    ];
    bindings.extend(all.into_iter().filter(|other| *other != purpose).map(binding));
    bindings
}

fn selector(seed: u8) -> Selector {
    Selector::from_bytes(std::array::from_fn(|n| seed.wrapping_mul(31) ^ u8::try_from(n).unwrap()))
}

/// The bytes of a token, to change them.
fn raw(token: &str) -> Vec<u8> {
    decode(token.as_bytes()).unwrap()
}

/// Returns texts that spell a token's bytes in another way. None of them is that token, or any
/// other.
fn spellings(token: &str) -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for end in 0..token.len() {
        texts.push(token.as_bytes()[..end].to_vec());
        texts.push(token.as_bytes()[token.len() - end..].to_vec());
    }
    for extra in ["=", "==", "A", "AA", "AAA", "AAAA", " ", "\n", "\0", "\t", "%3D", ".", ",", "\""]
    {
        for at in [0, 1, token.len() / 2, token.len()] {
            let mut text = token.to_owned();
            text.insert_str(at, extra);
            texts.push(text.into_bytes());
        }
    }
    texts.push([token, token].concat().into_bytes());
    texts.push([token, ", ", token].concat().into_bytes());
    texts.push(["\"", token, "\""].concat().into_bytes());
    for at in 0..token.len() {
        for byte in [b'+', b'/', b'=', b' ', b'\n', b'%', b'*', 0, 0x7f, 0x80, 0xc3, 0xff] {
            let mut text = token.as_bytes().to_vec();
            text[at] = byte;
            texts.push(text);
        }
        let mut text = token.as_bytes()[..at].to_vec();
        text.extend(format!("%{:02x}", token.as_bytes()[at]).bytes());
        text.extend(&token.as_bytes()[at + 1..]);
        texts.push(text);
    }
    // Left-over bits: other last characters that a lax decoder reads as the same bytes.
    if !token.len().is_multiple_of(4) {
        for last in b'A'..=b'Z' {
            let mut text = token.as_bytes().to_vec();
            *text.last_mut().unwrap() = last;
            if decode(&text).is_none() {
                texts.push(text);
            }
        }
    }
    texts
}

/// Returns the reason that these bytes must give, of which a bit at `at` was flipped. Bits of the
/// header have reasons of their own.
fn flipped(bytes: &[u8], at: usize) -> Reason {
    match at {
        0 | 1 => Reason::Malformed,
        2..6 => Reason::UnknownKey(*bytes[2..].first_chunk().unwrap()),
        _ => Reason::Forged,
    }
}

#[test]
fn bindings_cannot_be_taken_for_one_another() {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let parts = ["", "a", "b", "ab", "bc", "abc", "c", "\0\0\0\x01", "\0\0\0\x01a"];
    for purpose in [Purpose::Credential, Purpose::Sealed, Purpose::Signed, Purpose::Field] {
        for transport in ["cookie", "header", "bearer"] {
            for name in parts {
                for namespace in parts {
                    for audience in parts {
                        let bind = |schema| {
                            Binding::new(purpose, transport, name, namespace, audience, schema)
                        };
                        all.extend(parts.map(|schema| bind(schema).as_bytes().to_vec()));
                    }
                }
            }
        }
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    // The pair of Django's CVE-2026-6873, where name and salt were strung together.
    let bind = |name, audience| Binding::new(Purpose::Signed, "cookie", name, "", audience, "");
    assert_ne!(bind("a", "bc").as_bytes(), bind("ab", "c").as_bytes());
}

#[test]
fn a_binding_is_its_parts_with_their_lengths() {
    let binding = Binding::new(Purpose::Sealed, "cookie", "id", "shop", "", "1");
    let expected = b"\0\0\0\x12session-runtime/v1\0\0\0\x06sealed\0\0\0\x06cookie\0\0\0\x02id\
                     \0\0\0\x04shop\0\0\0\0\0\0\0\x011";
    assert_eq!(binding.as_bytes(), expected);
}

#[test]
fn one_text_is_one_sequence_of_bytes() {
    // Every text of up to three characters over everything a header can hold: what decodes is
    // exactly what encodes to it.
    let mut accepted = 0_u32;
    for a in 0..=255_u8 {
        for b in 0..=255_u8 {
            for text in [&[a, b][..], &[a, b, b'A'], &[b'A', a, b], &[b'A', b'_', a, b]] {
                if let Some(bytes) = decode(text) {
                    assert_eq!(encode(&bytes).as_bytes(), text);
                    accepted += 1;
                }
                let exactly = decode_exactly::<2>(text);
                assert_eq!(exactly.is_some(), text.len() == 3 && decode(text).is_some());
            }
        }
    }
    // 64·4 of two characters; 64·64 whose last is `A`; 64·16 of three that end freely; 64·64 of four.
    assert_eq!(accepted, 64 * 4 + 64 * 64 + 64 * 16 + 64 * 64);
    assert!(decode(b"A").is_none());
    assert_eq!(decode(b""), Some(Vec::new()));
}

#[test]
fn a_text_is_too_long_before_it_is_decoded() {
    assert!(decode(&[b'A'; MAX_TEXT]).is_some());
    assert!(decode(&[b'A'; MAX_TEXT + 4]).is_none());
}

#[test]
fn random_bytes_come_from_the_source_alone() {
    assert!(Random::BROKEN.bytes::<16>().is_err());
    assert_ne!(Random::SYSTEM.bytes::<16>().unwrap(), Random::SYSTEM.bytes::<16>().unwrap());
    assert_eq!(format!("{:?}", Random::SYSTEM), "Random");
}
