//! Names that the expansion makes from the user's: accessors, companion structs, stored names. Owns
//! raw identifiers and spans; must not know attributes.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::format_ident;
use syn::ext::IdentExt as _;

/// The name without `r#`, as it is stored and joined to prefixes.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// `set_x` for `x`, where `x` stands, so that editors lead from the call to the field.
pub(crate) fn prefixed(prefix: &str, field: &Ident) -> Ident {
    Ident::new(&format!("{prefix}_{}", plain(field)), field.span())
}

/// `update_x_at` for `x`, where `x` stands.
pub(crate) fn around(prefix: &str, field: &Ident, suffix: &str) -> Ident {
    Ident::new(&format!("{prefix}_{}_{suffix}", plain(field)), field.span())
}

/// `ShopFields` for `Shop`.
pub(crate) fn suffixed(ident: &Ident, suffix: &str) -> Ident {
    format_ident!("{}{suffix}", ident.unraw(), span = Span::call_site().located_at(ident.span()))
}

/// An identifier from the text of a literal; keywords become raw.
pub(crate) fn from_text(text: &str, span: Span) -> Option<Ident> {
    let raw = || syn::parse_str::<Ident>(&format!("r#{text}"));
    // A keyword since edition 2024 only, which the parser does not take for one.
    let parsed = if text == "gen" { raw() } else { syn::parse_str(text).or_else(|_| raw()) };
    let mut ident = parsed.ok()?;
    ident.set_span(span);
    Some(ident)
}

/// `shop-floor` for `ShopFloor`, `http-session` for `HTTPSession`.
pub(crate) fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut kebab = String::new();
    for (i, &c) in chars.iter().enumerate() {
        if c == '_' {
            if !kebab.is_empty() && !kebab.ends_with('-') {
                kebab.push('-');
            }
            continue;
        }
        let after_lower = i > 0 && (chars[i - 1].is_lowercase() || chars[i - 1].is_numeric());
        let ends_acronym = i > 0
            && chars[i - 1].is_uppercase()
            && chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (after_lower || ends_acronym) && !kebab.ends_with('-') {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}

/// Whether `non_snake_case` has nothing to say about a name.
pub(crate) fn is_snake_case(name: &str) -> bool {
    !name.trim_matches('_').contains("__") && !name.contains(char::is_uppercase)
}

/// `name`, or it with underscores where these tokens have one of that name.
pub(crate) fn fresh(name: &str, around: &TokenStream) -> Ident {
    let mut fresh = name.to_owned();
    while mentions(around, &|ident| *ident == fresh) {
        fresh.insert_str(0, "__");
    }
    format_ident!("{fresh}")
}

/// Whether an identifier among the tokens fits.
pub(crate) fn mentions(tokens: &TokenStream, fits: &dyn Fn(&Ident) -> bool) -> bool {
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => fits(&ident),
        TokenTree::Group(group) => mentions(&group.stream(), fits),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kebab_names() {
        for (name, expected) in [
            ("Shop", "shop"),
            ("ShopFloor", "shop-floor"),
            ("HTTPSession", "http-session"),
            ("Shop2Go", "shop2-go"),
            ("_Shop_Floor", "shop-floor"),
            ("shop", "shop"),
        ] {
            assert_eq!(kebab(name), expected);
        }
    }

    #[test]
    fn raw_names() {
        let field: Ident = syn::parse_str("r#type").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plain(&field), "type");
        assert_eq!(prefixed("set", &field).to_string(), "set_type");
        let ident = |text| from_text(text, Span::call_site()).map(|ident| ident.to_string());
        assert_eq!(ident("type").as_deref(), Some("r#type"));
        assert_eq!(ident("gen").as_deref(), Some("r#gen"));
        assert_eq!(ident("r#gen").as_deref(), Some("r#gen"));
        assert_eq!(ident("kind").as_deref(), Some("kind"));
        assert_eq!(ident("not a name"), None);
        assert_eq!(ident("self"), None);
    }
}
