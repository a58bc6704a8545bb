//! That README says what the code says: the attributes, the minimum Rust version, the commands.
//! How the documents are parsed is `markdown`'s business.

use std::collections::BTreeSet;

use crate::{dependencies::workspace_rust_version, markdown, read};

/// The attributes that a document's tables list, for structs and for fields. A table is known by a
/// key that only it can have.
fn attributes(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let with = |key: &str| {
        let tables = markdown::tables(text).into_iter();
        tables.filter(|table| table.contains(key)).flatten().collect()
    };
    (with("transport"), with("clear_on_login"))
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
fn the_documents_links_to_files_lead_somewhere() {
    for document in ["README.md", "CONTRIBUTING.md", "DESIGN.md", "SECURITY.md", "CHANGELOG.md"] {
        let text = read(document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            assert!(crate::root().join(target).exists(), "{document} links to {target}");
        }
    }
}

#[test]
fn the_tests_that_security_names_are_there() {
    let text = read("SECURITY.md");
    let named = text.split('`').skip(1).step_by(2).filter(|code| code.contains("/tests"));
    let missing: Vec<&str> = named.filter(|path| !crate::root().join(path).exists()).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that are not there: {missing:?}");
}

#[test]
fn ci_runs_what_a_developer_runs() {
    assert!(read(".ci/run").lines().any(|line| line == "exec cargo xtask test"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = crate::root().join(".ci/run").metadata().expect("read above");
        assert_eq!(metadata.permissions().mode() & 0o111, 0o111, ".ci/run must be executable");
    }
}
