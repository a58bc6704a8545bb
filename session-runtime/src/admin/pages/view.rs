//! The HTML of the pages. Every link and form names only a query, so that the pages work wherever they
//! are mounted. No value of a field is shown but those of labels, and no part of a token.

use super::{html::Html, time::print};
use crate::{
    SessionId,
    admin::{KeyInfo, StoredPage, StoredSessions},
    clock::Timestamp,
    store::{FieldValue, Record},
};

/// The style of the pages. The headers allow exactly this one.
pub(super) const STYLE: &str = "\
body{font:1rem/1.5 system-ui,sans-serif;max-width:70rem;margin:1rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc;overflow-wrap:anywhere}\
form{display:inline-block;margin:.2rem 1rem .2rem 0}code{font-size:.9em}\
p[role]{background:#eef;padding:.5rem}";

/// The longest label that is shown whole.
const LONGEST: usize = 120;

/// The outcome of the last form, as the page after it tells.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    pub(super) count: u64,
    pub(super) is_done: bool,
}

/// Writes the beginning of each page.
pub(super) fn begin(sessions: &StoredSessions) -> Html {
    let mut page = Html::default();
    page.raw("<!doctype html><html lang=en><meta charset=utf-8>")
        .raw("<meta name=viewport content='width=device-width'><title>Sessions of ")
        .text(sessions.namespace().as_str())
        .raw("</title><style>")
        .raw(STYLE)
        .raw("</style><h1><a href='?'>Sessions of ")
        .text(sessions.namespace().as_str())
        .raw("</a></h1>");
    page
}

/// Writes the forms that find sessions.
pub(super) fn search(page: &mut Html, principal: &str, session: &str) {
    page.raw("<form><label>Principal <input name=principal required value='")
        .text(principal)
        .raw("'></label> <button>List</button></form>")
        .raw("<form><label>Session <input name=session required pattern='[0-9a-f]{32}' value='")
        .text(session)
        .raw("'></label> <button>Show</button></form>")
        .raw("<p><small>A principal is an id as JSON: <code>42</code>, <code>\"ada\"</code>. ")
        .raw("A text that is no JSON stands for itself: <code>ada</code>.</small></p>");
}

/// Writes a message.
pub(super) fn message(page: &mut Html, text: &str) {
    page.raw("<p role=status>").text(text).raw("</p>");
}

/// Writes the outcome of the last form.
pub(super) fn ended(page: &mut Html, Ended { count, is_done }: Ended) {
    let rest = if is_done { "." } else { "; some are left: end all once more." };
    message(page, &format!("Sessions ended: {count}{rest}"));
}

/// Writes the state of the store, and of the ring.
pub(super) fn state(page: &mut Html, sessions: &StoredSessions, health: Option<&str>) {
    let properties = sessions.properties();
    page.raw("<h2>Store</h2><table>");
    for (name, is_so) in [
        ("shared with other processes", properties.shared),
        ("outlives the process", properties.durable),
        ("evicts records to make room", properties.evicts),
    ] {
        page.raw("<tr><th>").text(name).raw("<td>").raw(if is_so { "yes" } else { "no" });
    }
    page.raw("</table>");
    match health {
        Some(health) => message(page, health),
        None => drop(page.raw("<p><a href='?check=1'>Check the store now</a></p>")),
    }
    ring(page, &sessions.keys(), sessions.now());
}

fn ring(page: &mut Html, keys: &[KeyInfo], now: Timestamp) {
    page.raw("<h2>Keys</h2><table><tr><th>Key<th>Role<th>End");
    for key in keys {
        let end = key.not_after.map(Timestamp::from);
        let role = match end {
            _ if key.writes => "writes",
            Some(end) if end < now => "ended",
            _ => "reads",
        };
        let end = end.map_or_else(|| "–".to_owned(), print);
        page.raw("<tr><td><code>").text(key.id).raw("</code><td>").raw(role);
        page.raw("<td>").text(end);
    }
    page.raw("</table>");
}

/// Writes a page of a principal's sessions.
pub(super) fn list(
    page: &mut Html,
    principal: &str,
    count: u64,
    found: &StoredPage,
    labels: &[&str],
) {
    page.raw("<h2>").text(principal).raw("</h2><p>Sessions, with those that are expired and not ");
    page.raw("swept yet: ").text(count).raw("</p>");
    if !found.sessions.is_empty() {
        page.raw("<table><tr><th>Session<th>Logged in<th>Last seen<th>Expires");
        for label in labels {
            page.raw("<th>").text(label);
        }
        page.raw("<th>");
        for (id, record) in &found.sessions {
            row(page, principal, *id, record, labels);
        }
        page.raw("</table>");
    }
    if let Some(next) = found.next {
        page.raw("<p><a href='?principal=").query(principal).raw("&amp;after=").text(next);
        page.raw("'>More</a></p>");
    }
    if count > 0 {
        page.raw("<details><summary>End all sessions</summary>");
        page.raw("<form method=post><input type=hidden name=principal value='").text(principal);
        page.raw("'><button name=end value=all>End all sessions of ").text(principal);
        page.raw("</button></form></details>");
    }
}

fn row(page: &mut Html, principal: &str, id: SessionId, record: &Record, labels: &[&str]) {
    let meta = &record.meta;
    page.raw("<tr><td><a href='?session=").text(id).raw("'><code>").text(id).raw("</code></a>");
    for time in [meta.began(), meta.last_seen, meta.expires_at()] {
        page.raw("<td>").text(print(time));
    }
    for label in labels {
        page.raw("<td>").text(record.get(label).map_or_else(String::new, shown));
    }
    page.raw("<td>");
    end_one(page, id, Some(principal));
}

fn end_one(page: &mut Html, id: SessionId, principal: Option<&str>) {
    page.raw("<form method=post><input type=hidden name=session value='").text(id).raw("'>");
    if let Some(principal) = principal {
        page.raw("<input type=hidden name=principal value='").text(principal).raw("'>");
    }
    page.raw("<button name=end value=one>End</button></form>");
}

/// Writes a session: everything but the values of its fields.
pub(super) fn session(page: &mut Html, id: SessionId, record: &Record, labels: &[&str]) {
    let meta = &record.meta;
    page.raw("<h2><code>").text(id).raw("</code></h2><table>");
    for (name, time) in [
        ("created", Some(meta.created)),
        ("logged in", meta.logged_in),
        ("last seen", Some(meta.last_seen)),
        ("credential made", Some(meta.rotated)),
        ("expires", Some(meta.expires_at())),
    ] {
        page.raw("<tr><th>").raw(name).raw("<td>");
        page.text(time.map_or_else(|| "–".to_owned(), print));
    }
    page.raw("<tr><th>key<td><code>").text(meta.key_id).raw("</code></table>");
    page.raw("<h2>Fields</h2><table><tr><th>Field<th>Bytes<th>Label");
    for (name, value) in record.fields() {
        page.raw("<tr><td>").text(name).raw("<td>").text(value.size()).raw("<td>");
        if labels.contains(&name) {
            page.text(shown(value));
        }
    }
    page.raw("</table>");
    end_one(page, id, None);
}

/// Returns a label: its text, or its JSON, or the number of its bytes.
fn shown(value: &FieldValue) -> String {
    let text = match value {
        FieldValue::Int(number) => number.to_string(),
        FieldValue::Bytes(bytes) => match serde_json::from_slice(bytes) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(json) => json.to_string(),
            Err(_) => format!("{} bytes", bytes.len()),
        },
        FieldValue::Set(members) => format!("{} members", members.len()),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
