//! That the documents' links lead somewhere, wherever a document is read: the repository's host shows
//! all of them, docs.rs also those that are part of the crate's documentation. How Markdown is read
//! is `markdown`'s business. No link to another site is followed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::{files, markdown, read, relative, root};

/// Where docs.rs has the newest release.
const DOCS: &str = "https://docs.rs/session-runtime/latest/session_runtime/";

/// The page that a module of the guide shows, by the module's path: `guide/stores`.
fn guide() -> BTreeMap<String, String> {
    let file = syn::parse_file(&read("session-runtime/src/guide.rs")).expect("it compiles");
    let mut pages = BTreeMap::new();
    collect(&file.items, "guide", &mut pages);
    pages
}

fn collect(items: &[syn::Item], parent: &str, pages: &mut BTreeMap<String, String>) {
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        let path = format!("{parent}/{}", module.ident);
        if let Some((_, items)) = &module.content {
            collect(items, &path, pages);
        }
        let page = module.attrs.iter().find_map(|attribute| {
            let syn::Expr::Macro(included) = &attribute.meta.require_name_value().ok()?.value
            else {
                return None;
            };
            included.mac.parse_body::<syn::LitStr>().ok()
        });
        let page = page.unwrap_or_else(|| panic!("{path} shows no page")).value();
        pages.insert(path, page.trim_start_matches("../").to_owned());
    }
}

/// The documents that docs.rs shows.
fn rendered() -> BTreeSet<String> {
    guide().into_values().chain(["README.md".to_owned()]).collect()
}

/// The workspace's `repository`.
fn repository() -> String {
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find_map(|line| line.strip_prefix("repository = "));
    line.expect("the workspace has a repository").trim_matches('"').to_owned()
}

/// Why a link of a document leads nowhere; nothing if it leads somewhere, or to another site.
fn fault(document: &str, target: &str) -> Option<String> {
    let (address, anchor) = target.split_once('#').unwrap_or((target, ""));
    let page = if address.is_empty() {
        document.to_owned()
    } else if let Some(path) = address.strip_prefix(&repository()) {
        let path = path.strip_prefix("/blob/main/").or_else(|| path.strip_prefix("/raw/main/"));
        match path {
            Some(path) if root().join(path).is_file() => path.to_owned(),
            Some(path) => return Some(format!("there is no file {path}")),
            None => return Some("say `/blob/main/…` or `/raw/main/…`".to_owned()),
        }
    } else if let Some(path) = address.strip_prefix(DOCS) {
        match path.strip_suffix("/index.html") {
            Some("guide") => "session-runtime/src/guide.rs".to_owned(),
            Some(module) => match guide().remove(module) {
                Some(page) => page,
                None => return Some(format!("the guide has no module {module}")),
            },
            None => return undocumented(path),
        }
    } else if address.starts_with("https://docs.rs/session-") {
        return Some(format!("our documentation is at {DOCS}"));
    } else if address.contains("/session-runtime/") && address.contains("://") {
        return Some(format!("the repository is {}, as Cargo.toml says", repository()));
    } else if address.contains("://") {
        return None;
    } else if rendered().contains(document) {
        return Some("docs.rs has no files beside the page: say the whole address".to_owned());
    } else {
        let folder = Path::new(document).parent().expect("a file is in a folder");
        let path = folder.join(address);
        if !root().join(&path).exists() {
            return Some(format!("there is no {}", path.display()));
        }
        path.to_string_lossy().into_owned()
    };
    let is_there = anchor.is_empty() || markdown::anchors(&read(&page)).contains(anchor);
    (!is_there).then(|| format!("{page} has no heading #{anchor}"))
}

/// Why docs.rs has no page of this path, such as `store/struct.RedisStore.html`.
fn undocumented(path: &str) -> Option<String> {
    let (modules, file) = path.rsplit_once('/').unwrap_or(("", path));
    let Some((kind, name)) = file.strip_suffix(".html").and_then(|file| file.split_once('.'))
    else {
        return Some("say `guide/…/index.html`, or an item's page".to_owned());
    };
    let modules = modules.split('/').filter(|module| !module.is_empty());
    let path: Vec<&str> = ["session_runtime"].into_iter().chain(modules).chain([name]).collect();
    let item = format!("{kind} {}", path.join("::"));
    let list = read("session-runtime/public-api.txt");
    let ends =
        |rest: &str| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let mut items = list.lines().filter_map(|line| line.split_once(&item));
    (!items.any(|(_, rest)| ends(rest))).then(|| format!("there is no {item}"))
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let documents = files(root(), "md");
    assert!(documents.len() > 16, "{documents:?}");
    let mut faults = Vec::new();
    for path in documents {
        let document = relative(&path);
        let text = fs::read_to_string(&path).expect("it is there");
        let links = markdown::links(&text);
        faults.extend(links.iter().filter_map(|target| {
            fault(&document, target).map(|fault| format!("{document}: {target}: {fault}"))
        }));
        let undefined = markdown::undefined(&text);
        faults.extend(undefined.iter().map(|label| format!("{document}: [{label}] is undefined")));
    }
    assert!(faults.is_empty(), "links that lead nowhere:\n{}", faults.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    let repository = repository();
    let cases = [
        ("README.md", "docs/stores.md", "whole address"),
        ("docs/stores.md", "performance.md", "whole address"),
        ("docs/stores.md", "#which-two", "no heading"),
        ("CONTRIBUTING.md", "docs/no-such-page.md", "there is no"),
        ("README.md", &format!("{repository}/blob/main/NO.md"), "no file"),
        ("README.md", &format!("{repository}/tree/main/docs"), "say"),
        ("README.md", &format!("{DOCS}guide/no_such_page/index.html"), "no module"),
        ("README.md", &format!("{DOCS}guide/stores/index.html#which-two"), "no heading"),
        ("README.md", &format!("{DOCS}struct.NoSuchType.html"), "no struct"),
        ("README.md", &format!("{DOCS}store/struct.Redis.html"), "no struct"),
        ("README.md", "https://docs.rs/session-runtime/0.1.0/session_runtime/", "is at"),
        (
            "README.md",
            "https://host.example/another/session-runtime/blob/main/DESIGN.md",
            "as Cargo",
        ),
    ];
    for (document, target, expected) in cases {
        let fault = fault(document, target).unwrap_or_default();
        assert!(fault.contains(expected), "{document}: {target}: {fault:?}");
    }
    for (document, target) in [
        ("README.md", format!("{DOCS}guide/stores/index.html#which-one")),
        ("README.md", format!("{DOCS}store/struct.RedisStore.html")),
        ("README.md", format!("{repository}/raw/main/docs/performance.svg")),
        ("CONTRIBUTING.md", "docs/performance.md".to_owned()),
        ("docs/stores.md", "#which-one".to_owned()),
        ("docs/stores.md", "https://keepachangelog.com/".to_owned()),
    ] {
        assert_eq!(fault(document, &target), None, "{document}: {target}");
    }
}

#[test]
fn every_page_of_docs_is_in_the_guide() {
    let written: BTreeSet<String> =
        files(&root().join("docs"), "md").iter().map(|path| relative(path)).collect();
    let shown: BTreeSet<String> = guide().into_values().collect();
    assert_eq!(shown, written, "session-runtime/src/guide.rs shows the pages on the left");
}
