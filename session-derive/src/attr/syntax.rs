//! `#[session(key, key = value, …)]` as text: splits the attributes into entries and goes on at the
//! next comma after a mistake. Must not know which keys there are.

use proc_macro2::{Delimiter, Ident, Spacing, Span, TokenStream, TokenTree};
use syn::{Attribute, Meta, ext::IdentExt as _, spanned::Spanned as _};

use crate::diag::Diag;

/// One `key` or `key = value`.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) given: Given,
}

/// What stands after the key.
#[derive(Debug)]
pub(crate) enum Given {
    Nothing,
    /// `=` and the tokens up to the next comma, perhaps none.
    Value(Span, TokenStream),
    /// Anything else, such as `(…)`.
    Other(TokenStream),
}

/// The entries of all `#[session]` attributes among `attrs`.
pub(crate) fn entries(attrs: &[Attribute], diag: &Diag) -> Vec<Entry> {
    let mut entries = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("session")) {
        match &attr.meta {
            Meta::List(list) if matches!(list.delimiter, syn::MacroDelimiter::Paren(_)) => {
                if list.tokens.is_empty() {
                    diag.error_on(attr, "empty `#[session()]`", "remove it, or put a key into it");
                }
                for (part, end) in split(list.tokens.clone()) {
                    entries.extend(entry(part, end, diag));
                }
            }
            meta => diag.error_on(meta, "expected a list of keys", "write `#[session(key = …)]`"),
        }
    }
    entries
}

fn entry(mut part: Vec<TokenTree>, end: Span, diag: &Diag) -> Option<Entry> {
    let span = part.first().map_or(end, TokenTree::span);
    // A `macro_rules!` matcher puts what it matched into an invisible group: the key, or all of it.
    while let Some(TokenTree::Group(group)) = part.first()
        && group.delimiter() == Delimiter::None
    {
        let inner = group.stream();
        part.splice(..1, inner);
    }
    let mut tokens = part.into_iter();
    let Some(TokenTree::Ident(key)) = tokens.next() else {
        diag.error(span, "expected a key", "write `key` or `key = value`");
        return None;
    };
    let given = match tokens.next() {
        None => Given::Nothing,
        Some(TokenTree::Punct(punct)) if punct.as_char() == '=' => {
            Given::Value(punct.span(), tokens.collect())
        }
        Some(other) => Given::Other(std::iter::once(other).chain(tokens).collect()),
    };
    Some(Entry { key: key.unraw(), given })
}

/// Splits at commas, but not at those between the angle brackets of a path. With each part goes the
/// place where it ends.
fn split(tokens: TokenStream) -> Vec<(Vec<TokenTree>, Span)> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut depth = 0_usize;
    // Whether `<` opens generic arguments here (after `::`, after a type's name, and where an
    // expression starts) and does not compare.
    let mut opens = false;
    let mut arrow = false;
    for tree in tokens {
        let punct = match &tree {
            TokenTree::Punct(punct) => Some((punct.as_char(), punct.spacing())),
            _ => None,
        };
        match punct {
            Some((',', _)) if depth == 0 => {
                parts.push((std::mem::take(&mut part), tree.span()));
                opens = false;
                continue;
            }
            Some(('<', _)) if opens || depth > 0 => depth += 1,
            Some(('>', _)) if !arrow => depth = depth.saturating_sub(1),
            _ => {}
        }
        arrow = matches!(punct, Some(('-' | '=', Spacing::Joint)));
        opens = matches!(punct, Some((':' | '=' | '(' | '&' | '!', _))) || names_type(&tree);
        part.push(tree);
    }
    // A comma at the end is fine.
    if let Some(last) = part.last() {
        let end = last.span();
        parts.push((part, end));
    }
    parts
}

/// Whether it is spelt like a type, and not like a constant: `Chain`.
fn names_type(tree: &TokenTree) -> bool {
    let TokenTree::Ident(ident) = tree else { return false };
    let name = ident.to_string();
    name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
}

/// Where an entry's value is, or its key.
pub(crate) fn value_span(entry: &Entry) -> Span {
    match &entry.given {
        Given::Value(_, value) if !value.is_empty() => value.span(),
        Given::Value(eq, _) => *eq,
        Given::Other(tokens) => tokens.span(),
        Given::Nothing => entry.key.span(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{error}"));
        split(tokens)
            .into_iter()
            .map(|(part, _)| part.into_iter().collect::<TokenStream>().to_string().replace(' ', ""))
            .collect()
    }

    #[test]
    fn invisible_groups_are_looked_through() {
        let group = |text: &str| {
            let tokens = text.parse().unwrap_or_else(|error| panic!("{error}"));
            TokenTree::from(proc_macro2::Group::new(Delimiter::None, tokens))
        };
        let read = |part: Vec<TokenTree>| {
            let diag = Diag::new();
            let entry = entry(part, Span::call_site(), &diag);
            assert_eq!(entry.is_none(), diag.finish().is_some());
            entry.map(|entry| match entry.given {
                Given::Nothing => entry.key.to_string(),
                Given::Value(_, value) => format!("{} = {value}", entry.key),
                Given::Other(tokens) => format!("{} {tokens}", entry.key),
            })
        };
        let twice = proc_macro2::Group::new(Delimiter::None, group("rename = \"a\"").into());
        let mut key_alone = vec![group("rename")];
        key_alone.extend("= \"a\"".parse::<TokenStream>().unwrap_or_else(|e| panic!("{e}")));
        for part in [vec![group("rename = \"a\"")], vec![twice.into()], key_alone] {
            assert_eq!(read(part).as_deref(), Some("rename = \"a\""));
        }
        assert_eq!(read(vec![group("counter")]).as_deref(), Some("counter"));
        assert_eq!(read(vec![group("r#type")]).as_deref(), Some("type"));
        assert_eq!(read(vec![group("")]), None);
        assert_eq!(read(vec![group("= 1")]), None);
    }

    #[test]
    fn commas() {
        assert_eq!(parts("a, b = 1, c = f(1, 2),"), ["a", "b=1", "c=f(1,2)"]);
        assert_eq!(parts("a = B::<C, D>::new(), e"), ["a=B::<C,D>::new()", "e"]);
        assert_eq!(parts("a = <B as C<D, E>>::f(), g"), ["a=<BasC<D,E>>::f()", "g"]);
        assert_eq!(parts("a = <<B as C<D, E>>::F as G<H, I>>::f(), j").len(), 2);
        assert_eq!(parts("a = 1 < 2, b"), ["a=1<2", "b"]);
        assert_eq!(parts("a = 1 << 2, b"), ["a=1<<2", "b"]);
        assert_eq!(
            parts("a = F::<fn(u8) -> u8, G>::new(), h"),
            ["a=F::<fn(u8)->u8,G>::new()", "h"]
        );
        assert_eq!(parts("a = Chain<B, Chain<C, D>>, e"), ["a=Chain<B,Chain<C,D>>", "e"]);
        assert_eq!(parts("a = MAX < N, b"), ["a=MAX<N", "b"]);
        assert_eq!(parts("a = self.b < C, d"), ["a=self.b<C", "d"]);
        assert_eq!(parts(""), Vec::<String>::new());
    }
}
