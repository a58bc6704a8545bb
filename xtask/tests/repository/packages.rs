//! That the packages which a registry gets are complete: what their code includes, what a reader looks
//! for, and what the licences ask for. Whether a package builds is up to `cargo package`.

use std::{collections::BTreeSet, fs, path::Component};

use crate::{dependencies::cargo, is_test, relative, root, rust_files};

/// The files that a package has, by their path in it.
fn packed(package: &str) -> BTreeSet<String> {
    let list = cargo(&["package", "-p", package, "--list", "--allow-dirty", "--offline"]);
    list.lines().map(str::to_owned).collect()
}

/// The path of a file that a source includes, from the package's root; nothing if it is outside.
fn included(source: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = source.split('/').collect();
    parts.pop();
    for component in std::path::Path::new(path).components() {
        match component {
            Component::ParentDir => drop(parts.pop()?),
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => {}
        }
    }
    Some(parts.join("/"))
}

#[test]
fn a_package_has_what_its_code_includes() {
    for package in ["session-runtime", "session-derive"] {
        let packed = packed(package);
        let mut found = 0;
        for file in rust_files(&root().join(package)) {
            let path = relative(&file);
            let source = path.strip_prefix(&format!("{package}/")).expect("it is below");
            if is_test(&path) {
                continue;
            }
            let text = fs::read_to_string(&file).expect("it is there");
            for rest in text.split("include_str!(\"").skip(1) {
                let target = rest.split('"').next().unwrap_or_default();
                let included = included(source, target).unwrap_or_default();
                assert!(
                    packed.contains(&included),
                    "{path} includes {target}, which is not packed"
                );
                found += 1;
            }
        }
        assert!(package != "session-runtime" || found > 10, "the README and the guide's pages");
    }
}

#[test]
fn a_package_has_its_licences_and_no_records_of_ours() {
    for (package, root) in [
        ("session-runtime", "src/lib.rs"),
        ("session-derive", "src/lib.rs"),
        ("session-cli", "src/main.rs"),
    ] {
        let packed = packed(package);
        for file in ["LICENSE-APACHE", "LICENSE-MIT", "Cargo.toml", root] {
            assert!(packed.contains(file), "{package} has no {file}");
        }
        assert!(!packed.contains("public-api.txt"), "{package}: it is for this repository");
    }
    for package in ["session-runtime", "session-cli"] {
        assert!(packed(package).contains("README.md"), "{package}");
    }
}

#[test]
fn a_path_of_an_included_file_is_one_from_the_package() {
    assert_eq!(included("src/lib.rs", "../README.md").as_deref(), Some("README.md"));
    assert_eq!(included("src/a/b.rs", "c.lua").as_deref(), Some("src/a/c.lua"));
    assert_eq!(included("src/lib.rs", "../../README.md"), None);
}
