//! What the library pulls in, and the Rust version that this takes. Asks cargo, with the lock file
//! as committed; the names of single dependencies are none of its business.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::{read, root};

/// What cargo prints. `--locked`: the tests judge the dependencies that are committed.
pub(crate) fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(arguments).arg("--locked");
    let output = command.output().expect("cargo runs this test, so it is there");
    assert!(
        output.status.success(),
        "cargo {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// The packages that a user of the library compiles, with default features, on this platform.
fn tree(arguments: &[&str]) -> String {
    cargo(&[&["tree", "-p", "session-runtime", "-e", "normal"], arguments].concat())
}

/// All packages of the workspace and their dependencies, as far as this platform has them: others'
/// may not be downloaded.
fn packages() -> Vec<Value> {
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc is beside cargo");
    let about = String::from_utf8(rustc.stdout).expect("rustc prints UTF-8");
    let host =
        about.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc has a host");
    let metadata = cargo(&["metadata", "--format-version", "1", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("cargo's metadata list packages").clone()
}

/// The workspace's `rust-version`.
pub(crate) fn workspace_rust_version() -> String {
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    line.expect("the workspace has a rust-version").trim_matches('"').to_owned()
}

/// A version's numbers, for comparison: `1.88` and `1.88.0` are the same.
fn numbers(version: &str) -> [u64; 3] {
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(version.split('.')) {
        *number = part.parse().unwrap_or_else(|_| panic!("{version} is no Rust version"));
    }
    numbers
}

#[test]
fn the_library_depends_on_no_crate_in_two_versions() {
    let duplicates = tree(&["--duplicates", "--depth", "1"]);
    assert!(duplicates.trim().is_empty(), "in two versions:\n{duplicates}");
}

#[test]
fn the_rust_version_suffices_for_every_dependency() {
    let listed = tree(&["--prefix", "none", "--format", "{p}"]);
    let used: BTreeSet<(&str, &str)> = listed
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some((name, rest.split(' ').next()?))
        })
        .collect();
    assert!(used.len() > 20, "cargo lists packages as `name vX.Y.Z`: {listed}");
    let workspace = workspace_rust_version();
    for package in packages() {
        let field = |field: &str| package[field].as_str().unwrap_or_default().to_owned();
        let (name, version, needs) = (field("name"), field("version"), field("rust_version"));
        if used.contains(&(&name, &version)) && !needs.is_empty() {
            assert!(
                numbers(&needs) <= numbers(&workspace),
                "{name} {version} needs Rust {needs}; the workspace says {workspace}"
            );
        }
    }
}

#[test]
fn library_and_derive_are_released_together() {
    let packages = packages();
    let package = |name: &str| {
        packages.iter().find(|package| package["name"] == name).expect("a member of the workspace")
    };
    let (runtime, derive) = (package("session-runtime"), package("session-derive"));
    assert_eq!(runtime["version"], derive["version"]);
    let dependencies = runtime["dependencies"].as_array().expect("a list in cargo's metadata");
    let pin = dependencies
        .iter()
        .find(|dependency| dependency["name"] == "session-derive")
        .expect("the library re-exports the derive");
    let exact = format!("={}", derive["version"].as_str().unwrap_or_default());
    assert_eq!(pin["req"], *exact, "generated code and runtime must be of one version");
}

#[test]
fn every_member_obeys_the_workspaces_lints() {
    for package in packages() {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let is_member = package["source"].is_null();
        if is_member {
            let text = std::fs::read_to_string(manifest).expect("cargo has just read it");
            assert!(text.contains("[lints]\nworkspace = true"), "{manifest}: no workspace lints");
        }
    }
}
