//! Secret fields: a blob opens in its own place and nowhere else.

use super::*;
use crate::{
    cell::FieldSealer,
    store::Namespace,
    token::{FieldCodec, PayloadCodec},
};

const PLAIN: &[u8] = b"4242 4242 4242 4242";

fn codec(seeds: &[u8], namespace: &str) -> FieldCodec {
    let namespace = Namespace::new(namespace);
    FieldCodec::new(&ring(seeds), &binding(Purpose::Field), &namespace, Random::SYSTEM)
}

#[test]
fn what_was_sealed_opens_in_its_place_only() {
    let codec = codec(&[1], "shop");
    for plain in [&b""[..], PLAIN] {
        let blob = codec.seal(KEY, selector(1), "card", plain).unwrap();
        assert_eq!(blob.len(), 30 + plain.len() + 16);
        assert_eq!(codec.open(selector(1), "card", &blob).as_deref(), Some(plain));
        assert_eq!(codec.open(selector(2), "card", &blob), None);
        assert_eq!(codec.open(selector(1), "cards", &blob), None);
        assert_eq!(codec.open(selector(1), "", &blob), None);
        let other = self::codec(&[1], "shop2");
        assert_eq!(other.open(selector(1), "card", &blob), None);
    }
    let (one, other) =
        (codec.seal(KEY, selector(1), "a", b"x"), codec.seal(KEY, selector(1), "a", b"x"));
    assert_ne!(one.unwrap(), other.unwrap());
}

#[test]
fn every_changed_blob_is_refused() {
    let codec = codec(&[1, 2], "shop");
    let blob = codec.seal(KEY, selector(1), "card", PLAIN).unwrap();
    for at in 0..blob.len() {
        for bit in 0..8 {
            let mut bytes = blob.to_vec();
            bytes[at] ^= 1 << bit;
            assert_eq!(codec.open(selector(1), "card", &bytes), None, "bit {bit} of byte {at}");
        }
        assert_eq!(codec.open(selector(1), "card", &blob[..at]), None);
        assert_eq!(codec.open(selector(1), "card", &blob[at + 1..]), None);
    }
    let longer = [&blob[..], b"\0"].concat();
    assert_eq!(codec.open(selector(1), "card", &longer), None);
    assert_eq!(codec.open(selector(1), "card", PLAIN), None, "what was never sealed");
}

#[test]
fn a_blob_is_good_for_one_binding_and_suite_only() {
    let blob = codec(&[1], "shop").seal(KEY, selector(1), "card", PLAIN).unwrap();
    for other in other_bindings(Purpose::Field) {
        let codec = FieldCodec::new(&ring(&[1]), &other, &Namespace::new("shop"), Random::SYSTEM);
        assert_eq!(codec.open(selector(1), "card", &blob), None, "{other:?}");
    }
    let tokens = PayloadCodec::sealed(&ring(&[1]), &binding(Purpose::Field));
    let token = tokens.open(encode(&blob).as_bytes(), || NOW);
    assert_eq!(token.unwrap_err(), Reason::Malformed);
}

#[test]
fn any_key_of_the_ring_opens_also_after_its_end() {
    let blob = codec(&[1], "shop").seal(KEY, selector(1), "card", PLAIN).unwrap();
    assert!(codec(&[2, 1], "shop").open(selector(1), "card", &blob).is_some());
    assert!(codec(&[2], "shop").open(selector(1), "card", &blob).is_none());
    let ended = KeyRing::new([key(2), key(1).not_after(UNIX_EPOCH)]).unwrap();
    let namespace = Namespace::new("shop");
    let codec = FieldCodec::new(&ended, &binding(Purpose::Field), &namespace, Random::SYSTEM);
    assert!(codec.open(selector(1), "card", &blob).is_some());
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    let namespace = Namespace::new("shop");
    let binding = binding(Purpose::Field);
    let codec = FieldCodec::new(&ring(&[1]), &binding, &namespace, Random::BROKEN);
    assert!(codec.seal(KEY, selector(1), "card", PLAIN).is_err());
    assert!(format!("{codec:?}").starts_with("FieldCodec { namespace: Namespace(shop)"));
}
