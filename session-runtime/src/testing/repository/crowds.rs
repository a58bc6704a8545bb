//! Caps under many parallel log-ins: as many sessions are left as the cap allows, no more and no
//! fewer.

use crate::{
    store::{Cap, CommitOutcome, InsertOutcome, PrincipalKey, Selector, StoreKey},
    testing::{
        fixture::{Fixture, equal},
        make::{MINUTE, end_oldest, log_in, principal, refuse_new},
        together::{Rounds, together, until},
    },
};

/// The number of log-ins to each account at once.
const TASKS: usize = 6;
/// The number of accounts that the tasks go through together, so that they meet again and again.
const ACCOUNTS: usize = 8;

/// A log-in that took place: its session, and the sessions that were evicted for it.
type LoggedIn = (StoreKey, Vec<Selector>);

/// Makes one log-in under a cap, through an insert or a commit.
async fn one(
    it: &Fixture,
    task: usize,
    who: &PrincipalKey,
    cap: Option<Cap>,
    through_commit: bool,
) -> Option<LoggedIn> {
    // Some in the same millisecond.
    let millis = (task / 2) as u64;
    let key = it.key();
    if !through_commit {
        return match it.insert_under(&key, millis, who, cap).await {
            InsertOutcome::Inserted { ended } => Some((key, ended)),
            _ => None,
        };
    }
    it.put_at(&key, it.record(0)).await;
    match it.commit(&key, &log_in(it.at(millis), who, cap)).await {
        CommitOutcome::Committed { ended, .. } => Some((key, ended)),
        _ => None,
    }
}

/// Lets each task log in to each account. `sessions` sessions of every account must be left.
async fn crowd(it: &Fixture, cap: Option<Cap>, sessions: usize) {
    let accounts: Vec<PrincipalKey> =
        (0..ACCOUNTS).map(|number| principal(&format!("account {number}"))).collect();
    let outcomes = together(TASKS, |task| {
        let (it, accounts) = (it.clone(), accounts.clone());
        async move {
            let mut took_place = Vec::new();
            for (number, who) in accounts.iter().enumerate() {
                // Some accounts through inserts, some through commits, the rest through both.
                let through_commit = match number % 4 {
                    0 => false,
                    1 => true,
                    _ => task.is_multiple_of(2),
                };
                took_place.push(one(&it, task, who, cap, through_commit).await);
            }
            took_place
        }
    })
    .await;
    for (number, who) in accounts.iter().enumerate() {
        let took_place: Vec<&LoggedIn> =
            outcomes.iter().filter_map(|task| task[number].as_ref()).collect();
        let mut ended: Vec<Selector> =
            took_place.iter().flat_map(|(_, ended)| ended.clone()).collect();
        ended.sort();
        let mut once = ended.clone();
        once.dedup();
        equal("each session that gave way did so to one log-in", &once, &ended);
        let mut left: Vec<Selector> = took_place.iter().map(|(key, _)| key.selector).collect();
        left.retain(|selector| !ended.contains(selector));
        left.sort();
        let rule = "parallel log-ins leave exactly as many sessions as the cap allows";
        equal(rule, &sessions, &left.len());
        let listed = until(async || {
            let listed = it.listed(who, it.at(MINUTE)).await;
            (listed == left).then_some(()).ok_or(listed)
        });
        equal("those that did not give way are live", &Ok(()), &listed.await);
    }
}

pub async fn parallel_log_ins_end_the_oldest_down_to_the_cap(it: Fixture) {
    let bob = principal("bob");
    let [theirs] = it.sessions_of(&bob, [0]).await;
    for () in Rounds::at_least(1) {
        crowd(&it.fresh(), end_oldest(1), 1).await;
        crowd(&it.fresh(), end_oldest(3), 3).await;
    }
    it.are_live("log-ins of another principal end nobody", &bob, &[&theirs]).await;
}

pub async fn parallel_log_ins_fill_the_cap_and_no_more(it: Fixture) {
    for () in Rounds::at_least(1) {
        crowd(&it.fresh(), refuse_new(1), 1).await;
        crowd(&it.fresh(), refuse_new(3), 3).await;
    }
}
