//! Payload tokens: the sealed and the signed codec refuse everything that they did not write.

use super::*;
use crate::token::{PayloadCodec, aead, sealed::SealedCodec};

type Make = fn(&KeyRing, &Binding) -> PayloadCodec;

/// Both kinds, with the fewest bytes of a token that is not malformed.
const KINDS: [(Make, Purpose, usize); 2] = [
    (PayloadCodec::sealed, Purpose::Sealed, 2 + 4 + 16 + 24 + 16),
    (PayloadCodec::signed, Purpose::Signed, 2 + 4 + 32),
];

const PLAIN: &[u8] = b"cart: 3 apples, a pear; not for everybody's eyes";

fn write(codec: &PayloadCodec, plain: &[u8]) -> String {
    codec.write(plain, None, Random::SYSTEM).unwrap()
}

fn reason(codec: &PayloadCodec, text: impl AsRef<[u8]>) -> Reason {
    codec.open(text.as_ref(), || NOW).unwrap_err()
}

#[test]
fn what_was_written_opens() {
    for (make, purpose, overhead) in KINDS {
        let codec = make(&ring(&[1]), &binding(purpose));
        for plain in [&b""[..], b"\0", PLAIN, &[0xff; 3000]] {
            let token = write(&codec, plain);
            let padded = match purpose {
                Purpose::Sealed => plain.len() / 32 * 32 + 32,
                _ => plain.len(),
            };
            assert_eq!(raw(&token).len(), padded + overhead);
            let opened = codec.open(token.as_bytes(), || NOW).unwrap();
            assert_eq!(opened.plain, plain);
            assert_eq!(opened.key_id, ring(&[1]).current().writer().id);
        }
    }
}

#[test]
fn sealing_twice_gives_two_tokens_that_show_nothing() {
    let codec = PayloadCodec::sealed(&ring(&[1]), &binding(Purpose::Sealed));
    let mut nonces: Vec<_> =
        (0..1000).map(|_| raw(&write(&codec, PLAIN))[22..46].to_vec()).collect();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 1000);
    let token = raw(&write(&codec, PLAIN));
    assert!(!token.windows(4).any(|window| PLAIN.windows(4).any(|plain| plain == window)));
}

#[test]
fn the_length_of_a_token_tells_the_length_of_its_content_to_32_bytes() {
    let codec = PayloadCodec::sealed(&ring(&[1]), &binding(Purpose::Sealed));
    let length = |content: &[u8]| raw(&write(&codec, content)).len();
    for content in 0..100 {
        let (zeros, ends) = (vec![0; content], vec![0x80; content]);
        assert_eq!(length(&zeros), 62 + content / 32 * 32 + 32);
        for content in [zeros, ends] {
            let opened = codec.open(write(&codec, &content).as_bytes(), || NOW).unwrap();
            assert_eq!(opened.plain, content, "the padding is told from the content");
        }
    }
}

#[test]
fn a_sealed_token_commits_to_its_key_and_its_binding() {
    let commitment = |seed, binding: &Binding| {
        let codec = PayloadCodec::sealed(&ring(&[seed]), binding);
        let (one, other) = (raw(&write(&codec, b"")), raw(&write(&codec, PLAIN)));
        assert_eq!(one[6..22], other[6..22], "it depends on no message");
        one[6..22].to_vec()
    };
    let ours = binding(Purpose::Sealed);
    let mut all = vec![commitment(1, &ours), commitment(2, &ours)];
    all.extend(other_bindings(Purpose::Sealed).iter().map(|other| commitment(1, other)));
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    // The seal would verify: what is refused is a commitment to another key.
    let codec = SealedCodec::new(&ring(&[1]), &ours);
    let cipher = aead::Cipher::new(&ring(&[1]).current().writer().derive(ours.as_bytes()));
    let id = ring(&[1]).current().writer().id;
    let seal = |commitment: &[u8]| {
        let head = [&aead::head(0x01, id), commitment].concat();
        let padded = [PLAIN, b"\x80", &[0; 15]].concat();
        encode(&aead::seal(&cipher, &head, &[7; 24], &[], &padded[..]))
    };
    assert!(codec.open(seal(&commitment(1, &ours)).as_bytes(), || NOW).is_ok());
    let other = seal(&commitment(2, &ours));
    assert_eq!(codec.open(other.as_bytes(), || NOW).unwrap_err(), Reason::Forged);
}

#[test]
fn a_token_of_the_first_format_is_no_session_and_no_error() {
    for (make, purpose, _) in KINDS {
        let codec = make(&ring(&[1]), &binding(purpose));
        let mut bytes = raw(&write(&codec, PLAIN));
        bytes[0] = 1;
        assert_eq!(reason(&codec, encode(&bytes)), Reason::Malformed);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for (make, purpose, _) in KINDS {
        let codec = make(&ring(&[1, 2]), &binding(purpose));
        let token = raw(&write(&codec, PLAIN));
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone();
                bytes[at] ^= 1 << bit;
                let text = encode(&bytes);
                assert_eq!(reason(&codec, text), flipped(&bytes, at), "{purpose:?} {bit} of {at}");
            }
        }
    }
}

#[test]
fn every_other_length_is_refused() {
    for (make, purpose, overhead) in KINDS {
        let codec = make(&ring(&[1]), &binding(purpose));
        let token = raw(&write(&codec, PLAIN));
        for end in 0..token.len() {
            let expected = if end < overhead { Reason::Malformed } else { Reason::Forged };
            assert_eq!(reason(&codec, encode(&token[..end])), expected, "{purpose:?} {end}");
        }
        for more in 1..70 {
            for fill in [0, b'x'] {
                let longer = [token.as_slice(), &vec![fill; more]].concat();
                assert_eq!(reason(&codec, encode(&longer)), Reason::Forged);
            }
        }
        let (head, tail) = token.split_at(overhead - 2);
        assert_eq!(reason(&codec, encode(&[head, &[0], tail].concat())), Reason::Forged);
        assert_eq!(reason(&codec, vec![b'A'; MAX_TEXT]), Reason::Malformed);
        assert_eq!(reason(&codec, vec![b'A'; 1 << 20]), Reason::Malformed);
    }
}

#[test]
fn every_other_spelling_is_refused() {
    for (make, purpose, _) in KINDS {
        let codec = make(&ring(&[1]), &binding(purpose));
        // All three lengths of the last group of base64.
        for plain in [&PLAIN[..40], &PLAIN[..41], &PLAIN[..42]] {
            let token = write(&codec, plain);
            for text in spellings(&token) {
                let found = reason(&codec, &text);
                match decode(&text) {
                    None => assert_eq!(found, Reason::Malformed, "{text:?}"),
                    // Well-formed text of other bytes: cut short, or with some in front.
                    Some(bytes) => assert_ne!(bytes, raw(&token)),
                }
            }
        }
    }
}

#[test]
fn a_payload_is_good_for_one_binding_only() {
    for (make, purpose, _) in KINDS {
        let token = write(&make(&ring(&[1]), &binding(purpose)), PLAIN);
        for other in other_bindings(purpose) {
            let codec = make(&ring(&[1]), &other);
            assert_eq!(reason(&codec, &token), Reason::Forged, "{other:?}");
        }
    }
}

#[test]
fn a_token_does_not_choose_how_it_is_read() {
    let [sealed, signed] = KINDS.map(|(make, purpose, _)| make(&ring(&[1]), &binding(purpose)));
    for (from, to, suite) in [(&sealed, &signed, 0x10), (&signed, &sealed, 0x01)] {
        let token = write(from, PLAIN);
        assert_eq!(reason(to, &token), Reason::Malformed);
        let mut bytes = raw(&token);
        bytes[1] = suite;
        assert_eq!(reason(to, encode(&bytes)), Reason::Forged);
    }
}

#[test]
fn no_other_format_is_taken() {
    for (make, purpose, _) in KINDS {
        let codec = make(&ring(&[1]), &binding(purpose));
        let json = br#"{"user":"admin","roles":["admin"],"expires":99999999999999}"#;
        let base64 = encode(json);
        for text in [&b""[..], json, base64.as_bytes(), &[0xff; 100], b"null", b"a.b.c"] {
            assert_eq!(reason(&codec, text), Reason::Malformed);
        }
    }
}

#[test]
fn old_keys_read_until_their_end_and_unknown_ones_never() {
    for (make, purpose, _) in KINDS {
        let token = write(&make(&ring(&[1]), &binding(purpose)), PLAIN);
        assert_eq!(
            reason(&make(&ring(&[2]), &binding(purpose)), &token),
            Reason::UnknownKey(ring(&[1]).current().writer().id.0)
        );
        let opened =
            make(&ring(&[2, 1]), &binding(purpose)).open(token.as_bytes(), || NOW).unwrap();
        assert_eq!(opened.key_id, ring(&[1]).current().writer().id);
        assert_eq!(opened.plain, PLAIN);

        let codec = make(&retiring(2, 1), &binding(purpose));
        assert!(codec.open(token.as_bytes(), || NOW).is_ok(), "the last moment is included");
        let later = NOW.saturating_add(Duration::from_millis(1));
        assert_eq!(codec.open(token.as_bytes(), || later).unwrap_err(), Reason::RetiredKey);
    }
}

#[test]
fn only_the_key_that_is_named_is_tried() {
    for (make, purpose, _) in KINDS {
        let codec = make(&ring(&[1, 2]), &binding(purpose));
        let other = raw(&write(&make(&ring(&[2]), &binding(purpose)), b""))[2..6].to_vec();
        for (id, expected) in [(other, Reason::Forged), (vec![9; 4], Reason::UnknownKey([9; 4]))] {
            let mut bytes = raw(&write(&codec, PLAIN));
            bytes[2..6].copy_from_slice(&id);
            assert_eq!(reason(&codec, encode(&bytes)), expected);
        }
    }
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    let codec = PayloadCodec::sealed(&ring(&[1]), &binding(Purpose::Sealed));
    assert!(codec.write(PLAIN, None, Random::BROKEN).is_err());
    // A signature needs none.
    let codec = PayloadCodec::signed(&ring(&[1]), &binding(Purpose::Signed));
    assert!(codec.write(PLAIN, None, Random::BROKEN).is_ok());
}

#[test]
fn nothing_prints_a_payload() {
    for (make, purpose, _) in KINDS {
        let codec = make(&ring(&[1]), &binding(purpose));
        let opened = codec.open(write(&codec, PLAIN).as_bytes(), || NOW).unwrap();
        assert_eq!(format!("{opened:?}"), format!("Opened {{ key_id: {:?}, .. }}", opened.key_id));
        assert_eq!(format!("{codec:?}"), "PayloadCodec(<redacted>)");
    }
}
