//! As much of Markdown as the repository's documents need for their tests: fenced blocks, and
//! tables whose first column names things in backticks. Knows nothing of what the documents say.

use std::collections::BTreeSet;

/// The lines of every fenced block of one of these languages.
pub(crate) fn fenced<'a>(text: &'a str, languages: &[&str]) -> Vec<&'a str> {
    let mut lines = Vec::new();
    let mut open: Option<bool> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(info), None) => {
                let language = info.split([',', ' ']).next().unwrap_or_default();
                open = Some(languages.contains(&language));
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(true)) => lines.push(line),
            (None, _) => {}
        }
    }
    lines
}

/// The names in the first column of each table: of `` `same_site = "…"` `` the part that a program
/// would be keyed by, `same_site`.
pub(crate) fn tables(text: &str) -> Vec<BTreeSet<String>> {
    let mut tables = Vec::new();
    let mut table: Option<BTreeSet<String>> = None;
    for line in text.lines().map(str::trim).chain([""]) {
        match (line.strip_prefix('|'), &mut table) {
            (Some(row), Some(names)) => {
                names.extend(backticked(row.split('|').next().unwrap_or_default()));
            }
            (Some(_header), None) => table = Some(BTreeSet::new()),
            (None, _) => tables.extend(table.take()),
        }
    }
    tables
}

fn backticked(cell: &str) -> impl Iterator<Item = String> {
    let is_key = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    cell.split('`').skip(1).step_by(2).filter_map(move |code| {
        let end = code.find(|letter| !is_key(letter)).unwrap_or(code.len());
        (end > 0).then(|| code[..end].to_owned())
    })
}

/// The documentation in a Rust file, of itself and of its items.
pub(crate) fn docs(source: &str) -> String {
    let docs = source.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))
    });
    let lines = docs.map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn tables_are_read_by_their_first_column() {
    let text = "\
| attribute | meaning |
|---|---|
| `name = \"x\"` | `not` this |
| `copy`, `skip` | none |

text `outside` a table

| other |
|---|
| `set(…)` |";
    let named: Vec<Vec<String>> =
        tables(text).into_iter().map(|table| table.into_iter().collect()).collect();
    assert_eq!(named, [vec!["copy", "name", "skip"], vec!["set"]]);
}

#[test]
fn fenced_blocks_are_told_apart_by_their_language() {
    let text = "```rust,no_run\nlet a;\n```\n```sh\nls\n```\nprose\n```console\n$ pwd\n```";
    assert_eq!(fenced(text, &["sh", "console"]), ["ls", "$ pwd"]);
    assert_eq!(fenced(text, &["rust"]), ["let a;"]);
}

#[test]
fn docs_lose_their_marks() {
    assert_eq!(docs("//! # A\n//!\n/// b\nuse c; // d\n"), "# A\n\nb\n");
}
