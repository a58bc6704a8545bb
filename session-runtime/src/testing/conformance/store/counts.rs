//! Rule 5: the number of sessions of a principal, asked for and as the answer to a log-in.

use super::verbs::is_stored;
use crate::{
    store::{PrincipalKey, Record, Written},
    testing::conformance::{
        fixture::{Fixture, broken, equal, fresh_namespace, holds},
        make::{SECOND, bytes, principal},
        together::{Rounds, together},
    },
};

/// Returns the number that a write has counted, which must have taken place.
fn counted(written: Written) -> u64 {
    match written {
        Written::Stored { of_principal } => of_principal,
        other => broken("the write takes place", &format!("it answered {other:?}")),
    }
}

/// Fails unless a write that is no log-in has counted all sessions, or none.
fn all_or_none(all: u64, found: u64) {
    let rule = "a write that is no log-in counts all sessions of the principal, or none";
    let so = found == all || found == 0;
    holds(rule, so, || format!("there are {all}, it counted {found}"));
}

pub async fn a_count_is_exact_when_nothing_else_happens(it: Fixture) {
    let rule = "`count` is the number of the principal's sessions";
    let (ada, bob) = (principal("ada"), principal("bob"));
    let there = it.within(fresh_namespace("conformance-other"));
    equal(rule, &0, &it.count(&ada).await);
    let mut keys = Vec::new();
    for number in 1..=40 {
        keys.push(it.put(it.owned(number, &ada)).await);
        equal(rule, &number, &it.count(&ada).await);
    }
    it.put(it.owned(0, &bob)).await;
    there.put(it.owned(0, &ada)).await;
    it.put(it.record(0)).await;
    for (number, left) in [(0, 39), (1, 38)] {
        it.remove(&keys[number]).await;
        equal(rule, &left, &it.count(&ada).await);
    }
    it.remove(&keys[0]).await;
    let out = |record: &mut Record| record.meta.set_principal(None, it.at(SECOND));
    it.change(&keys[2], &it.owned(3, &ada), out).await;
    it.used(&keys[3], SECOND).await;
    it.change(&keys[4], &it.owned(5, &ada), |record| record.set("f", bytes("1"))).await;
    equal(rule, &37, &it.count(&ada).await);
    equal(rule, &(1, 1), &(it.count(&bob).await, there.count(&ada).await));
}

pub async fn a_log_in_counts_the_sessions_of_its_principal(it: Fixture) {
    let rule = "rule 5: a write that gives a session to a principal counts the principal's \
                sessions, this one included";
    let (ada, bob) = (principal("ada"), principal("bob"));
    for number in 1..=3 {
        let written = it.try_insert(&it.key(), &it.owned(number, &ada)).await;
        equal(rule, &number, &counted(written));
    }
    let record = it.record(0);
    let key = it.key();
    let anonymous = counted(it.try_insert(&key, &record).await);
    equal("a write counts nothing if nobody has the session", &0, &anonymous);
    let log_in = |who: Option<&PrincipalKey>, millis| {
        let (who, now) = (who.cloned(), it.at(millis));
        move |record: &mut Record| record.meta.set_principal(who, now)
    };
    let (record, count) = it.change(&key, &record, log_in(Some(&ada), 4)).await;
    equal(rule, &4, &count);
    let (record, count) = it.change(&key, &record, |it| it.set("f", bytes("1"))).await;
    all_or_none(4, count);
    // Another log-in of the same principal: the place of the log-in before may count, too.
    let (record, count) = it.change(&key, &record, log_in(Some(&ada), 5)).await;
    holds(rule, (4..=5).contains(&count), || format!("there are 4, it counted {count}"));
    let (record, count) = it.change(&key, &record, log_in(Some(&bob), 6)).await;
    equal(rule, &1, &count);
    let (record, count) = it.change(&key, &record, log_in(None, 7)).await;
    equal("a write counts nothing if nobody has the session", &0, &count);
    let (_, count) = it.change(&key, &record, log_in(Some(&ada), 8)).await;
    equal(rule, &4, &count);
}

pub async fn of_parallel_log_ins_each_two_are_counted_by_one(it: Fixture) {
    const TASKS: u64 = 6;
    let rule = "rule 5: a log-in counts what was acknowledged before it; of each two in parallel, \
                at least one counts both";
    let ada = principal("ada");
    for () in Rounds::at_least(4) {
        let it = it.fresh();
        for before in [0, 1, 2] {
            let start = it.count(&ada).await;
            equal("every log-in is counted when all are done", &(before * TASKS), &start);
            let counts = together(6, |number| {
                let (it, ada) = (it.clone(), ada.clone());
                async move {
                    let key = it.key();
                    if number % 2 == 0 {
                        return counted(it.try_insert(&key, &it.owned(1, &ada)).await);
                    }
                    let record = it.record(0);
                    it.put_at(&key, record.clone()).await;
                    let mut next = record;
                    next.meta.revision = 2;
                    next.meta.set_principal(Some(ada), it.at(1));
                    counted(it.replace(&key, 1, &next).await)
                }
            })
            .await;
            let least = counts.iter().min().copied().unwrap_or(0);
            let most = counts.iter().max().copied().unwrap_or(0);
            // Each pair is seen by one of the two: so many others are seen in all.
            let others: u64 = counts.iter().map(|count| count.saturating_sub(start + 1)).sum();
            let so = least > start && most > start + 1 && others >= TASKS * (TASKS - 1) / 2;
            holds(rule, so, || format!("{start} were there, the log-ins counted {counts:?}"));
        }
    }
}

pub async fn of_two_log_ins_one_counts_both(it: Fixture) {
    let rule = "rule 5: of two parallel log-ins at least one counts both";
    let ada = principal("ada");
    for () in Rounds::at_least(24) {
        let it = it.fresh();
        let keys = [it.put(it.record(0)).await, it.key()];
        let counts = together(2, |number| {
            let (it, key, ada) = (it.clone(), keys[number].clone(), ada.clone());
            async move {
                let mut record = it.owned(1, &ada);
                if number == 0 {
                    record.meta.revision = 2;
                    return counted(it.replace(&key, 1, &record).await);
                }
                counted(it.try_insert(&key, &record).await)
            }
        })
        .await;
        let so = counts.iter().any(|count| *count >= 2) && counts.iter().all(|count| *count >= 1);
        holds(rule, so, || format!("they counted {counts:?}"));
    }
}

pub async fn a_count_has_at_least_those_that_stay(it: Fixture) {
    let rule = "a count has at least every live session, whatever replaces and uses them";
    let ada = principal("ada");
    for () in Rounds::at_least(4) {
        let it = it.fresh();
        let mut keys = Vec::new();
        for number in 0..4 {
            keys.push(it.put(it.owned(number, &ada)).await);
        }
        let least = together(6, |task| {
            let (it, key, ada) = (it.clone(), keys.get(task).cloned(), ada.clone());
            async move {
                let Some(key) = key else {
                    let mut least = u64::MAX;
                    for _ in 0..6 {
                        least = least.min(it.count(&ada).await);
                    }
                    return least;
                };
                let mut record = it.owned(task as u64, &ada);
                for round in 0..4_u64 {
                    let now = it.at(10 + round * 4 + task as u64);
                    let mut next = record.clone();
                    next.meta.revision += 1;
                    next.meta.set_principal(Some(ada.clone()), now);
                    let written = it.replace(&key, record.meta.revision, &next).await;
                    holds("`replace` takes place", is_stored(written), || "`Not`".to_owned());
                    record = next;
                }
                u64::MAX
            }
        })
        .await;
        holds(rule, least.iter().all(|least| *least >= 4), || format!("it was {least:?}"));
        equal(rule, &4, &it.count(&ada).await);
    }
}
