//! Records as bytes: what is written reads back exactly, and anything else is refused without a
//! panic and without an allocation that a length only promises.

use bytes::Bytes;

use super::*;
use crate::store::{
    Previous,
    encoding::{decode, encode},
};

fn previous() -> Previous {
    Previous { check: check(3), key_id: key_id(4), until: Timestamp::MAX }
}

/// Every part there is, each at an end of its range.
fn full() -> Record {
    let lifetime =
        Lifetime { idle_millis: Some(u64::MAX), absolute_until: Timestamp::MAX, persistent: true };
    let mut record = Record::new(Meta::new(check(0xff), key_id(0xfe), Timestamp::MAX, lifetime));
    record.meta.created = Timestamp::from_millis(0);
    record.meta.rotated = Timestamp::from_millis(u64::MAX - 1);
    record.meta.previous = Some(previous());
    record.meta.principal = Some(PrincipalKey::new("\"\0 $.:/\\ \u{10ffff} ü\""));
    record.meta.logged_in = Some(Timestamp::MAX);
    record.meta.revision = u64::MAX;
    record.meta.former_keys = vec![key_id(0), key_id(9), key_id(0xff)];
    record.set("", FieldValue::Bytes(Bytes::new()));
    record.set("a", FieldValue::Int(i64::MIN));
    record.set("b", FieldValue::Int(i64::MAX));
    record.set("c:\0$.\"'\u{10ffff}", FieldValue::Bytes(Bytes::from_static(&[0, 255])));
    record.set("d", FieldValue::Set([Bytes::new(), "x".into(), "xx".into()].into()));
    record.set("e", FieldValue::Set([].into()));
    record
}

fn read(bytes: &[u8]) -> Option<Record> {
    let record = decode(bytes);
    if let Some(record) = &record {
        assert_eq!(encode(record), bytes, "two forms of one record");
    }
    record
}

#[test]
fn a_record_reads_back_as_it_was() {
    let lifetime =
        Lifetime { idle_millis: None, absolute_until: Timestamp::default(), persistent: false };
    let empty = Record::new(Meta::new(check(0), key_id(0), Timestamp::default(), lifetime));
    assert_eq!(read(&encode(&empty)), Some(empty));
    assert_eq!(read(&encode(&full())), Some(full()));
    // Somebody else's store may hold one without the other.
    assert_eq!(read(&encode(&owned(0, "ada"))), Some(owned(0, "ada")));
}

#[test]
fn every_part_of_the_meta_data_is_written() {
    let changes: [fn(&mut Meta); 19] = [
        |meta| meta.check = check(1),
        |meta| meta.key_id = key_id(1),
        |meta| meta.previous = None,
        |meta| meta.previous = Some(Previous { check: check(1), ..previous() }),
        |meta| meta.previous = Some(Previous { key_id: key_id(1), ..previous() }),
        |meta| meta.previous = Some(Previous { until: at(1), ..previous() }),
        |meta| meta.created = at(1),
        |meta| meta.rotated = at(1),
        |meta| meta.last_seen = at(1),
        |meta| meta.lifetime.idle_millis = None,
        |meta| meta.lifetime.idle_millis = Some(1),
        |meta| meta.lifetime.absolute_until = at(1),
        |meta| meta.lifetime.persistent = false,
        |meta| meta.principal = None,
        |meta| meta.principal = Some(principal("")),
        |meta| meta.logged_in = None,
        |meta| meta.revision = 1,
        |meta| meta.former_keys = Vec::new(),
        |meta| meta.former_keys = vec![key_id(1)],
    ];
    for change in changes {
        let mut record = full();
        change(&mut record.meta);
        assert_ne!(record, full());
        assert_eq!(read(&encode(&record)), Some(record));
    }
}

#[test]
fn large_values_read_back() {
    let mut record = anonymous(0);
    record.set("big", FieldValue::Bytes(vec![7; 3 << 20].into()));
    let long = "n".repeat(100_000);
    record.set(long, FieldValue::Int(1));
    let bytes = encode(&record);
    assert_eq!(read(&bytes), Some(record));
}

#[test]
fn a_cut_at_any_byte_is_refused() {
    let bytes = encode(&full());
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]), None, "cut at {end} of {}", bytes.len());
    }
}

#[test]
fn what_comes_after_a_record_is_refused() {
    let mut bytes = encode(&full());
    bytes.push(0);
    assert_eq!(read(&bytes), None);
}

#[test]
fn no_changed_byte_makes_it_panic_or_gives_a_record_two_forms() {
    let bytes = encode(&full());
    for position in 0..bytes.len() {
        for change in 1..=u8::MAX {
            let mut changed = bytes.clone();
            changed[position] ^= change;
            // Without a checksum (that is the store's), many changes give another record.
            assert_ne!(read(&changed), Some(full()));
        }
    }
}

#[test]
fn another_version_unknown_flags_and_unknown_kinds_are_refused() {
    let bytes = encode(&anonymous(0));
    for version in (0..=u8::MAX).filter(|version| *version != 1) {
        assert_eq!(read(&[&[version], &bytes[1..]].concat()), None);
    }
    for flag in [32, 64, 128] {
        assert_eq!(read(&[&[bytes[0], bytes[1] | flag], &bytes[2..]].concat()), None);
    }
    let with = |value: &[u8]| fields(1, &[&[0, 0, 0, 1, b'a'], value].concat());
    assert!(read(&with(&[0, 0, 0, 0, 0])).is_some());
    assert!(read(&with(&[1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1])).is_some());
    assert!(read(&with(&[2, 0, 0, 0, 4, 0, 0, 0, 0])).is_some());
    for kind in 3..=u8::MAX {
        assert_eq!(read(&with(&[kind, 0, 0, 0, 0])), None);
    }
    // A number of seven bytes, and one of nine.
    assert_eq!(read(&with(&[1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0])), None);
    assert_eq!(read(&with(&[1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0])), None);
}

#[test]
fn names_in_another_order_or_twice_are_refused() {
    let field = |name: u8| [0, 0, 0, 1, name, 0, 0, 0, 0, 0];
    assert!(read(&fields(2, &[field(b'a'), field(b'b')].concat())).is_some());
    assert_eq!(read(&fields(2, &[field(b'b'), field(b'a')].concat())), None);
    assert_eq!(read(&fields(2, &[field(b'a'), field(b'a')].concat())), None);
    // A name that is no text.
    assert_eq!(read(&fields(1, &field(0xff))), None);

    let set = |members: &[u8]| {
        let length = u8::try_from(4 + members.len()).expect("a short list");
        let head = [0, 0, 0, 1, b'a', 2, 0, 0, 0, length, 0, 0, 0, 2];
        fields(1, &[&head, members].concat())
    };
    assert!(read(&set(&[0, 0, 0, 1, b'a', 0, 0, 0, 1, b'b'])).is_some());
    assert_eq!(read(&set(&[0, 0, 0, 1, b'b', 0, 0, 0, 1, b'a'])), None);
    assert_eq!(read(&set(&[0, 0, 0, 1, b'a', 0, 0, 0, 1, b'a'])), None);
}

#[test]
fn lengths_and_counts_that_lie_are_refused_at_once() {
    const LIE: [u8; 4] = [0xff; 4];
    let bytes = encode(&anonymous(0));
    let fixed = &bytes[..bytes.len() - 4];
    assert_eq!(read(&[fixed, &LIE].concat()), None);
    assert_eq!(read(&fields(1, &LIE)), None);
    assert_eq!(read(&fields(1, &[&[0, 0, 0, 1, b'a', 0][..], &LIE].concat())), None);
    // The set itself has its four bytes; its members do not.
    assert_eq!(read(&fields(1, &[&[0, 0, 0, 1, b'a', 2, 0, 0, 0, 4][..], &LIE].concat())), None);
}

/// An anonymous record with these bytes as its fields.
fn fields(count: u32, fields: &[u8]) -> Vec<u8> {
    let bytes = encode(&anonymous(0));
    let head = &bytes[..bytes.len() - 4];
    [head, &count.to_be_bytes(), fields].concat()
}
