//! The checks of a commit and their answers, in order: existence, credential, the revision, fields,
//! numbers; and the revisions.

use crate::{
    store::{Commit, CommitOutcome},
    testing::conformance::{
        fixture::{Fixture, equal, holds},
        make::{
            Credential, IDLE, add, add_within, bytes, commit, conflict, expected, insert, int,
            log_in, members, out_of_range, principal, set,
        },
    },
};

pub async fn a_commit_never_creates(it: Fixture) {
    let rule = "rule 1: `commit` never creates; a missing record is `Gone`";
    let commits = [
        commit(it.at(0), []),
        commit(it.at(0), [set("f", bytes("1")), add("n", 1), insert("s", "x")]),
        log_in(it.at(0), &principal("ada"), None),
        Commit { expected: vec![expected("g", None)], ..commit(it.at(0), []) },
        Commit { rotation: Some(Credential::SECOND.rotation(None)), ..commit(it.at(0), []) },
    ];
    let deleted = it.put(it.record(0)).await;
    holds(rule, it.remove(&deleted).await, || "`remove` of a record answered false".to_owned());
    for key in [it.key(), deleted] {
        for commit in &commits {
            equal(rule, &CommitOutcome::Gone, &it.commit(&key, commit).await);
            it.holds(rule, &key, None).await;
        }
    }
    let listed = it.listed(&principal("ada"), it.at(0)).await;
    holds(rule, listed.is_empty(), || format!("listed after `Gone`: {listed:?}"));
}

pub async fn each_commit_but_a_touch_moves_the_revision_by_one(it: Fixture) {
    let rule =
        "`Committed` gives the record's new revision, one more than before; a touch keeps it";
    let mut session = it.session(rule, &[]).await;
    for revision in 2..6 {
        session.applies(&commit(it.at(revision), [add("n", 1)])).await;
    }
    session.applies(&commit(it.at(7), [])).await;
    session.commit(&commit(it.at(8), [add_within("n", 9, 0, 9)]), out_of_range("n")).await;
    session.applies(&commit(it.at(9), [])).await;
    session.has(&[("n", int(4))]);
    // Past 32 bits.
    let mut old = it.record(0);
    old.meta.revision = u64::from(u32::MAX);
    let mut session = it.follow(rule, old).await;
    session.applies(&commit(it.at(1), [add("n", 1)])).await;
    session.applies(&commit(it.at(1), [add("n", 1)])).await;
}

pub async fn a_field_that_changed_is_a_conflict(it: Fixture) {
    let rule = "`expected`: a field with another value is a `Conflict` that names it";
    let mut session = it.session(rule, &[]).await;
    let write = |seen: Option<&str>, value: &str| Commit {
        expected: vec![expected("city", seen.map(bytes))],
        ..commit(it.at(1), [set("city", bytes(value))])
    };
    session.commit(&write(Some("x"), "x"), conflict("city")).await;
    session.applies(&write(None, "Ulm")).await;
    for wrong in [None, Some(""), Some("ulm"), Some("Ulm ")] {
        session.commit(&write(wrong, "Bonn"), conflict("city")).await;
    }
    session.applies(&write(Some("Ulm"), "Bonn")).await;
    session.has(&[("city", bytes("Bonn"))]);
    // Who expects nothing of the field is not held up.
    session.applies(&commit(it.at(1), [set("city", bytes("Rom"))])).await;
    // To expect is not to write.
    let only_expects = Commit { ops: vec![], ..write(Some("Rom"), "") };
    session.applies(&only_expects).await;
    session.applies(&only_expects).await;
    session.has(&[("city", bytes("Rom"))]);
}

pub async fn several_fields_are_compared_together(it: Fixture) {
    let rule = "all fields expected are compared first; then all of the commit applies, or none";
    let mut session =
        it.session(rule, &[("a", int(1)), ("b", bytes("5")), ("s", members(["x"]))]).await;
    let write = |a, b: &str| Commit {
        expected: vec![
            expected("a", Some(int(a))),
            expected("b", Some(bytes(b))),
            expected("c", None),
            expected("s", Some(members(["x"]))),
        ],
        ..commit(it.at(1), [add("a", 1)])
    };
    session.commit(&write(1, "4"), conflict("b")).await;
    session.commit(&write(2, "5"), conflict("a")).await;
    session.applies(&write(1, "5")).await;
    session.commit(&write(1, "6"), conflict("a")).await;
    session.applies(&write(2, "5")).await;
    session.has(&[("a", int(3)), ("b", bytes("5")), ("s", members(["x"]))]);
    // A number out of range is found after the fields that are expected.
    let over = Commit { ops: vec![add_within("a", 1, 0, 3)], ..write(3, "5") };
    session.commit(&over, out_of_range("a")).await;
    let both = Commit { ops: vec![add_within("a", 1, 0, 3)], ..write(0, "5") };
    session.commit(&both, conflict("a")).await;
    session.applies(&commit(it.at(1), [set("c", bytes("1"))])).await;
    session.commit(&write(3, "5"), conflict("c")).await;
}

pub async fn a_record_at_another_revision_is_a_conflict(it: Fixture) {
    let rule = "`revision`: a record at another revision is a `Conflict`";
    let mut session = it.session(rule, &[]).await;
    let write = |revision| Commit { revision: Some(revision), ..commit(it.at(1), [add("n", 1)]) };
    for wrong in [0, 2, u64::MAX] {
        session.commit(&write(wrong), conflict("")).await;
    }
    session.applies(&write(1)).await;
    session.commit(&write(1), conflict("")).await;
    session.applies(&commit(it.at(1), [add("n", 1)])).await;
    session.commit(&write(2), conflict("")).await;
    session.applies(&write(3)).await;
    session.has(&[("n", int(3))]);
}

pub async fn a_record_that_is_over_is_gone_for_every_credential(it: Fixture) {
    let rule = "expiry is looked at before credential, fields and numbers";
    for commit in [
        Credential::SECOND.touch(it.at(IDLE)),
        Commit { revision: Some(7), ..commit(it.at(IDLE), []) },
        Commit { expected: vec![expected("g", Some(int(7)))], ..commit(it.at(IDLE), []) },
        commit(it.at(IDLE), [add_within("n", 1, 5, 9)]),
    ] {
        let key = it.put(it.record(0)).await;
        equal(rule, &CommitOutcome::Gone, &it.commit(&key, &commit).await);
    }
    let rule = "the credential is looked at before fields and numbers, and fields before numbers";
    let key = it.put(it.record(0)).await;
    let fields = vec![expected("g", Some(int(7)))];
    let wrong = commit(it.at(1), [add_within("n", 1, 5, 9)]);
    let all =
        Commit { check: Credential::SECOND.check(), expected: fields.clone(), ..wrong.clone() };
    equal(rule, &CommitOutcome::Superseded, &it.commit(&key, &all).await);
    let both = Commit { expected: fields, ..wrong.clone() };
    equal(rule, &conflict("g"), &it.commit(&key, &both).await);
    equal(rule, &out_of_range("n"), &it.commit(&key, &wrong).await);
}
