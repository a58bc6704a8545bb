//! The records that `sweep` removes, and those that it leaves. A sweep reaches every namespace of
//! the store. So these tests run one at a time, and sweep at a time long past, at which no record
//! of another test is expired.

use tokio::sync::{Mutex, MutexGuard};

use super::verbs::is_stored;
use crate::{
    clock::Timestamp,
    store::{Lifetime, Record, StoreKey},
    testing::{
        fixture::{Fixture, equal, holds},
        make::{ABSOLUTE, HOUR, IDLE, MINUTE, principal},
        together::{Rounds, together},
    },
};

/// A limit above the number of records that the suite ever leaves behind.
const ALL: usize = 100_000;

/// The lock under which one test at a time sweeps, among the tests of one process.
async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// Returns a fixture whose time starts long ago, so that `at(SWEPT)` is about a day before now.
fn long_ago(it: &Fixture) -> Fixture {
    // The same for all who begin within the hour: a sweep of one ends nothing that is live for
    // another.
    let hour = it.at(0).as_millis() / HOUR;
    it.from(Timestamp::from_millis(hour.saturating_sub(24) * HOUR - SWEPT))
}

/// The time after the start at which the tests sweep. No test writes later than this, since a store
/// may remove expired records by the time of a write.
const SWEPT: u64 = 6 * HOUR;

/// Makes a record that expires at this time unless it is used.
fn ending(it: &Fixture, millis: u64) -> Record {
    it.owned(millis - IDLE, &principal("ada"))
}

impl Fixture {
    async fn sweep_all(&self) -> u64 {
        self.sweep_in_steps(ALL).await
    }

    /// Makes steps of up to `limit` records, until nothing is left.
    async fn sweep_in_steps(&self, limit: usize) -> u64 {
        let (mut removed, mut after) = (0, None);
        loop {
            let swept = self.sweep(self.at(SWEPT), after, limit).await;
            removed += swept.removed;
            after = swept.next;
            if after.is_none() {
                return removed;
            }
        }
    }

    /// Returns which of these sessions have no record any more.
    async fn gone(&self, keys: &[StoreKey]) -> Vec<bool> {
        let mut gone = Vec::new();
        for key in keys {
            gone.push(self.load(key).await.is_none());
        }
        gone
    }
}

pub async fn a_sweep_removes_only_what_is_expired(it: Fixture) {
    let _alone = alone().await;
    let it = long_ago(&it);
    let ada = principal("ada");
    let mut forever = it.owned(SWEPT - ABSOLUTE / 2, &ada);
    forever.meta.lifetime =
        Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: true };
    let mut kept = vec![(it.put(forever.clone()).await, forever)];
    let mut over = Vec::new();
    for end in [SWEPT - HOUR, SWEPT - 1, SWEPT] {
        over.push(it.put(ending(&it, end)).await);
        let mut anonymous = ending(&it, end);
        anonymous.meta.set_principal(None, it.at(0));
        over.push(it.put(anonymous).await);
        let mut absolute = it.owned(end - MINUTE, &ada);
        absolute.meta.lifetime.absolute_until = it.at(end);
        over.push(it.put(absolute).await);
    }
    for record in [ending(&it, SWEPT + 1), ending(&it, SWEPT + MINUTE), it.record(SWEPT)] {
        kept.push((it.put(record.clone()).await, record));
    }
    let swept = it.sweep_all().await;
    let rule = "`sweep` removes no record that is live at its `now`";
    for (key, record) in &kept {
        it.holds(rule, key, Some(record)).await;
    }
    let rule = "`sweep` removes every record that is expired at its `now` (or none, and answers 0, \
                where the server does so itself)";
    let gone = it.gone(&over).await;
    holds(rule, gone.iter().all(|gone| *gone) || swept == 0, || {
        format!("it answered {swept}, and of those that had expired these are gone: {gone:?}")
    });
    let listed = it.sessions(&ada).await;
    let rule = "after a sweep, a list has the live sessions";
    for (key, record) in &kept {
        let so = listed.contains(&key.selector) == record.meta.principal.is_some();
        holds(rule, so, || format!("{key} of {listed:?}"));
    }
    for (key, gone) in over.iter().zip(&gone) {
        let so = !*gone || !listed.contains(&key.selector);
        holds("a session without a record is not listed", so, || format!("{key} is"));
    }
    if gone.iter().all(|gone| *gone) {
        equal("what was swept is not listed", &3, &listed.len());
    }
}

pub async fn a_sweep_keeps_its_limit(it: Fixture) {
    let rule = "`sweep` removes no more records than its limit";
    let _alone = alone().await;
    let it = long_ago(&it);
    it.sweep_all().await;
    // Tests of other processes may sweep meanwhile; not every time.
    let mut left = 0;
    for _ in 0..3 {
        let mut over = Vec::new();
        for _ in 0..10 {
            over.push(it.put(ending(&it, SWEPT)).await);
        }
        let none = it.sweep(it.at(SWEPT), None, 0).await.removed;
        equal(rule, &0, &none);
        let removed = it.sweep(it.at(SWEPT), None, 4).await.removed;
        holds(rule, removed <= 4, || format!("it answered {removed}, the limit was 4"));
        left = it.gone(&over).await.iter().filter(|gone| !**gone).count();
        if left >= 6 {
            break;
        }
        it.sweep_all().await;
    }
    holds(rule, left >= 6, || format!("of 10 records, with a limit of 4, {left} are left"));
    it.sweep_all().await;
}

pub async fn a_sweep_goes_by_the_last_write(it: Fixture) {
    let _alone = alone().await;
    let it = long_ago(&it);
    let (soon, before) = (SWEPT - MINUTE, SWEPT - MINUTE - 1);
    let short = Lifetime { idle_millis: None, absolute_until: it.at(SWEPT), persistent: false };
    let long = Lifetime { absolute_until: Timestamp::MAX, ..short };
    let touched = it.put(ending(&it, soon)).await;
    equal("`touch` of a record answers true", &true, &it.used(&touched, before).await);
    // No time goes back, neither that of the use nor the end.
    let late = it.put(ending(&it, SWEPT + MINUTE)).await;
    equal("`touch` of a record answers true", &true, &it.used(&late, MINUTE).await);
    let used = it.put(ending(&it, soon)).await;
    it.change(&used, &ending(&it, soon), |record| record.meta.last_seen = it.at(before)).await;
    let (remembered, mut record) = (it.key(), it.record(before));
    record.meta.lifetime = short;
    it.put_at(&remembered, record.clone()).await;
    it.change(&remembered, &record, |record| record.meta.lifetime = long).await;
    // A replacement that was made of a record before its touch keeps the touch.
    let both = it.put(ending(&it, soon)).await;
    it.used(&both, before).await;
    it.change(&both, &ending(&it, soon), |record| record.meta.revision = 9).await;
    let shortened = it.put(it.record(before)).await;
    it.change(&shortened, &it.record(before), |record| record.meta.lifetime = short).await;
    // Where the server ends records by itself, this one stays until it does.
    let unused = it.put(ending(&it, SWEPT)).await;
    it.sweep_all().await;
    let rule = "`sweep` goes by what the last write left: use and a longer lifetime keep a record, \
                a shorter lifetime ends it";
    let gone = it.gone(&[touched, late, used, remembered, both]).await;
    equal(
        &format!("{rule} (touched, touched with an earlier time, used, remembered, both)"),
        &vec![false; 5],
        &gone,
    );
    let gone = it.gone(&[shortened, unused]).await;
    equal(rule, &gone[1], &gone[0]);
}

pub async fn a_sweep_beside_a_use_takes_nothing_that_was_kept_alive(it: Fixture) {
    let rule = "what was used before its end is not swept away for the end that it had before";
    let _alone = alone().await;
    let it = long_ago(&it);
    for () in Rounds::at_least(8) {
        let mut keys = Vec::new();
        for _ in 0..8 {
            keys.push(it.put(ending(&it, SWEPT)).await);
        }
        let outcomes = together(10, |number| {
            let (it, key) = (it.clone(), keys.get(number).cloned());
            async move {
                let Some(key) = key else {
                    it.sweep(it.at(SWEPT), None, ALL).await;
                    return None;
                };
                let used = if number % 2 == 0 {
                    it.used(&key, SWEPT - 1).await
                } else {
                    let mut next = ending(&it, SWEPT);
                    next.meta.revision = 2;
                    next.meta.last_seen = it.at(SWEPT - 1);
                    is_stored(it.replace(&key, 1, &next).await)
                };
                Some((used, it.load(&key).await.is_some()))
            }
        })
        .await;
        for (used, there) in outcomes.into_iter().flatten() {
            holds(rule, used == there, || {
                format!("the use took place: {used}; there is a record: {there}")
            });
        }
    }
}

pub async fn a_sweep_in_steps_leaves_nothing(it: Fixture) {
    let rule = "steps of a sweep, each at the place that the one before has returned, leave nothing \
                that is expired, also where many records expire at one time";
    let _alone = alone().await;
    let it = long_ago(&it);
    let server_sweeps = it.put(ending(&it, SWEPT)).await;
    it.sweep_all().await;
    let server_sweeps = it.load(&server_sweeps).await.is_some();
    let mut over = Vec::new();
    for end in [SWEPT, SWEPT - HOUR, SWEPT - 1] {
        for _ in 0..7 {
            over.push(it.put(ending(&it, end)).await);
        }
    }
    it.sweep_in_steps(3).await;
    let left = it.gone(&over).await.iter().filter(|gone| !**gone).count();
    let so = left == 0 || server_sweeps;
    holds(rule, so, || format!("of {} records {left} are left", over.len()));
}
