//! The names that accessors cannot have are those of the handle's methods, as its sources have them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::check::reserved::{LATER, METHODS, OF_TRAITS};

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{error}")) {
        let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// The public methods of what dereferences to the accessors.
fn methods() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../session-runtime/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut all = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}"));
        let parsed = syn::parse_file(&text);
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for item in parsed.items {
            let syn::Item::Impl(item) = item else { continue };
            let syn::Type::Path(ty) = &*item.self_ty else { continue };
            let handle = ty.path.segments.last();
            let handle = handle.is_some_and(|it| it.ident == "Session" || it.ident == "Detached");
            if item.trait_.is_some() || !handle {
                continue;
            }
            all.extend(item.items.into_iter().filter_map(|item| {
                let syn::ImplItem::Fn(method) = item else { return None };
                let public = matches!(method.vis, syn::Visibility::Public(_));
                let on_self = method.sig.receiver().is_some();
                (public && on_self).then(|| method.sig.ident.to_string())
            }));
        }
    }
    all
}

#[test]
fn reserved_names_are_the_methods_of_the_handle() {
    let methods = methods();
    let listed: BTreeSet<_> = METHODS.iter().map(|&name| name.to_owned()).collect();
    let missing: Vec<_> = methods.difference(&listed).collect();
    assert!(missing.is_empty(), "add these methods of the handle to `METHODS`: {missing:?}");
    let gone: Vec<_> = listed.difference(&methods).collect();
    assert!(gone.is_empty(), "these are no methods, take them out of `METHODS`: {gone:?}");
    assert!(METHODS.is_sorted());
}

#[test]
fn names_reserved_for_later_are_no_methods_yet() {
    let methods = methods();
    for (name, purpose) in LATER {
        assert!(!methods.contains(*name), "`{name}` is there: move it to `METHODS`");
        assert!(!OF_TRAITS.contains(name), "`{name}` is reserved already");
        assert!(!purpose.is_empty(), "`{name}` says what it is for");
    }
    assert!(LATER.is_sorted());
}
