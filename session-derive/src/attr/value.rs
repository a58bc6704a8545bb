//! Typed values: what stands after a key, read by the key's form, and the rules for texts that have
//! a grammar of their own (durations, cookie names and attributes, stored names). Must not know which
//! values go together.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{LitBool, LitInt, LitStr};

use super::{
    Form, GONE, Key, Slot,
    syntax::{Entry, Given, value_span},
};
use crate::{
    diag::{Diag, code},
    paths, suggest,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn slot<T>(entry: &Entry, value: T) -> Slot<T> {
    Slot { key: entry.key.clone(), span: value_span(entry), value }
}

/// Says what form a key has.
fn wrong_form(entry: &Entry, key: &Key, diag: &Diag) {
    let (name, help) = (key.name, format!("write `{}`", key.example()));
    match (&entry.given, key.form) {
        (Given::Nothing, _) => {
            diag.error(entry.key.span(), format_args!("`{name}` needs a value"), help);
        }
        (Given::Value(eq, value), Form::Flag) => {
            let message = format_args!("`{name}` takes no value");
            if value.is_empty() {
                diag.error(*eq, message, help);
            } else {
                diag.error_on(value, message, help);
            }
        }
        (Given::Value(eq, value), _) if value.is_empty() => {
            diag.error(*eq, format_args!("`{name}` has no value after `=`"), help);
        }
        (Given::Value(_, value), Form::Switch) => {
            let message = format_args!("`{name}` takes `true` or `false`");
            diag.error_on(value, message, help);
        }
        (Given::Value(_, value), Form::Path) => {
            diag.error_on(value, format_args!("`{name}` takes a path"), help);
        }
        (Given::Value(_, value), Form::Type(_)) => {
            diag.error_on(value, format_args!("`{name}` takes the path of a type"), help);
        }
        (Given::Value(_, value), Form::Number(_)) => {
            let message = format_args!("`{name}` takes a number of at least 1");
            diag.error_on(value, message, help);
        }
        (Given::Value(_, value), _) => {
            diag.error_on(value, format_args!("`{name}` takes a string"), help);
        }
        (Given::Other(tokens), _) => {
            diag.error_on(tokens, format_args!("unexpected tokens after `{name}`"), help);
        }
    }
}

/// Takes off the invisible groups that `macro_rules!` puts around what it matched.
fn ungroup(tokens: TokenStream) -> TokenStream {
    let mut trees = tokens.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
            ungroup(group.stream())
        }
        _ => tokens,
    }
}

fn literal<T: syn::parse::Parse>(entry: &Entry) -> Option<T> {
    match &entry.given {
        Given::Value(_, value) => syn::parse2(ungroup(value.clone())).ok(),
        _ => None,
    }
}

pub(crate) fn flag(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<()>> {
    if matches!(entry.given, Given::Nothing) {
        return Some(slot(entry, ()));
    }
    wrong_form(entry, key, diag);
    None
}

pub(crate) fn switch(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<bool>> {
    if matches!(entry.given, Given::Nothing) {
        return Some(slot(entry, true));
    }
    let Some(value) = literal::<LitBool>(entry) else {
        wrong_form(entry, key, diag);
        return None;
    };
    Some(slot(entry, value.value))
}

/// A number of at least one.
pub(crate) fn number(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<usize>> {
    let number = literal::<LitInt>(entry).and_then(|number| number.base10_parse().ok());
    let Some(number @ 1..) = number else {
        wrong_form(entry, key, diag);
        return None;
    };
    Some(slot(entry, number))
}

pub(crate) fn text(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<String>> {
    let Some(value) = literal::<LitStr>(entry) else {
        wrong_form(entry, key, diag);
        return None;
    };
    Some(slot(entry, value.value()))
}

/// One of the key's words; gives the runtime's variant for it.
pub(crate) fn word(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<&'static str>> {
    let given = text(entry, key, diag)?;
    let Form::Words(words) = key.form else { return None };
    let names = || words.iter().map(|(name, _)| *name);
    let Some((_, variant)) = words.iter().find(|(name, _)| *name == given.value) else {
        if let Some((_, help)) = GONE.iter().find(|(gone, _)| *gone == given.value) {
            let message = format_args!("{} is no value of `{}`", code(&given.value), key.name);
            diag.error(given.span, message, help);
            return None;
        }
        let hint = suggest::did_you_mean(&given.value, names());
        diag.error(
            given.span,
            format_args!("{} is no value of `{}`{hint}", code(&given.value), key.name),
            format_args!("it is one of {}", suggest::list(names(), "and")),
        );
        return None;
    };
    Some(slot(entry, variant))
}

/// Seconds; `None` for `"never"`.
pub(crate) fn duration(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<Option<u64>>> {
    let given = text(entry, key, diag)?;
    match seconds(&given.value) {
        Ok(seconds) => Some(slot(entry, seconds)),
        Err(problem) => {
            diag.error(
                given.span,
                format_args!("{} is no duration: {problem}", code(&given.value)),
                "write numbers with the units `s`, `m`, `h`, `d` or `w`, as in `\"30m\"` or \
                 `\"1d 6h\"`, or `\"never\"`",
            );
            None
        }
    }
}

fn seconds(text: &str) -> Result<Option<u64>, String> {
    if text == "never" {
        return Ok(None);
    }
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() {
            return Err(format!("`{rest}` does not start with a whole number"));
        }
        let unit = match unit {
            "s" => 1,
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            "w" => 7 * DAY,
            "" => return Err(format!("`{number}` has no unit")),
            unit => return Err(format!("unknown unit `{unit}`")),
        };
        sum = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit)?.checked_add(sum))
            // Beyond a hundred years it is a slip, and clocks overflow.
            .filter(|&sum| sum <= 36_525 * DAY)
            .ok_or("it is more than a hundred years")?;
        rest = tail.trim_start();
    }
    if sum == 0 {
        return Err("it is zero".to_owned());
    }
    Ok(Some(sum))
}

/// `crate = ::path`, `crate = crate::path` or the same as a string.
pub(crate) fn path(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<syn::Path>> {
    let path = match literal::<LitStr>(entry) {
        Some(text) => text.parse().ok(),
        None => match &entry.given {
            Given::Value(_, value) => {
                let value = ungroup(value.clone());
                syn::parse::Parser::parse2(syn::Path::parse_mod_style, value).ok()
            }
            _ => None,
        },
    };
    let Some(path) = path else {
        wrong_form(entry, key, diag);
        return None;
    };
    let slot = slot(entry, path);
    if !paths::is_absolute(&slot.value) {
        diag.error(
            slot.span,
            "the path must be absolute",
            "start it with `::` for a dependency, or with `crate::` for a module of this crate",
        );
        return None;
    }
    Some(slot)
}

/// The path of a type, with its arguments if it has any.
pub(crate) fn ty(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<syn::Type>> {
    let Some(ty @ syn::Type::Path(_)) = literal(entry) else {
        wrong_form(entry, key, diag);
        return None;
    };
    Some(slot(entry, ty))
}

/// Any expression; a string literal is converted into the field's type.
pub(crate) fn expr(entry: &Entry, key: &Key, diag: &Diag) -> Option<Slot<TokenStream>> {
    match &entry.given {
        Given::Value(_, value) if !value.is_empty() => {
            if let Err(error) = syn::parse2::<syn::Expr>(value.clone())
                // The parser knows the common expressions only; rustc itself judges the rest.
                && !error.to_string().starts_with("unsupported expression")
            {
                diag.error_on(
                    value,
                    format_args!("`{}` takes an expression", key.name),
                    format_args!("write `{}`", key.example()),
                );
                return None;
            }
            Some(slot(entry, value.clone()))
        }
        _ => {
            wrong_form(entry, key, diag);
            None
        }
    }
}

/// What is wrong with the name of a cookie or header, if anything.
pub(crate) fn token_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.len() > 64 {
        return Some(format!("it has {} bytes, more than 64", name.len()));
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    name.chars().find(|&c| !is_token(c)).map(|c| format!("it contains {c:?}"))
}

/// Returns what is wrong with the namespace of a session type, if anything is.
pub(crate) fn namespace_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.len() > 64 {
        return Some(format!("it has {} bytes, more than 64", name.len()));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    name.chars().find(|&c| !fits(c)).map(|c| format!("it contains {c:?}"))
}

/// What is wrong with the stored name of a field or group, if anything.
pub(crate) fn stored_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if name.len() > 64 {
        return Some(format!("it has {} bytes, more than 64", name.len()));
    }
    let fits = |c: char| c.is_ascii_graphic() && c != ':';
    name.chars().find(|&c| !fits(c)).map(|c| format!("it contains {c:?}"))
}

/// What is wrong with a cookie's path, if anything.
pub(crate) fn path_problem(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some("it does not start with `/`".to_owned());
    }
    let fits = |c: char| c.is_ascii() && !c.is_ascii_control() && c != ';';
    path.chars().find(|&c| !fits(c)).map(|c| format!("it contains {c:?}"))
}

/// What is wrong with a cookie's domain, if anything.
pub(crate) fn domain_problem(domain: &str) -> Option<String> {
    let name = domain.strip_prefix('.').unwrap_or(domain);
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(c) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "-.".contains(*c))) {
        return Some(format!("it contains {c:?}"));
    }
    let bad = |label: &str| {
        label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-')
    };
    let label = name.split('.').find(|label| bad(label))?;
    Some(format!("{} is no part of a host name", code(label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(seconds("30m"), Ok(Some(1800)));
        assert_eq!(seconds("1d 6h"), Ok(Some(108_000)));
        assert_eq!(seconds("1d6h"), Ok(Some(108_000)));
        assert_eq!(seconds("90s"), Ok(Some(90)));
        assert_eq!(seconds("2w"), Ok(Some(1_209_600)));
        assert_eq!(seconds("never"), Ok(None));
        for bad in
            ["", " ", "30", "m", "30 m", "30min", "-1h", "1.5h", "0s", "99999999999999999999s"]
        {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn grammars() {
        assert_eq!(token_problem("__Host-shop"), None);
        assert!(token_problem("my shop").is_some());
        assert!(token_problem(&"x".repeat(65)).is_some());
        assert_eq!(namespace_problem("shop_2.old-one"), None);
        for bad in ["", "a b", "a@b", "a/b", "ä", &"x".repeat(65)] {
            assert!(namespace_problem(bad).is_some(), "{bad}");
        }
        assert_eq!(stored_problem("cart"), None);
        assert!(stored_problem("a:b").is_some());
        assert!(stored_problem("ä").is_some());
        assert_eq!(path_problem("/shop"), None);
        assert!(path_problem("shop").is_some());
        assert!(path_problem("/a;b").is_some());
        assert_eq!(domain_problem(".example.com"), None);
        for bad in ["", ".", "a..b", "-a.com", "a b", "a.com/"] {
            assert!(domain_problem(bad).is_some(), "{bad}");
        }
    }
}
