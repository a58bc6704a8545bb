//! Ops on fields with names that other languages would misread or confuse.

use crate::{
    store::{Commit, Op},
    testing::conformance::{
        fixture::Fixture,
        hostile::hostile,
        make::{
            add, bytes, clear, commit, conflict, expected, insert, int, max, members, once,
            out_of_range, remove, set, take, unset,
        },
    },
};

pub async fn field_names_are_any_text(it: Fixture) {
    let rule = "dynamic keys are chosen by users: any text, and each names one field only";
    let names: Vec<String> = hostile().iter().map(|key| format!("extra:{key}")).collect();
    let value = |name: &String| bytes(format!("value of {name}"));
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), value(name))).collect();
    it.session(rule, &fields).await.has(&fields);
    // One at a time: what reaches another field besides shows.
    let mut session = it.session(rule, &[("extra", bytes("not below itself"))]).await;
    for name in &names {
        session.apply([set(name, value(name))]).await;
    }
    for name in &names {
        let taken = [take(name, bytes("another")), take(name, value(name)), add(name, 2)];
        session.apply(taken).await;
    }
    for name in &names {
        let ops = [max(name, 3), unset(name), insert(name, "m"), once(name, bytes("1"))];
        session.apply(ops).await;
    }
    let sets: Vec<_> = names.iter().map(|name| (name.as_str(), members(["m"]))).collect();
    session.has(&[&sets[..], &[("extra", bytes("not below itself"))]].concat());
    for name in names.iter().step_by(7) {
        let over =
            commit(it.at(0), [Op::Add { field: name.clone().into(), by: 1, min: 5, max: 9 }]);
        session.commit(&over, out_of_range(name)).await;
    }
    session.apply(names.iter().map(|name| remove(name, "m")).collect::<Vec<_>>()).await;
    session.has(&[("extra", bytes("not below itself"))]);
    session.apply([clear(&["extra:"])]).await;
    session.has(&[]);
}

pub async fn names_without_a_colon_are_any_text_too(it: Fixture) {
    let rule = "field names are any text";
    let mut session = it.session(rule, &[]).await;
    let names: Vec<String> =
        hostile().into_iter().filter(|it| !it.is_empty() && !it.contains(':')).collect();
    for name in &names {
        let write = Commit {
            expected: vec![expected(name, None)],
            ..commit(it.at(0), [clear(&[name]), set(name, bytes("1")), add("n", 1)])
        };
        session.applies(&write).await;
        session.has(&[(name, bytes("1")), ("n", int(1))]);
        session.commit(&write, conflict(name)).await;
    }
}
