//! The time that a store's server tells.

use std::time::{Duration, SystemTime};

use crate::{
    clock::Timestamp,
    testing::fixture::{Fixture, holds},
};

/// More than the clock of any server is wrong.
const DAY: Duration = Duration::from_secs(24 * 3600);

pub async fn a_probe_tells_the_time_of_the_servers_clock(it: Fixture) {
    let (first, now) = (it.probe().await.time, Timestamp::from(SystemTime::now()));
    let second = it.probe().await.time;
    let rule = "`probe` tells the server's time in every answer, or in none";
    holds(rule, first.is_some() == second.is_some(), || format!("{first:?}, then {second:?}"));
    let (Some(first), Some(second)) = (first, second) else { return };
    let rule = "the time of a `probe` does not go back";
    holds(rule, first <= second, || format!("{first:?}, then {second:?}"));
    let rule = "the time of a `probe` is in milliseconds since 1970, in UTC";
    let apart = first.saturating_since(now).max(now.saturating_since(first));
    holds(rule, apart < DAY, || format!("{first:?}, while this machine's clock shows {now:?}"));
}
