//! The output of failed tests: records, values and commits in full. Their own `Debug` hides values,
//! which are users' data; the values here are the suite's own.

use std::fmt::{Debug, Write as _};

use crate::{
    clock::Timestamp,
    store::{Commit, FieldValue, Op, PrincipalKey, Record},
};

/// Values longer than this are cut short.
const SHOWN: usize = 60;

pub(super) fn bytes(value: &[u8]) -> String {
    let mut text = format!("\"{}\"", value[..value.len().min(SHOWN)].escape_ascii());
    if value.len() > SHOWN {
        // Writing to a `String` does not fail.
        let _ = write!(text, "… ({} bytes)", value.len());
    }
    text
}

pub(super) fn value(value: Option<&FieldValue>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(FieldValue::Bytes(it)) => format!("Bytes({})", bytes(it)),
        Some(FieldValue::Int(number)) => format!("Int({number})"),
        Some(FieldValue::Set(members)) => {
            let members: Vec<String> = members.iter().map(AsRef::as_ref).map(bytes).collect();
            format!("Set({})", members.join(", "))
        }
    }
}

fn op(op: &Op) -> String {
    match op {
        Op::Clear { keep } => format!("Clear {{ keep: {keep:?} }}"),
        Op::Set { field, value: it } => format!("Set {field:?} = {}", value(Some(it))),
        Op::Unset { field } => format!("Unset {field:?}"),
        Op::Add { field, by, min, max } => format!("Add {by} to {field:?} within {min}..={max}"),
        Op::Insert { field, member } => format!("Insert {} into {field:?}", bytes(member)),
        Op::Remove { field, member } => format!("Remove {} from {field:?}", bytes(member)),
        Op::Max { field, value } => format!("Max of {field:?} and {value}"),
        Op::Once { field, value: it } => format!("Once {field:?} = {}", value(Some(it))),
        Op::Take { field, seen } => format!("Take {field:?} if {}", value(Some(seen))),
        Op::Update { field, change } => {
            let (from, to) = (value(change.base.as_ref()), value(change.value.as_ref()));
            format!("Update {field:?} from {from} to {to}")
        }
    }
}

/// Prints a commit on several lines, without the parts that it does not use.
pub(super) fn commit(commit: &Commit) -> String {
    let mut text = format!(
        "commit at {} with check {} of key {:?}",
        commit.now.as_millis(),
        bytes(commit.check.as_bytes()),
        commit.key_id
    );
    let mut line = |what: &str, value: String| {
        // Writing to a `String` does not fail.
        let _ = write!(text, "\n    {what}: {value}");
    };
    for expected in &commit.expected {
        line("expects", format!("{:?} = {}", expected.field, value(expected.seen.as_ref())));
    }
    if let Some(revision) = commit.revision {
        line("expects", format!("revision {revision}"));
    }
    commit.ops.iter().for_each(|it| line("op", op(it)));
    if let Some(principal) = &commit.principal {
        line("principal", format!("{:?}", principal.as_ref().map(PrincipalKey::as_str)));
    }
    if let Some(cap) = commit.cap {
        line("cap", format!("{cap:?}"));
    }
    if let Some(rotation) = &commit.rotation {
        let check = bytes(rotation.check.as_bytes());
        let until = rotation.grace_until.map(Timestamp::as_millis);
        line("rotation", format!("to check {check} of {:?}, grace {until:?}", rotation.key_id));
    }
    if let Some(lifetime) = commit.lifetime {
        line("lifetime", format!("{lifetime:?}"));
    }
    text
}

/// Returns the differences of two records, a line for each field; empty if the records are equal.
pub(super) fn differences(expected: Option<&Record>, found: Option<&Record>) -> String {
    let (expected, found) = match (expected, found) {
        (None, None) => return String::new(),
        (None, Some(_)) => return "\n  expected no record, found one".to_owned(),
        (Some(_), None) => return "\n  expected a record, found none".to_owned(),
        (Some(expected), Some(found)) => (expected, found),
    };
    let mut text = String::new();
    let mut differ = |what: String, expected: String, found: String| {
        if expected != found {
            // Writing to a `String` does not fail.
            let _ = write!(text, "\n  {what}: expected {expected}, found {found}");
        }
    };
    let (a, b) = (&expected.meta, &found.meta);
    let mut meta = |what: &str, expected: &dyn Debug, found: &dyn Debug| {
        differ(format!("meta.{what}"), format!("{expected:?}"), format!("{found:?}"));
    };
    let previous = |record: &Record| {
        let previous = record.meta.previous.as_ref();
        previous.map(|it| (bytes(it.check.as_bytes()), it.key_id, it.until))
    };
    let principal = |record: &Record| {
        record.meta.principal.as_ref().map(|principal| principal.as_str().to_owned())
    };
    meta("check", &bytes(a.check.as_bytes()), &bytes(b.check.as_bytes()));
    meta("key_id", &a.key_id, &b.key_id);
    meta("former_keys", &a.former_keys, &b.former_keys);
    meta("previous", &previous(expected), &previous(found));
    meta("created", &a.created, &b.created);
    meta("rotated", &a.rotated, &b.rotated);
    meta("last_seen", &a.last_seen, &b.last_seen);
    meta("lifetime", &a.lifetime, &b.lifetime);
    meta("principal", &principal(expected), &principal(found));
    meta("logged_in", &a.logged_in, &b.logged_in);
    meta("revision", &a.revision, &b.revision);
    let mut names: Vec<&str> = expected.fields().chain(found.fields()).map(|it| it.0).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (a, b) = (expected.get(name), found.get(name));
        if a != b {
            differ(format!("field {name:?}"), value(a), format!("{} (unequal)", value(b)));
        }
    }
    text
}
