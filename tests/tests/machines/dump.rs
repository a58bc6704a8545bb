//! What lies in a store's files and tables, however it is written down: nothing that would let
//! anybody in, and, where fields are sealed, nothing of what users entrusted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tests::{Client, backend::kind::Written, machine::Machine};

use crate::{
    program::{APP, settings},
    steps::{COOKIE, get, post},
};

/// In every value, and in the users' names.
const MARKER: &str = "Quetzalcoatlus";

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) async fn dump(backend: impl Written) {
    let (tokens, live) = use_it(&backend, false).await;
    let dump = backend.dump();
    assert_no_token(&dump, &tokens);
    assert_selectors(&dump, &live);
    // So it is the right dump, and this is how values look in it.
    assert!(!found(&dump, &[MARKER.into()]).is_empty(), "there is no value in the dump");
}

pub(crate) async fn dump_sealed(backend: impl Written) {
    let (tokens, live) = use_it(&backend, true).await;
    let dump = backend.dump();
    assert_no_token(&dump, &tokens);
    assert_selectors(&dump, &live);
    let found = found(&dump, &[MARKER.into()]);
    assert!(found.is_empty(), "a value or a user's name lies there open: {found:?}");
}

/// Every token that there was, and the session ids of the sessions that still live.
async fn use_it(backend: &impl Written, encrypt: bool) -> (BTreeSet<String>, Vec<String>) {
    let machine = Machine::start(APP, &settings(&backend).encrypt(encrypt));
    let (mut tokens, mut live) = (BTreeSet::new(), Vec::new());
    for round in 0..8 {
        let client = machine.client();
        for path in [
            format!("/theme/{MARKER}-{round}"),
            format!("/notice/{MARKER}-{round}"),
            format!("/note/key/{MARKER}-{round}"),
            format!("/login/{MARKER}-{round}"),
            "/tally".to_owned(),
            "/rotate".to_owned(),
            "/remember".to_owned(),
            format!("/theme/{MARKER}-again"),
            format!("/login/{MARKER}-{}", round / 4),
            "/hit".to_owned(),
        ] {
            post(&client, &path).await;
            note_tokens(&client, &mut tokens);
        }
        match round {
            1 | 5 => drop(post(&client, "/logout").await),
            6 => assert_eq!(post(&client, "/end_others").await, "1", "of the second half"),
            _ => {}
        }
        note_tokens(&client, &mut tokens);
        // 4 gave way to 6.
        if [0, 2, 3, 6, 7].contains(&round) {
            live.push(get(&client, "/id").await);
        }
    }
    // Four rounds of each session type's token at least, and one more at each rotation.
    assert!(tokens.len() >= 4 * 8, "{} tokens", tokens.len());
    (tokens, live)
}

fn note_tokens(client: &Client, tokens: &mut BTreeSet<String>) {
    tokens.extend([COOKIE, "numbers"].into_iter().filter_map(|name| client.cookie(name)));
}

/// `ver ‖ suite ‖ kid(4) ‖ selector(16) ‖ verifier(16) ‖ tag(16)`.
fn assert_no_token(dump: &[u8], tokens: &BTreeSet<String>) {
    let mut secrets = Vec::new();
    for token in tokens {
        let bytes = decode(token);
        assert_eq!(bytes.len(), 54, "a token of another layout");
        secrets.extend([bytes[22..38].to_vec(), bytes[38..].to_vec(), bytes, token.clone().into()]);
    }
    let parts = ["a verifier", "a tag", "a token", "a token's text"];
    let found = found(dump, &secrets);
    let told: Vec<_> = found.iter().map(|(index, place)| (parts[index % 4], place)).collect();
    assert!(told.is_empty(), "the dump holds {told:?}");
}

fn assert_selectors(dump: &[u8], live: &[String]) {
    let selector = |handle: &String| -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&handle[at..at + 2], 16).expect("hex digits");
        (0..32).step_by(2).map(digit).collect()
    };
    let selectors: Vec<Vec<u8>> = live.iter().map(selector).collect();
    assert_eq!(found(dump, &selectors).len(), live.len(), "not all sessions are in the dump");
}

/// Which of these are in the dump, in whatever form, and what is around them.
fn found(dump: &[u8], wanted: &[Vec<u8>]) -> BTreeMap<usize, String> {
    let mut forms: HashMap<[u8; START], Vec<(usize, Vec<u8>)>> = HashMap::new();
    for (index, bytes) in wanted.iter().enumerate() {
        for form in forms_of(bytes) {
            let start = *form.first_chunk().expect("nothing wanted is that short");
            forms.entry(start).or_default().push((index, form));
        }
    }
    let mut found = BTreeMap::new();
    for at in 0..dump.len() {
        let Some(start) = dump[at..].first_chunk::<START>() else { break };
        // Much of a database's files is empty.
        if *start == [0; START] {
            continue;
        }
        for (index, form) in forms.get(start).into_iter().flatten() {
            if dump[at..].starts_with(form) {
                let around = &dump[at.saturating_sub(60)..(at + form.len() + 20).min(dump.len())];
                found.insert(*index, String::from_utf8_lossy(around).into_owned());
            }
        }
    }
    found
}

/// By how many bytes a form is looked up.
const START: usize = 6;

/// Everything that somebody may call writing these bytes down.
fn forms_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = |digits: &[u8; 16]| -> Vec<u8> {
        let of = |byte: &u8| [byte >> 4, byte & 15].map(|half| digits[usize::from(half)]);
        bytes.iter().flat_map(of).collect()
    };
    let mut forms = vec![bytes.to_owned(), hex(b"0123456789abcdef"), hex(b"0123456789ABCDEF")];
    for before in 0..3 {
        forms.extend([STANDARD, URL_SAFE].map(|alphabet| encode(bytes, before, alphabet)));
    }
    forms
}

/// The base64 digits that `bytes` alone decide, where so many other bytes (0 to 2) stand before
/// them in what is encoded.
fn encode(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let (first, end) = ((6 - before * 8 % 6) % 6, bytes.len() * 8);
    let starts = (first..end).step_by(6).take_while(|start| start + 6 <= end);
    let digits = starts.map(|start| (start..start + 6).fold(0, |six, at| six << 1 | bit(at)));
    digits.map(|six| alphabet[usize::from(six)]).collect()
}

/// The bytes of an unpadded base64url text.
fn decode(token: &str) -> Vec<u8> {
    let value =
        |digit: u8| URL_SAFE.iter().position(|it| *it == digit).expect("a token is base64url");
    let bits: Vec<usize> = token
        .bytes()
        .flat_map(|digit| (0..6).rev().map(move |at| value(digit) >> at & 1))
        .collect();
    let bytes = bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit));
    bytes.map(|byte| u8::try_from(byte).expect("eight bits")).collect()
}

#[test]
fn every_form_is_found_wherever_it_stands() {
    let secret = b"\x00\x7f\xff sixteen bytes".to_vec();
    let is_in = |text: &[u8]| !found(text, std::slice::from_ref(&secret)).is_empty();
    for before in 0..3 {
        let whole: Vec<u8> = [&b"xyz"[..before], &secret, b"tail"].concat();
        for alphabet in [STANDARD, URL_SAFE] {
            let text = encode(&whole, 0, alphabet);
            assert!(is_in(&text), "{before}");
            assert!(!is_in(&text[..text.len() - 10]), "{before}");
        }
    }
    assert_eq!(decode("AH__IHNpeHRlZW4gYnl0ZXM"), secret);
    assert!(is_in(b".. 007FFF207369787465656E206279746573 .."));
    assert!(is_in(b".. 007fff207369787465656e206279746573 .."));
    assert!(is_in(&[b"..", &secret[..]].concat()));
}
