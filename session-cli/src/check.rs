//! `check`: whether the store works, and what kind of store it is.

use std::time::Instant;

use serde_json::{Value, json};
use session_runtime::store;

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
        match tokio::time::timeout(place.deadline, store::check(&*store)).await {
            Ok(checked) => checked?,
            Err(_) => return Err(Failure::new(format!("no answer in {:?}", place.deadline))),
        }
        milliseconds("check_milliseconds", begun, &mut facts);
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
