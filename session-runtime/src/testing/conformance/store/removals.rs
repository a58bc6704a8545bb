//! Removals: with a version and without, again, and several at once.

use super::verbs::is_stored;
use crate::{
    store::Written,
    testing::conformance::{
        fixture::{Fixture, equal, holds},
        make::{SECOND, bytes, members, principal},
        together::{Rounds, together},
    },
};

pub async fn a_removal_is_idempotent(it: Fixture) {
    let rule = "`remove` answers whether there was a record, and never fails for want of one";
    let ada = principal("ada");
    let (key, other) = (it.put(it.owned(0, &ada)).await, it.put(it.owned(0, &ada)).await);
    for expected in [true, false, false] {
        equal(rule, &expected, &it.remove(&key).await);
        it.holds(rule, &key, None).await;
        equal("what was removed is not listed", &vec![other.selector], &it.sessions(&ada).await);
        equal("what was removed is not counted", &1, &it.count(&ada).await);
    }
    equal(rule, &false, &it.remove(&it.key()).await);
    it.holds("`remove` removes one record", &other, Some(&it.owned(0, &ada))).await;
    equal(rule, &true, &it.remove(&other).await);
    equal("what was removed is not listed", &vec![], &it.sessions(&ada).await);
}

pub async fn a_removal_by_version_removes_that_version_only(it: Fixture) {
    let rule = "`remove` with a version removes the record if that is its version, not otherwise";
    let ada = principal("ada");
    for version in [1, 7, (1 << 53) + 1] {
        let it = it.fresh();
        let mut record = it.owned(0, &ada);
        record.meta.revision = version;
        let key = it.put(record.clone()).await;
        for wrong in [0, version - 1, version + 1, version ^ (1 << 40)] {
            equal(rule, &false, &it.remove_version(&key, wrong).await);
            it.holds(rule, &key, Some(&record)).await;
        }
        equal(rule, &vec![key.selector], &it.sessions(&ada).await);
        // A touch keeps the version, a replacement does not.
        it.used(&key, SECOND).await;
        record.meta.last_seen = it.at(SECOND);
        let (record, _) = it.change(&key, &record, |it| it.set("f", bytes("1"))).await;
        equal(rule, &false, &it.remove_version(&key, version).await);
        it.holds(rule, &key, Some(&record)).await;
        it.used(&key, 2 * SECOND).await;
        equal(rule, &true, &it.remove_version(&key, version + 1).await);
        it.holds(rule, &key, None).await;
        equal(rule, &false, &it.remove_version(&key, version + 1).await);
        equal("what was removed is not listed", &vec![], &it.sessions(&ada).await);
    }
}

pub async fn of_racing_removals_one_answers_true(it: Fixture) {
    let rule = "of racing `remove`s of one record, one answers true";
    for () in Rounds::at_least(8) {
        let key = it.put(it.record(0)).await;
        let removed = together(8, |number| {
            let (it, key) = (it.clone(), key.clone());
            async move {
                if number % 2 == 0 {
                    it.remove(&key).await
                } else {
                    it.remove_version(&key, 1).await
                }
            }
        })
        .await;
        equal(rule, &1, &removed.iter().filter(|removed| **removed).count());
        it.holds(rule, &key, None).await;
    }
}

pub async fn a_removal_by_version_and_a_replacement_exclude_each_other(it: Fixture) {
    let rule = "of a removal and a replacement of one version in parallel, exactly one takes place";
    let (ada, bob) = (principal("ada"), principal("bob"));
    for () in Rounds::at_least(16) {
        let it = it.fresh();
        let key = it.put(it.owned(0, &ada)).await;
        let mut next = it.owned(SECOND, &bob);
        next.meta.revision = 2;
        let done = together(2, |number| {
            let (it, key, next) = (it.clone(), key.clone(), next.clone());
            async move {
                if number == 0 {
                    it.remove_version(&key, 1).await
                } else {
                    is_stored(it.replace(&key, 1, &next).await)
                }
            }
        })
        .await;
        holds(rule, done[0] != done[1], || {
            format!("the removal answered {}, the replacement {}", done[0], done[1])
        });
        it.holds(rule, &key, done[1].then_some(&next)).await;
        equal(rule, &vec![], &it.sessions(&ada).await);
        let left = if done[1] { vec![key.selector] } else { vec![] };
        equal(rule, &left, &it.sessions(&bob).await);
    }
}

pub async fn a_key_can_be_inserted_again_after_a_removal(it: Fixture) {
    let rule = "after `remove`, nothing of the record is left";
    let ada = principal("ada");
    let mut first = it.owned(0, &ada);
    first.meta.revision = 4;
    first.set("f", bytes("1"));
    first.set("s", members(["x"]));
    let key = it.put(first.clone()).await;
    holds(rule, it.remove(&key).await, || "`remove` answered false".to_owned());
    it.holds(rule, &key, None).await;
    let second = it.record(SECOND);
    it.put_at(&key, second.clone()).await;
    it.holds(rule, &key, Some(&second)).await;
    equal(rule, &vec![], &it.sessions(&ada).await);
    // Who has loaded the first record neither replaces nor removes the second.
    equal(rule, &Written::Not, &it.replace(&key, 4, &first).await);
    equal(rule, &false, &it.remove_version(&key, 4).await);
    it.holds(rule, &key, Some(&second)).await;
}
