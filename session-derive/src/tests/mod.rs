//! Tests of the whole macro, run on token streams: recorded expansions, where names point to, odd
//! input, the size of what is generated, the reserved names, and the docs.

mod cookies;
mod docs;
mod layout;
mod odd;
mod reserved;

use expect_test::{ExpectFile, expect_file};
use proc_macro2::{TokenStream, TokenTree};

use crate::expand::expand;

fn tokens(text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn pretty(input: &str) -> String {
    let file = syn::parse2(without_macro(expand(tokens(input))));
    prettyplease::unparse(&file.unwrap_or_else(|error| panic!("{error}")))
}

/// The expansion with `__session::if_axum! { … }` as `'if_axum: { … }`: what is inside a macro would be
/// printed token by token.
fn without_macro(code: TokenStream) -> TokenStream {
    let (mut all, mut opens): (Vec<TokenTree>, _) = (Vec::new(), false);
    for tree in code {
        match tree {
            TokenTree::Group(group) => {
                let inner = without_macro(group.stream());
                all.push(proc_macro2::Group::new(group.delimiter(), inner).into());
            }
            TokenTree::Ident(ident) if ident == "if_axum" => {
                all.truncate(all.len().saturating_sub(3));
                all.extend(tokens("'if_axum:"));
                opens = true;
            }
            TokenTree::Punct(punct) if std::mem::take(&mut opens) => {
                assert_eq!(punct.as_char(), '!');
            }
            tree => all.push(tree),
        }
    }
    all.into_iter().collect()
}

/// Compares with a recorded expansion; `UPDATE_EXPECT=1` records anew.
#[expect(clippy::needless_pass_by_value, reason = "made for this call")]
fn check(input: &str, expected: ExpectFile) {
    expected.assert_eq(&pretty(input));
}

#[test]
fn plain() {
    check(
        "struct Shop { /// What is to be bought.\n cart: Vec<Item> }",
        expect_file!["./plain.expected.rs"],
    );
}

#[test]
fn every_kind() {
    check(
        r#"
        #[session(name = "shop", secure, absolute = "1d", idle = "never", on_stale = "ignore")]
        pub struct Shop {
            #[session(principal, extract = "CurrentUser")]
            pub user: Option<UserId>,
            #[session(copy, default = Page(3))]
            page: Page,
            small: Option<core::primitive::u8>,
            coupon: Option<String>,
            /// Counted.
            #[session(counter, listed)]
            #[deprecated]
            visits: i64,
            tags: BTreeSet<String>,
            more: BTreeMap<u8, Value>,
            #[session(counter)]
            stock: HashMap<String, u32>,
            #[session(max_len = 20)]
            seen: Vec<u32>,
            #[session(flash)]
            errors: Vec<String>,
            #[session(flash)]
            notice: Option<String>,
            #[session(merge = "max", listed)]
            best: u32,
            #[session(merge = "once", default = "web")]
            origin: String,
            #[session(merge = "cas", rename = "sum", alias = "total")]
            balance: i64,
            #[session(skip)]
            #[expect(missing_docs)]
            timer: Timer,
            #[session(getter = "kind")]
            r#type: u8,
            #[session(codec = MsgPack, flash)]
            packed: Option<Item>,
        }
        "#,
        expect_file!["./every_kind.expected.rs"],
    );
}

#[test]
fn generic() {
    check(
        "#[session(crate = crate::runtime)]
        struct Shop<T: Ord = u8, const N: usize = 3> where T: Copy {
            one: T,
            set: BTreeSet<T>,
            #[session(skip)]
            local: [u8; N],
            next: Option<Box<Self>>,
        }",
        expect_file!["./generic.expected.rs"],
    );
}

#[test]
fn skeleton() {
    check(
        "#[session(idel = \"30m\")]
        struct Shop {
            #[session(principal, extract = \"CurrentUser\")]
            user: Option<UserId>,
            cart: Vec<Item>,
        }",
        expect_file!["./skeleton.expected.rs"],
    );
}

#[test]
fn what_is_written_as_a_number_is_returned_by_value() {
    for (ty, by_value) in [
        ("u64", true),
        ("Option<f32>", true),
        ("core::primitive::char", true),
        ("::std::option::Option<::std::primitive::bool>", true),
        ("my::u64", false),
        ("u64::Other", false),
        ("<A as B>::u64", false),
        ("String", false),
        ("Option<Option<u8>>", false),
        ("Vec<u8>", false),
    ] {
        // Local, since what is stored has further rules.
        let code = pretty(&format!("struct S {{ #[session(skip)] x: {ty} }}"));
        assert_eq!(code.contains(&format!("fn x(&self) -> {ty} {{")), by_value, "{ty}");
    }
}

/// The methods of the generated structs, with the lines of their docs.
fn methods(input: &str) -> Vec<(String, Vec<String>)> {
    fn inherent(items: Vec<syn::Item>, all: &mut Vec<(String, Vec<String>)>) {
        for item in items {
            match item {
                // The `const _` around them.
                syn::Item::Const(item) => {
                    let syn::Expr::Block(block) = *item.expr else { continue };
                    let items = block.block.stmts.into_iter().filter_map(|stmt| match stmt {
                        syn::Stmt::Item(item) => Some(item),
                        _ => None,
                    });
                    inherent(items.collect(), all);
                }
                syn::Item::Impl(item) if item.trait_.is_none() => {
                    all.extend(item.items.into_iter().filter_map(|item| match item {
                        syn::ImplItem::Fn(method) => {
                            let docs = method.attrs.iter().filter_map(|attribute| {
                                let value = &attribute.meta.require_name_value().ok()?.value;
                                let syn::Expr::Lit(literal) = value else { return None };
                                let syn::Lit::Str(text) = &literal.lit else { return None };
                                attribute.path().is_ident("doc").then(|| text.value())
                            });
                            Some((method.sig.ident.to_string(), docs.collect()))
                        }
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
    }
    let file = syn::parse2::<syn::File>(expand(tokens(input)));
    let mut all = Vec::new();
    inherent(file.unwrap_or_else(|error| panic!("{error}")).items, &mut all);
    all
}

#[test]
fn every_method_is_documented_by_a_verb_and_the_name_of_the_field() {
    const VERBS: &[&str] =
        &["Adds", "Changes", "Inserts", "Raises", "Removes", "Returns", "Sets", "Takes"];
    let fields = [
        ("notice", "#[session(flash)] /** Shown once. */ notice: Option<String>"),
        ("type", "#[session(getter = \"kind\")] r#type: Option<String>"),
        ("r#loop", "r#loop: u8"),
        ("visits", "#[session(counter)] visits: i64"),
        ("tags", "tags: BTreeSet<String>"),
        ("more", "more: BTreeMap<String, String>"),
        ("stock", "#[session(counter)] stock: HashMap<u8, u8>"),
        ("seen", "#[session(max_len = 3)] seen: VecDeque<u8>"),
        ("errors", "#[session(flash)] errors: Vec<String>"),
        ("coupon", "coupon: Option<String>"),
        ("best", "#[session(merge = \"max\")] best: u32"),
        ("origin", "#[session(merge = \"once\")] origin: String"),
        ("timer", "#[session(skip)] timer: Option<Timer>"),
        ("user", "#[session(principal)] user: Option<UserId>"),
    ];
    for (name, field) in fields {
        let methods = methods(&format!("struct Shop {{ {field} }}"));
        assert!(!methods.is_empty(), "{name}");
        for (method, docs) in methods {
            let first = docs.first().map_or("", |line| line.trim());
            let verb = first.split(' ').next().unwrap_or_default();
            assert!(VERBS.contains(&verb), "`{method}`: {first}");
            let named = format!("`{}`", name.trim_start_matches("r#"));
            assert!(first.contains(&named), "`{method}`: {first}");
            if verb == "Returns" {
                assert!(first.contains("at this moment"), "`{method}`: {first}");
                let own = docs.iter().any(|line| line.contains("Shown once."));
                assert_eq!(own, name == "notice", "`{method}`: {docs:?}");
            }
        }
    }
}

/// All identifiers with their places, groups included.
fn idents(tokens: TokenStream, all: &mut Vec<proc_macro2::Ident>) {
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) => all.push(ident),
            TokenTree::Group(group) => idents(group.stream(), all),
            _ => {}
        }
    }
}

#[test]
fn accessors_point_to_their_field() {
    let input =
        "struct Shop {\n    cart: Vec<Item>,\n    #[session(getter = \"kind_of\")] kind: u8 }";
    let mut all = Vec::new();
    idents(expand(tokens(input)), &mut all);
    let place = |name: &str, after_fn: bool| {
        let at = all.iter().enumerate().find(|(i, ident)| {
            *ident == name
                && (!after_fn || all.get(i.wrapping_sub(1)).is_some_and(|fun| fun == "fn"))
        });
        let (i, ident) = at.unwrap_or_else(|| panic!("no `{name}`"));
        (i, ident.span().start())
    };
    for accessor in ["cart", "set_cart", "update_cart", "reset_cart"] {
        let (i, start) = place(accessor, true);
        assert_eq!((start.line, start.column), (2, 4), "{accessor}");
        // The rest of the method belongs to the macro: an editor must not find it at the field.
        assert_ne!(all[i - 1].span().start().line, 2, "`fn` of {accessor}");
        assert_ne!(all[i + 1].span().start(), start, "the signature of {accessor}");
    }
    assert_eq!(place("set_kind", true).1.line, 3);
    assert_eq!(place("kind_of", true).1.column, 23);
}

#[test]
fn types_point_to_what_names_them() {
    let input = "pub struct Shop {\n    #[session(extract = \"Page\")]\n    page: Option<u8>,\n}";
    let mut all = Vec::new();
    idents(expand(tokens(input)), &mut all);
    for (name, line, column) in [("ShopFields", 1, 11), ("Page", 2, 24)] {
        let made = all.windows(2).find(|pair| pair[0] == "struct" && pair[1] == name);
        let made = made.unwrap_or_else(|| panic!("no `{name}`"));
        for ident in made {
            let start = ident.span().start();
            assert_eq!((start.line, start.column), (line, column), "{ident} {name}");
        }
    }
}

#[test]
fn is_deterministic() {
    let fields: Vec<_> = (0..100).map(|i| format!("field_{i}: Option<String>,")).collect();
    let fields = fields.concat();
    let input = format!("struct Shop {{ {fields} }}");
    assert_eq!(expand(tokens(&input)).to_string(), expand(tokens(&input)).to_string());
}

#[test]
fn a_field_costs_a_bounded_number_of_lines() {
    let lines =
        |fields: &str| pretty(&format!("struct Shop {{ first: u8, {fields} }}")).lines().count();
    let base = lines("");
    for (field, budget) in [
        ("x: Item", 36),
        ("x: Vec<Item>", 52),
        ("x: Option<Item>", 60),
        ("#[session(counter)] x: i64", 24),
        ("x: BTreeSet<String>", 62),
        ("x: BTreeMap<String, u8>", 82),
    ] {
        let cost = lines(field) - base;
        assert!(cost <= budget, "`{field}` costs {cost} lines, more than {budget}");
    }
}
