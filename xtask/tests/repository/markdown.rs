//! As much of Markdown as the repository's documents need for their tests: fenced blocks, links and
//! headings, and tables whose first column names things in backticks. Knows nothing of what the documents say.

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

/// A text without its fenced blocks and code spans, where brackets are no links.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    });
    let mut prose = String::new();
    for line in lines {
        // A span that is a link's text, [`like this`], stays: it may be the link's label.
        for (position, part) in line.split('`').enumerate() {
            let is_text = position % 2 == 0 || prose.ends_with('[');
            prose.push_str(if is_text { part } else { "" });
        }
        prose.push('\n');
    }
    prose
}

/// The definition of a link in a line, `[label]: target`.
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ").filter(|(label, _)| !label.contains(']'))
}

/// Where a text's links and pictures lead, whether in place or by a definition.
pub(crate) fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let in_place = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let defined = prose.lines().filter_map(definition).map(|(_, target)| target);
    in_place.chain(defined).map(|target| target.trim().to_owned()).collect()
}

/// The labels that links use and no line defines, and those that a line defines and no link uses.
pub(crate) fn undefined(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let (mut defined, mut used) = (BTreeSet::new(), BTreeSet::new());
    let mut shortcuts = BTreeSet::new();
    for line in prose.lines() {
        if let Some((label, _)) = definition(line) {
            defined.insert(label);
            continue;
        }
        used.extend(line.split("][").skip(1).filter_map(|rest| rest.split(']').next()));
        shortcuts.extend(line.split('[').skip(1).filter_map(|rest| rest.split(']').next()));
    }
    let missing = used.difference(&defined);
    let surplus =
        defined.iter().filter(|label| !used.contains(*label) && !shortcuts.contains(*label));
    missing.chain(surplus).map(|label| (*label).to_owned()).collect()
}

/// What links to a text's headings end with, on docs.rs as on the hosts of repositories.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let headings = text.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced && line.starts_with('#')
    });
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let letters = words.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
            _ => None,
        });
        letters.collect()
    };
    headings.map(anchor).collect()
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
fn links_are_found_in_place_and_by_definition() {
    let text = "\
A [word](one.md#a), `[code](no.md)`, [`shop`], [a table][rows], ![picture][svg] and [lost][label].
```rust
let no = list[0](no);
```
[`shop`]: shop.rs
[rows]: two.md
[svg]: a.svg
[unused]: three.md";
    assert_eq!(links(text), ["one.md#a", "shop.rs", "two.md", "a.svg", "three.md"]);
    let undefined: Vec<String> = undefined(text).into_iter().collect();
    assert_eq!(undefined, ["label", "unused"]);
}

#[test]
fn anchors_are_headings_in_lower_case() {
    let text = "# A title\n## What a `get` costs, and why\n```sh\n# no heading\n```";
    let anchors: Vec<String> = anchors(text).into_iter().collect();
    assert_eq!(anchors, ["a-title", "what-a-get-costs-and-why"]);
}

#[test]
fn docs_lose_their_marks() {
    assert_eq!(docs("//! # A\n//!\n/// b\nuse c; // d\n"), "# A\n\nb\n");
}
