//! Rule 1: what an insert and a replacement write, and when they write nothing.

use std::sync::Arc;

use super::verbs::is_stored;
use crate::{
    clock::Timestamp,
    store::{FieldValue, Lifetime, Previous, Record, StoreKey, Written},
    testing::conformance::{
        fixture::{Fixture, answer, equal, holds},
        make::{Credential, MINUTE, SECOND, bytes, int, members, principal},
        together::{Rounds, together},
    },
};

pub async fn an_insert_never_overwrites(it: Fixture) {
    let rule = "rule 1: `insert` never overwrites a record";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mut first = it.owned(0, &ada);
    first.set("f", bytes("first"));
    let key = it.put(first.clone()).await;
    let mut second = it.owned(SECOND, &bob);
    second.meta.revision = 2;
    second.set("g", bytes("second"));
    for record in [second, it.record(0), first.clone()] {
        equal(rule, &Written::Not, &it.try_insert(&key, &record).await);
        it.holds(rule, &key, Some(&first)).await;
    }
    equal(rule, &vec![key.selector], &it.sessions(&ada).await);
    let rule = "an insert that stores nothing lists nothing";
    equal(rule, &vec![], &it.sessions(&bob).await);
}

pub async fn of_racing_inserts_one_is_stored(it: Fixture) {
    let rule = "rule 1: of racing inserts under one key, one stores its record";
    let who = |number: usize| principal(&format!("p{number}"));
    for () in Rounds::at_least(8) {
        let key = it.key();
        let written = together(8, |number| {
            let (it, key) = (it.clone(), key.clone());
            async move { it.try_insert(&key, &it.owned(number as u64, &who(number))).await }
        })
        .await;
        let winners: Vec<usize> = (0..8).filter(|it| is_stored(written[*it])).collect();
        equal(rule, &1, &winners.len());
        let record = it.owned(winners[0] as u64, &who(winners[0]));
        it.holds(rule, &key, Some(&record)).await;
        for number in 0..8 {
            let listed = it.sessions(&who(number)).await;
            let so = listed.contains(&key.selector) == (number == winners[0]);
            holds("rule 4: a list follows the insert that was stored", so, || {
                format!("principal {number} lists {listed:?}; {winners:?} was stored")
            });
        }
    }
}

pub async fn a_replacement_never_creates(it: Fixture) {
    let rule = "rule 1: `replace` never creates; a missing record is `Not`";
    let ada = principal("ada");
    let removed = it.put(it.record(0)).await;
    equal("`remove` of a record answers true", &true, &it.remove(&removed).await);
    for key in [it.key(), removed] {
        for record in [it.record(0), it.owned(0, &ada)] {
            for version in [0, 1, record.meta.revision + 1] {
                equal(rule, &Written::Not, &it.replace(&key, version, &record).await);
                it.holds(rule, &key, None).await;
            }
        }
    }
    equal("a replacement that stores nothing lists nothing", &vec![], &it.sessions(&ada).await);
}

pub async fn a_replacement_takes_place_only_by_the_present_version(it: Fixture) {
    let rule = "rule 1: `replace` takes place by the present version, and by no other";
    let (ada, bob) = (principal("ada"), principal("bob"));
    // Past 2⁵³, where floating-point numbers have gaps.
    for version in [1, 7, u64::from(u32::MAX), (1 << 53) + 1, (1 << 61) - 2] {
        let it = it.fresh();
        let mut record = it.owned(0, &ada);
        record.meta.revision = version;
        let key = it.put(record.clone()).await;
        let mut other = it.owned(0, &bob);
        other.set("f", bytes("other"));
        for wrong in [0, version - 1, version + 1, version ^ (1 << 40), version ^ (1 << 60)] {
            other.meta.revision = wrong + 1;
            if wrong != version {
                equal(rule, &Written::Not, &it.replace(&key, wrong, &other).await);
                it.holds(rule, &key, Some(&record)).await;
            }
        }
        equal(rule, &vec![], &it.sessions(&bob).await);
        equal(rule, &vec![key.selector], &it.sessions(&ada).await);
        // The new version is the record's own: any larger number.
        other.meta.revision = version + 1000;
        holds(rule, is_stored(it.replace(&key, version, &other).await), || "`Not`".to_owned());
        it.holds(rule, &key, Some(&other)).await;
        equal(rule, &Written::Not, &it.replace(&key, version, &record).await);
        it.holds(rule, &key, Some(&other)).await;
    }
}

pub async fn a_replacement_leaves_nothing_of_the_old_record(it: Fixture) {
    let rule = "after `replace` the record is the new one in every part";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let mut full = it.owned(0, &ada);
    full.meta.previous = Some(Previous {
        check: Credential::SECOND.check(),
        key_id: Credential::SECOND.key_id(),
        until: it.at(MINUTE),
    });
    full.set("f", bytes("1"));
    full.set("n", int(7));
    full.set("s", members(["x", "y"]));
    let mut bare = it.record(0);
    bare.meta.check = Credential::THIRD.check();
    bare.meta.key_id = Credential::THIRD.key_id();
    bare.meta.rotated = it.at(SECOND);
    bare.meta.last_seen = it.at(SECOND);
    let mut other = it.owned(2 * SECOND, &bob);
    other.meta.lifetime =
        Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: true };
    other.set("f", members(["1"]));
    other.set("s", int(i64::MIN));
    let key = it.put(full.clone()).await;
    let mut version = full.meta.revision;
    for (step, mut record) in
        [bare.clone(), full.clone(), other, bare, full].into_iter().enumerate()
    {
        record.meta.revision = version + 1 + step as u64;
        record.meta.last_seen = it.at(MINUTE * (1 + step as u64));
        holds(rule, is_stored(it.replace(&key, version, &record).await), || "`Not`".to_owned());
        it.holds(rule, &key, Some(&record)).await;
        version = record.meta.revision;
    }
}

pub async fn of_replacements_of_one_version_in_parallel_one_is_stored(it: Fixture) {
    let rule = "rule 1: of parallel replacements of one version, exactly one is stored";
    for () in Rounds::at_least(8) {
        let key = it.put(it.record(0)).await;
        let next = |number: usize| {
            let mut record = it.record(0);
            // Two may have drawn one number.
            record.meta.revision = 2 + number as u64 / 2;
            record.set("f", bytes(number.to_string()));
            record
        };
        let written = together(16, |number| {
            let (it, key, record) = (it.clone(), key.clone(), next(number));
            async move { it.replace(&key, 1, &record).await }
        })
        .await;
        let winners: Vec<usize> = (0..16).filter(|it| is_stored(written[*it])).collect();
        equal(rule, &1, &winners.len());
        it.holds(rule, &key, Some(&next(winners[0]))).await;
    }
}

pub async fn compare_and_swap_in_a_loop_loses_nothing(it: Fixture) {
    let rule = "rules 1 and 2: to load, add and replace until it is stored loses nothing";
    let mut record = it.record(0);
    record.set("n", int(0));
    let key = it.put(record).await;
    together(5, |_| {
        let (it, key) = (it.clone(), key.clone());
        async move {
            let mut done = 0;
            while done < 6 {
                let Some(found) = it.load(&key).await else { return };
                let Some(FieldValue::Int(number)) = found.get("n").cloned() else { return };
                let mut next = Record::clone(&found);
                next.meta.revision += 1;
                next.set("n", int(number + 1));
                let written = it.replace(&key, found.meta.revision, &next).await;
                done += usize::from(is_stored(written));
            }
        }
    })
    .await;
    let found = it.load(&key).await;
    equal(rule, &Some(int(30)), &found.as_ref().and_then(|found| found.get("n").cloned()));
    equal(rule, &Some(31), &found.map(|found| found.meta.revision));
}

pub async fn of_two_times_of_use_the_later_stays(it: Fixture) {
    let rule = "of the two records' `last_seen`, `replace` keeps the later";
    let key = it.put(it.record(MINUTE)).await;
    let mut stays = it.record(MINUTE);
    for (millis, later) in [(0, MINUTE), (MINUTE, MINUTE), (3 * MINUTE, 3 * MINUTE)] {
        let version = stays.meta.revision;
        let mut record = it.record(0);
        record.meta.last_seen = it.at(millis);
        record.meta.revision = version + 1;
        record.set("n", int(i64::try_from(millis).unwrap_or_default()));
        holds(rule, is_stored(it.replace(&key, version, &record).await), || "`Not`".to_owned());
        record.meta.last_seen = it.at(later);
        it.holds(rule, &key, Some(&record)).await;
        stays = record;
    }
}

pub async fn a_loaded_record_stays_as_it_was(it: Fixture) {
    let rule = "a record that was loaded does not change under the reader's hands";
    let key = it.put(it.record(0)).await;
    let loaded = answer("load", it.store.load(&key)).await;
    it.change(&key, &it.record(0), |record| record.set("n", int(1))).await;
    it.used(&key, SECOND).await;
    equal(rule, &Some(it.record(0)), &loaded.as_deref().cloned());
    it.remove(&key).await;
    equal(rule, &Some(it.record(0)), &loaded.as_deref().cloned());
}

pub async fn a_change_in_place_is_a_replacement(it: Fixture) {
    let rule = "a store that changes a record in place does what a replacement does";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let record = it.owned(0, &ada);
    let key = it.put(record.clone()).await;
    let change = |key: &StoreKey, log_in, change: &mut dyn FnMut(&mut Record) -> bool| {
        it.store.change(key, log_in, change)
    };
    let Some(nothing) = change(&key, false, &mut |_| false) else { return };
    equal("what `change` has not changed is `Not`", &Written::Not, &nothing);
    it.holds(rule, &key, Some(&record)).await;
    let loaded = it.load(&key).await;
    let written = change(&key, false, &mut |record| {
        record.meta.revision = 2;
        record.set("f", bytes("1"));
        true
    });
    holds(rule, written.is_some_and(is_stored), || format!("it answered {written:?}"));
    let mut changed = record.clone();
    changed.meta.revision = 2;
    changed.set("f", bytes("1"));
    it.holds(rule, &key, Some(&changed)).await;
    equal("a record that was loaded stays", &Some(record), &loaded.as_deref().cloned());
    let theirs = it.put(it.owned(0, &bob)).await;
    let written = change(&key, true, &mut |record| {
        record.meta.revision = 3;
        record.meta.set_principal(Some(bob.clone()), it.at(SECOND));
        true
    });
    equal("a log-in is counted", &Some(Written::Stored { of_principal: 2 }), &written);
    let mut both = vec![key.selector, theirs.selector];
    both.sort();
    equal(rule, &both, &it.sessions(&bob).await);
    equal(rule, &vec![], &it.sessions(&ada).await);
    let missing = change(&it.key(), false, &mut |_| true);
    equal("`change` never creates", &Some(Written::Not), &missing);
}

pub async fn a_reload_shows_every_write_that_was_answered(it: Fixture) {
    let rule = "rule 2: a read after an answered write shows that write";
    let reload = async |key: &StoreKey| match it.store.reload(key) {
        Some(latest) => answer("reload", latest).await,
        None => answer("load", it.store.load(key)).await,
    };
    let shows = |when: &str, expected: Option<&Record>, found: Option<Arc<Record>>| {
        equal(&format!("{rule} ({when})"), &expected, &found.as_deref());
    };
    for round in 0..5 {
        let key = it.key();
        // So that a cache has a copy of what is not there.
        it.load(&key).await;
        let record = it.record(0);
        it.put_at(&key, record.clone()).await;
        shows("an insert", Some(&record), reload(&key).await);
        it.load(&key).await;
        let (mut record, _) = it.change(&key, &record, |it| it.set("n", int(round))).await;
        shows("a replacement", Some(&record), reload(&key).await);
        it.load(&key).await;
        it.used(&key, SECOND).await;
        record.meta.last_seen = it.at(SECOND);
        shows("a touch", Some(&record), reload(&key).await);
        it.load(&key).await;
        it.remove(&key).await;
        shows("a removal", None, reload(&key).await);
        it.holds(rule, &key, None).await;
    }
}
