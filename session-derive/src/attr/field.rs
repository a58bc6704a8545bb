//! `#[session(…)]` on a field: which keys were given, typed. Owns the list of slots; must not know
//! defaults or which values go together.

use proc_macro2::TokenStream;
use syn::Attribute;

use super::{Place, Slot, fill, known, syntax, value};
use crate::diag::Diag;

/// What was given on one field.
#[derive(Default)]
pub(crate) struct FieldKeys {
    pub(crate) principal: Option<Slot<()>>,
    pub(crate) extract: Option<Slot<String>>,
    pub(crate) validate: Option<Slot<TokenStream>>,
    pub(crate) counter: Option<Slot<()>>,
    pub(crate) flash: Option<Slot<()>>,
    pub(crate) max_len: Option<Slot<usize>>,
    pub(crate) merge: Option<Slot<&'static str>>,
    pub(crate) group: Option<Slot<String>>,
    pub(crate) copy: Option<Slot<()>>,
    pub(crate) skip: Option<Slot<()>>,
    pub(crate) secret: Option<Slot<()>>,
    pub(crate) listed: Option<Slot<()>>,
    pub(crate) keep: Option<Slot<()>>,
    pub(crate) clear_on_login: Option<Slot<()>>,
    pub(crate) codec: Option<Slot<syn::Type>>,
    pub(crate) default: Option<Slot<TokenStream>>,
    pub(crate) rename: Option<Slot<String>>,
    pub(crate) alias: Vec<Slot<String>>,
    pub(crate) getter: Option<Slot<String>>,
    pub(crate) on_decode_error: Option<Slot<&'static str>>,
}

/// Reads a field's attributes.
pub(crate) fn read(attrs: &[Attribute], diag: &Diag) -> FieldKeys {
    let mut all = FieldKeys::default();
    for entry in &syntax::entries(attrs, diag) {
        let Some(key) = known(entry, Place::Field, diag) else { continue };
        match key.name {
            "principal" => fill(&mut all.principal, value::flag(entry, key, diag), diag),
            "extract" => fill(&mut all.extract, value::text(entry, key, diag), diag),
            "validate" => fill(&mut all.validate, value::expr(entry, key, diag), diag),
            "counter" => fill(&mut all.counter, value::flag(entry, key, diag), diag),
            "flash" => fill(&mut all.flash, value::flag(entry, key, diag), diag),
            "max_len" => fill(&mut all.max_len, value::number(entry, key, diag), diag),
            "merge" => fill(&mut all.merge, value::word(entry, key, diag), diag),
            "group" => fill(&mut all.group, value::text(entry, key, diag), diag),
            "copy" => fill(&mut all.copy, value::flag(entry, key, diag), diag),
            "skip" => fill(&mut all.skip, value::flag(entry, key, diag), diag),
            "secret" => fill(&mut all.secret, value::flag(entry, key, diag), diag),
            "listed" => fill(&mut all.listed, value::flag(entry, key, diag), diag),
            "keep" => fill(&mut all.keep, value::flag(entry, key, diag), diag),
            "clear_on_login" => fill(&mut all.clear_on_login, value::flag(entry, key, diag), diag),
            "codec" => fill(&mut all.codec, value::ty(entry, key, diag), diag),
            "default" => fill(&mut all.default, value::expr(entry, key, diag), diag),
            "rename" => fill(&mut all.rename, value::text(entry, key, diag), diag),
            "alias" => all.alias.extend(value::text(entry, key, diag)),
            "getter" => fill(&mut all.getter, value::text(entry, key, diag), diag),
            "on_decode_error" => {
                fill(&mut all.on_decode_error, value::word(entry, key, diag), diag);
            }
            name => unreachable!("`{name}` is in the table of keys and is not read"),
        }
    }
    all
}
