//! Tokens made by another implementation (`tests/golden/make.py`): each is accepted, and each is
//! written byte for byte from the same random bytes.

use serde_json::Value;

use super::*;
use crate::{
    cell::FieldSealer,
    store::{FieldValue, Namespace},
    token::{
        CredentialCodec, Envelope, FieldCodec, PayloadCodec, Plain as _, sealed::SealedCodec,
        signed::SignedCodec,
    },
};

const TOKENS: &str = include_str!("../../../../tests/golden/tokens.json");

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    let hex = text(value, name);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn array<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    bytes(value, name).try_into().unwrap()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().unwrap()
}

/// Calls `check` with each case, its ring, and a binding for `purpose`.
fn each(purpose: Purpose, check: impl Fn(&Value, &KeyRing, &Binding)) {
    let tokens: Value = serde_json::from_str(TOKENS).unwrap();
    let cases = list(&tokens, "cases");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let ring = KeyRing::from_text(text(case, "key")).unwrap();
        let parts = ["transport", "name", "type", "audience", "schema"];
        let [transport, name, namespace, audience, schema] = parts.map(|part| text(case, part));
        let binding = Binding::new(purpose, transport, name, namespace, audience, schema);
        check(case, &ring, &binding);
    }
}

#[test]
fn keys() {
    each(Purpose::Sealed, |case, ring, _| {
        assert_eq!(ring.current().writer().id.0, array(case, "key_id"));
        assert_eq!(ring.current().fingerprints().next().unwrap(), array(case, "fingerprint"));
    });
}

#[test]
fn credentials() {
    each(Purpose::Credential, |case, ring, binding| {
        let case = &case["credential"];
        let codec = CredentialCodec::new(ring, binding);
        let selector = Selector::from_bytes(array(case, "selector"));
        let issued = codec.issue_with(selector, None, &array(case, "verifier"));
        assert_eq!(issued.token, text(case, "token"));
        assert_eq!(issued.check.0, array(case, "check"));
        let credential = codec.verify(text(case, "token").as_bytes(), || NOW).unwrap();
        assert_eq!(credential.selector, selector);
        assert_eq!(credential.check.0, array(case, "check"));
    });
}

#[test]
fn sealed_payloads() {
    each(Purpose::Sealed, |case, ring, binding| {
        let codec = SealedCodec::new(ring, binding);
        for case in list(case, "sealed") {
            let (plain, token) = (bytes(case, "plain"), text(case, "token"));
            assert_eq!(codec.write_with(&plain[..], None, &array(case, "nonce")), token);
            let opened =
                PayloadCodec::sealed(ring, binding).open(token.as_bytes(), || NOW).unwrap();
            assert_eq!(opened.plain, plain);
        }
    });
}

#[test]
fn signed_payloads() {
    each(Purpose::Signed, |case, ring, binding| {
        let codec = SignedCodec::new(ring, binding);
        for case in list(case, "signed") {
            let (plain, token) = (bytes(case, "plain"), text(case, "token"));
            assert_eq!(codec.write(&plain[..], None), token);
            let opened =
                PayloadCodec::signed(ring, binding).open(token.as_bytes(), || NOW).unwrap();
            assert_eq!(opened.plain, plain);
        }
    });
}

#[test]
fn secret_fields() {
    each(Purpose::Field, |case, ring, binding| {
        for case in list(case, "field") {
            let namespace = Namespace::new(text(case, "namespace"));
            let codec = FieldCodec::new(ring, binding, &namespace, Random::BROKEN);
            let selector = Selector::from_bytes(array(case, "selector"));
            let (field, plain, blob) =
                (text(case, "field"), bytes(case, "plain"), bytes(case, "blob"));
            assert_eq!(codec.seal_with(None, &array(case, "nonce"), selector, field, &plain), blob);
            assert_eq!(codec.open(selector, field, &blob), Some(plain));
        }
    });
}

#[test]
fn envelopes() {
    let value = |kind: &str, content: &Value| match kind {
        "bytes" => FieldValue::Bytes(content.as_str().unwrap().to_owned().into()),
        "int" => FieldValue::Int(content.as_i64().unwrap()),
        _ => FieldValue::Set(
            content
                .as_array()
                .unwrap()
                .iter()
                .map(|member| member.as_str().unwrap().to_owned().into())
                .collect(),
        ),
    };
    let tokens: Value = serde_json::from_str(TOKENS).unwrap();
    for case in list(&tokens, "envelopes") {
        let number = |name: &str| case[name].as_u64().unwrap();
        let time = |name: &str| Timestamp::from_millis(number(name));
        let envelope = Envelope {
            selector: Selector::from_bytes(array(case, "selector")),
            created: time("created"),
            sealed_at: time("sealed_at"),
            idle_millis: case["idle_millis"].as_u64(),
            absolute_until: time("absolute_until"),
            generation: u32::try_from(number("generation")).unwrap(),
            epoch: number("epoch"),
            persistent: case["persistent"].as_bool().unwrap(),
            rekeyed: time("created"),
            former_keys: Vec::new(),
            fields: list(case, "fields")
                .iter()
                .map(|field| {
                    let name = field[0].as_str().unwrap().to_owned();
                    (name.into(), value(field[1].as_str().unwrap(), &field[2]))
                })
                .collect(),
        };
        let mut encoded = Vec::new();
        envelope.put(&mut encoded);
        assert_eq!(encoded, bytes(case, "encoded"));
        assert_eq!(Envelope::decode(&bytes(case, "encoded").into(), |_| None), Some(envelope));
    }
}
