//! `token inspect`: what a token is, whose, and how old. Prints neither the token nor a part of it
//! that is secret.

use std::io::{self, IsTerminal as _, Read as _};

use serde_json::{Value, json};
use session_runtime::admin::{TokenInfo, TokenKind};
use zeroize::Zeroizing;

use crate::{
    Failure, Outcome,
    args::{KeySource, Place},
    output, sessions, time,
};

/// The most bytes that are read: more than any transport carries.
const LONGEST: u64 = 64 * 1024;

pub(crate) async fn inspect(
    place: &Place,
    keys: &KeySource,
    json: bool,
) -> Result<Outcome, Failure> {
    if io::stdin().is_terminal() {
        eprintln!("paste the token, then press Enter and Ctrl-D:");
    }
    let mut text = Zeroizing::new(String::with_capacity(4096));
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    // A cookie may be pasted with its name.
    let token = text.trim_ascii();
    let token = token.rsplit_once('=').map_or(token, |(_, value)| value);
    let Some(info) = TokenInfo::read(token) else {
        eprintln!("this is no token of session-runtime");
        return Ok(Outcome::No);
    };
    let mut facts = of_token(&info);
    let ring = keys.ring_if_given()?;
    if let Some(ring) = &ring {
        let place = ring.keys().position(|key| key.id == info.key_id);
        facts.push(("key_position", place.map_or(Value::Null, |place| json!(place + 1))));
    }
    let mut outcome = Outcome::Done;
    if let (Some(id), TokenKind::Credential, true) = (info.session, info.kind, place.is_given()) {
        let sessions = place.sessions().await?;
        facts.push(("store_key", json!(format!("{}:{id}", sessions.namespace().as_str()))));
        let record = sessions.find(&id).await?;
        facts.push(("live", json!(record.is_some())));
        match record {
            Some(record) => {
                let wanted =
                    ["principal", "created", "logged_in", "last_seen", "rotated", "expires"];
                let meta = sessions::meta(id, &record).into_iter();
                facts.extend(meta.filter(|(name, _)| wanted.contains(name)));
            }
            None => outcome = Outcome::No,
        }
    }
    if json {
        output::json(&output::object(&facts))?;
    } else {
        let text = |(name, value): &(&'static str, Value)| match value {
            Value::String(text) => (*name, text.clone()),
            Value::Null if *name == "key_position" => (*name, "not in the ring".to_owned()),
            Value::Null => (*name, "–".to_owned()),
            value => (*name, value.to_string()),
        };
        output::pairs(&facts.iter().map(text).collect::<Vec<_>>())?;
    }
    Ok(outcome)
}

fn of_token(info: &TokenInfo) -> Vec<(&'static str, Value)> {
    let kind = match info.kind {
        TokenKind::Credential => "credential",
        TokenKind::Sealed => "sealed",
        TokenKind::Signed => "signed",
        _ => "unknown",
    };
    let mut facts = vec![("kind", json!(kind)), ("key", json!(info.key_id.to_string()))];
    if let Some(id) = info.session {
        facts.push(("session", json!(id)));
    }
    for (name, time) in
        [("created", info.created), ("issued", info.issued), ("expires", info.expires)]
    {
        if let Some(time) = time {
            facts.push((name, json!(time::print(time))));
        }
    }
    facts
}
