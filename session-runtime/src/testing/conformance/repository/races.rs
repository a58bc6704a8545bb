//! Parallel requests: no change is lost, no ended session comes back, and there is one winner where
//! there can be only one. The tasks share one process here; a store for several processes must keep
//! these rules among all of them.

use crate::{
    store::{Commit, CommitOutcome, FieldValue, Selector, StoreKey},
    testing::conformance::{
        fixture::{Fixture, equal, holds},
        make::{
            Credential, MINUTE, add, bytes, commit, committed, conflict, expected, insert, int,
            log_in, members, principal, remove, rotated, set,
        },
        together::{Rounds, together},
    },
};

/// The number of requests that race.
const TASKS: usize = 50;

fn revisions(outcomes: &[CommitOutcome]) -> Vec<u64> {
    let mut revisions: Vec<u64> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            CommitOutcome::Committed { revision, .. } => Some(*revision),
            _ => None,
        })
        .collect();
    revisions.sort_unstable();
    revisions
}

/// Makes all commits at once. Each must apply, with a revision of its own.
async fn all_apply(it: &Fixture, rule: &str, key: &StoreKey, commits: Vec<Commit>) {
    let (count, last) = (commits.len(), commits.len() as u64 + 1);
    let outcomes = together(count, |number| {
        let (it, key, commit) = (it.clone(), key.clone(), commits[number].clone());
        async move { it.commit(&key, &commit).await }
    })
    .await;
    let rule = format!("{rule}; each commit has a revision of its own");
    equal(&rule, &(2..=last).collect(), &revisions(&outcomes));
}

async fn field(it: &Fixture, key: &StoreKey, field: &str) -> Option<FieldValue> {
    it.load(key).await.and_then(|record| record.get(field).cloned())
}

pub async fn parallel_additions_all_count(it: Fixture) {
    let rule = "parallel `Add`s add up";
    for () in Rounds::at_least(1) {
        let key = it.put(it.record(0)).await;
        all_apply(&it, rule, &key, vec![commit(it.at(0), [add("n", 1)]); TASKS]).await;
        equal(rule, &Some(int(50)), &field(&it, &key, "n").await);
    }
}

pub async fn parallel_writes_of_different_fields_survive(it: Fixture) {
    let rule = "parallel writes of different fields all survive";
    for () in Rounds::at_least(1) {
        let key = it.put(it.record(0)).await;
        let value = |number: usize| bytes(format!("value {number}"));
        let write = |number| commit(it.at(0), [set(&format!("f{number}"), value(number))]);
        all_apply(&it, rule, &key, (0..TASKS).map(write).collect()).await;
        for number in 0..TASKS {
            let found = field(&it, &key, &format!("f{number}")).await;
            equal(rule, &Some(value(number)), &found);
        }
    }
}

pub async fn parallel_members_survive(it: Fixture) {
    let rule = "members that are put in and taken out in parallel all count";
    for () in Rounds::at_least(1) {
        let mut record = it.record(0);
        let numbers = |range: std::ops::Range<usize>| range.map(|number| number.to_string());
        record.set("s", members(numbers(0..TASKS)));
        let key = it.put(record).await;
        let change = |number: usize| {
            let out_and_in =
                [remove("s", number.to_string()), insert("s", (TASKS + number).to_string())];
            commit(it.at(0), out_and_in)
        };
        all_apply(&it, rule, &key, (0..TASKS).map(change).collect()).await;
        equal(rule, &Some(members(numbers(TASKS..2 * TASKS))), &field(&it, &key, "s").await);
    }
}

pub async fn a_commit_that_races_a_delete_never_resurrects(it: Fixture) {
    let rule = "rule 1: whatever races it, after `remove` there is no record";
    for () in Rounds::at_least(8) {
        let it = it.fresh();
        let (ada, bob) = (principal("ada"), principal("bob"));
        let key = it.put(it.owned(0, &ada)).await;
        let outcomes = together(16, |number| {
            let (it, key) = (it.clone(), key.clone());
            let commit = match number % 4 {
                0 => commit(it.at(1), [add("n", 1), insert("s", "x")]),
                1 => commit(it.at(1), [set("f", bytes("1"))]),
                2 => log_in(it.at(1), &bob, None),
                _ => commit(it.at(1), [set("g", bytes("2"))]),
            };
            async move {
                if number == 15 {
                    return it.remove(&key).await.then_some(CommitOutcome::Gone);
                }
                Some(it.commit(&key, &commit).await)
            }
        })
        .await;
        it.holds(rule, &key, None).await;
        equal("`remove` of a record answers true", &true, &outcomes[15].is_some());
        equal(rule, &CommitOutcome::Gone, &it.commit(&key, &commit(it.at(1), [])).await);
        let outcomes: Vec<CommitOutcome> = outcomes.into_iter().flatten().collect();
        let applied = revisions(&outcomes);
        equal(rule, &(2..applied.len() as u64 + 2).collect(), &applied);
        for who in [&ada, &bob] {
            equal("what was deleted is not listed", &vec![], &it.listed(who, it.at(1)).await);
        }
    }
}

pub async fn of_racing_rotations_one_wins(it: Fixture) {
    let rule = "of racing rotations without grace one applies; the others are `Superseded`";
    let grace = Some(it.at(MINUTE));
    for () in Rounds::at_least(8) {
        let rotate = |number: u8, until| Commit {
            rotation: Some(Credential(10 + number).rotation(until)),
            ..commit(it.at(1), [add("n", 1)])
        };
        let race = async |until| {
            let key = it.put(it.record(0)).await;
            let outcomes = together(16, |number| {
                let (it, key) = (it.clone(), key.clone());
                let rotate = rotate(u8::try_from(number).unwrap_or_default(), until);
                async move { it.commit(&key, &rotate).await }
            })
            .await;
            (outcomes, it.load(&key).await)
        };
        let (outcomes, record) = race(None).await;
        let winner = outcomes.iter().position(|outcome| *outcome == rotated(2));
        let superseded = outcomes.iter().filter(|it| **it == CommitOutcome::Superseded).count();
        equal(rule, &(true, 15), &(winner.is_some(), superseded));
        let check =
            winner.and_then(|it| u8::try_from(it).ok()).map(|it| Credential(10 + it).check());
        equal(rule, &check, &record.as_ref().map(|record| record.meta.check));
        equal(rule, &Some(int(1)), &record.and_then(|record| record.get("n").cloned()));

        let rule = "of racing rotations with grace one takes place; the ops of all apply";
        let (outcomes, record) = race(grace).await;
        equal(rule, &(2..18).collect(), &revisions(&outcomes));
        let winners: Vec<usize> = (0..16)
            .filter(|it| matches!(outcomes[*it], CommitOutcome::Committed { rotated: true, .. }))
            .collect();
        equal(rule, &1, &winners.len());
        let check = u8::try_from(winners[0]).ok().map(|it| Credential(10 + it).check());
        equal(rule, &check, &record.as_ref().map(|record| record.meta.check));
        equal(rule, &Some(int(16)), &record.and_then(|record| record.get("n").cloned()));
    }
}

pub async fn of_racing_writes_that_compare_one_wins(it: Fixture) {
    let rule = "of racing commits that expect one value of a field, one applies";
    for () in Rounds::at_least(8) {
        let key = it.put(it.record(0)).await;
        let write = |number: usize| Commit {
            expected: vec![expected("f", None)],
            ..commit(it.at(0), [set("f", bytes(number.to_string()))])
        };
        let outcomes = together(16, |number| {
            let (it, key, write) = (it.clone(), key.clone(), write(number));
            async move { it.commit(&key, &write).await }
        })
        .await;
        let winner = outcomes.iter().position(|outcome| *outcome == committed(2));
        let others = outcomes.iter().filter(|outcome| **outcome == conflict("f")).count();
        equal(rule, &(true, 15), &(winner.is_some(), others));
        let value = winner.map(|number| bytes(number.to_string()));
        equal(rule, &value, &field(&it, &key, "f").await);
    }
}

pub async fn compare_and_set_in_a_loop_loses_nothing(it: Fixture) {
    let rule = "a load after a commit sees it, so to load, compare and set again loses nothing";
    for () in Rounds::at_least(1) {
        let mut record = it.record(0);
        record.set("f", bytes("0"));
        let key = it.put(record).await;
        together(5, |_| {
            let (it, key) = (it.clone(), key.clone());
            async move {
                let mut done = 0;
                while done < 6 {
                    let Some(record) = it.load(&key).await else { return };
                    let seen = record.get("f").cloned();
                    let Some(FieldValue::Bytes(old)) = &seen else { return };
                    let old: u64 =
                        std::str::from_utf8(old).ok().and_then(|old| old.parse().ok()).unwrap_or(0);
                    let write = Commit {
                        expected: vec![expected("f", seen.clone())],
                        ..commit(it.at(0), [set("f", bytes((old + 1).to_string()))])
                    };
                    let outcome = it.commit(&key, &write).await;
                    done += usize::from(matches!(outcome, CommitOutcome::Committed { .. }));
                }
            }
        })
        .await;
        equal(rule, &Some(bytes("30")), &field(&it, &key, "f").await);
    }
}

pub async fn racing_log_ins_leave_the_index_right(it: Fixture) {
    let rule = "rule 4: after a race of log-ins, a session is listed under the principal it has";
    let people = ["ada", "bob", "eve"].map(principal);
    for () in Rounds::at_least(8) {
        let it = it.fresh();
        let key = it.put(it.record(0)).await;
        together(12, |number| {
            let (it, key) = (it.clone(), key.clone());
            let who = people.get(number % 4).cloned();
            let change = Commit { principal: Some(who), ..commit(it.at(1), []) };
            async move { it.commit(&key, &change).await }
        })
        .await;
        let owner = it.load(&key).await.and_then(|record| record.meta.principal.clone());
        for person in &people {
            let here = if owner.as_ref() == Some(person) { vec![key.selector] } else { vec![] };
            equal(rule, &here, &it.listed(person, it.at(1)).await);
        }
    }
}

pub async fn delete_all_leaves_nothing_that_was_there_before_it(it: Fixture) {
    let rule = "`end_all` ends every session that was the principal's before it, whatever races";
    let ada = principal("ada");
    for () in Rounds::at_least(8) {
        let it = it.fresh();
        let mut keys = Vec::new();
        for _ in 0..6 {
            keys.push(it.put(it.owned(0, &ada)).await);
        }
        let spared = keys[5].selector;
        together(8, |number| {
            let (it, key, ada) = (it.clone(), keys.get(number).cloned(), ada.clone());
            async move {
                match key {
                    // Uses, and log-ins of the same principal, bring nothing back.
                    Some(key) if number % 2 == 0 => {
                        drop(it.commit(&key, &log_in(it.at(1), &ada, None)).await);
                    }
                    Some(key) => drop(it.commit(&key, &commit(it.at(1), [add("n", 1)])).await),
                    None => drop(it.end_all(&ada, Some(spared)).await),
                }
            }
        })
        .await;
        for key in &keys[..5] {
            it.holds(rule, key, None).await;
        }
        let left: Vec<Selector> = it.listed(&ada, it.at(1)).await;
        equal("`end_all` leaves the exception", &vec![spared], &left);
    }
}

pub async fn delete_all_spares_a_session_that_went_to_somebody_else(it: Fixture) {
    let rule = "a session that a commit has given to somebody else is not the principal's to end";
    let (ada, bob) = (principal("ada"), principal("bob"));
    for () in Rounds::at_least(8) {
        let it = it.fresh();
        let mut keys = Vec::new();
        for _ in 0..16 {
            keys.push(it.put(it.owned(0, &ada)).await);
        }
        let outcomes = together(20, |number| {
            let (it, key) = (it.clone(), keys.get(number).cloned());
            let (ada, bob) = (ada.clone(), bob.clone());
            async move {
                let Some(key) = key else {
                    it.end_all(&ada, None).await;
                    return None;
                };
                let outcome = it.commit(&key, &log_in(it.at(1), &bob, None)).await;
                Some((key, outcome))
            }
        })
        .await;
        for (key, outcome) in outcomes.into_iter().flatten() {
            let there = it.load(&key).await.is_some();
            let so = outcome == if there { committed(2) } else { CommitOutcome::Gone };
            holds(rule, so, || format!("{outcome:?}, and there is a record: {there}"));
        }
    }
}
