//! The expiry of a record, and the changes of its times.

use crate::{
    clock::Timestamp,
    store::{Commit, CommitOutcome, Lifetime},
    testing::conformance::{
        fixture::{Fixture, equal},
        make::{ABSOLUTE, IDLE, MINUTE, add, bytes, commit, committed, members, principal},
    },
};

pub async fn a_record_is_over_at_its_end(it: Fixture) {
    let rule = "a commit is `Gone` from the millisecond of the end on, and applies before it";
    let over = CommitOutcome::Gone;
    let idle = it.put(it.record(0)).await;
    equal(rule, &committed(1), &it.commit(&idle, &commit(it.at(IDLE - 1), [])).await);
    equal(rule, &over, &it.commit(&idle, &commit(it.at(2 * IDLE - 1), [])).await);
    let unused = it.put(it.record(0)).await;
    equal(rule, &over, &it.commit(&unused, &commit(it.at(IDLE), [])).await);
    let mut short = it.record(0);
    short.meta.lifetime.absolute_until = it.at(MINUTE);
    let absolute = it.put(short.clone()).await;
    equal(rule, &committed(1), &it.commit(&absolute, &commit(it.at(MINUTE - 1), [])).await);
    equal(rule, &over, &it.commit(&absolute, &commit(it.at(MINUTE), [])).await);
    let far = it.put(short).await;
    equal(rule, &over, &it.commit(&far, &commit(it.at(1000 * ABSOLUTE), [])).await);
}

pub async fn use_keeps_a_session_alive_until_its_absolute_end(it: Fixture) {
    let rule =
        "a commit moves the idle end to its `now` plus the idle time, up to the absolute end";
    let mut session = it.session(rule, &[]).await;
    let mut now = 0;
    while now + IDLE - 1 < ABSOLUTE {
        now += IDLE - 1;
        session.applies(&commit(it.at(now), [])).await;
        equal(rule, &it.at(now), &session.record.meta.last_seen);
    }
    session.applies(&commit(it.at(ABSOLUTE - 1), [])).await;
    let gone = it.commit(&session.key, &commit(it.at(ABSOLUTE), [])).await;
    equal(rule, &CommitOutcome::Gone, &gone);
}

pub async fn a_session_without_ends_lives_for_ever(it: Fixture) {
    let rule = "no idle limit and an absolute end of `Timestamp::MAX` mean never";
    let mut record = it.record(0);
    let forever = Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: true };
    record.meta.lifetime = forever;
    let mut session = it.follow(rule, record).await;
    session.applies(&commit(it.at(1000 * ABSOLUTE), [])).await;
    let last = Timestamp::from_millis(u64::MAX - 1);
    session.applies(&commit(last, [])).await;
    equal(rule, &last, &session.record.meta.last_seen);
    // An idle time so long that its end is beyond the end of time.
    let mut record = it.record(0);
    record.meta.lifetime = Lifetime { idle_millis: Some(u64::MAX), ..forever };
    let mut session = it.follow(rule, record).await;
    session.applies(&commit(it.at(1000 * ABSOLUTE), [])).await;
}

pub async fn time_moves_only_forward(it: Fixture) {
    let rule = "`last_seen` never goes back: a commit of an earlier `now` leaves it";
    let mut session = it.follow(rule, it.record(MINUTE)).await;
    session.applies(&commit(it.at(0), [add("n", 1)])).await;
    equal(rule, &it.at(MINUTE), &session.record.meta.last_seen);
    session.applies(&commit(it.at(2 * MINUTE), [])).await;
    session.applies(&commit(it.at(MINUTE), [])).await;
    equal(rule, &it.at(2 * MINUTE), &session.record.meta.last_seen);
    // So the end does not go back either.
    session.applies(&commit(it.at(2 * MINUTE + IDLE - 1), [])).await;
}

pub async fn a_lifetime_changes_only_when_a_commit_says_so(it: Fixture) {
    let rule = "`lifetime` replaces the recorded one; without it, that one stays";
    let mut session = it.session(rule, &[]).await;
    let remembered = Lifetime {
        idle_millis: Some(7 * 24 * 60 * MINUTE),
        absolute_until: it.at(30 * 24 * 60 * MINUTE),
        persistent: true,
    };
    let longer = Commit { lifetime: Some(remembered), ..commit(it.at(1), []) };
    session.applies(&longer).await;
    equal(rule, &remembered, &session.record.meta.lifetime);
    session.applies(&commit(it.at(2 * ABSOLUTE), [])).await;
    equal(rule, &remembered, &session.record.meta.lifetime);
    // Shorter, too: the one way for an end to go back.
    let short = Lifetime {
        idle_millis: None,
        absolute_until: it.at(2 * ABSOLUTE + MINUTE),
        persistent: false,
    };
    let shorter = Commit { lifetime: Some(short), ..commit(it.at(2 * ABSOLUTE), []) };
    session.applies(&shorter).await;
    equal(rule, &short, &session.record.meta.lifetime);
    session.applies(&commit(it.at(2 * ABSOLUTE + MINUTE - 1), [])).await;
    let gone = it.commit(&session.key, &commit(it.at(2 * ABSOLUTE + MINUTE), [])).await;
    equal(rule, &CommitOutcome::Gone, &gone);
}

pub async fn a_touch_changes_the_time_and_nothing_else(it: Fixture) {
    let rule = "a commit without ops is a touch: `last_seen` moves, nothing else";
    let mut record = it.owned(0, &principal("ada"));
    record.set("f", bytes("1"));
    record.set("s", members(["a"]));
    record.meta.lifetime.persistent = true;
    let mut session = it.follow(rule, record.clone()).await;
    session.applies(&commit(it.at(MINUTE), [])).await;
    record.meta.last_seen = it.at(MINUTE);
    it.holds(rule, &session.key, Some(&record)).await;
}
