//! `sweep`: removes what has expired, step by step.

use std::time::{Duration, SystemTime};

use serde_json::json;
use session_runtime::{
    clock::{Clock as _, SystemClock, Timestamp},
    store::Store as _,
};

use crate::{Failure, Outcome, args::Place, output, progress::Progress};

/// The most records that one step removes: few enough for any deadline.
const STEP: usize = 1000;
/// The time for which an expired session stays: more than clocks differ.
const SLACK: Duration = Duration::from_mins(5);

pub(crate) async fn sweep(place: &Place, json: bool) -> Result<Outcome, Failure> {
    let store = place.open().await?;
    // By the store's clock, as applications judge.
    let now = place.within(store.probe()).await?.time.unwrap_or_else(|| SystemClock.now());
    let before = Timestamp::from(SystemTime::from(now) - SLACK);
    let (mut progress, mut after) = (Progress::new("sessions removed"), None);
    loop {
        let step = place.within(store.sweep(before, after, STEP));
        let swept = progress.wait(step).await?;
        progress.add(swept.removed);
        after = swept.next;
        if after.is_none() {
            break;
        }
    }
    progress.end_line();
    let removed = progress.count();
    if json {
        output::json(&json!({ "removed": removed }))?;
    } else {
        output::line(&format!("{removed} expired sessions removed"))?;
    }
    Ok(Outcome::Done)
}
