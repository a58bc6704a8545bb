//! That imports run one way inside a crate: a file whose imports lead back to the file cannot be
//! read, tested or changed on its own. Reads every path of the sources, `super::` and `self::`
//! included, without the tests. A `mod.rs` and the files below it may import each other; any other
//! two entries of one folder may not, directly or through others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Ident, Item, UseTree,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use crate::{is_test, read, relative, root, rust_files};

/// The segments of a path, or of a module's name from the crate's root.
type Segments = Vec<String>;
/// Which entry of a folder imports which, and a place where it does.
type Graph = BTreeMap<String, BTreeMap<String, String>>;
/// The entries of each folder.
type Graphs = BTreeMap<Segments, Graph>;

#[test]
fn the_library_imports_one_way() {
    imports_one_way("session-runtime/src");
}

#[test]
fn the_derive_imports_one_way() {
    imports_one_way("session-derive/src");
}

/// The table of folders in DESIGN.md is the order in which a request passes them.
#[test]
fn the_librarys_folders_import_only_from_those_below() {
    let design = read("DESIGN.md");
    let (_, table) = design.split_once("| folder | owns |").expect("DESIGN.md has the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let order: Vec<String> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap_or_default().split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    let library = Crate::read("session-runtime/src");
    let named: BTreeSet<&String> = order.iter().collect();
    let there = library.entries();
    assert_eq!(named, there.iter().collect(), "the table in DESIGN.md names the entries of `src`");
    let place = |name: &str| order.iter().position(|other| other == name);
    let mut upwards = Vec::new();
    for (from, targets) in library.graphs().remove(&Vec::new()).unwrap_or_default() {
        for (to, where_) in targets {
            if place(&from) >= place(&to) {
                upwards.push(format!("  {from} -> {to}  ({where_})"));
            }
        }
    }
    assert!(upwards.is_empty(), "against the table in DESIGN.md:\n{}", upwards.join("\n"));
}

fn imports_one_way(directory: &str) {
    let problems = Crate::read(directory).circles();
    assert!(
        problems.is_empty(),
        "{directory} imports in circles, through these paths:\n{}",
        problems.join("\n")
    );
}

/// The sources of a crate.
#[derive(Default)]
struct Crate {
    files: BTreeMap<Segments, Source>,
}

/// What one file says.
#[derive(Default)]
struct Source {
    path: String,
    /// The names that the file defines.
    items: BTreeSet<String>,
    /// The names that the file imports, and the paths that they stand for.
    names: BTreeMap<String, Segments>,
    /// The paths whose every name the file imports.
    globs: Vec<Segments>,
    /// Every path, with its line. A path is absolute, or begins with a name of the file.
    paths: Vec<(Segments, usize)>,
}

impl Crate {
    fn read(directory: &str) -> Self {
        let base = root().join(directory);
        let mut all = Self::default();
        for file in rust_files(&base) {
            let path = relative(&file);
            if !is_test(&path) {
                let below = file.strip_prefix(&base).expect("found below it");
                all.add(module(below), &path, &read(&path));
            }
        }
        all
    }

    fn add(&mut self, module: Segments, path: &str, text: &str) {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let source = Source { path: path.to_owned(), ..Source::default() };
        let mut reader = Reader { module: module.clone(), depth: module.len(), source };
        reader.visit_file(&file);
        self.files.insert(module, reader.source);
    }

    /// The names directly below the root.
    fn entries(&self) -> BTreeSet<String> {
        self.files.keys().filter_map(|module| module.first().cloned()).collect()
    }

    /// The imports that are part of a circle, as lines to print.
    fn circles(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (folder, graph) in self.graphs() {
            for (from, to) in circular(&graph) {
                let place = &graph[from][to];
                lines.push(format!("  in `{}`: {from} -> {to}  ({place})", folder.join("::")));
            }
        }
        lines
    }

    /// Every import between two files of which neither is above the other, noted where their ways
    /// from the root part.
    fn graphs(&self) -> Graphs {
        let mut graphs = Graphs::new();
        for (from, source) in &self.files {
            for (path, line) in &source.paths {
                let Some(to) = self.file_of(from, path, 0) else { continue };
                let common = from.iter().zip(&to).take_while(|(here, there)| here == there).count();
                if let (Some(here), Some(there)) = (from.get(common), to.get(common)) {
                    graphs
                        .entry(from[..common].to_vec())
                        .or_default()
                        .entry(here.clone())
                        .or_default()
                        .entry(there.clone())
                        .or_insert_with(|| format!("{}:{line}", source.path));
                }
            }
        }
        graphs
    }

    /// The file that defines what a path in `from` leads to; none for other crates.
    fn file_of(&self, from: &[String], path: &[String], hops: usize) -> Option<Segments> {
        // Two files that import all of each other would go on for ever.
        if hops > 20 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        if first == "crate" {
            return self.below(&[], rest, hops);
        }
        let source = self.files.get(from)?;
        let known = self.child(from, first).is_some()
            || source.names.contains_key(first)
            || source.items.contains(first);
        if known || !source.globs.is_empty() { self.below(from, path, hops) } else { None }
    }

    /// The file that defines what `path` names in the module `at`.
    fn below(&self, at: &[String], path: &[String], hops: usize) -> Option<Segments> {
        let Some((first, rest)) = path.split_first() else { return Some(at.to_vec()) };
        let source = self.files.get(at)?;
        if let Some(child) = self.child(at, first) {
            return self.below(&child, rest, hops);
        }
        if source.items.contains(first) {
            return Some(at.to_vec());
        }
        if let Some(target) = source.names.get(first) {
            let target: Segments = target.iter().chain(rest).cloned().collect();
            // `use x::x` would stand for itself.
            return if target.first() == Some(first) {
                None
            } else {
                self.file_of(at, &target, hops + 1)
            };
        }
        let through_glob = source.globs.iter().find_map(|glob| {
            let target: Segments = glob.iter().chain(path).cloned().collect();
            self.file_of(at, &target, hops + 1)
        });
        // A name that a macro makes, or a method of a type, is where the path has led so far.
        through_glob.or_else(|| Some(at.to_vec()))
    }

    fn child(&self, at: &[String], name: &str) -> Option<Segments> {
        let child: Segments = at.iter().cloned().chain([name.to_owned()]).collect();
        self.files.contains_key(&child).then_some(child)
    }
}

/// The module of a file, by its path from `src`.
fn module(below: &Path) -> Segments {
    let path = below.with_extension("");
    let mut module: Segments =
        path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || (module.len() == 1 && last == "lib")) {
        module.pop();
    }
    module
}

/// Collects what a file says.
struct Reader {
    /// Where the reader is: the file's module, and the modules inside of the file.
    module: Segments,
    /// How many segments of `module` are the file's.
    depth: usize,
    source: Source,
}

impl Reader {
    /// A path from the root where it begins with `crate`, `self` or `super`; other paths stay.
    fn absolute(&self, path: &[String]) -> Segments {
        let mut module = self.module.clone();
        let mut rest = path;
        loop {
            match rest.first().map(String::as_str) {
                Some("self") => {}
                Some("super") => drop(module.pop()),
                _ if rest.len() == path.len() => return path.to_vec(),
                _ => break,
            }
            rest = &rest[1..];
        }
        ["crate".to_owned()].into_iter().chain(module).chain(rest.iter().cloned()).collect()
    }

    fn note(&mut self, path: &[String], line: usize) {
        let path = self.absolute(path);
        self.source.paths.push((path, line));
    }

    fn note_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &Ident| -> Segments {
            before.iter().cloned().chain([name.to_string()]).collect()
        };
        match tree {
            UseTree::Path(path) => self.note_use(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.note_use(tree, before));
            }
            UseTree::Glob(glob) => {
                self.note(before, glob.span().start().line);
                if self.module.len() == self.depth {
                    let path = self.absolute(before);
                    self.source.globs.push(path);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                let last = before.last().cloned().unwrap_or_default();
                self.note_name(before, last, name.span().start().line);
            }
            UseTree::Name(name) => {
                let line = name.span().start().line;
                self.note_name(&with(&name.ident), name.ident.to_string(), line);
            }
            UseTree::Rename(rename) => {
                let line = rename.span().start().line;
                let itself = rename.ident == "self";
                let path = if itself { before.to_vec() } else { with(&rename.ident) };
                self.note_name(&path, rename.rename.to_string(), line);
            }
        }
    }

    fn note_name(&mut self, path: &[String], name: String, line: usize) {
        self.note(path, line);
        if self.module.len() == self.depth {
            let path = self.absolute(path);
            self.source.names.insert(name, path);
        }
    }

    /// The paths in the arguments of a macro, which are not parsed.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path = Segments::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.note_local(&path, line);
                        path.clear();
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.note_local(&path, line);
                    path.clear();
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.note_tokens(group.stream());
                    }
                }
            }
        }
        self.note_local(&path, line);
    }

    fn note_local(&mut self, path: &[String], line: usize) {
        if path.len() > 1 {
            self.note(path, line);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        if let (Some(name), true) = (name(item), self.module.len() == self.depth) {
            self.source.items.insert(name.to_string());
        }
        match item {
            Item::Use(it) => self.note_use(&it.tree, &[]),
            Item::Mod(it) if it.content.is_some() => {
                self.module.push(it.ident.to_string());
                visit::visit_item_mod(self, it);
                self.module.pop();
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Segments =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let begins_inside = matches!(segments[0].as_str(), "crate" | "self" | "super");
        if path.leading_colon.is_none() && (segments.len() > 1 || !begins_inside) {
            self.note(&segments, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, it: &'ast syn::Macro) {
        self.note_tokens(it.tokens.clone());
        visit::visit_macro(self, it);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Ident>().is_ok_and(|what| what == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(it) => Some(&it.ident),
        Item::Enum(it) => Some(&it.ident),
        Item::Fn(it) => Some(&it.sig.ident),
        Item::Macro(it) => it.ident.as_ref(),
        Item::Static(it) => Some(&it.ident),
        Item::Struct(it) => Some(&it.ident),
        Item::Trait(it) => Some(&it.ident),
        Item::Type(it) => Some(&it.ident),
        Item::Union(it) => Some(&it.ident),
        Item::Mod(it) if it.content.is_some() => Some(&it.ident),
        _ => None,
    }
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

/// A crate of these files; the path is that below `src`.
fn planted(files: &[(&str, &str)]) -> Crate {
    let mut all = Crate::default();
    for (path, text) in files {
        all.add(module(Path::new(path)), path, text);
    }
    all
}

#[test]
fn a_circle_is_found_however_its_imports_are_written() {
    let others: &[(&str, &str)] = &[
        ("lib.rs", "mod top; mod store; pub use store::Key;"),
        ("top.rs", "use crate::store::Key;"),
        ("store/mod.rs", "mod a; mod b; pub struct Key; pub use self::b::Back;"),
        ("store/a.rs", "use super::b; pub fn go() { b::run() }"),
    ];
    let circles = |text: &str| {
        let files: Vec<_> = others.iter().copied().chain([("store/b.rs", text)]).collect();
        planted(&files).circles()
    };
    assert_eq!(circles("use super::Key; use std::fmt; use b::other; pub fn run() {}").len(), 0);
    for back in [
        "use super::a::go; pub fn run() {}",
        "use super::{Key, a}; pub fn run() {}",
        "use crate::store::{Key, a::{self as other}}; pub fn run() {}",
        "pub fn run() { super::a::go() }",
        "pub fn run() { let go = super::super::store::a::go; }",
        "mod inner { use super::super::a::go; } pub fn run() {}",
        "pub fn run() { assert!(matches!(1, 1 if super::a::go())) }",
    ] {
        let found = circles(back);
        assert_eq!(found.len(), 2, "{back}: {found:?}");
        assert!(found[1].starts_with("  in `store`: b -> a  (store/b.rs:1)"), "{found:?}");
    }
    let upwards = circles("use crate::top::x; pub fn run() {}");
    assert_eq!(upwards.len(), 2, "{upwards:?}");
    assert!(upwards[0].contains("in ``: store -> top  (store/b.rs:1)"), "{upwards:?}");
    assert_eq!(circles("#[cfg(test)] mod tests { use super::super::a::go; }").len(), 0);
}

#[test]
fn a_name_leads_to_the_file_that_defines_it() {
    let through_the_parent = planted(&[
        ("lib.rs", "mod store;"),
        ("store/mod.rs", "mod a; mod b; pub use self::b::*;"),
        ("store/a.rs", "use super::Back; pub struct Forth;"),
        ("store/b.rs", "use super::a::Forth; pub struct Back;"),
    ]);
    assert_eq!(through_the_parent.circles().len(), 2);
    let through_the_root = planted(&[
        ("lib.rs", "mod a; mod b; pub use b::Back;"),
        ("a.rs", "use crate::Back; pub struct Forth;"),
        ("b.rs", "use crate::a::Forth; pub struct Back;"),
    ]);
    assert_eq!(through_the_root.circles().len(), 2);
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
