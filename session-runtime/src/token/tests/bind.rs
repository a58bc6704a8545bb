//! The hash that a session is bound to, as records keep it: its layout, compared with hashes that
//! were computed elsewhere, and the values that count as the same.

use super::*;
use crate::token::{BindCodec, Match, Shown};

const NETWORK: Shown<'_> =
    Shown { kind: "address", form: [24, 56], value: Some(&[203, 0, 113, 0]) };
const NOBODY: Shown<'_> = Shown { value: None, ..NETWORK };

fn codec(seeds: &[u8]) -> BindCodec {
    BindCodec::new(&ring(seeds), &binding(Purpose::Bind), Random::SYSTEM)
}

#[test]
fn what_is_kept_is_form_key_salt_and_hash() {
    let kept = |shown| codec(&[1]).keep_with(None, shown, [1, 2, 3, 4, 5, 6, 7, 8]);
    let hash = |kept: Vec<u8>| u128::from_be_bytes(kept[14..].try_into().unwrap());
    assert_eq!(kept(NETWORK)[..2], [24, 56]);
    assert_eq!(kept(NETWORK)[2..6], ring(&[1]).current().writer().id.0);
    assert_eq!(kept(NETWORK)[6..14], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(hash(kept(NETWORK)), 0xde2e_8e4e_19fb_a20c_0f2f_12a2_ca78_bf8e);
    assert_eq!(hash(kept(NOBODY)), 0x77b0_3174_fe71_93ef_a315_11da_d1f1_141f);
}

#[test]
fn only_what_was_kept_is_the_same() {
    let kept = codec(&[1]).keep(KEY, NETWORK).unwrap();
    assert_ne!(kept, codec(&[1]).keep(KEY, NETWORK).unwrap(), "another salt");
    assert_eq!(codec(&[1]).compare(&kept, NETWORK), Match::Same(ring(&[1]).current().writer().id));
    assert_eq!(
        codec(&[2, 1]).compare(&kept, NETWORK),
        Match::Same(ring(&[1]).current().writer().id)
    );
    assert_eq!(codec(&[2]).compare(&kept, NETWORK), Match::Other, "its key is gone");
    for other in [
        NOBODY,
        Shown { value: Some(&[]), ..NETWORK },
        Shown { value: Some(&[203, 0, 112, 0]), ..NETWORK },
        Shown { kind: "user_agent", ..NETWORK },
    ] {
        assert_eq!(codec(&[1]).compare(&kept, other), Match::Other);
    }
    assert_eq!(codec(&[1]).compare(&kept, Shown { form: [24, 64], ..NETWORK }), Match::Unknown);
    for at in 2..kept.len() {
        let mut changed = kept.clone();
        changed[at] ^= 1;
        assert_eq!(codec(&[1]).compare(&changed, NETWORK), Match::Other, "byte {at}");
    }
    for length in 0..kept.len() {
        assert_eq!(codec(&[1]).compare(&kept[..length], NETWORK), Match::Other, "{length} bytes");
    }
}

#[test]
fn without_random_bytes_nothing_is_kept_and_nothing_is_printed() {
    let codec = BindCodec::new(&ring(&[1]), &binding(Purpose::Bind), Random::BROKEN);
    assert!(codec.keep(KEY, NETWORK).is_err());
    assert_eq!(format!("{codec:?}"), "BindCodec(<redacted>)");
}
