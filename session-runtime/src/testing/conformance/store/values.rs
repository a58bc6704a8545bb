//! Reading back what was stored: every part of a record, large values, many values, and any bytes.

use crate::{
    clock::Timestamp,
    store::{Check, KeyId, Lifetime, Previous, Record},
    testing::conformance::{
        fixture::Fixture,
        make::{Credential, SECOND, bytes, int, members, principal, random},
    },
};

const MIB: usize = 1 << 20;

pub async fn a_record_is_loaded_back_as_it_was_inserted(it: Fixture) {
    let rule = "a record is loaded back as it was inserted, in every part";
    let mut records = vec![it.record(0), it.owned(0, &principal("ada"))];
    let mut full = it.owned(SECOND, &principal("ada"));
    full.meta.created = it.at(0);
    full.meta.rotated = it.at(1);
    full.meta.logged_in = Some(it.at(2));
    full.meta.previous = Some(Previous {
        check: Credential::SECOND.check(),
        key_id: Credential::SECOND.key_id(),
        until: it.at(3),
    });
    full.meta.former_keys = vec![Credential::FIRST.key_id(), Credential::THIRD.key_id()];
    full.meta.lifetime.persistent = true;
    full.meta.revision = 17;
    full.set("bytes", bytes("{\"a\":[1,2,3]}"));
    full.set("int", int(-42));
    full.set("members", members(["\"a\"", "\"b\""]));
    records.push(full);
    // The ends of every range.
    let never = Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: true };
    let mut smallest = it.owned(0, &principal(""));
    smallest.meta.lifetime = Lifetime { idle_millis: Some(u64::MAX), ..never };
    let meta = &mut smallest.meta;
    (meta.created, meta.rotated) = (Timestamp::default(), Timestamp::default());
    meta.logged_in = Some(Timestamp::default());
    meta.last_seen = Timestamp::default();
    meta.check = Check::from_bytes([0; 16]);
    meta.key_id = KeyId::from_bytes([0; 4]);
    meta.previous = Some(Previous {
        check: Check::from_bytes([0; 16]),
        key_id: KeyId::from_bytes([0; 4]),
        until: Timestamp::default(),
    });
    smallest.set("int", int(i64::MIN));
    records.push(smallest);
    // Past 2⁵³, where floating-point numbers have gaps.
    let mut odd = it.record(0);
    odd.meta.created = Timestamp::from_millis((1 << 53) + 1);
    odd.meta.lifetime.absolute_until = Timestamp::from_millis((1 << 62) + 1);
    odd.meta.lifetime.idle_millis = Some((1 << 61) + 1);
    odd.set("odd", int((1 << 53) + 1));
    odd.set("nearly", int(i64::MAX - 1));
    records.push(odd);
    // Last, since a store may clean up in passing by the time of an insert.
    let mut largest = it.owned(0, &principal("ada"));
    largest.meta.lifetime = never;
    let meta = &mut largest.meta;
    (meta.created, meta.rotated) = (Timestamp::MAX, Timestamp::MAX);
    meta.logged_in = Some(Timestamp::MAX);
    meta.last_seen = Timestamp::from_millis(u64::MAX - 1);
    meta.revision = i64::MAX as u64;
    meta.previous = Some(Previous {
        check: Check::from_bytes([0xff; 16]),
        key_id: KeyId::from_bytes([0xff; 4]),
        until: Timestamp::MAX,
    });
    largest.set("int", int(i64::MAX));
    records.push(largest);
    for record in records {
        let key = it.put(record.clone()).await;
        it.holds(rule, &key, Some(&record)).await;
    }
}

pub async fn extreme_times_survive_a_replacement(it: Fixture) {
    let rule = "the times of a record stay exact, also at the ends of their ranges";
    let mut record = it.owned(0, &principal("ada"));
    record.meta.created = Timestamp::MAX;
    record.meta.rotated = Timestamp::from_millis((1 << 53) + 1);
    record.meta.logged_in = Some(Timestamp::from_millis(u64::MAX - 1));
    record.meta.lifetime.absolute_until = Timestamp::MAX;
    record.meta.previous = Some(Previous {
        check: Credential::SECOND.check(),
        key_id: Credential::SECOND.key_id(),
        until: Timestamp::MAX,
    });
    let key = it.put(record.clone()).await;
    let (mut record, _) = it.change(&key, &record, |it| it.set("n", int(1))).await;
    it.holds(rule, &key, Some(&record)).await;
    it.used(&key, SECOND).await;
    record.meta.last_seen = it.at(SECOND);
    it.holds(rule, &key, Some(&record)).await;
    let (record, _) = it
        .change(&key, &record, |record| {
            record.meta.lifetime.idle_millis = Some(u64::MAX);
            record.meta.last_seen = Timestamp::from_millis(u64::MAX - 1);
        })
        .await;
    it.holds(rule, &key, Some(&record)).await;
}

pub async fn large_values_survive(it: Fixture) {
    let rule = "values of a MiB and more are kept";
    // Random, so that compressing them helps nobody.
    let noise = random::<4096>();
    let large: Vec<u8> = noise.iter().copied().cycle().take(MIB + 1).collect();
    let other: Vec<u8> = large.iter().map(|byte| !byte).collect();
    let mut record = it.owned(0, &principal("ada"));
    record.set("a", bytes(&large));
    record.set("b", bytes("1"));
    let key = it.put(record.clone()).await;
    it.holds(rule, &key, Some(&record)).await;
    let (record, _) = it
        .change(&key, &record, |record| {
            record.set("b", bytes(&other));
            record.set("s", members([&large]));
        })
        .await;
    it.holds(rule, &key, Some(&record)).await;
    let small = it.record(0);
    let (record, _) = it.change(&key, &record, |it| *it = next_of(&small, it)).await;
    it.holds(rule, &key, Some(&record)).await;
}

/// Returns a record as the version of another.
fn next_of(record: &Record, version: &Record) -> Record {
    let mut next = record.clone();
    next.meta.revision = version.meta.revision;
    next
}

pub async fn a_record_holds_many_fields(it: Fixture) {
    let rule = "hundreds of fields and members are kept";
    let mut record = it.record(0);
    for number in 0..500 {
        record.set(format!("extra:{number}"), bytes(number.to_string()));
    }
    record.set("s", members((0..500).map(|number| number.to_string())));
    let key = it.put(record.clone()).await;
    it.holds(rule, &key, Some(&record)).await;
    let mut fewer = it.record(0);
    for number in 300..700 {
        fewer.set(format!("extra:{number}"), int(number));
    }
    fewer.set("s", members((100..500).map(|number| number.to_string())));
    let (record, _) = it.change(&key, &record, |it| *it = next_of(&fewer, it)).await;
    it.holds(rule, &key, Some(&record)).await;
}

pub async fn values_are_binary_safe(it: Fixture) {
    let rule = "values and members are any bytes, and come back as they were";
    let every: Vec<u8> = (0..=255).collect();
    let values: [&[u8]; 14] = [
        b"",
        b"\0",
        b"\0\0",
        b" ",
        b"\n",
        b"null",
        b"{}",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"a\0b",
        b"'\"\\`",
        b"0",
        b"00",
        &every,
    ];
    let mut record = it.record(0);
    for (number, value) in values.into_iter().enumerate() {
        record.set(format!("v{number}"), bytes(value));
        record.set(format!("s{number}"), members([value]));
    }
    record.set("s", members(values));
    let key = it.put(record.clone()).await;
    it.holds(rule, &key, Some(&record)).await;
    let mut turned = it.record(0);
    for (number, value) in values.into_iter().rev().enumerate() {
        turned.set(format!("v{number}"), bytes(value));
    }
    turned.set("s", members([""]));
    turned.set("t", members(values));
    let (record, _) = it.change(&key, &record, |it| *it = next_of(&turned, it)).await;
    it.holds(rule, &key, Some(&record)).await;
}
