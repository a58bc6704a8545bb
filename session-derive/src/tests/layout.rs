//! How the crate itself is laid out: imports run one way, files stay short and say what they own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each module, with those it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("suggest", &[]),
    ("names", &[]),
    ("paths", &[]),
    ("shape", &[]),
    ("attr", &["diag", "paths", "suggest"]),
    ("model", &["names", "paths", "shape"]),
    ("lower", &["attr", "diag", "model", "names", "paths", "shape"]),
    ("check", &["attr", "diag", "lower", "model", "names", "shape"]),
    ("emit", &["model", "names", "shape"]),
    ("expand", &["check", "diag", "emit", "lower"]),
    ("principal", &["diag", "paths"]),
    ("lib", &["expand", "principal"]),
];

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{error}")) {
        let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

#[test]
fn imports_run_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}"));
        let shown = file.display();
        assert!(text.starts_with("//! "), "{shown} says what it owns");
        assert!(text.lines().count() < 400, "{shown} is short");
        let relative = file.strip_prefix(&root).unwrap_or(&file).with_extension("");
        let first = relative.components().next().map(|part| part.as_os_str().to_owned());
        let module = first.unwrap_or_default().into_string().unwrap_or_default();
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("`{module}` is not in the list"));
        // `use crate::{a::…, b}` and `crate::a::…` alike, whitespace aside.
        let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut used = BTreeSet::new();
        for after in flat.split("crate::").skip(1) {
            let list = after.strip_prefix('{').and_then(|list| list.split_once("};"));
            let mut depth = 0;
            let mut start = true;
            for word in list
                .map_or(after.split(':').next().unwrap_or_default(), |list| list.0)
                .split_inclusive(['{', '}', ','])
            {
                let name: String =
                    word.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if start && depth == 0 && !name.is_empty() {
                    used.insert(name);
                }
                match word.chars().last() {
                    Some('{') => (depth, start) = (depth + 1, true),
                    Some('}') => (depth, start) = (depth - 1, false),
                    _ => start = true,
                }
            }
        }
        for name in used {
            let known = MAY_USE.iter().any(|(module, _)| *module == name);
            let fine = !known || name == module || allowed.contains(&name.as_str());
            assert!(fine, "{shown} uses `{name}`");
        }
    }
}
