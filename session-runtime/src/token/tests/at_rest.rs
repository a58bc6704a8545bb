//! Records at rest: a blob or signature is good for one content, place, binding and method.

use super::*;
use crate::token::{PayloadCodec, RecordSealer, RecordSigner};

const CONTENT: &[u8] = b"4242 4242 4242 4242";
const PLACE: &[u8] = b"a session";

/// A content whose size is known.
struct Content;

impl crate::token::Plain for Content {
    fn size(&self) -> usize {
        CONTENT.len()
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(CONTENT);
    }
}

fn sealer(binding: &Binding) -> RecordSealer {
    RecordSealer::new(&ring(&[1]), binding, Random::SYSTEM)
}

fn signer(binding: &Binding) -> RecordSigner {
    RecordSigner::new(&ring(&[1]), binding)
}

#[test]
fn no_part_and_no_extension_of_a_blob_opens() {
    let codec = sealer(&binding(Purpose::Record));
    let blob = codec.seal(KEY, PLACE, &Content).unwrap();
    assert_eq!(&codec.open(PLACE, &blob).unwrap()[..], CONTENT);
    assert_eq!(codec.open(b"a sessioN", &blob), Err(Reason::Forged));
    for end in 0..blob.len() {
        assert!(codec.open(PLACE, &blob[..end]).is_err(), "{end}");
        assert!(codec.open(PLACE, &blob[end + 1..]).is_err(), "{end}");
    }
    assert_eq!(codec.open(PLACE, &[&blob[..], b"\0"].concat()), Err(Reason::Forged));
    let other = RecordSealer::new(&ring(&[2]), &binding(Purpose::Record), Random::SYSTEM);
    assert_eq!(
        other.open(PLACE, &blob),
        Err(Reason::UnknownKey(ring(&[1]).current().writer().id.0))
    );
    let again = codec.seal(KEY, PLACE, &Content).unwrap();
    assert_ne!(again, blob, "each has a nonce of its own");
}

#[test]
fn no_part_and_no_extension_of_a_signature_is_one() {
    let codec = signer(&binding(Purpose::SignedRecord));
    let signature = codec.sign(KEY, PLACE, CONTENT);
    assert_eq!(codec.verify(PLACE, CONTENT, &signature), Ok(()));
    // Where one ends and the other begins counts.
    for (place, content) in [
        (&b"a sessio"[..], &[b"n", CONTENT].concat()[..]),
        (PLACE, b"4242 4242 4242 4243"),
        (b"", &[PLACE, CONTENT].concat()),
    ] {
        assert_eq!(codec.verify(place, content, &signature), Err(Reason::Forged));
    }
    for end in 0..signature.len() {
        assert!(codec.verify(PLACE, CONTENT, &signature[..end]).is_err(), "{end}");
        assert!(codec.verify(PLACE, CONTENT, &signature[end + 1..]).is_err(), "{end}");
    }
    assert!(codec.verify(PLACE, CONTENT, &[&signature[..], b"\0"].concat()).is_err());
    let other = RecordSigner::new(&ring(&[2]), &binding(Purpose::SignedRecord));
    assert_eq!(
        other.verify(PLACE, CONTENT, &signature),
        Err(Reason::UnknownKey(ring(&[1]).current().writer().id.0))
    );
}

#[test]
fn a_record_is_good_for_one_binding_and_suite_only() {
    let blob = sealer(&binding(Purpose::Record)).seal(KEY, PLACE, &Content).unwrap();
    for other in other_bindings(Purpose::Record) {
        assert_eq!(sealer(&other).open(PLACE, &blob), Err(Reason::Forged), "{other:?}");
    }
    let signature = signer(&binding(Purpose::SignedRecord)).sign(KEY, PLACE, CONTENT);
    for other in other_bindings(Purpose::SignedRecord) {
        let verified = signer(&other).verify(PLACE, CONTENT, &signature);
        assert_eq!(verified, Err(Reason::Forged), "{other:?}");
    }
    let (sealed, signed) = (PayloadCodec::sealed, PayloadCodec::signed);
    for (tokens, bytes, purpose) in [
        (sealed(&ring(&[1]), &binding(Purpose::Record)), &blob, "sealed"),
        (signed(&ring(&[1]), &binding(Purpose::SignedRecord)), &signature, "signed"),
    ] {
        let token = tokens.open(encode(bytes).as_bytes(), || NOW);
        assert_eq!(token.unwrap_err(), Reason::Malformed, "{purpose}");
    }
}
