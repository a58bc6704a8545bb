//! The sessions of a principal: the index, lists, ending all of them. Caps are tested elsewhere.

use crate::{
    repository::Listed,
    store::{Commit, CommitOutcome, Lifetime},
    testing::conformance::{
        fixture::{Fixture, equal, fresh_namespace, holds},
        make::{
            Credential, IDLE, MINUTE, SECOND, add_within, bytes, commit, log_in, out_of_range,
            principal, set,
        },
    },
};

pub async fn the_index_follows_the_principal(it: Fixture) {
    let rule = "rule 4: a session is listed under the principal it has, and under no other";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mut session = it.follow(rule, it.record(0)).await;
    let here = vec![session.key.selector];
    let becomes = |millis, who: Option<&_>| Commit {
        principal: Some(who.cloned()),
        ..commit(it.at(millis), [])
    };
    for (step, who) in
        [None, Some(&ada), Some(&ada), Some(&bob), None, None, Some(&ada)].into_iter().enumerate()
    {
        let step = step as u64;
        session.applies(&becomes(step, who)).await;
        equal(rule, &who.cloned(), &session.record.meta.principal);
        // The same principal again is a new log-in.
        equal(rule, &who.map(|_| it.at(step)), &session.record.meta.logged_in);
        for person in [&ada, &bob] {
            let expected = if who == Some(person) { here.clone() } else { vec![] };
            equal(rule, &expected, &it.listed(person, it.at(step)).await);
        }
    }
    // A commit that says nothing of the principal leaves it, and the time of its log-in.
    session.applies(&commit(it.at(MINUTE), [])).await;
    equal(rule, &Some(it.at(6)), &session.record.meta.logged_in);
    equal(rule, &here, &it.listed(&ada, it.at(MINUTE)).await);
}

pub async fn a_commit_that_does_not_apply_moves_no_principal(it: Fixture) {
    let rule = "a commit that does not apply leaves the principal and its index alone";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mut session = it.follow(rule, it.owned(0, &ada)).await;
    let superseded = Commit { check: Credential::SECOND.check(), ..log_in(it.at(1), &bob, None) };
    session.commit(&superseded, CommitOutcome::Superseded).await;
    let over = Commit { ops: vec![add_within("n", 2, 0, 1)], ..log_in(it.at(1), &bob, None) };
    session.commit(&over, out_of_range("n")).await;
    let nobody = Commit { principal: Some(None), ..over };
    session.commit(&nobody, out_of_range("n")).await;
    equal(rule, &vec![session.key.selector], &it.listed(&ada, it.at(1)).await);
    equal(rule, &vec![], &it.listed(&bob, it.at(1)).await);
}

pub async fn a_list_has_the_live_sessions_the_newest_first(it: Fixture) {
    let rule = "`list` gives the live sessions of the principal, the latest created first";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mut keys = Vec::new();
    for created in [0, 2 * MINUTE, MINUTE] {
        keys.push(it.put(it.owned(created, &ada)).await);
    }
    it.put(it.owned(0, &bob)).await;
    it.put(it.record(0)).await;
    let list = async |millis| {
        let listed = it.list(&ada, it.at(millis)).await;
        listed.iter().map(|session| session.selector).collect::<Vec<_>>()
    };
    let by_age = [1, 2, 0].map(|number: usize| keys[number].selector);
    equal(rule, &by_age.to_vec(), &list(IDLE - 1).await);
    equal("`list` leaves out what is over", &by_age[..2].to_vec(), &list(IDLE).await);
    // Use does not change the order, but it does change who is live.
    it.commit(&keys[2], &commit(it.at(20 * MINUTE), [])).await;
    equal(rule, &by_age[..2].to_vec(), &list(2 * MINUTE + IDLE - 1).await);
    equal(rule, &vec![keys[2].selector], &list(2 * MINUTE + IDLE).await);
    equal(rule, &vec![], &list(20 * MINUTE + IDLE).await);
    equal(
        "of nobody known there is no list",
        &vec![],
        &it.listed(&principal("eve"), it.at(0)).await,
    );
}

pub async fn a_list_says_when(it: Fixture) {
    let rule = "`list` gives each session's creation, log-in and last use";
    let ada = principal("ada");
    let key = it.put(it.record(0)).await;
    let listed = |log_in, last_seen| {
        let mut meta = it.record(0).meta;
        meta.set_principal(Some(ada.clone()), it.at(log_in));
        meta.last_seen = it.at(last_seen);
        vec![Listed::new(key.selector, &meta)]
    };
    it.commit(&key, &log_in(it.at(SECOND), &ada, None)).await;
    equal(rule, &listed(SECOND, SECOND), &it.list(&ada, it.at(SECOND)).await);
    it.commit(&key, &commit(it.at(MINUTE), [set("f", bytes("1"))])).await;
    equal(rule, &listed(SECOND, MINUTE), &it.list(&ada, it.at(MINUTE)).await);
    it.commit(&key, &log_in(it.at(2 * MINUTE), &ada, None)).await;
    equal(rule, &listed(2 * MINUTE, 2 * MINUTE), &it.list(&ada, it.at(2 * MINUTE)).await);
}

pub async fn a_list_follows_a_changed_lifetime(it: Fixture) {
    let rule = "`list` goes by the lifetime that the last commit gave";
    let ada = principal("ada");
    let key = it.put(it.owned(0, &ada)).await;
    let until =
        |millis| Lifetime { idle_millis: None, absolute_until: it.at(millis), persistent: false };
    for end in [40 * IDLE, MINUTE, 50 * IDLE] {
        let change = Commit { lifetime: Some(until(end)), ..commit(it.at(1), []) };
        it.commit(&key, &change).await;
        equal(rule, &vec![key.selector], &it.listed(&ada, it.at(end - 1)).await);
        equal(rule, &vec![], &it.listed(&ada, it.at(end)).await);
    }
}

pub async fn delete_all_ends_every_session_of_a_principal(it: Fixture) {
    let rule = "`end_all` removes every session of the principal, and says how many";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(it.put(it.owned(0, &ada)).await);
    }
    let later = it.put(it.record(0)).await;
    it.commit(&later, &log_in(it.at(1), &ada, None)).await;
    keys.push(later);
    let moved = it.put(it.owned(0, &ada)).await;
    it.commit(&moved, &log_in(it.at(1), &bob, None)).await;
    let anonymous = it.put(it.owned(0, &ada)).await;
    let nobody = Commit { principal: Some(None), ..commit(it.at(1), []) };
    it.commit(&anonymous, &nobody).await;
    equal(rule, &4, &it.end_all(&ada, None).await);
    for key in &keys {
        it.holds(rule, key, None).await;
        equal(rule, &CommitOutcome::Gone, &it.commit(key, &commit(it.at(1), [])).await);
    }
    for other in [&moved, &anonymous] {
        let left = it.load(other).await.is_some();
        holds(rule, left, || "it removed a session that was not the principal's any more".into());
    }
    equal(rule, &vec![moved.selector], &it.listed(&bob, it.at(1)).await);
    equal("`end_all` is idempotent", &0, &it.end_all(&ada, None).await);
    equal(rule, &vec![], &it.listed(&ada, it.at(1)).await);
}

pub async fn delete_all_spares_the_exception(it: Fixture) {
    let rule = "`end_all` leaves the session that is excepted";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mine = it.put(it.owned(0, &ada)).await;
    let others = [it.put(it.owned(0, &ada)).await, it.put(it.owned(0, &ada)).await];
    let stranger = it.put(it.owned(0, &bob)).await;
    equal(rule, &2, &it.end_all(&ada, Some(mine.selector)).await);
    it.holds(rule, &mine, Some(&it.owned(0, &ada))).await;
    for other in &others {
        it.holds(rule, other, None).await;
    }
    equal(rule, &vec![mine.selector], &it.listed(&ada, it.at(0)).await);
    equal(rule, &0, &it.end_all(&ada, Some(mine.selector)).await);
    // An exception that is somebody else's session, or nobody's, spares none.
    equal(rule, &1, &it.end_all(&ada, Some(stranger.selector)).await);
    it.holds(rule, &stranger, Some(&it.owned(0, &bob))).await;
    equal(rule, &1, &it.end_all(&bob, Some(it.key().selector)).await);
}

pub async fn namespaces_are_apart(it: Fixture) {
    let rule = "two namespaces share nothing, whatever has the same name in them";
    let there = it.within(fresh_namespace("conformance-other"));
    let ada = principal("ada");
    let (here, theirs) = (it.key(), it.key());
    let (there_here, there_theirs) = (there.key_of(here.selector), there.key_of(theirs.selector));
    it.put_at(&here, it.owned(0, &ada)).await;
    there.holds(rule, &there_here, None).await;
    let gone = there.commit(&there_here, &commit(it.at(0), [])).await;
    equal(rule, &CommitOutcome::Gone, &gone);
    equal(rule, &false, &there.remove(&there_here).await);
    equal(rule, &vec![], &there.listed(&ada, it.at(0)).await);
    let mut record = it.owned(SECOND, &ada);
    record.set("f", bytes("there"));
    there.put_at(&there_here, record.clone()).await;
    there.put_at(&there_theirs, record.clone()).await;
    it.holds(rule, &here, Some(&it.owned(0, &ada))).await;
    equal(rule, &vec![here.selector], &it.listed(&ada, it.at(SECOND)).await);
    equal(rule, &1, &it.end_all(&ada, None).await);
    equal(rule, &2, &there.listed(&ada, it.at(SECOND)).await.len());
    there.holds(rule, &there_here, Some(&record)).await;
    equal(rule, &1, &there.end_all(&ada, Some(theirs.selector)).await);
}
