//! The shape of the sources: how long a file is, and that it says what it is. What the code does is
//! no business of these tests.

use crate::{read, relative, root, rust_files};

/// A longer file has more than one subject. Files are split by their jobs, not by this number.
const LONGEST: usize = 600;

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for file in rust_files(root()) {
        let path = relative(&file);
        let lines = read(&path).lines().count();
        if lines > LONGEST {
            long.push(format!("{path}: {lines} lines, {LONGEST} are allowed"));
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
