//! That README says what the code says: the attributes, the minimum Rust version, the commands.
//! How the documents are parsed is `markdown`'s business.

use std::{collections::BTreeSet, fs};

use crate::{dependencies::workspace_rust_version, markdown, read, root, rust_files};

/// The attributes that a document's tables list, for structs and for fields. A table is known by a
/// key that only it can have.
fn attributes(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let with = |key: &str| {
        let tables = markdown::tables(text).into_iter();
        tables.filter(|table| table.contains(key)).flatten().collect()
    };
    (with("crate"), with("clear_on_login"))
}

#[test]
fn readme_and_the_derive_list_the_same_attributes() {
    let readme = attributes(&read("README.md"));
    let derive = attributes(&markdown::docs(&read("session-derive/src/lib.rs")));
    for (place, readme, derive) in
        [("a struct", &readme.0, &derive.0), ("a field", &readme.1, &derive.1)]
    {
        assert!(!readme.is_empty(), "README.md has no table of the attributes of {place}");
        assert!(
            !derive.is_empty(),
            "the documentation in session-derive/src/lib.rs has no table of the attributes of {place}",
        );
        let only = |left: &BTreeSet<String>, right: &BTreeSet<String>| {
            left.difference(right).cloned().collect::<Vec<_>>().join(", ")
        };
        assert!(
            readme == derive,
            "the attributes of {place} differ; only README.md has: [{}]; only \
             session-derive/src/lib.rs has: [{}]",
            only(readme, derive),
            only(derive, readme),
        );
    }
}

#[test]
fn readme_states_the_minimum_rust_version() {
    let readme = read("README.md");
    let stated: BTreeSet<&str> = readme
        .match_indices("Rust 1.")
        .map(|(position, _)| {
            let version = &readme[position + "Rust ".len()..];
            let is_part = |letter: char| letter.is_ascii_digit() || letter == '.';
            let end = version.find(|letter| !is_part(letter)).unwrap_or(version.len());
            version[..end].trim_end_matches('.')
        })
        .collect();
    let is = workspace_rust_version();
    assert_eq!(stated, BTreeSet::from([is.as_str()]), "README.md must say `Rust {is}`");
}

#[test]
fn readme_has_exactly_two_commands() {
    let readme = read("README.md");
    let commands = markdown::fenced(&readme, &["sh", "bash", "shell", "console"]);
    assert_eq!(commands, ["cargo run -p examples --example shop", "cargo xtask test"]);
}

#[test]
fn every_feature_names_a_test_that_is_there() {
    let sources: String = ["tests", "session-runtime"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(|file| fs::read_to_string(file).expect("it is there"))
        .collect();
    let table = read("docs/features.md").replace("\\|", "/");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells[0].parse::<u32>().is_ok())
        .collect();
    assert_eq!(rows.len(), 70);
    for cells in rows {
        let [number, .., here, shown] = cells[..] else { panic!("five cells: {cells:?}") };
        assert!(!here.is_empty(), "row {number} says what it is here");
        let test = shown.trim_matches('`');
        let there = sources.contains(&format!("fn {test}("));
        assert!(there || (test == "–" && here.starts_with("not here")), "row {number}: {test}");
    }
}

#[test]
fn the_tests_that_security_names_are_there() {
    let text = read("SECURITY.md");
    let named = text.split('`').skip(1).step_by(2).filter(|code| code.contains("/tests"));
    let missing: Vec<&str> = named.filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that are not there: {missing:?}");
}

/// A fault that nobody had was never mended for anybody.
#[test]
fn the_change_log_mends_nothing_in_a_first_version() {
    let log = read("CHANGELOG.md");
    let versions: Vec<&str> = log.split("\n## ").skip(1).collect();
    let first = versions.last().expect("a version");
    let kinds = first.lines().filter_map(|line| line.strip_prefix("- **")?.split("**").next());
    let kinds: Vec<&str> = kinds.collect();
    assert!(kinds.len() > 10, "{first}");
    assert!(kinds.iter().all(|kind| *kind == "added"), "{kinds:?}");
}

#[test]
fn ci_runs_what_a_developer_runs() {
    assert!(read(".ci/run").lines().any(|line| line == "exec cargo xtask test"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = root().join(".ci/run").metadata().expect("read above");
        assert_eq!(metadata.permissions().mode() & 0o111, 0o111, ".ci/run must be executable");
    }
}
