//! The checks of a commit and their answers, in order: existence, credential, groups, numbers; and
//! the revisions.

use crate::{
    store::{Commit, CommitOutcome},
    testing::{
        fixture::{Fixture, equal, holds},
        make::{
            Credential, IDLE, add, add_within, bytes, commit, committed, conflict, expected,
            insert, int, log_in, name, principal, set,
        },
    },
};

pub async fn a_commit_never_creates(it: Fixture) {
    let rule = "rule 1: `commit` never creates; a missing record is `Gone`";
    let commits = [
        commit(it.at(0), []),
        commit(it.at(0), [set("f", bytes("1")), add("n", 1), insert("s", "x")]),
        log_in(it.at(0), &principal("ada"), None),
        Commit { bump: vec![name("g")], ..commit(it.at(0), []) },
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
        session.commit(&commit(it.at(revision), [add("n", 1)]), committed(revision)).await;
    }
    session.commit(&commit(it.at(7), []), committed(5)).await;
    session.commit(&commit(it.at(8), [add_within("n", 9, 0, 9)]), conflict("n")).await;
    session.commit(&commit(it.at(9), []), committed(5)).await;
    session.has(&[("n", int(4))]);
    // Past 32 bits.
    let mut old = it.record(0);
    old.meta.revision = u64::from(u32::MAX);
    let mut session = it.follow(rule, old).await;
    session.commit(&commit(it.at(1), [add("n", 1)]), committed(1 << 32)).await;
    session.commit(&commit(it.at(1), [add("n", 1)]), committed((1 << 32) + 1)).await;
}

pub async fn a_group_that_moved_is_a_conflict(it: Fixture) {
    let rule = "`expected`: a group at another revision is a `Conflict` that names it";
    let mut session = it.session(rule, &[]).await;
    let write = |revision, value: &str| Commit {
        expected: vec![expected("address", revision)],
        bump: vec![name("address")],
        ..commit(it.at(1), [set("city", bytes(value))])
    };
    session.commit(&write(1, "x"), conflict("address")).await;
    session.applies(&write(0, "Ulm")).await;
    for wrong in [0, 2, 7] {
        session.commit(&write(wrong, "Bonn"), conflict("address")).await;
    }
    session.applies(&write(1, "Bonn")).await;
    session.applies(&write(2, "Kiel")).await;
    session.has(&[("city", bytes("Kiel"))]);
    equal("`bump` moves a group by one", &3, &session.record.group_revision("address"));
    // Who expects nothing of the group is not held up, and does not move it.
    session.applies(&commit(it.at(1), [set("city", bytes("Rom"))])).await;
    equal("only `bump` moves a group", &3, &session.record.group_revision("address"));
    // To expect is not to move.
    let only_expects = Commit { bump: vec![], ..write(3, "Jena") };
    session.applies(&only_expects).await;
    session.applies(&only_expects).await;
}

pub async fn several_groups_are_compared_and_moved_together(it: Fixture) {
    let rule = "all groups expected are compared first; then all of the commit applies, or none";
    let mut record = it.record(0);
    record.set_group_revision("b", 5);
    let mut session = it.follow(rule, record).await;
    let write = |a, b| Commit {
        expected: vec![expected("a", a), expected("b", b), expected("c", 0)],
        bump: vec![name("a"), name("b")],
        ..commit(it.at(1), [add("n", 1)])
    };
    session.commit(&write(0, 4), conflict("b")).await;
    session.commit(&write(1, 5), conflict("a")).await;
    session.applies(&write(0, 5)).await;
    session.commit(&write(0, 6), conflict("a")).await;
    session.applies(&write(1, 6)).await;
    session.has(&[("n", int(2))]);
    let groups = |name| session.record.group_revision(name);
    equal(rule, &(2, 7, 0), &(groups("a"), groups("b"), groups("c")));
    // Groups have names of their own: a field of that name is another thing.
    let blind = Commit {
        expected: vec![expected("n", 0)],
        bump: vec![name("f")],
        ..commit(it.at(1), [add("n", 1), set("a", bytes("1"))])
    };
    session.applies(&blind).await;
    session.applies(&write(2, 7)).await;
    // A number out of range is found after the groups, and undoes their move.
    let over = Commit { ops: vec![add_within("n", 1, 0, 1)], ..write(3, 8) };
    session.commit(&over, conflict("n")).await;
    let both = Commit { ops: vec![add_within("n", 1, 0, 1)], ..write(0, 8) };
    session.commit(&both, conflict("a")).await;
    session.applies(&write(3, 8)).await;
}

pub async fn a_record_that_is_over_is_gone_for_every_credential(it: Fixture) {
    let rule = "expiry is looked at before credential, groups and numbers";
    for commit in [
        Credential::SECOND.touch(it.at(IDLE)),
        Commit { expected: vec![expected("g", 7)], ..commit(it.at(IDLE), []) },
        commit(it.at(IDLE), [add_within("n", 1, 5, 9)]),
    ] {
        let key = it.put(it.record(0)).await;
        equal(rule, &CommitOutcome::Gone, &it.commit(&key, &commit).await);
    }
    let rule = "the credential is looked at before groups and numbers, and groups before numbers";
    let key = it.put(it.record(0)).await;
    let groups = vec![expected("g", 7)];
    let wrong = commit(it.at(1), [add_within("n", 1, 5, 9)]);
    let all =
        Commit { check: Credential::SECOND.check(), expected: groups.clone(), ..wrong.clone() };
    equal(rule, &CommitOutcome::Superseded, &it.commit(&key, &all).await);
    let both = Commit { expected: groups, ..wrong.clone() };
    equal(rule, &conflict("g"), &it.commit(&key, &both).await);
    equal(rule, &conflict("n"), &it.commit(&key, &wrong).await);
}
