//! Envelopes: a written envelope reads back, and all other bytes are refused or written the same. The
//! bytes come from inside a seal, but a key can leak, and a decoder must not panic.

use std::borrow::Cow;

use bytes::Bytes;

use super::*;
use crate::{
    store::{FieldValue, KeyId},
    token::{Envelope, Plain as _},
};

/// A source of numbers that is the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> usize {
        usize::try_from(self.next() % end).unwrap()
    }

    fn bytes(&mut self, longest: u64) -> Vec<u8> {
        (0..self.below(longest + 1)).map(|_| self.next().to_be_bytes()[3]).collect()
    }

    fn value(&mut self) -> FieldValue {
        match self.below(3) {
            0 => FieldValue::Bytes(self.bytes(40).into()),
            1 => FieldValue::Int(self.next().cast_signed()),
            _ => FieldValue::Set((0..self.below(5)).map(|_| Bytes::from(self.bytes(6))).collect()),
        }
    }

    fn envelope(&mut self) -> Envelope {
        let time = |number: u64| Timestamp::from_millis(number);
        let created = time(self.next());
        let key = |number: u64| KeyId::from_bytes([number.to_be_bytes()[7]; 4]);
        Envelope {
            selector: Selector::from_bytes(std::array::from_fn(|_| self.next().to_be_bytes()[0])),
            created,
            sealed_at: time(self.next()),
            idle_millis: (self.below(2) == 0).then(|| self.next() >> self.below(64)),
            absolute_until: time(self.next()),
            generation: u32::try_from(self.next() >> 32).unwrap(),
            epoch: self.next(),
            persistent: self.below(2) == 0,
            rekeyed: if self.below(2) == 0 { created } else { time(self.next()) },
            former_keys: (0..self.below(4)).map(|_| key(self.next())).collect(),
            fields: (0..self.below(6))
                .map(|n| (Cow::Owned(format!("{n}{}", "ü".repeat(self.below(4)))), self.value()))
                .collect(),
        }
    }
}

fn empty() -> Envelope {
    let envelope = Numbers(1).envelope();
    let (rekeyed, former_keys) = (envelope.created, Vec::new());
    Envelope { rekeyed, former_keys, fields: Vec::new(), ..envelope }
}

fn written(envelope: &Envelope) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(envelope.size());
    envelope.put(&mut bytes);
    bytes
}

/// Returns true if the bytes are read. Panics if the envelope is then written in another form:
/// nothing has two forms.
fn check(bytes: &[u8]) -> bool {
    Envelope::decode(&Bytes::copy_from_slice(bytes), |_| None).is_some_and(|envelope| {
        assert_eq!(written(&envelope), bytes);
        true
    })
}

#[test]
fn what_is_written_reads_back() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2000 {
        let envelope = numbers.envelope();
        let bytes = written(&envelope);
        assert_eq!(bytes.capacity(), bytes.len(), "written without growing");
        assert_eq!(Envelope::decode(&bytes.into(), |_| None), Some(envelope));
    }
    let bounds = Envelope { idle_millis: Some(0), absolute_until: Timestamp::MAX, ..empty() };
    assert_eq!(Envelope::decode(&written(&bounds).into(), |_| None), Some(bounds));
}

#[test]
fn nothing_shorter_or_longer_is_read() {
    let mut numbers = Numbers(7);
    for _ in 0..200 {
        let bytes = written(&numbers.envelope());
        for end in 0..bytes.len() {
            assert!(!check(&bytes[..end]));
        }
        for extra in [&b"\0"[..], b"\0\0\0", &bytes] {
            assert!(!check(&[&bytes[..], extra].concat()));
        }
    }
}

#[test]
fn changed_bytes_are_refused_or_mean_what_they_say() {
    let mut numbers = Numbers(42);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = written(&numbers.envelope());
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(bytes.len() as u64);
            let byte = numbers.next().to_be_bytes()[5];
            match numbers.below(4) {
                0 => bytes[at] ^= 1 << (byte % 8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][usize::from(byte % 5)],
                2 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        accepted += u32::from(check(&bytes));
    }
    // Most changes hit a number or a value, and are another envelope.
    assert!(accepted > 1000, "{accepted}");
    for _ in 0..20_000 {
        check(&numbers.bytes(200));
    }
}

#[test]
fn lengths_that_lie_are_refused_without_room_for_them() {
    let head = written(&empty());
    let head = &head[..head.len() - 2];
    let with = |tail: &[u8]| [head, tail].concat();
    assert!(check(&with(b"\0\0")));
    for tail in [
        &b"\xff\xff"[..],                                               // 65,535 fields
        b"\0\x01\xff\xff",                                              // a name of 65,535
        b"\0\x01\0\x01a\0\xff\xff\xff\xff",                             // a value of 4 GiB
        b"\0\x01\0\x01a\x02\0\0\0\x04\xff\xff\xff\xff",                 // 2^32 members
        b"\0\x01\0\x01a\x02\0\0\0\x08\0\0\0\x01\xff\xff\xff\xff",       // a member of 4 GiB
        b"\0\x01\0\x01a\x01\0\0\0\x07\0\0\0\0\0\0\0",                   // a number of 7 bytes
        b"\0\x01\0\x01a\x01\0\0\0\x09\0\0\0\0\0\0\0\0\0",               // a number of 9 bytes
        b"\0\x01\0\x01a\x03\0\0\0\0",                                   // an unknown kind
        b"\0\x01\0\x01\xff\0\0\0\0\0",                                  // a name that is no text
        b"\0\x01\0\x01a\x02\0\0\0\0",                                   // a set without a count
        b"\0\x01\0\x01a\x02\0\0\0\x05\0\0\0\0x",                        // more than the members
        b"\0\x01\0\x01a\x02\0\0\0\x0e\0\0\0\x02\0\0\0\x01b\0\0\0\x01a", // not in order
        b"\0\x01\0\x01a\x02\0\0\0\x0e\0\0\0\x02\0\0\0\x01a\0\0\0\x01a", // a member twice
    ] {
        assert!(!check(&with(tail)), "{tail:?}");
    }
    let flags = head.len() - 1;
    for (flag, fine) in [(0, false), (1, true), (2, false), (3, true), (4, false), (0x81, false)] {
        // `idle` is not zero here, so the flag that says so must be set; unknown flags must not.
        let mut bytes = written(&Envelope { idle_millis: Some(5), ..empty() });
        bytes[flags] = flag;
        assert_eq!(check(&bytes), fine, "{flag}");
    }
}

#[test]
fn what_does_not_fit_its_length_is_far_too_large_to_be_sent() {
    let name = Cow::Owned("n".repeat(70_000));
    let envelope = Envelope { fields: vec![(name, FieldValue::Int(1))], ..empty() };
    let bytes = written(&envelope);
    assert!(bytes.len() > MAX_TEXT);
    assert!(Envelope::decode(&bytes.into(), |_| None).is_none());
}

#[test]
fn values_are_not_printed() {
    let value = FieldValue::Bytes(Bytes::from_static(b"canary"));
    let set = FieldValue::Set([Bytes::from_static(b"canary")].into());
    let fields = vec![("card".into(), value), ("tags".into(), set)];
    let printed = format!("{:?}", Envelope { fields, ..empty() });
    assert!(!printed.contains("canary") && printed.contains("card"), "{printed}");
}
