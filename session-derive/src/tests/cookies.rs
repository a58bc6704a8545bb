//! The cookies that compile are those that a browser keeps. The list of what a browser keeps is
//! recorded by a test that asks one.

use super::tokens;
use crate::expand::expand;

const KEPT: &str = include_str!("../../../tests/golden/cookies.txt");

#[test]
fn what_compiles_is_what_a_browser_keeps() {
    for line in KEPT.lines() {
        let (is_kept, attributes) = line.split_once(' ').unwrap_or_default();
        let item = format!("#[session({attributes})] struct Shop {{ cart: Vec<u8> }}");
        let compiles = !expand(tokens(&item)).to_string().contains("compile_error");
        assert_eq!(compiles.to_string(), is_kept, "{attributes}");
    }
    assert_eq!(KEPT.lines().count(), 480);
}
