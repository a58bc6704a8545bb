//! Names that other languages and file systems would misread or confuse: fields, groups,
//! principals, namespaces, selectors.

use crate::{
    store::{Commit, Namespace, Op, PrincipalKey, Record, Selector},
    testing::{
        fixture::{Fixture, equal, fresh_namespace, holds},
        make::{
            SECOND, add, bytes, clear, commit, committed, conflict, expected, insert, int, later,
            max, members, once, principal, remove, set, take, unset,
        },
    },
};

/// Returns names, texts and keys that users choose, each different from all others.
#[rustfmt::skip]
const HOSTILE: &[&str] = &[
    "", ":", "::", ".", "..", "a.b", "a.b.c", "../../etc/passwd", "/", "a/b", "$set", "$where",
    "$.a", "$[*]", "[0]", "0", "-1", "*", "?", "%", "%s", "_", "{}", "{0}", "{a}", "(a)", "\0",
    "a\0", "a\0b", "'", "''", "\"", "\"\"", "`", "\\", "\\\\", "\\'", "\\0", "\\u0000",
    "'; DROP TABLE sessions; --", "\") OR 1=1 --", "\n", "\r\n", "\t", " ", "a", "a ", " a",
    "a  ", "A", "é", "e\u{301}", "É", "ß", "ss", "ı", "i", "I", "İ", "\u{feff}", "\u{202e}abc",
    "\u{200b}", "\u{7f}", "\u{1b}[31m", "\u{ffff}", "\u{10ffff}", "🦀", "👩‍👩‍👧‍👦", "null", "true",
    "undefined", "NaN", "_id", "_", "__proto__", "constructor", "meta", "fields", "groups",
    "check", "principal", "revision", "selector", "namespace", "expires", "ünï", "日本語", "عربى",
    "-- ", "/* */", ";", ",", "=", "&", "<b>", "#", "@", "|", "~",
];

/// The same, and long ones.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = HOSTILE.iter().copied().map(str::to_owned).collect();
    names.extend(["x".repeat(300), "🦀".repeat(300), format!("{}y", "x".repeat(299))]);
    names.sort();
    names.dedup();
    names
}

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
        session.commit(&over, conflict(name)).await;
    }
    session.apply(names.iter().map(|name| remove(name, "m")).collect::<Vec<_>>()).await;
    session.has(&[("extra", bytes("not below itself"))]);
    session.apply([clear(&["extra:"])]).await;
    session.has(&[]);
}

pub async fn names_without_a_colon_are_any_text_too(it: Fixture) {
    let rule = "field and group names are any text";
    let mut session = it.session(rule, &[]).await;
    let names: Vec<String> =
        hostile().into_iter().filter(|it| !it.is_empty() && !it.contains(':')).collect();
    for name in &names {
        let write = Commit {
            expected: vec![expected(name, 0)],
            bump: vec![name.clone().into()],
            ..commit(it.at(0), [clear(&[name]), set(name, bytes("1")), add("n", 1)])
        };
        session.applies(&write).await;
        session.has(&[(name, bytes("1")), ("n", int(1))]);
        session.commit(&write, conflict(name)).await;
    }
    equal(rule, &names.len(), &session.record.groups().len());
}

pub async fn principals_are_any_text(it: Fixture) {
    let rule = "principals are any text, and no two of them are taken for one another";
    let mut sessions = Vec::new();
    for who in hostile() {
        let (text, json) = (PrincipalKey::new(&who), principal(&who));
        sessions.push((it.put(it.owned(0, &json)).await, json));
        let key = it.put(it.record(0)).await;
        let logs_in = Commit { principal: Some(Some(text.clone())), ..commit(it.at(1), []) };
        equal(rule, &committed(2), &it.commit(&key, &logs_in).await);
        sessions.push((key, text));
    }
    // The text of one may be the JSON of another: `""` is both.
    let of = |who: &PrincipalKey| {
        let theirs = sessions.iter().filter(|(_, principal)| principal == who);
        let mut selectors: Vec<_> = theirs.map(|(key, _)| key.selector).collect();
        selectors.sort();
        selectors
    };
    for (key, who) in &sessions {
        let listed = it.listed(who, it.at(1)).await;
        holds(rule, listed == of(who), || {
            format!("of {:?} these are listed: {listed:?}, not {:?}", who.as_str(), of(who))
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
    let mut left = sessions.len() as u64;
    for (_, who) in &sessions {
        left -= it.end_all(who, None).await;
    }
    equal("`end_all` ends the sessions of one principal only", &0, &left);
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
        equal(rule, &vec![key.selector], &there.listed(&ada, it.at(0)).await);
    }
    for (number, (there, _)) in all.iter().enumerate() {
        equal(rule, &1, &there.end_all(&ada, None).await);
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
    equal(rule, &all, &it.listed(&ada, later(it.at(0), SECOND)).await);
}
