//! Names that must be different: what fields are stored under, and what their accessors are called.
//! Must not know attributes' syntax.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;

use super::reserved;
use crate::{
    attr::{field::FieldKeys, value},
    diag::{Diag, code},
    model::{Field, Kind, Session, Verb},
};

/// The generated struct's own field.
const CONTEXT: &str = "__context";

/// Reports stored names that are malformed or given twice.
pub(super) fn stored(fields: &[Field], keys: &[FieldKeys], diag: &Diag) {
    let mut taken: BTreeMap<&str, &Field> = BTreeMap::new();
    for (field, keys) in fields.iter().zip(keys) {
        if field.kind == Kind::Local {
            continue;
        }
        let span = keys.rename.as_ref().map_or(field.ident.span(), |slot| slot.span);
        let aliases = keys.alias.iter().map(|slot| (slot.value.as_str(), slot.span));
        for (name, span) in std::iter::once((field.stored.as_str(), span)).chain(aliases) {
            if !well_formed(name, span, "stored", diag) {
                continue;
            }
            let Some(other) = taken.insert(name, field) else { continue };
            let help = if other.ident == field.ident {
                "drop this one: the field has that name already".to_owned()
            } else {
                "give one of the two another name with `rename = \"…\"`".to_owned()
            };
            diag.error(
                span,
                format_args!("the stored name `{name}` is taken by the field `{}`", other.ident),
                help,
            );
        }
        if let Some(slot) = &keys.group {
            well_formed(&slot.value, slot.span, "group", diag);
        }
    }
}

fn well_formed(name: &str, span: Span, what: &str, diag: &Diag) -> bool {
    let Some(problem) = value::stored_problem(name) else { return true };
    let help = if what == "group" {
        "use 1 to 64 visible ASCII characters without `:`"
    } else {
        "use 1 to 64 visible ASCII characters without `:`; `rename = \"…\"` gives a field another \
         stored name"
    };
    diag.error(span, format_args!("{} is no {what} name: {problem}", code(name)), help);
    false
}

/// Reports accessors and extractors that have the same name, or one that is taken.
pub(super) fn accessors(fields: &[Field], keys: &[FieldKeys], diag: &Diag) {
    let mut taken: BTreeMap<String, (&Field, &FieldKeys, Verb)> = BTreeMap::new();
    for (field, keys) in fields.iter().zip(keys) {
        if crate::names::plain(&field.ident) == CONTEXT {
            let message = format_args!("the field name `{CONTEXT}` is reserved");
            diag.error(field.ident.span(), message, "give the field another name");
        }
        for &verb in field.verbs() {
            let ident = field.accessor(verb);
            let name = crate::names::plain(&ident);
            if let Some(problem) = reserved::taken(&name) {
                reserved_name(&name, problem, (field, keys, verb), diag);
            }
            let here = (field, keys, verb);
            let Some(there) = taken.get(&name).copied() else {
                taken.insert(name, here);
                continue;
            };
            // Point at the one that is easier to rename: a getter.
            let ((at, at_keys, at_verb), (other, ..)) = if verb != Verb::Get && there.2 == Verb::Get
            {
                (there, here)
            } else {
                (here, there)
            };
            let help = if at_verb == Verb::Get && at_keys.getter.is_none() {
                "add `#[session(getter = \"…\")]` with another name for the getter"
            } else {
                "give one of the two fields another name"
            };
            diag.error(
                at.accessor(at_verb).span(),
                format_args!(
                    "the accessor `{name}` of `{}` is also one of the field `{}`",
                    at.ident, other.ident
                ),
                help,
            );
        }
    }
}

fn reserved_name(
    name: &str,
    problem: &str,
    (field, keys, verb): (&Field, &FieldKeys, Verb),
    diag: &Diag,
) {
    let of = match verb {
        Verb::Get => String::new(),
        _ => format!(", an accessor of `{}`,", crate::names::plain(&field.ident)),
    };
    let help = match (verb, &keys.getter, &keys.rename) {
        (Verb::Get, None, _) => {
            "add `#[session(getter = \"…\")]` with another name for the getter".to_owned()
        }
        (Verb::Get, Some(_), _) => "choose another name for the getter".to_owned(),
        (_, _, None) if field.kind != Kind::Local => format!(
            "give the field another name; with `rename = \"{}\"` it is stored under this one",
            field.stored
        ),
        _ => "give the field another name".to_owned(),
    };
    let span = field.accessor(verb).span();
    diag.error(span, format_args!("`{name}`{of} {problem}"), help);
}

/// Reports extractors with the name of another generated type, or of the struct.
pub(super) fn guards(session: &Session, diag: &Diag) {
    let mut taken: BTreeSet<String> =
        [session.ident.clone(), session.fields_ident()].iter().map(crate::names::plain).collect();
    if !session.listed().is_empty() {
        taken.insert(crate::names::plain(&session.listed_ident()));
    }
    for guard in session.fields.iter().filter_map(|field| field.guard.as_ref()) {
        let name = crate::names::plain(guard);
        if !taken.insert(name.clone()) {
            let message =
                format_args!("the name `{name}` is taken by another type of this session");
            diag.error(guard.span(), message, "give the extractor another name");
        }
    }
}
