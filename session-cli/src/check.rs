//! `check`: whether the store works, and what kind of store it is.

use std::time::{Instant, SystemTime};

use serde_json::{Value, json};
use session_runtime::store::{self, Store as _};

use crate::{Failure, Outcome, args::Place, output};

pub(crate) async fn check(place: &Place, json: bool) -> Result<Outcome, Failure> {
    let scheme = place.scheme()?.to_owned();
    let (mut facts, begun) = (vec![("store", json!(scheme))], Instant::now());
    let milliseconds = |what, begun: Instant, facts: &mut Vec<(_, Value)>| {
        let taken = begun.elapsed().as_secs_f64() * 1000.0;
        facts.push((what, json!((taken * 10.0).round() / 10.0)));
    };
    // Opening checks that the server is there, the rights, and the version of the tables.
    let outcome = async {
        let store = place.open().await?;
        milliseconds("open_milliseconds", begun, &mut facts);
        let begun = Instant::now();
        place.within(store::check(&*store)).await?;
        milliseconds("check_milliseconds", begun, &mut facts);
        // How far the store's clock is ahead of this machine's, half of the way taken off.
        let (asked, begun) = (SystemTime::now(), Instant::now());
        if let Some(time) = place.within(store.probe()).await?.time {
            let here = asked + begun.elapsed() / 2;
            facts.push(("skew_milliseconds", json!(skew(time.into(), here))));
        }
        let properties = store.properties();
        facts.push(("shared", json!(properties.shared)));
        facts.push(("durable", json!(properties.durable)));
        facts.push(("evicts", json!(properties.evicts)));
        Ok(())
    };
    let outcome = outcome.await;
    facts.insert(1, ("healthy", json!(outcome.is_ok())));
    if let Err(Failure(error)) = &outcome {
        facts.push(("error", json!(error)));
    }
    if json {
        output::json(&output::object(&facts))?;
    } else {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs: Vec<_> = facts.iter().map(|(name, value)| (*name, text(value))).collect();
        output::pairs(&pairs)?;
    }
    Ok(if outcome.is_ok() { Outcome::Done } else { Outcome::No })
}

/// Returns the milliseconds from one point in time to another, below zero if that is earlier.
fn skew(there: SystemTime, here: SystemTime) -> i64 {
    let millis =
        |length: std::time::Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    there.duration_since(here).map_or_else(|error| -millis(error.duration()), millis)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_is_behind_is_below_zero() {
        let now = SystemTime::now();
        assert_eq!(skew(now + Duration::from_millis(1500), now), 1500);
        assert_eq!(skew(now, now + Duration::from_mins(1)), -60_000);
    }
}
