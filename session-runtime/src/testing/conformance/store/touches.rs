//! Touches: the time of the last use moves on, and nothing else does.

use super::verbs::is_stored;
use crate::testing::conformance::{
    fixture::{Fixture, equal, holds},
    make::{MINUTE, SECOND, bytes, members, principal},
    together::{Rounds, together},
};

pub async fn a_touch_changes_the_time_and_nothing_else(it: Fixture) {
    let rule = "`touch` moves `last_seen` on; the version and all else stay";
    let ada = principal("ada");
    let mut record = it.owned(0, &ada);
    record.meta.revision = 5;
    record.meta.lifetime.persistent = true;
    record.set("f", bytes("1"));
    record.set("s", members(["a"]));
    let key = it.put(record.clone()).await;
    for millis in [SECOND, MINUTE] {
        equal("`touch` of a record answers true", &true, &it.used(&key, millis).await);
        record.meta.last_seen = it.at(millis);
        it.holds(rule, &key, Some(&record)).await;
    }
    equal(rule, &vec![key.selector], &it.sessions(&ada).await);
    equal(rule, &1, &it.count(&ada).await);
    // The version stays, so whoever has loaded the record before can replace it.
    let (mut next, _) = it.change(&key, &record, |it| it.set("f", bytes("2"))).await;
    it.holds(rule, &key, Some(&next)).await;
    let (later, _) = it.change(&key, &next, |it| it.meta.last_seen = it.meta.created).await;
    next = later;
    next.meta.last_seen = it.at(MINUTE);
    it.holds("`replace` keeps the time of a touch", &key, Some(&next)).await;
}

pub async fn a_touch_never_creates(it: Fixture) {
    let rule = "`touch` never creates, and answers whether there is such a record";
    let removed = it.put(it.owned(0, &principal("ada"))).await;
    equal("`remove` of a record answers true", &true, &it.remove(&removed).await);
    for key in [it.key(), removed] {
        equal(rule, &false, &it.used(&key, SECOND).await);
        it.holds(rule, &key, None).await;
    }
    equal(rule, &vec![], &it.sessions(&principal("ada")).await);
}

pub async fn a_touch_never_goes_back(it: Fixture) {
    let rule = "a touch with an earlier time leaves the record as it is, and answers true";
    let record = it.record(2 * MINUTE);
    let key = it.put(record.clone()).await;
    for millis in [0, MINUTE, 2 * MINUTE] {
        equal(rule, &true, &it.used(&key, millis).await);
        it.holds(rule, &key, Some(&record)).await;
    }
}

pub async fn of_racing_touches_the_latest_stays(it: Fixture) {
    let rule = "of racing touches the latest stays";
    for () in Rounds::at_least(8) {
        let mut record = it.record(0);
        let key = it.put(record.clone()).await;
        let touched = together(12, |number| {
            let (it, key) = (it.clone(), key.clone());
            // In no order.
            async move { it.used(&key, 1 + (number as u64 * 5) % 12).await }
        })
        .await;
        equal(rule, &vec![true; 12], &touched);
        record.meta.last_seen = it.at(12);
        it.holds(rule, &key, Some(&record)).await;
    }
}

pub async fn a_touch_beside_a_replacement_loses_neither(it: Fixture) {
    let rule = "a touch and a replacement in parallel: both take place, and the later time stays";
    for (touched, replaced) in [(2 * SECOND, SECOND), (SECOND, 2 * SECOND)] {
        for () in Rounds::at_least(8) {
            let key = it.put(it.record(0)).await;
            let mut next = it.record(0);
            next.meta.revision = 2;
            next.meta.last_seen = it.at(replaced);
            next.set("f", bytes("1"));
            let done = together(8, |number| {
                let (it, key, next) = (it.clone(), key.clone(), next.clone());
                async move {
                    if number == 3 {
                        return is_stored(it.replace(&key, 1, &next).await);
                    }
                    it.used(&key, touched).await
                }
            })
            .await;
            equal(rule, &vec![true; 8], &done);
            next.meta.last_seen = it.at(2 * SECOND);
            it.holds(rule, &key, Some(&next)).await;
        }
    }
}

pub async fn a_touch_that_races_a_removal_never_resurrects(it: Fixture) {
    let rule = "rule 1: whatever races it, after `remove` there is no record";
    let ada = principal("ada");
    for () in Rounds::at_least(8) {
        let it = it.fresh();
        let record = it.owned(0, &ada);
        let key = it.put(record.clone()).await;
        let done = together(12, |number| {
            let (it, key, mut next) = (it.clone(), key.clone(), record.clone());
            async move {
                match number % 4 {
                    0 => {
                        it.used(&key, SECOND).await;
                    }
                    1 if number == 5 => return it.remove(&key).await,
                    _ => {
                        next.meta.revision = 2 + number as u64;
                        it.replace(&key, 1, &next).await;
                    }
                }
                false
            }
        })
        .await;
        holds("`remove` of a record answers true", done[5], || "it answered false".to_owned());
        it.holds(rule, &key, None).await;
        equal("what was removed is not listed", &vec![], &it.sessions(&ada).await);
        equal("what was removed is not counted", &0, &it.count(&ada).await);
    }
}
