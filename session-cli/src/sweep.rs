//! `sweep`: removes what has expired, step by step.

use std::time::{Duration, SystemTime};

use serde_json::json;
use session_runtime::{clock::Timestamp, store::Store as _};

use crate::{Failure, Outcome, args::Place, output, progress::Progress};

/// The most records that one step removes: few enough for any deadline.
const STEP: usize = 1000;
/// The time for which an expired session stays: more than clocks differ.
const SLACK: Duration = Duration::from_mins(5);

pub(crate) async fn sweep(place: &Place, json: bool) -> Result<Outcome, Failure> {
    let store = place.open().await?;
    let before = Timestamp::from(SystemTime::now() - SLACK);
    let mut progress = Progress::new("sessions removed");
    loop {
        let step = async { Ok(store.sweep(before, STEP).await?) };
        let removed = progress.wait(step).await?;
        progress.add(removed);
        if removed < STEP as u64 {
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
