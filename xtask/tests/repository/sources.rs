//! The shape of the sources: how long a file is, and that it says what it is. What the code does is
//! no business of these tests.

use crate::{is_test, read, relative, root, rust_files};

/// A longer file has more than one subject.
const LONGEST: usize = 400;
/// Tests come in long lists of cases.
const LONGEST_TEST: usize = 500;

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for file in rust_files(root()) {
        let path = relative(&file);
        let lines = read(&path).lines().count();
        let limit = if is_test(&path) { LONGEST_TEST } else { LONGEST };
        if lines > limit {
            long.push(format!("{path}: {lines} lines, {limit} are allowed"));
        }
    }
    assert!(long.is_empty(), "split these files:\n{}", long.join("\n"));
}

#[test]
fn files_begin_with_what_they_are() {
    let mut silent = Vec::new();
    for file in rust_files(root()) {
        let path = relative(&file);
        // What a compile-fail test shows is the user's code, not ours.
        let is_data = path.starts_with("ui-tests/") && !path.starts_with("ui-tests/src/");
        let text = read(&path);
        if !is_data && !text.starts_with("//!") && !text.starts_with("#![doc = include_str!") {
            silent.push(path);
        }
    }
    assert!(silent.is_empty(), "no `//!` paragraph at the top:\n{}", silent.join("\n"));
}
