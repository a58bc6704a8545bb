//! Names that other languages and file systems would misread or confuse: fields, principals,
//! namespaces, selectors.

use crate::{
    store::{Namespace, PrincipalKey, Record, Selector, StoreKey},
    testing::conformance::{
        fixture::{Fixture, equal, fresh_namespace, holds},
        hostile::hostile,
        make::{bytes, int, members, principal},
    },
};

pub async fn field_names_are_any_text(it: Fixture) {
    let rule = "field names are any text, and each names one field only";
    let mut names = hostile();
    // Such as fields of a struct have.
    names.retain(|name| !name.is_empty() && !name.contains(':'));
    names.extend(hostile().iter().map(|key| format!("extra:{key}")));
    let mut record = it.record(0);
    for (number, name) in names.iter().enumerate() {
        let value = match number % 3 {
            0 => bytes(format!("value of {name}")),
            1 => int(i64::try_from(number).unwrap_or_default()),
            _ => members([name]),
        };
        record.set(name.clone(), value);
    }
    let key = it.put(record.clone()).await;
    it.holds(rule, &key, Some(&record)).await;
    // Of each two that are confused, one has changed and the other has not.
    for part in 0..4 {
        let mut next = it.record(0);
        next.meta.revision = record.meta.revision + 1;
        for (number, name) in names.iter().enumerate() {
            let kept = record.get(name).filter(|_| number % 4 != part).cloned();
            next.set(name.clone(), kept.unwrap_or_else(|| bytes(format!("{part}"))));
        }
        (record, _) = it.change(&key, &record, |record| *record = next).await;
        it.holds(rule, &key, Some(&record)).await;
    }
}

pub async fn principals_are_any_text(it: Fixture) {
    let rule = "principals are any text, and no two of them are taken for one another";
    let mut sessions = Vec::new();
    for who in hostile() {
        let (text, json) = (PrincipalKey::new(&who), principal(&who));
        sessions.push((it.put(it.owned(0, &json)).await, json));
        let key = it.put(it.record(0)).await;
        let log_in = |it: &mut Record, now| it.meta.set_principal(Some(text.clone()), now);
        it.change(&key, &it.record(0), |record| log_in(record, it.at(1))).await;
        sessions.push((key, text));
    }
    // The text of one may be the JSON of another: `""` is both.
    let of = |sessions: &[(StoreKey, PrincipalKey)], who: &PrincipalKey| {
        let theirs = sessions.iter().filter(|(_, principal)| principal == who);
        let mut selectors: Vec<_> = theirs.map(|(key, _)| key.selector).collect();
        selectors.sort();
        selectors
    };
    for (key, who) in &sessions {
        let (listed, expected) = (it.sessions(who).await, of(&sessions, who));
        holds(rule, listed == expected, || {
            format!("of {:?} these are listed: {listed:?}, not {expected:?}", who.as_str())
        });
        let record = it.load(key).await;
        let found = record.as_ref().and_then(|record| record.meta.principal.clone());
        holds(rule, found.as_ref() == Some(who), || {
            format!(
                "{:?} came back as {:?}",
                who.as_str(),
                found.as_ref().map(PrincipalKey::as_str)
            )
        });
    }
    while let Some((key, who)) = sessions.pop() {
        equal(rule, &true, &it.remove(&key).await);
        let left = of(&sessions, &who);
        equal(rule, &left, &it.sessions(&who).await);
        equal(rule, &(left.len() as u64), &it.count(&who).await);
    }
}

pub async fn namespaces_are_kept_apart_to_the_letter(it: Fixture) {
    let rule = "no two namespaces are taken for one another";
    let base = fresh_namespace("Conformance").as_str().to_owned();
    // Tokens of RFC 9110, and the `/` and `@` that the runtime puts between two of them.
    let names = [
        base.clone(),
        base.to_lowercase(),
        base.to_uppercase(),
        format!("{base}x"),
        format!("{base}.x"),
        format!("{base}-x"),
        format!("{base}_x"),
        format!("{base}%x"),
        format!("{base}/x"),
        format!("{base}/../x"),
        format!("{base}@x"),
        format!("../{base}"),
        format!("..{base}"),
        format!(".{base}"),
        format!("-{base}"),
        format!("$${base}"),
        format!("{base}!#$%&'*+-.^_`|~"),
    ];
    let ada = principal("ada");
    let key = it.key();
    let mut all: Vec<(Fixture, Record)> = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let there = it.within(Namespace::new(name));
        let mut record = there.owned(0, &ada);
        record.set("f", bytes(format!("{number}")));
        there.put_at(&there.key_of(key.selector), record.clone()).await;
        all.push((there, record));
    }
    for (there, record) in &all {
        there.holds(rule, &there.key_of(key.selector), Some(record)).await;
        equal(rule, &vec![key.selector], &there.sessions(&ada).await);
        equal(rule, &1, &there.count(&ada).await);
    }
    for (number, (there, _)) in all.iter().enumerate() {
        equal(rule, &true, &there.remove(&there.key_of(key.selector)).await);
        equal(rule, &vec![], &there.sessions(&ada).await);
        for (other, record) in &all[number + 1..] {
            other.holds(rule, &other.key_of(key.selector), Some(record)).await;
        }
    }
}

pub async fn selectors_are_any_bytes(it: Fixture) {
    let rule = "no two selectors are taken for one another";
    let ada = principal("ada");
    let selectors = [
        [0; 16],
        [0xff; 16],
        [b'a'; 16],
        [b'A'; 16],
        std::array::from_fn(|index| u8::from(index == 15)),
        std::array::from_fn(|index| u8::from(index == 0)),
        std::array::from_fn(|index| if index == 0 { 0x80 } else { 0 }),
    ];
    let keys = selectors.map(|bytes| it.key_of(Selector::from_bytes(bytes)));
    for (millis, key) in (0..).zip(&keys) {
        it.put_at(key, it.owned(millis, &ada)).await;
    }
    for (millis, key) in (0..).zip(&keys) {
        it.holds(rule, key, Some(&it.owned(millis, &ada))).await;
    }
    let mut all: Vec<_> = keys.iter().map(|key| key.selector).collect();
    all.sort();
    equal(rule, &all, &it.sessions(&ada).await);
}
