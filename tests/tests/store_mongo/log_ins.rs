//! Log-ins under a cap: from many processes, and after one that did not come back.

use std::sync::Arc;

use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    policy::OnMaxSessions,
    store::{Cap, CommitOutcome, InsertOutcome},
};
use tokio::sync::Barrier;

use crate::support::{Own, ada, at, is_committed, key, log_in, record};

const CLIENTS: u8 = 16;

const fn cap(on_max: OnMaxSessions) -> Cap {
    Cap::new(3, on_max)
}

async fn live(own: &Own) -> Vec<u8> {
    let listed = own.store.list_live(&key(1).namespace, &ada(), at(1000)).await.expect("lists");
    let mut live: Vec<_> = listed.iter().map(|it| it.selector.as_bytes()[0]).collect();
    live.sort_unstable();
    live
}

/// Logs in, every other time to a session that is there already. Returns whether that was refused.
async fn is_refused(own: &Own, number: u8, millis: u64, cap: Cap) -> bool {
    if number.is_multiple_of(2) {
        let mut commit = log_in(millis);
        commit.cap = Some(cap);
        let outcome = own.commit(number, &commit).await;
        assert!(is_committed(&outcome) || outcome == CommitOutcome::Full, "{outcome:?}");
        outcome == CommitOutcome::Full
    } else {
        let mut new = record();
        new.meta.last_seen = at(millis);
        new.meta.set_principal(Some(ada()), at(millis));
        let outcome = own.store.insert_capped(&key(number), new, Some(cap)).await.expect("inserts");
        assert!(matches!(outcome, InsertOutcome::Inserted { .. } | InsertOutcome::Full));
        outcome == InsertOutcome::Full
    }
}

/// Logs in from sixteen clients at once. Returns how many were refused, and how many are left.
async fn all_at_once(on_max: OnMaxSessions, millis: impl Fn(u8) -> u64) -> (usize, usize) {
    let own = Own::new().await;
    let barrier = Arc::new(Barrier::new(usize::from(CLIENTS)));
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|number| {
            let (name, barrier) = (own.sessions.name().to_owned(), Arc::clone(&barrier));
            let millis = millis(number);
            tokio::spawn(async move {
                let other = Own::named(&name).await;
                // A connection before the start, so that they meet.
                if number.is_multiple_of(2) {
                    other.insert(number, record()).await;
                } else {
                    assert!(other.load(number).await.is_none());
                }
                barrier.wait().await;
                is_refused(&other, number, millis, cap(on_max)).await
            })
        })
        .collect();
    let mut refused = 0;
    for client in clients {
        refused += usize::from(client.await.expect("no panic"));
    }
    (refused, live(&own).await.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_clients_at_once_leave_as_many_as_the_cap_allows() {
    // In one millisecond, one after the other, and by clocks that say the opposite.
    let clocks: [fn(u8) -> u64; 3] = [|_| 1, u64::from, |number| u64::from(100 - number)];
    for (number, clock) in clocks.into_iter().enumerate() {
        let (refused, left) = all_at_once(OnMaxSessions::EndOldest, clock).await;
        assert_eq!((refused, left), (0, 3), "clock {number}");
        let (refused, left) = all_at_once(OnMaxSessions::RefuseNew, clock).await;
        assert_eq!((refused, left), (usize::from(CLIENTS) - 3, 3), "clock {number}");
    }
}

#[tokio::test]
async fn what_a_log_in_that_did_not_come_back_has_left_is_ended_by_the_next() {
    let own = Own::new().await;
    // As if the process of the fourth had died before it could end another session.
    for number in 1..=4 {
        own.insert(number, record()).await;
        assert!(is_committed(&own.commit(number, &log_in(u64::from(number))).await));
    }
    assert_eq!(live(&own).await, [1, 2, 3, 4]);
    own.insert(5, record()).await;
    let mut commit = log_in(5);
    commit.cap = Some(cap(OnMaxSessions::EndOldest));
    let outcome = own.commit(5, &commit).await;
    let CommitOutcome::Committed { mut ended, .. } = outcome else { panic!("{outcome:?}") };
    ended.sort();
    assert_eq!(ended, [key(1).selector, key(2).selector]);
    assert_eq!(live(&own).await, [3, 4, 5]);
}
