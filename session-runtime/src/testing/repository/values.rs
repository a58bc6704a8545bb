//! Reading back what was stored: every part of a record, large values, many values, and any bytes.

use crate::{
    clock::Timestamp,
    store::{Check, Commit, KeyId, Lifetime, Op, Previous},
    testing::{
        fixture::Fixture,
        make::{
            Credential, SECOND, add, bytes, clear, commit, insert, int, members, once, principal,
            random, remove, set, take, unset,
        },
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
    full.meta.lifetime.persistent = true;
    full.meta.revision = 17;
    full.set("bytes", bytes("{\"a\":[1,2,3]}"));
    full.set("int", int(-42));
    full.set("members", members(["\"a\"", "\"b\""]));
    full.set_group_revision("g", 9);
    full.set_group_revision("h", 1);
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
    largest.set_group_revision("g", i64::MAX as u64);
    records.push(largest);
    for record in records {
        let key = it.put(record.clone()).await;
        it.holds(rule, &key, Some(&record)).await;
    }
}

pub async fn extreme_times_survive_a_commit(it: Fixture) {
    let rule = "what a commit does not change stays exact, also at the ends of its range";
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
    let mut session = it.follow(rule, record).await;
    session.applies(&commit(it.at(1), [add("n", 1)])).await;
    session.applies(&Credential::SECOND.touch(it.at(2))).await;
    let idle = Lifetime { idle_millis: Some(u64::MAX), ..session.record.meta.lifetime };
    let change = Commit { lifetime: Some(idle), ..commit(it.at(3), []) };
    session.applies(&change).await;
}

pub async fn large_values_survive(it: Fixture) {
    let rule = "values of a MiB and more are kept";
    // Random, so that compressing them helps nobody.
    let noise = random::<4096>();
    let large: Vec<u8> = noise.iter().copied().cycle().take(MIB + 1).collect();
    let other: Vec<u8> = large.iter().map(|byte| !byte).collect();
    let mut session = it.session(rule, &[("a", bytes(&large)), ("b", bytes("1"))]).await;
    session.apply([set("b", bytes(&other)), insert("s", &large)]).await;
    session.apply([take("a", bytes(&other)), once("c", bytes(&large))]).await;
    session.apply([take("a", bytes(&large)), remove("s", &large), add("n", 1)]).await;
    session.has(&[("b", bytes(&other)), ("c", bytes(&large)), ("n", int(1))]);
}

pub async fn a_record_holds_many_fields(it: Fixture) {
    let rule = "hundreds of fields, members and ops are kept and applied";
    let mut record = it.record(0);
    for number in 0..500 {
        record.set(format!("extra:{number}"), bytes(number.to_string()));
    }
    record.set("s", members((0..500).map(|number| number.to_string())));
    let mut session = it.follow(rule, record).await;
    let ops: Vec<Op> = (0..100)
        .flat_map(|number| {
            let field = format!("extra:{number}");
            [unset(&field), add(&format!("n{number}"), 1), remove("s", number.to_string())]
        })
        .collect();
    session.apply(ops).await;
    session.apply([clear(&["n7", "s"])]).await;
    session.has(&[("n7", int(1)), ("s", members((100..500).map(|it| it.to_string())))]);
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
    let mut fields = Vec::new();
    let names: Vec<String> = (0..values.len()).map(|number| format!("v{number}")).collect();
    for (name, value) in names.iter().zip(values) {
        fields.push((name.as_str(), bytes(value)));
    }
    fields.push(("s", members(values)));
    let inserted = it.session(rule, &fields).await;
    inserted.has(&fields);
    let mut session = it.session(rule, &[]).await;
    let mut ops: Vec<Op> = fields.iter().map(|(name, value)| once(name, value.clone())).collect();
    ops.extend(values.map(|member| insert("t", member)));
    session.apply(ops).await;
    session.has(&[&fields[..], &[("t", members(values))]].concat());
    for value in values {
        session.apply([insert("t", value), remove("s", value)]).await;
    }
    fields.pop();
    session.has(&[&fields[..], &[("t", members(values))]].concat());
    let taken: Vec<Op> = fields.iter().map(|(name, value)| take(name, value.clone())).collect();
    session.apply(taken).await;
    session.has(&[("t", members(values))]);
    let rule = "the empty member is a member";
    let mut session = it.session(rule, &[("s", members([""]))]).await;
    session.apply([insert("t", ""), remove("s", "")]).await;
    session.has(&[("t", members([""]))]);
}
