//! Runs the programs in `pass/` and `fail/`, and holds the recorded messages to the house rules.
//! `TRYBUILD=overwrite` records the messages anew; each is to be read before it is committed.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn ui() {
    let tests = trybuild::TestCases::new();
    tests.pass("pass/*.rs");
    tests.compile_fail("fail/**/*.rs");
}

/// All files below `fail/` with this extension, and their text.
fn failures(extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail");
    let folders = fs::read_dir(&root).expect("`fail/` is there");
    let mut files: Vec<PathBuf> = folders
        .flat_map(|folder| fs::read_dir(folder.expect("readable").path()).expect("a folder"))
        .map(|file| file.expect("readable").path())
        .filter(|file| file.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root).expect("below `fail/`").display().to_string();
            (name, fs::read_to_string(&file).expect("text"))
        })
        .collect()
}

#[test]
fn every_program_has_its_messages() {
    let recorded: Vec<_> = failures("stderr").into_iter().map(|(name, _)| name).collect();
    for (name, _) in failures("rs") {
        let messages = name.replace(".rs", ".stderr");
        assert!(recorded.contains(&messages), "{name} has no recorded messages");
    }
    for messages in recorded {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail").join(&messages);
        assert!(program.with_extension("rs").exists(), "{messages} has no program");
    }
}

#[test]
fn messages_read_like_the_compilers() {
    for (file, text) in failures("stderr") {
        for message in text.lines().filter_map(|line| line.strip_prefix("error: ")) {
            let first = message.chars().next().unwrap_or(' ');
            assert!(first.is_lowercase() || first == '`', "{file}: starts lower case: {message}");
            assert!(!message.ends_with('.'), "{file}: no full stop: {message}");
        }
        // Each of ours says what to do.
        for block in text.split("\n\n").filter(|block| block.starts_with("error: ")) {
            assert!(block.contains("       help: "), "{file}: says how to mend it:\n{block}");
        }
    }
}

#[test]
fn messages_point_at_the_mistake() {
    for (file, text) in failures("stderr") {
        let lines: Vec<_> = text.lines().collect();
        for pair in lines.windows(2) {
            let at_derive = pair[0].contains("derive(Session)") && !pair[0].starts_with("error");
            assert!(!(at_derive && pair[1].contains('^')), "{file} points at the derive:\n{text}");
        }
    }
}

/// rustc quotes the standard library's own lines, if the component `rust-src` is there; a message
/// that points at them differs from machine to machine.
#[test]
fn messages_are_the_same_without_the_sources_of_the_standard_library() {
    for (file, text) in failures("stderr") {
        assert!(!text.contains("$RUST"), "{file} points into the standard library:\n{text}");
    }
}

/// The keys, from the attribute tables in the derive's docs, which a test there holds to the code.
fn keys() -> Vec<&'static str> {
    let docs = include_str!("../../session-derive/src/lib.rs");
    let tables = docs.split_once("# On the struct").expect("the table of keys").1;
    tables
        .lines()
        .filter_map(|line| line.strip_prefix("/// | `")?.split(['`', ' ']).next())
        .collect()
}

#[test]
fn every_key_is_used_and_misused() {
    let correct = include_str!("../pass/every_attribute.rs");
    let wrong = failures("rs");
    let keys = keys();
    assert_eq!(keys.len(), 43, "{keys:?}");
    for key in keys {
        let used = correct.lines().filter(|line| line.contains("#[session(")).any(|line| {
            line.split(['(', ')', ',']).any(|part| part.trim().split(' ').next() == Some(key))
        });
        assert!(used, "`{key}` is not used in pass/every_attribute.rs");
        let misused = wrong.iter().any(|(file, _)| {
            file.strip_prefix("malformed-value/")
                .and_then(|file| file.strip_prefix(key))
                .is_some_and(|rest| rest.starts_with(['.', '_']))
        });
        assert!(misused, "`{key}` has no program in fail/malformed-value/");
    }
}
