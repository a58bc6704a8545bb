//! `end-all` and `end-before`: everybody's sessions end at once. It owns the question before that.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::json;
use session_runtime::{admin::StoredSessions, clock::Timestamp};

use crate::{
    Failure, Outcome,
    args::{EndBefore, Place, Sure},
    output,
    time::print_stored,
};

pub(crate) async fn end_all(place: &Place, sure: &Sure, json: bool) -> Result<Outcome, Failure> {
    let sessions = place.sessions().await?;
    let namespace = sessions.namespace().as_str();
    ask(sure, &format!("End every session of `{namespace}`?"))?;
    sessions.end_everything().await?;
    if json {
        output::json(&json!({ "ended": "everything" }))?;
    } else {
        output::line(&format!("every session of `{namespace}` has ended"))?;
    }
    Ok(Outcome::Done)
}

pub(crate) async fn end_before(
    place: &Place,
    which: &EndBefore,
    json: bool,
) -> Result<Outcome, Failure> {
    let sessions: StoredSessions = place.sessions().await?;
    let namespace = sessions.namespace().as_str();
    let time = print_stored(Timestamp::from(which.time));
    ask(&which.sure, &format!("End every session of `{namespace}` that began before {time}?"))?;
    sessions.end_before(which.time).await?;
    if json {
        output::json(&json!({ "ended": { "began_before": time } }))?;
    } else {
        output::line(&format!(
            "every session of `{namespace}` that began before {time} has ended"
        ))?;
    }
    Ok(Outcome::Done)
}

/// Asks on a terminal, unless the command line has the answer.
fn ask(sure: &Sure, question: &str) -> Result<(), Failure> {
    if sure.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new("nothing was ended: give --yes, since nobody is here to ask"));
    }
    let mut err = io::stderr().lock();
    write!(err, "{question} Type yes: ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Failure::new("nothing was ended")) }
}
