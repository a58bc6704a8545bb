//! `key generate`, `key inspect` and `key rotate`. Only `generate` prints a key; the others print ids.

mod file;
mod text;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use session_runtime::{Key, KeyRing, admin::KeyInfo};
use zeroize::Zeroizing;

use self::{
    file::KeyFile,
    text::{RingText, Step},
};
use crate::{
    Failure, Outcome,
    args::{KeySource, Rotate},
    output, time,
};

/// The time for which an ended key stays in the file: more than clocks differ.
const SLACK: Duration = Duration::from_mins(1);

pub(crate) fn generate(json: bool) -> Result<Outcome, Failure> {
    let key = Key::generate()?;
    let text = key.to_base64();
    if json {
        let id = KeyRing::new([key])?.keys().next().map(|key| key.id.to_string());
        output::json(&json!({ "key": *text, "id": id }))?;
    } else {
        output::line(&text)?;
    }
    Ok(Outcome::Done)
}

impl KeySource {
    /// Reads the text of the ring.
    fn text(&self) -> Result<RingText, Failure> {
        if let Some(path) = &self.file {
            return KeyFile::open(path)?.read();
        }
        let text = std::env::var(&self.variable).map(Zeroizing::new);
        text.map(RingText::new).map_err(|_| {
            Failure::new(format!(
                "no keys: give --keys FILE, or set the variable {}",
                self.variable
            ))
        })
    }

    /// Reads the ring; `None` if there is no file on the command line, and no variable.
    pub(crate) fn ring_if_given(&self) -> Result<Option<KeyRing>, Failure> {
        let is_given = self.file.is_some() || std::env::var_os(&self.variable).is_some();
        if is_given { Ok(Some(self.text()?.ring()?)) } else { Ok(None) }
    }
}

pub(crate) fn inspect(source: &KeySource, json: bool) -> Result<Outcome, Failure> {
    let (text, now) = (source.text()?, SystemTime::now());
    print(&text, now, json, None)?;
    Ok(Outcome::Done)
}

pub(crate) fn rotate(rotate: &Rotate, json: bool) -> Result<Outcome, Failure> {
    let (file, now) = (KeyFile::lock(&rotate.file)?, SystemTime::now());
    let text = file.read()?;
    // What is wrong with the file is told before a key is made.
    text.ring()?;
    let step = text.next(now, SLACK);
    check(rotate, &text, step, now)?;
    let (changed, done) = match step {
        Step::Promote { .. } => {
            let end = rotate.end.map(|end| end.after(now));
            (text.promoted(now, end)?, "promoted")
        }
        Step::Remove => (text.without_ended(now, SLACK), "removed"),
        Step::Add => (text.with_new(&Key::generate()?.to_base64(), now), "added"),
    };
    changed.ring()?;
    file.replace(&changed)?;
    let told = match done {
        "added" => format!(
            "a new key waits in front of the others, and only reads: give the file to every process, \
             and run this again in {} or later",
            humantime::format_duration(rotate.wait)
        ),
        "promoted" => "the new key writes: give the file to every process".to_owned(),
        _ => "keys whose end has passed are no longer in the file".to_owned(),
    };
    print(&changed, now, json, Some((done, told)))?;
    Ok(Outcome::Done)
}

/// Checks that the step is one that is asked for, and not too early.
fn check(rotate: &Rotate, text: &RingText, step: Step, now: SystemTime) -> Result<(), Failure> {
    if let Step::Promote { since } = step {
        let waited = now.duration_since(since).unwrap_or_default();
        if waited < rotate.wait {
            return Err(Failure::new(format!(
                "the new key is in the file since {}: every process must know the key before the \
                 key writes; run this again at {}, or say how long your processes need with --wait",
                time::print(since),
                time::print(since + rotate.wait)
            )));
        }
        return Ok(());
    }
    if rotate.promote {
        return Err(Failure::new(
            "no key waits in the file; without --promote, this command adds one",
        ));
    }
    if rotate.end.is_some() {
        let does = if step == Step::Add { "adds a key" } else { "removes keys" };
        return Err(Failure::new(format!(
            "--end is for the step in which a key that waits begins to write; this step {does}: \
             run this without --end"
        )));
    }
    let ends = if rotate.add { None } else { text.next_end(now, SLACK) };
    match (step, ends) {
        (Step::Add, Some(end)) => Err(Failure::new(format!(
            "the last rotation goes on until the key before it ends, at {}; run this again at {}, \
             and that key goes, or begin another rotation now with --add",
            time::print(end),
            time::print(end + SLACK)
        ))),
        _ => Ok(()),
    }
}

/// Prints the keys of a ring by their ids.
fn print(
    text: &RingText,
    now: SystemTime,
    json: bool,
    step: Option<(&str, String)>,
) -> Result<(), Failure> {
    let keys: Vec<KeyInfo> = text.ring()?.keys().collect();
    let waiting = text.waiting();
    let role = |place: usize, key: &KeyInfo| match (key.not_after, waiting) {
        _ if key.writes => "writes",
        (Some(end), _) if end < now => "ended",
        (_, Some((at, _))) if at == place => "waits",
        _ => "reads",
    };
    let rows = keys.iter().enumerate().map(|(place, key)| {
        let end = key.not_after.map(time::print);
        (place + 1, key.id.to_string(), role(place, key), end)
    });
    if json {
        let keys: Value = rows
            .map(|(position, id, role, end)| {
                json!({ "position": position, "id": id, "role": role, "end": end })
            })
            .collect();
        return Ok(output::json(&match step {
            Some((step, _)) => json!({ "step": step, "keys": keys }),
            None => json!({ "keys": keys }),
        })?);
    }
    if let Some((_, told)) = step {
        output::line(&told)?;
    }
    let rows: Vec<Vec<String>> = rows
        .map(|(position, id, role, end)| {
            vec![position.to_string(), id, role.to_owned(), end.unwrap_or_else(|| "–".to_owned())]
        })
        .collect();
    Ok(output::table(&["key", "id", "role", "end"], &rows)?)
}
