//! Input that nobody would write, or that is half written: the macro never panics, and what it can
//! understand is still generated.

use super::tokens;
use crate::expand::expand;

fn output(input: &str) -> String {
    let output = expand(tokens(input)).to_string();
    assert!(!output.contains("bug in session-derive"), "{input}: {output}");
    output
}

#[test]
fn half_typed_attributes_keep_the_accessors() {
    for attribute in
        ["defa", "default =", "idle", "=", ",", ", ,", "a b c", "1", "::x", "copy, , keep", "(a)"]
    {
        let output = output(&format!("struct Shop {{ #[session({attribute})] cart: Vec<Item> }}"));
        assert!(output.contains("set_cart"), "{attribute}");
        assert!(output.contains("compile_error"), "{attribute}");
    }
}

#[test]
fn other_items() {
    for item in [
        "enum E {}",
        "union U { a: u8 }",
        "struct S;",
        "struct S();",
        "struct S {}",
        "fn f() {}",
        "",
    ] {
        assert!(output(item).contains("compile_error"), "{item}");
    }
}

#[test]
fn default_field_values_are_refused() {
    assert!(output("struct S { a: u8 = 1 }").contains("default field values"));
}

#[test]
fn random_attributes_never_panic() {
    let words = [
        "idle",
        "name",
        "counter",
        "set",
        "flash",
        "default",
        "crate",
        "alias",
        "rename",
        "group",
        "merge",
        "=",
        "=",
        ",",
        ",",
        "\"30m\"",
        "\"\"",
        "\"a:b\"",
        "\"max\"",
        "1",
        "::",
        "<",
        ">",
        "(a, b)",
        "[]",
        "{}",
        "true",
        "-",
        "self",
        "'a",
        "b\"x\"",
        "r#type",
        "principal",
        "extract",
        "\"X\"",
        "skip",
        "copy",
        "getter",
    ];
    // A small generator of its own, so that every run is the same.
    let mut seed = 42_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap_or(0) % below
    };
    for _ in 0..3000 {
        let mut attribute =
            || (0..next(9)).map(|_| words[next(words.len())]).collect::<Vec<_>>().join(" ");
        let (outer, inner) = (attribute(), attribute());
        let types =
            ["u8", "Option<u8>", "Vec<u8>", "BTreeSet<u8>", "&'a str", "[u8; 2]", "(u8,)", "Self"];
        let ty = types[next(types.len())];
        output(&format!("#[session({outer})] struct S {{ #[session({inner})] a: {ty}, b: u8 }}"));
    }
}

#[test]
fn a_panic_is_called_a_bug() {
    let report = crate::expand::guarded(|| panic!("oops")).to_string();
    assert!(report.contains("bug in session-derive, please report: oops"), "{report}");
}
