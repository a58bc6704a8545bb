//! The table of the parameters of URLs in the guide, compared with what the stores read.

use std::collections::BTreeSet;

use crate::store::{mongo, redis, sql};

const GUIDE: &str = include_str!("../../../docs/stores.md");

/// Returns the parameters that the guide has for a scheme.
fn documented(scheme: &str) -> BTreeSet<&'static str> {
    let (_, section) = GUIDE.split_once("## What a URL can say").expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let mut names = BTreeSet::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        if cells[1].split(' ').any(|it| it == format!("`{scheme}:`")) {
            for name in cells[2].split(", ") {
                let name = name.trim_matches('`');
                assert!(names.insert(name), "{scheme}: `{name}` is there twice");
            }
        }
    }
    names
}

#[test]
fn the_guide_has_the_parameters_that_the_stores_read_and_no_others() {
    for (scheme, lists) in [
        ("postgres", [sql::url::OURS, sql::url::POSTGRES]),
        ("mysql", [sql::url::OURS, sql::url::MYSQL]),
        ("sqlite", [sql::url::OURS, sql::url::SQLITE]),
        ("redis", [redis::url::PARAMETERS, &[]]),
        ("mongodb", [mongo::url::OURS, mongo::url::DRIVERS]),
    ] {
        let read: BTreeSet<_> = lists.concat().into_iter().collect();
        assert_eq!(documented(scheme), read, "{scheme}");
    }
}
