//! `list`, `show`, `count` and `end`: the sessions of a principal, and one session by its id.

use std::sync::Arc;

use serde_json::{Value, json};
use session_runtime::{
    SessionId,
    admin::{StoredSessions, is_sealed, principal_key},
    store::{PrincipalKey, Record},
};

use crate::{
    Failure, Outcome,
    args::{List, Place, Which, Whose},
    output::{self, object},
    progress::Progress,
    time::print_stored,
};

/// A session with its record.
type Stored = (SessionId, Arc<Record>);

pub(crate) async fn list(place: &Place, list: &List, json: bool) -> Result<Outcome, Failure> {
    let (sessions, principal) = (place.sessions().await?, principal_key(&list.whose.principal));
    let found = all(&sessions, &principal).await?;
    if json {
        let entries = found.iter().map(|(id, record)| {
            let mut pairs = meta(*id, record);
            if !list.fields.is_empty() {
                let named = |(name, _): &(&str, _)| list.fields.iter().any(|field| field == name);
                pairs.push(("fields", fields(record.fields().filter(named))));
            }
            object(&pairs)
        });
        output::json(&entries.collect())?;
    } else if !found.is_empty() {
        let mut head = vec!["session", "logged in", "last seen", "expires"];
        head.extend(list.fields.iter().map(String::as_str));
        let row = |(id, record): &Stored| {
            let meta = &record.meta;
            let times = [meta.logged_in.unwrap_or(meta.created), meta.last_seen, meta.expires_at()];
            let mut cells = vec![id.to_string()];
            cells.extend(times.map(print_stored));
            let cell = |name: &String| {
                record.get(name).map_or_else(String::new, |value| output::value(value).to_string())
            };
            cells.extend(list.fields.iter().map(cell));
            cells
        };
        output::table(&head, &found.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(found_or_not(&sessions, &principal, !found.is_empty()))
}

pub(crate) async fn show(place: &Place, which: &Which, json: bool) -> Result<Outcome, Failure> {
    let sessions = place.sessions().await?;
    let (found, outcome) = match (&which.principal, which.session) {
        (Some(principal), _) => {
            let principal = principal_key(principal);
            let found = all(&sessions, &principal).await?;
            let outcome = found_or_not(&sessions, &principal, !found.is_empty());
            (found, outcome)
        }
        (None, Some(id)) => {
            let found = sessions.find(&id).await?.map(|record| (id, record));
            (Vec::from_iter(found), Outcome::Done)
        }
        (None, None) => return Err(Failure::new("give a principal, or a session")),
    };
    if json {
        let shown = |(id, record): &Stored| {
            let mut pairs = meta(*id, record);
            pairs.push(("fields", fields(record.fields())));
            object(&pairs)
        };
        output::json(&found.iter().map(shown).collect())?;
    } else {
        for (place, (id, record)) in found.iter().enumerate() {
            if place > 0 {
                output::line("")?;
            }
            in_words(*id, record)?;
        }
    }
    if let (true, Some(id)) = (found.is_empty(), which.session) {
        return Ok(no_session(&sessions, id));
    }
    Ok(outcome)
}

pub(crate) async fn count(place: &Place, whose: &Whose, json: bool) -> Result<Outcome, Failure> {
    let (sessions, principal) = (place.sessions().await?, principal_key(&whose.principal));
    let count = sessions.count(&principal).await?;
    if json {
        output::json(&json!({ "count": count }))?;
    } else {
        output::line(&count.to_string())?;
    }
    Ok(found_or_not(&sessions, &principal, count > 0))
}

pub(crate) async fn end(place: &Place, which: &Which, json: bool) -> Result<Outcome, Failure> {
    let sessions = place.sessions().await?;
    let mut progress = Progress::new("sessions ended");
    let outcome = match (&which.principal, which.session) {
        (Some(principal), _) => {
            let principal = principal_key(principal);
            loop {
                let step = progress.step(async { Ok(sessions.end_all(&principal).await?) });
                let (ended, is_interrupted) = step.await?;
                progress.add(ended.count);
                if ended.is_done {
                    break;
                }
                if is_interrupted {
                    progress.end_line();
                    return Err(progress.broken_off("interrupted"));
                }
            }
            progress.end_line();
            found_or_not(&sessions, &principal, progress.count() > 0)
        }
        (None, Some(id)) if sessions.end(&id).await? => {
            progress.add(1);
            progress.end_line();
            Outcome::Done
        }
        (None, Some(id)) => no_session(&sessions, id),
        (None, None) => return Err(Failure::new("give a principal, or a session")),
    };
    if json {
        output::json(&json!({ "ended": progress.count() }))?;
    } else {
        output::line(&format!("{} sessions ended", progress.count()))?;
    }
    Ok(outcome)
}

/// Returns all sessions of a principal.
async fn all(sessions: &StoredSessions, principal: &PrincipalKey) -> Result<Vec<Stored>, Failure> {
    let (mut all, mut after) = (Vec::<Stored>::new(), None);
    let progress = Progress::new("sessions read");
    loop {
        let page = progress.wait(async { Ok(sessions.list(principal, after).await?) }).await?;
        for session in page.sessions {
            // A session whose principal logs in meanwhile may be on two pages.
            if all.iter().all(|(id, _)| *id != session.0) {
                all.push(session);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn found_or_not(sessions: &StoredSessions, principal: &PrincipalKey, is_found: bool) -> Outcome {
    if is_found {
        return Outcome::Done;
    }
    eprintln!(
        "no session of {} in `{}`; if the application encrypts at rest, the store knows no \
         principal by name: use --session ID, or the pages of the application",
        output::escaped(principal.as_str()),
        sessions.namespace().as_str()
    );
    Outcome::No
}

fn no_session(sessions: &StoredSessions, id: SessionId) -> Outcome {
    eprintln!("no session {id} in `{}`", sessions.namespace().as_str());
    Outcome::No
}

/// Returns what a record says beside its fields, without the checks of its credentials.
pub(crate) fn meta(id: SessionId, record: &Record) -> Vec<(&'static str, Value)> {
    let meta = &record.meta;
    vec![
        ("session", json!(id)),
        (
            "principal",
            meta.principal.as_ref().map_or(Value::Null, |it| output::principal(it.as_str())),
        ),
        ("created", json!(print_stored(meta.created))),
        ("logged_in", meta.logged_in.map_or(Value::Null, |time| json!(print_stored(time)))),
        ("last_seen", json!(print_stored(meta.last_seen))),
        ("rotated", json!(print_stored(meta.rotated))),
        ("expires", json!(print_stored(meta.expires_at()))),
        ("key", json!(meta.key_id.to_string())),
        ("version", json!(meta.revision)),
        ("bytes", json!(record.size())),
        ("sealed", json!(is_sealed(record))),
    ]
}

fn fields<'a>(
    fields: impl Iterator<Item = (&'a str, &'a session_runtime::store::FieldValue)>,
) -> Value {
    Value::Object(fields.map(|(name, value)| (name.to_owned(), output::value(value))).collect())
}

/// Prints a session, one fact on a line.
fn in_words(id: SessionId, record: &Record) -> Result<(), Failure> {
    let text = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let meta = meta(id, record);
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for (name, value) in &meta {
        match (*name, value) {
            ("principal", Value::Null) => pairs.push((name, "nobody".to_owned())),
            // With its quotes: `"42"` and `42` are two principals.
            ("principal", value) => pairs.push((name, value.to_string())),
            ("sealed", Value::Bool(true)) => {
                pairs.push((name, "yes: the application encrypts at rest".to_owned()));
            }
            ("sealed", _) => {}
            (_, value) => pairs.push((name, text(value))),
        }
    }
    let names: Vec<String> = record.fields().map(|(name, _)| format!("  {name}")).collect();
    for (name, (_, value)) in names.iter().zip(record.fields()) {
        pairs.push((name, output::value(value).to_string()));
    }
    Ok(output::pairs(&pairs)?)
}
