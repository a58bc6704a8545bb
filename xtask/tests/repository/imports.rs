//! That imports run one way inside a crate: a module whose imports lead back to it cannot be read,
//! tested or changed on its own. Reads the paths that begin with `crate::` from the text of the
//! sources, without the tests; top-level modules are the nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{is_test, read, relative, root, rust_files};

/// Which module imports which, and a place where it does.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn the_library_imports_one_way() {
    imports_one_way("session-runtime/src");
}

#[test]
fn the_derive_imports_one_way() {
    imports_one_way("session-derive/src");
}

fn imports_one_way(directory: &str) {
    let graph = graph(directory);
    let circular: Vec<String> = circular(&graph)
        .into_iter()
        .map(|(from, to)| format!("  {from} -> {to}  ({})", graph[from][to]))
        .collect();
    assert!(
        circular.is_empty(),
        "modules of {directory} import in circles, through these paths:\n{}",
        circular.join("\n")
    );
}

fn graph(directory: &str) -> Graph {
    let base = root().join(directory);
    let files: Vec<(String, String)> = rust_files(&base)
        .iter()
        .map(|file| (module(&base, file), relative(file)))
        .filter(|(_, path)| !is_test(path))
        .collect();
    let modules: BTreeSet<&str> = files.iter().map(|(module, _)| module.as_str()).collect();
    let exports = exports(&program(&read(&format!("{directory}/lib.rs"))));
    let mut graph = Graph::new();
    for (module, path) in files.iter().filter(|(module, _)| module != "lib") {
        for (line, text) in program(&read(path)).lines().enumerate() {
            for name in imported(text) {
                let target = exports.get(name).map_or(name, String::as_str);
                if target != module && modules.contains(target) {
                    let place = format!("{path}:{}", line + 1);
                    graph
                        .entry(module.clone())
                        .or_default()
                        .entry(target.to_owned())
                        .or_insert(place);
                }
            }
        }
    }
    graph
}

/// The top-level module that a file belongs to.
fn module(base: &Path, file: &Path) -> String {
    let below = file.strip_prefix(base).expect("found under it");
    let first = below.iter().next().expect("a file has a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// A source without comments and unit tests, each `crate::{…}` on one line; other lines stay where
/// they are.
fn program(source: &str) -> String {
    let source = source.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut program = String::new();
    let mut depth = 0_usize;
    let mut owed = 0;
    for line in source.lines() {
        let code = line.split("//").next().unwrap_or_default();
        if depth > 0 || code.contains("crate::{") {
            depth += code.matches('{').count();
            depth = depth.saturating_sub(code.matches('}').count());
        }
        program.push_str(code.trim());
        if depth > 0 {
            owed += 1;
        } else {
            program.push_str(&"\n".repeat(1 + std::mem::take(&mut owed)));
        }
    }
    program
}

/// What the crate's root re-exports, and from which module.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in lib.split(';') {
        let path = statement.trim().split_once("pub use ").map_or("", |(_, path)| path);
        let path = path.trim_start_matches("crate::").trim_start_matches("self::");
        let Some((module, names)) = path.split_once("::") else { continue };
        for name in names.split(|letter: char| !letter.is_alphanumeric() && letter != '_') {
            if !name.is_empty() {
                exports.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    exports
}

/// The names directly below `crate::` in a line, those of a group included.
fn imported(line: &str) -> Vec<&str> {
    line.match_indices("crate::")
        .flat_map(|(position, prefix)| {
            let rest = &line[position + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => heads(group),
                None => vec![head(rest)],
            }
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn head(path: &str) -> &str {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    &path[..path.find(|letter| !is_name(letter)).unwrap_or(path.len())]
}

/// The heads of the paths of a group, whose opening brace is gone.
fn heads(group: &str) -> Vec<&str> {
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (position, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                heads.push(head(group[start..position].trim_start()));
                start = position + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads
}

/// The imports that are part of a circle: those whose target leads back to where they stand.
fn circular(graph: &Graph) -> Vec<(&str, &str)> {
    let edges = graph
        .iter()
        .flat_map(|(from, targets)| targets.keys().map(move |to| (from.as_str(), to.as_str())));
    edges.filter(|(from, to)| reaches(graph, to, from)).collect()
}

fn reaches(graph: &Graph, from: &str, to: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(here) = next.pop() {
        if here == to {
            return true;
        }
        if seen.insert(here) {
            next.extend(graph.get(here).into_iter().flat_map(BTreeMap::keys).map(String::as_str));
        }
    }
    false
}

#[test]
fn imports_are_read_from_the_text() {
    let source = "\
use std::fmt;
use crate::{
    cell::{Codec, value::Json},
    clock::Timestamp, // crate::comment
    Error,
};
fn at() { crate::store::Key::new() }
#[cfg(test)]
mod tests { use crate::testing; }";
    let program = program(source);
    let found: Vec<_> = program.lines().map(imported).collect();
    assert_eq!(found[1], ["cell", "clock", "Error"]);
    assert_eq!(found[6], ["store"], "line numbers hold: {program}");
    assert_eq!(found.concat().len(), 4);
}

#[test]
fn the_roots_exports_lead_to_their_modules() {
    let lib = "mod error;\npub use error::{Error, Saved};\npub use self::layer::Layer;\n";
    let exports = exports(lib);
    let of = |name: &str| exports.get(name).map(String::as_str);
    assert_eq!(
        (of("Error"), of("Saved"), of("Layer")),
        (Some("error"), Some("error"), Some("layer"))
    );
}

#[test]
fn a_circle_is_found_wherever_it_hangs() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).into()).or_default().insert((*to).into(), String::new());
        }
        graph
    };
    let none = graph(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]);
    assert!(circular(&none).is_empty());
    let one = graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("c", "e")]);
    assert_eq!(circular(&one), [("b", "c"), ("c", "d"), ("d", "b")]);
}
