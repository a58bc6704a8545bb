//! The credentials that pass, and the effect of rotations on them.

use crate::{
    store::{Commit, CommitOutcome, Lifetime, Previous, Unpresented},
    testing::conformance::{
        fixture::{Fixture, equal},
        make::{
            Credential, SECOND, add, bytes, commit, expected, int, later, log_in, principal,
            rotated, set,
        },
    },
};

pub async fn a_foreign_credential_is_stale(it: Fixture) {
    let rule = "a credential that is not the session's is `Superseded`, and changes nothing";
    let mut session = it.session(rule, &[("f", bytes("1"))]).await;
    let (first, second) = (Credential::FIRST, Credential::SECOND);
    for (check, key_id) in [
        (second.check(), second.key_id()),
        (second.check(), first.key_id()),
        (first.check(), second.key_id()),
    ] {
        let foreign = Commit {
            check,
            key_id,
            expected: vec![expected("g", None)],
            principal: Some(Some(principal("eve"))),
            rotation: Some(Credential::THIRD.rotation(None)),
            lifetime: Some(Lifetime { persistent: true, ..session.record.meta.lifetime }),
            ..commit(it.at(SECOND), [set("f", bytes("2"))])
        };
        session.commit(&foreign, CommitOutcome::Superseded).await;
    }
    equal(rule, &vec![], &it.listed(&principal("eve"), it.at(SECOND)).await);
    session.applies(&commit(it.at(SECOND), [])).await;
}

pub async fn a_commit_without_a_credential_is_for_the_principal_and_no_use(it: Fixture) {
    let rule = "`unpresented`: the principal counts, not the credential; `last_seen` stays";
    let mut session = it.follow(rule, it.owned(0, &principal("ada"))).await;
    let from_elsewhere = |who: Option<&str>, is_use: bool| Commit {
        check: Credential::THIRD.check(),
        unpresented: Some(Unpresented::new(who.map(principal), is_use)),
        ..commit(it.at(SECOND), [add("n", 1)])
    };
    let last_seen = session.record.meta.last_seen;
    for with_loaded in [false, true] {
        session.with_loaded = with_loaded;
        session.commit(&from_elsewhere(Some("eve"), true), CommitOutcome::Superseded).await;
        session.applies(&from_elsewhere(Some("ada"), false)).await;
        session.applies(&from_elsewhere(None, false)).await;
        equal(rule, &last_seen, &session.record.meta.last_seen);
    }
    session.has(&[("n", int(4))]);
    session.applies(&from_elsewhere(Some("ada"), true)).await;
    equal(rule, &it.at(SECOND), &session.record.meta.last_seen);
    let over = Commit { now: session.record.meta.expires_at(), ..from_elsewhere(None, false) };
    session.commit(&over, CommitOutcome::Gone).await;
}

pub async fn a_rotation_without_grace_ends_the_old_credential(it: Fixture) {
    let rule = "a rotation without grace: the old credential is `Superseded` at once";
    let mut session = it.session(rule, &[]).await;
    let rotate = Commit {
        rotation: Some(Credential::SECOND.rotation(None)),
        ..commit(it.at(SECOND), [set("f", bytes("1"))])
    };
    session.commit(&rotate, rotated(2)).await;
    session.has(&[("f", bytes("1"))]);
    let meta = session.record.meta.clone();
    equal(rule, &Credential::SECOND.check(), &meta.check);
    equal(rule, &(it.at(SECOND), None), &(meta.rotated, meta.previous));
    session.commit(&commit(it.at(SECOND), []), CommitOutcome::Superseded).await;
    session.commit(&rotate, CommitOutcome::Superseded).await;
    session.applies(&Credential::SECOND.touch(it.at(2 * SECOND))).await;
    // The new credential rotates on, and not back to the first.
    let next = Commit {
        rotation: Some(Credential::THIRD.rotation(None)),
        ..Credential::SECOND.touch(it.at(3 * SECOND))
    };
    session.commit(&next, rotated(3)).await;
    for old in [Credential::FIRST, Credential::SECOND] {
        session.commit(&old.touch(it.at(3 * SECOND)), CommitOutcome::Superseded).await;
    }
}

pub async fn a_rotation_with_grace_lets_the_old_credential_pass_until_its_end(it: Fixture) {
    let rule = "the previous credential passes until the end of its grace, which is over";
    let mut session = it.session(rule, &[]).await;
    let end = it.at(30 * SECOND);
    let rotate = Commit {
        rotation: Some(Credential::SECOND.rotation(Some(end))),
        ..commit(it.at(SECOND), [])
    };
    session.commit(&rotate, rotated(2)).await;
    let (check, key_id) = (Credential::FIRST.check(), Credential::FIRST.key_id());
    let previous = Some(Previous { check, key_id, until: end });
    equal(
        "a rotation with grace keeps the previous credential",
        &previous,
        &session.record.meta.previous,
    );
    session.applies(&commit(it.at(30 * SECOND - 1), [add("n", 1)])).await;
    session.applies(&Credential::SECOND.touch(it.at(30 * SECOND - 1))).await;
    // Both halves of a credential belong together.
    let mixed = Commit { key_id: Credential::SECOND.key_id(), ..commit(it.at(SECOND), []) };
    session.commit(&mixed, CommitOutcome::Superseded).await;
    session.commit(&commit(end, []), CommitOutcome::Superseded).await;
    session.commit(&commit(later(end, 1), []), CommitOutcome::Superseded).await;
    session.applies(&Credential::SECOND.touch(end)).await;
    session.has(&[("n", int(1))]);
}

pub async fn the_second_of_two_rotations_with_grace_is_skipped(it: Fixture) {
    let rule = "a rotation with grace by a credential in its grace is skipped; its ops apply";
    let mut session = it.session(rule, &[]).await;
    let rotate = |to: Credential| Commit {
        rotation: Some(to.rotation(Some(it.at(30 * SECOND)))),
        ..commit(it.at(SECOND), [add("n", 1)])
    };
    session.commit(&rotate(Credential::SECOND), rotated(2)).await;
    session.applies(&rotate(Credential::THIRD)).await;
    session.has(&[("n", int(2))]);
    session.commit(&Credential::THIRD.touch(it.at(SECOND)), CommitOutcome::Superseded).await;
    session.applies(&Credential::SECOND.touch(it.at(SECOND))).await;
    // The current credential rotates; then the one before the previous is nothing any more.
    let next = Commit {
        rotation: Some(Credential::THIRD.rotation(Some(it.at(40 * SECOND)))),
        ..Credential::SECOND.touch(it.at(2 * SECOND))
    };
    session.commit(&next, rotated(4)).await;
    session.commit(&commit(it.at(2 * SECOND), []), CommitOutcome::Superseded).await;
    session.applies(&Credential::SECOND.touch(it.at(39 * SECOND))).await;
}

pub async fn a_rotation_without_grace_takes_place_within_the_grace(it: Fixture) {
    let rule = "a rotation without grace by a credential in its grace ends both older ones";
    let mut session = it.session(rule, &[]).await;
    let rotate = Commit {
        rotation: Some(Credential::SECOND.rotation(Some(it.at(30 * SECOND)))),
        ..commit(it.at(SECOND), [])
    };
    session.commit(&rotate, rotated(2)).await;
    let elevate = Commit {
        rotation: Some(Credential::THIRD.rotation(None)),
        ..log_in(it.at(2 * SECOND), &principal("ada"), None)
    };
    session.commit(&elevate, rotated(3)).await;
    equal(rule, &None, &session.record.meta.previous);
    for old in [Credential::FIRST, Credential::SECOND] {
        session.commit(&old.touch(it.at(2 * SECOND)), CommitOutcome::Superseded).await;
    }
    session.applies(&Credential::THIRD.touch(it.at(2 * SECOND))).await;
}
