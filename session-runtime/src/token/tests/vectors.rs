//! The published vectors of the algorithms, through the functions that the codecs use.

use hmac::Mac;

use super::*;
use crate::token::{aead, mac::hmac};

fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

const SUNSCREEN: &[u8] =
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one \
                           tip for the future, sunscreen would be it.";

/// RFC 4231, section 4: test cases 1 to 4, 6 and 7; 5 is of a truncated output.
#[test]
fn hmac_sha256() {
    for (key, data, mac) in [
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            (1..=25).collect(),
            vec![0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            vec![0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. \
              The key needs to be hashed before being used by the HMAC algorithm."
                .to_vec(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ] {
        let prepared = hmac(&key);
        // A clone of the prepared state, as every request uses it.
        let found = prepared.clone().chain_update(&data).finalize().into_bytes();
        assert_eq!(found.as_slice(), unhex(mac));
        assert!(prepared.chain_update(&data).verify_slice(&unhex(mac)).is_ok());
    }
}

/// RFC 8439, section 2.8.2: the construction below ours, with its 96-bit nonce.
#[test]
fn chacha20_poly1305() {
    use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};

    let key: [u8; 32] = std::array::from_fn(|n| 0x80 + u8::try_from(n).unwrap());
    let nonce: [u8; 12] = unhex("070000004041424344454647").try_into().unwrap();
    let mut buffer = SUNSCREEN.to_vec();
    let tag = ChaCha20Poly1305::new(&key.into())
        .encrypt_inout_detached(
            &nonce.into(),
            &unhex("50515253c0c1c2c3c4c5c6c7"),
            buffer.as_mut_slice().into(),
        )
        .unwrap();
    let expected = "d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
                    3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
                    92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
                    3ff4def08e4b7a9de576d26586cec64b 6116";
    assert_eq!(buffer, unhex(expected));
    assert_eq!(tag.as_slice(), unhex("1ae10b594f09e26a7e902ecbd0600691"));
}

/// draft-irtf-cfrg-xchacha-03, appendix A.3.1, through what seals our payloads.
#[test]
fn xchacha20_poly1305() {
    let key: [u8; 32] = std::array::from_fn(|n| 0x80 + u8::try_from(n).unwrap());
    let nonce: [u8; 24] = std::array::from_fn(|n| 0x40 + u8::try_from(n).unwrap());
    let mut buffer = SUNSCREEN.to_vec();
    let associated = unhex("50515253c0c1c2c3c4c5c6c7");
    let tag = aead::Cipher::new(&key).encrypt(&nonce, &associated, &mut buffer);
    let expected = "bd6d179d3e83d43b9576579493c0e939 572a1700252bfaccbed2902c21396cbb
                    731c7f1b0b4aa6440bf3a82f4eda7e39 ae64c6708c54c216cb96b72e1213b452
                    2f8c9ba40db5d945b11b69b982c1bb9e 3f3fac2bc369488f76b2383565d3fff9
                    21f9664c97637da9768812f615c68b13 b52e";
    assert_eq!(buffer, unhex(expected));
    assert_eq!(tag.as_slice(), unhex("c0875924c1c7987947deafd8780acf49"));
}

#[test]
fn a_blob_is_its_header_and_what_the_cipher_makes() {
    let (key, nonce) = ([7; 32], [8; 24]);
    let cipher = aead::Cipher::new(&key);
    let id = KeyId([1, 2, 3, 4]);
    let mut blob = aead::seal(&cipher, &aead::head(0x01, id), &nonce, b"context", &b"plain"[..]);
    let header = [&[2, 1, 1, 2, 3, 4][..], &nonce].concat();
    let mut text = b"plain".to_vec();
    let tag = cipher.encrypt(&nonce, &[&header[..], b"context"].concat(), &mut text);
    assert_eq!(blob, [&header[..], &text, &tag].concat());
    assert_eq!(aead::open(&cipher, 6, b"contexts", &mut blob.clone()), None);
    let plain = aead::open(&cipher, 6, b"context", &mut blob).unwrap();
    assert_eq!(&blob[plain], b"plain");
    assert_eq!(aead::key_id(&blob, 0x01, 6), Some(id));
    assert_eq!(aead::key_id(&blob, 0x02, 6), None);
    assert_eq!(aead::key_id(&blob[..45], 0x01, 6), None);
    assert_eq!(encode(&blob).len(), 68);
}
