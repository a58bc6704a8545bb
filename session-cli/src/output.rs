//! Printing: tables for people, JSON for programs. Text from a store never controls a terminal.

use std::io::{self, Write as _};

use serde_json::{Map, Value, json};
use session_runtime::store::FieldValue;

/// Prints a JSON value on a line.
pub(crate) fn json(value: &Value) -> io::Result<()> {
    line(&value.to_string())
}

/// Prints a line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints rows with their columns below each other, under a head.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let head = head.iter().map(|cell| cell.to_uppercase()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()))
        .collect();
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    for row in &rows {
        let mut text = String::new();
        for (cell, most) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', most - width(cell) + 2));
        }
        line(text.trim_end())?;
    }
    Ok(())
}

/// Prints pairs, one on a line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> io::Result<()> {
    let most = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    for (name, value) in pairs {
        let (name, value) = (escaped(name), escaped(value));
        line(&format!("{name:most$}  {value}"))?;
    }
    Ok(())
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Returns a text with its control characters as escapes.
pub(crate) fn escaped(text: &str) -> String {
    let escape =
        |c: char| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// Returns a field as it is stored: JSON where the bytes are JSON, otherwise only their number.
pub(crate) fn value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Int(number) => json!(number),
        FieldValue::Set(members) => members.iter().map(|member| bytes(member)).collect(),
        FieldValue::Bytes(value) => bytes(value),
        _ => Value::Null,
    }
}

fn bytes(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| json!({ "bytes": bytes.len() }))
}

/// Returns a principal's key, which is JSON unless the store hides principals.
pub(crate) fn principal(key: &str) -> Value {
    serde_json::from_str(key).unwrap_or_else(|_| json!({ "hidden": key }))
}

/// Returns an object from its pairs.
pub(crate) fn object(pairs: &[(&str, Value)]) -> Value {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Value::Object(pairs.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_store_does_not_control_the_terminal() {
        assert_eq!(escaped("a\u{1b}[2Jb\u{9b}c\n"), "a\\u{1b}[2Jb\\u{9b}c\\u{a}");
        assert_eq!(escaped("größe"), "größe");
    }

    #[test]
    fn what_is_no_json_is_shown_by_its_size() {
        assert_eq!(value(&FieldValue::Bytes(b"\x02\x01sealed"[..].into())), json!({ "bytes": 8 }));
        assert_eq!(value(&FieldValue::Bytes(b"[1,2]"[..].into())), json!([1, 2]));
        assert_eq!(principal("0123abcd"), json!({ "hidden": "0123abcd" }));
        assert_eq!(principal("\"ada\""), json!("ada"));
    }
}
