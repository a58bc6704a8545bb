//! Credentials: every bit counts, every spelling but one is refused, each for its own reason.

use super::*;
use crate::token::{CredentialCodec, credential::Issued};

fn codec(seeds: &[u8]) -> CredentialCodec {
    CredentialCodec::new(&ring(seeds), &binding(Purpose::Credential))
}

fn issue(codec: &CredentialCodec) -> Issued {
    codec.issue(selector(1), None, Random::SYSTEM).unwrap()
}

fn reason(codec: &CredentialCodec, text: impl AsRef<[u8]>) -> Reason {
    codec.verify(text.as_ref(), || NOW).unwrap_err()
}

#[test]
fn what_was_issued_verifies() {
    let codec = codec(&[1]);
    let issued = issue(&codec);
    assert_eq!(issued.token.len(), 72);
    let credential = codec.verify(issued.token.as_bytes(), || NOW).unwrap();
    assert_eq!(credential.selector, selector(1));
    assert_eq!(credential.check, issued.check);
    assert_eq!(credential.key_id, issued.key_id);
    assert!(credential.current_key);
    assert_eq!(raw(&issued.token)[..2], [2, 0x20]);
    assert_eq!(raw(&issued.token)[2..6], issued.key_id.0);
    assert_eq!(raw(&issued.token)[6..22], selector(1).0);
}

#[test]
fn the_check_is_not_in_the_token() {
    let codec = codec(&[1]);
    let issued = issue(&codec);
    assert!(!raw(&issued.token).windows(16).any(|window| window == issued.check.0));
    // The check in place of the tag, or of the verifier, is no credential.
    for range in [38..54, 22..38] {
        let mut bytes = raw(&issued.token);
        bytes[range].copy_from_slice(&issued.check.0);
        assert_eq!(reason(&codec, encode(&bytes)), Reason::Forged);
    }
}

#[test]
fn every_credential_is_new() {
    let codec = codec(&[1]);
    let (one, other) = (issue(&codec), issue(&codec));
    assert_ne!(raw(&one.token)[22..], raw(&other.token)[22..]);
    assert_ne!(one.check, other.check);
    assert!(codec.verify(one.token.as_bytes(), || NOW).is_ok());
}

#[test]
fn every_flipped_bit_is_refused() {
    let codec = codec(&[1, 2]);
    let token = raw(&issue(&codec).token);
    for at in 0..token.len() {
        for bit in 0..8 {
            let mut bytes = token.clone();
            bytes[at] ^= 1 << bit;
            assert_eq!(
                reason(&codec, encode(&bytes)),
                flipped(&bytes, at),
                "bit {bit} of byte {at}"
            );
        }
    }
}

#[test]
fn every_other_spelling_is_malformed() {
    let codec = codec(&[1]);
    let token = issue(&codec).token;
    for text in spellings(&token) {
        assert_eq!(reason(&codec, &text), Reason::Malformed, "{text:?}");
    }
    let bytes = raw(&token);
    for end in 0..bytes.len() {
        assert_eq!(reason(&codec, encode(&bytes[..end])), Reason::Malformed);
        assert_eq!(reason(&codec, encode(&bytes[end + 1..])), Reason::Malformed);
    }
    for more in 1..80 {
        let longer = [bytes.as_slice(), &vec![0; more]].concat();
        assert_eq!(reason(&codec, encode(&longer)), Reason::Malformed);
    }
    assert_eq!(reason(&codec, vec![b'A'; 1 << 20]), Reason::Malformed);
}

#[test]
fn no_other_format_is_taken() {
    let codec = codec(&[1]);
    let zeros = encode(&[0; 54]);
    let json = br#"{"user":"admin","expires":99999999999999999999999999999999999999999999}  "#;
    for text in [&b""[..], b"null", b"admin", zeros.as_bytes(), &json[..72]] {
        assert_eq!(reason(&codec, text), Reason::Malformed);
    }
}

#[test]
fn a_credential_is_good_for_one_binding_only() {
    let token = issue(&codec(&[1])).token;
    for other in other_bindings(Purpose::Credential) {
        let codec = CredentialCodec::new(&ring(&[1]), &other);
        assert_eq!(reason(&codec, &token), Reason::Forged, "{other:?}");
    }
}

#[test]
fn old_keys_read_until_their_end_and_unknown_ones_never() {
    let token = issue(&codec(&[1])).token;
    assert_eq!(
        reason(&codec(&[2]), &token),
        Reason::UnknownKey(ring(&[1]).current().writer().id.0)
    );
    let credential = codec(&[2, 1]).verify(token.as_bytes(), || Timestamp::MAX).unwrap();
    assert!(!credential.current_key);

    let retiring = CredentialCodec::new(&retiring(2, 1), &binding(Purpose::Credential));
    assert!(retiring.verify(token.as_bytes(), || NOW).is_ok(), "the last moment is included");
    let later = NOW.saturating_add(Duration::from_millis(1));
    assert_eq!(retiring.verify(token.as_bytes(), || later).unwrap_err(), Reason::RetiredKey);
    // The reason is the key's end whether or not the rest is right: nothing is computed.
    let mut bytes = raw(&token);
    bytes[40] ^= 1;
    assert_eq!(
        retiring.verify(encode(&bytes).as_bytes(), || later).unwrap_err(),
        Reason::RetiredKey
    );
}

#[test]
fn only_the_key_that_is_named_is_tried() {
    let codec = codec(&[1, 2]);
    let issued = issue(&codec);
    let other = CredentialCodec::new(&ring(&[2]), &binding(Purpose::Credential));
    let other = issue(&other).key_id;
    for (id, expected) in [(other.0, Reason::Forged), ([9; 4], Reason::UnknownKey([9; 4]))] {
        let mut bytes = raw(&issued.token);
        bytes[2..6].copy_from_slice(&id);
        assert_eq!(reason(&codec, encode(&bytes)), expected);
    }
}

#[test]
fn without_random_bytes_there_is_no_credential() {
    assert!(codec(&[1]).issue(selector(1), None, Random::BROKEN).is_err());
}

#[test]
fn nothing_prints_a_credential() {
    let codec = codec(&[1]);
    let issued = issue(&codec);
    let credential = codec.verify(issued.token.as_bytes(), || NOW).unwrap();
    let printed = format!("{issued:?} {codec:?} {credential:?}");
    assert!(!printed.contains(&issued.token[..20]));
    assert!(!printed.contains(&issued.token[52..]));
    assert!(printed.contains("<redacted>"));
}
