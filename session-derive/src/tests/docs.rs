//! The attribute tables in the docs of the derive are the table of keys in the code.

use crate::attr::{KEYS, Place};

const DOCS: &str = include_str!("../lib.rs");

/// The rows of the table below a heading, as the example and its text.
fn rows(heading: &str) -> Vec<(&'static str, &'static str)> {
    let section = DOCS.split(heading).nth(1).unwrap_or_default();
    section
        .split("/// # ")
        .next()
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("/// | `")?.split_once("` | "))
        .collect()
}

#[test]
fn tables_list_the_keys() {
    for (heading, place) in [("# On the struct", Place::Container), ("# On a field", Place::Field)]
    {
        let keys: Vec<_> = KEYS.iter().filter(|key| key.place == place).collect();
        let rows = rows(heading);
        let documented: Vec<_> = rows.iter().map(|(example, _)| (*example).to_owned()).collect();
        let known: Vec<_> = keys.iter().map(|key| key.example()).collect();
        assert_eq!(documented, known, "the table below `{heading}`");
        for (key, (_, text)) in keys.iter().zip(rows) {
            assert!(text.starts_with(key.doc), "`{}`: {} / {text}", key.name, key.doc);
        }
    }
}

#[test]
fn tables_list_the_words() {
    for key in KEYS {
        let crate::attr::Form::Words(words) = key.form else { continue };
        let example = key.example();
        let row = DOCS.lines().find(|line| line.contains(&format!("| `{example}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for `{}`", key.name));
        for (word, _) in words {
            assert!(row.contains(&format!("`{word}`")), "`{word}` of `{}`", key.name);
        }
    }
}
