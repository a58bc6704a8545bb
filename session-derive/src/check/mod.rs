//! The rules between keys, and between fields. Every mistake is reported where it was written, with
//! what to do about it. Must not know what the expansion looks like.

mod names;
pub(crate) mod reserved;
mod rules;

use proc_macro2::Span;

use crate::{
    attr::{Slot, container::Container, field::FieldKeys, value},
    diag::{Diag, code},
    lower::Lowered,
    model::{Config, Field, Session},
};

/// The prefixes of cookie names, and whether browsers ask for `HttpOnly`, and for `Path=/` without a
/// `Domain`. They ask for `Secure` with each. A prefix stands before those that it begins with.
const PREFIXES: [(&str, bool, bool); 4] = [
    ("__Host-Http-", true, true),
    ("__Host-", false, true),
    ("__Http-", true, false),
    ("__Secure-", false, false),
];

pub(crate) fn check(lowered: &Lowered, diag: &Diag) {
    let Lowered { session, container, keys, .. } = lowered;
    lifetimes(container, &session.config, diag);
    let name_span = container.name.as_ref().map_or(session.ident.span(), |slot| slot.span);
    if !session.fields.is_empty() {
        name(name_span, container, &session.config, diag);
        namespace(container, session, diag);
    }
    cookie(container, &session.config, diag);
    for (field, keys) in session.fields.iter().zip(keys) {
        rules::conflicts(keys, diag);
        rules::field_type(field, keys, diag);
        if session.config.payload != "Server" {
            rules::needs_store(keys, diag);
        }
        if let (Some(validate), None) = (&keys.validate, &keys.extract) {
            diag.error(
                validate.key.span(),
                "`validate` needs `extract`",
                "it says which values the extractor accepts: add `extract = \"CurrentUser\"`",
            );
        }
        if let (Some(extract), false) = (&keys.extract, session.generics.params.is_empty()) {
            diag.error(
                extract.key.span(),
                "`extract` does not work on a generic struct",
                "its extractor could not say for which types; read the field through the handle",
            );
        }
    }
    listed(session, keys, diag);
    one_principal(&session.fields, keys, diag);
    names::stored(&session.fields, keys, diag);
    names::accessors(&session.fields, keys, diag);
    names::guards(session, diag);
}

fn lifetimes(given: &Container, config: &Config, diag: &Diag) {
    match (config.idle, config.absolute) {
        (None, None) => {
            let Some(slot) = given.absolute.as_ref().or(given.idle.as_ref()) else { return };
            diag.error(
                slot.span,
                "`idle` and `absolute` cannot both be `\"never\"`",
                "a session must end some time; give one of them, as in `absolute = \"30d\"`",
            );
        }
        (Some(idle), Some(absolute)) if idle > absolute => {
            let (slot, help) = match (&given.idle, &given.absolute) {
                (Some(slot), None) => {
                    (slot, "`absolute` is 12h unless given; give a longer one, or \"never\"")
                }
                (None, Some(slot)) => (slot, "`idle` is 30m unless given; give a shorter one"),
                (Some(slot), Some(_)) => (slot, "make `idle` shorter, or `absolute` longer"),
                (None, None) => return,
            };
            diag.error(slot.span, "`idle` is longer than `absolute`", help);
        }
        _ => {}
    }
}

fn name(span: Span, given: &Container, config: &Config, diag: &Diag) {
    let name = &config.name;
    if let Some(problem) = value::token_problem(name) {
        let what = if config.transport == "Cookie" { "a cookie" } else { "a header" };
        let help = match given.name {
            Some(_) => "use at most 64 letters, digits and `-`",
            None => "give one with `#[session(name = \"…\")]` on the struct",
        };
        diag.error(span, format_args!("{} is no name of {what}: {problem}", code(name)), help);
    }
    if config.transport == "Cookie" && given.name.is_some() {
        prefix(name, given, diag);
    }
}

/// Reports a namespace that stores cannot hold.
fn namespace(given: &Container, session: &Session, diag: &Diag) {
    let name = &session.config.namespace;
    let Some(problem) = value::namespace_problem(name) else { return };
    let (span, help) = match &given.namespace {
        Some(slot) => (slot.span, "use 1 to 64 ASCII letters, digits, `-`, `.` and `_`"),
        None => {
            (session.ident.span(), "give one with `#[session(namespace = \"…\")]` on the struct")
        }
    };
    diag.error(span, format_args!("{} is no namespace: {problem}", code(name)), help);
}

/// Reports what browsers refuse of a name that is written with a prefix.
fn prefix(name: &str, given: &Container, diag: &Diag) {
    let Some(&(prefix, http, host)) = PREFIXES.iter().find(|(prefix, ..)| {
        name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    }) else {
        return;
    };
    let refuse = |span: Span, problem: &str, fix: &str| {
        let message = format_args!("browsers refuse a `{prefix}` cookie {problem}");
        diag.error(span, message, format_args!("{fix}, or drop the prefix from `name`"));
    };
    if let (true, Some(slot)) = (host, &given.domain) {
        refuse(slot.span, "with a domain", "drop `domain`");
    }
    if let (true, Some(slot)) = (host, given.path.as_ref().filter(|slot| slot.value != "/")) {
        refuse(slot.span, "with a path other than `/`", "drop `path`");
    }
    if let Some(slot) = given.secure.as_ref().filter(|slot| !slot.value) {
        refuse(slot.span, "that is not `Secure`", "drop `secure = false`");
    }
    if let (true, Some(slot)) = (http, given.http_only.as_ref().filter(|slot| !slot.value)) {
        refuse(slot.span, "that is not `HttpOnly`", "drop `http_only = false`");
    }
}

fn cookie(given: &Container, config: &Config, diag: &Diag) {
    if config.transport != "Cookie" {
        for key in &given.cookie_keys {
            let transport = config.transport.to_lowercase();
            diag.error(
                key.span(),
                format_args!("`{key}` is for cookies only"),
                format_args!("drop it, or `transport = \"{transport}\"`"),
            );
        }
        return;
    }
    let text =
        |slot: &Option<Slot<String>>, what: &str, problem: fn(&str) -> Option<String>, help| {
            let Some(slot) = slot else { return };
            if let Some(problem) = problem(&slot.value) {
                let message = format_args!("{} is no cookie {what}: {problem}", code(&slot.value));
                diag.error(slot.span, message, help);
            }
        };
    text(&given.path, "path", value::path_problem, "write it as in a URL: `/` or `/shop`");
    text(&given.domain, "domain", value::domain_problem, "write a host name: `example.com`");
    if config.secure {
        return;
    }
    if let Some(slot) = given.same_site.as_ref().filter(|slot| slot.value == "None") {
        diag.error(
            slot.span,
            "browsers refuse `SameSite=None` without `Secure`",
            "drop `secure = false`, or use `same_site = \"lax\"`",
        );
    }
    if let Some(slot) = given.partitioned.as_ref().filter(|slot| slot.value) {
        diag.error(
            slot.span,
            "browsers refuse `Partitioned` without `Secure`",
            "drop `secure = false`, or `partitioned`",
        );
    }
}

fn listed(session: &Session, keys: &[FieldKeys], diag: &Diag) {
    if session.generics.params.is_empty() {
        return;
    }
    for slot in keys.iter().filter_map(|keys| keys.listed.as_ref()) {
        diag.error(
            slot.key.span(),
            "`listed` does not work on a generic struct",
            "the struct of what lists show has no parameters: drop `listed`, or the parameters",
        );
    }
}

fn one_principal(fields: &[Field], keys: &[FieldKeys], diag: &Diag) {
    let mut first: Option<&Field> = None;
    for (field, keys) in fields.iter().zip(keys) {
        let Some(slot) = &keys.principal else { continue };
        if let Some(first) = first {
            diag.error(
                slot.span,
                "a session has at most one principal",
                format_args!("drop `principal` here or on `{}`", first.ident),
            );
        } else {
            first = Some(field);
        }
    }
}
