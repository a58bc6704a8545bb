//! Caps under many parallel log-ins: as many sessions are left as the cap allows, no more and no
//! fewer. And a principal with very many sessions, who costs no more work than others.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::search::variable;
use crate::{
    repository::{Repository as _, end_all_within},
    store::{Cap, CommitOutcome, InsertOutcome, Order, PrincipalKey, Selector, StoreKey},
    testing::conformance::{
        fixture::{Fixture, answer, equal, holds},
        make::{MINUTE, end_oldest, log_in, principal, refuse_new},
        together::{Rounds, together, until},
    },
};

/// Sets the number of sessions of the principal who has very many.
const SESSIONS: &str = "SESSION_SESSIONS";
/// Returns whether a number of one's own makes a test take longer.
pub(in crate::testing::conformance) fn is_asked_for_more() -> bool {
    variable::<usize>(SESSIONS).is_some()
}

/// The longest time for one operation: the runtime's deadline.
const DEADLINE: Duration = Duration::from_secs(2);

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

pub async fn a_principal_with_very_many_sessions_is_served_in_time(it: Fixture) {
    const AT_ONCE: usize = 16;
    let sessions = variable(SESSIONS).unwrap_or(500_usize);
    let ada = principal("ada");
    let inserted = together(AT_ONCE, |task| {
        let (it, ada) = (it.clone(), ada.clone());
        async move {
            for number in (task..sessions).step_by(AT_ONCE) {
                it.put(it.owned(number as u64, &ada)).await;
            }
        }
    });
    inserted.await;
    let counting = answer("count", it.store.count(&it.namespace, &ada));
    let counted = in_time("a count", counting).await;
    let now = sessions as u64;
    for number in 0..3 {
        let key = it.key();
        let under = it.insert_under(&key, now + number, &ada, end_oldest(5));
        let outcome = in_time("a log-in under a cap", under).await;
        let InsertOutcome::Inserted { ended } = outcome else { panic!("{outcome:?}") };
        equal("a log-in evicts so many at most", &32, &ended.len());
    }
    let key = it.key();
    let refused = it.insert_under(&key, now + 4, &ada, refuse_new(5));
    let refused = in_time("a log-in that is refused", refused).await;
    equal("there is no room", &InsertOutcome::Full, &refused);
    let mut after = None;
    for _ in 0..3 {
        let page = it.store.list(&it.namespace, &ada, Order::Newest, after, 64);
        let page = in_time("a page of the list", answer("list", page)).await;
        holds("a page has sessions", !page.sessions.is_empty(), String::new);
        let key = it.key_of(page.sessions[0].0);
        let removed = in_time("the end of one session", it.remove(&key)).await;
        equal("a listed session can be removed", &true, &removed);
        after = page.next;
    }
    let ending = end_all_within(&*it.store, &it.namespace, &ada, DEADLINE / 2);
    let mut done = in_time("the start of the end of all", answer("end_all", ending)).await;
    while !done {
        let ending = end_all_within(&*it.store, &it.namespace, &ada, DEADLINE / 2);
        done = in_time("more of the end of all", answer("end_all", ending)).await;
    }
    let left = answer("list", it.store.list_live(&it.namespace, &ada, it.at(now))).await;
    equal("no session is left", &0, &left.len());
    // Last, so that the times of all the others are known by then.
    holds("a count has at least the live sessions", counted >= now, || {
        format!("{counted} of {sessions} were counted")
    });
}

async fn in_time<T>(what: &str, operation: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let outcome = operation.await;
    let took = begun.elapsed();
    holds("an operation ends in time, however many sessions there are", took < DEADLINE, || {
        format!("{what} took {took:?}")
    });
    outcome
}
