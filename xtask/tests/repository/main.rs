//! What holds for the repository as a whole and no compiler checks: dependencies, documents and the
//! shape of the sources. Each test says in its message what to change. Here is what they share:
//! where the repository is, and how its files are read.

mod dependencies;
mod documents;
mod imports;
mod links;
mod markdown;
mod packages;
mod sources;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's root")
}

/// A file of the repository, by its path from the root.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The path of a file from the root, with `/` on every platform.
fn relative(path: &Path) -> String {
    let below = path.strip_prefix(root()).unwrap_or(path);
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Every Rust file that somebody wrote under a directory.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    files(directory, "rs")
}

/// Every file with this extension that somebody wrote under a directory, ordered by path: no build
/// output, no hidden files, no links, no expansions that tests compare with.
fn files(directory: &Path, wanted: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("the directory was found a moment ago") {
            let path = entry.expect("the directory can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == wanted)
                && !name.ends_with(".expected.rs")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Whether a file holds only tests.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| matches!(part, "tests" | "ui-tests"))
}
