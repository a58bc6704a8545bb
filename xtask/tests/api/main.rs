//! That `session-runtime/public-api.txt` lists what the library makes public, with all features on. A
//! change of the list is a change that users see: the list is read with the code, and what is gone
//! from it breaks somebody. rustdoc says what is public, and the crate `public-api` how to write it.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

const LIST: &str = "session-runtime/public-api.txt";
const RECORD: &str = "cargo xtask api --record";

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's root")
}

/// Has rustdoc write what it knows of the workspace, and reads of it what is public in the library.
fn public() -> Vec<String> {
    let mut rustdoc = Command::new(env!("CARGO"));
    rustdoc
        .current_dir(root())
        .args(["doc", "--quiet", "--locked", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOC", ".ci/rustdoc")
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json");
    let output = rustdoc.output().expect("cargo runs this test, so it is there");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "rustdoc: {told}");
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |it| root().join(it));
    let written = target.join("doc/session_runtime.json");
    let api = public_api::Builder::from_rustdoc_json(written)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build();
    let api = api.unwrap_or_else(|error| {
        panic!(
            "{error}: each version of Rust has a format of its own; with another Rust, take the \
             version of `public-api` in xtask/Cargo.toml that reads it"
        )
    });
    listed(api.items().map(ToString::to_string))
}

/// Returns the lines of the list, each once: of a trait's implementation only that there is one,
/// since the trait says the rest, and nothing of the guide, which no program can name.
fn listed(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut implementor = None;
    let mut listed = Vec::new();
    for item in items {
        if item.starts_with("impl") {
            let (_, of) = item.split_once(" for ").unwrap_or_default();
            let name = of.split(" where ").next().unwrap_or_default();
            implementor = (!name.is_empty()).then(|| format!(" {name}::"));
        } else if implementor.as_ref().is_some_and(|name| item.contains(name)) {
            continue;
        }
        let unnamed = [" session_runtime::guide", "::__private", "::StructuralPartialEq"];
        if !unnamed.iter().any(|part| item.contains(part)) && seen.insert(item.clone()) {
            listed.push(item);
        }
    }
    listed
}

/// The lines that only the first list has.
fn only<'a>(of: &[&'a str], other: &[&str]) -> Vec<&'a str> {
    of.iter().filter(|line| !other.contains(line)).copied().collect()
}

#[test]
fn the_list_of_what_is_public_is_true() {
    let public = public();
    assert!(public.len() > 100, "{public:?}");
    if env::var_os("RECORD_API").is_some() {
        let text: String = public.iter().flat_map(|line| [line, "\n"]).collect();
        fs::write(root().join(LIST), text).expect("the list can be written");
        return;
    }
    let recorded = fs::read_to_string(root().join(LIST)).unwrap_or_default();
    let recorded: Vec<&str> = recorded.lines().collect();
    let public: Vec<&str> = public.iter().map(String::as_str).collect();
    assert!(
        recorded == public,
        "what is public has changed; if that is meant, `{RECORD}`.\nNew:\n  {}\nGone:\n  {}",
        only(&public, &recorded).join("\n  "),
        only(&recorded, &public).join("\n  "),
    );
}

#[test]
fn the_list_has_each_line_once_and_nothing_that_follows_or_cannot_be_named() {
    let items = [
        "pub mod session_runtime",
        "pub mod session_runtime::guide",
        "pub struct session_runtime::Key",
        "impl session_runtime::Key",
        "pub fn session_runtime::Key::generate() -> Self",
        "impl<T> core::fmt::Debug for session_runtime::Key",
        "pub fn session_runtime::Key::fmt(&self)",
        "impl core::marker::StructuralPartialEq for session_runtime::Key",
        "pub trait session_runtime::Store",
        "impl<T> session_runtime::Store for alloc::sync::Arc<T> where T: Send",
        "pub fn alloc::sync::Arc<T>::load(&self)",
        "pub fn session_runtime::open()",
        "impl<T> core::fmt::Debug for session_runtime::Key",
        "pub use session_runtime::__private0",
    ];
    let kept = [0, 2, 3, 4, 5, 8, 9, 11].map(|position| items[position]);
    assert_eq!(listed(items.map(str::to_owned).into_iter()), kept);
}
