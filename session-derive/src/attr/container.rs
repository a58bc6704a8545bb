//! `#[session(…)]` on the struct: which keys were given, typed. Owns the list of slots; must not know
//! defaults or which values go together.

use syn::Attribute;

use super::{Place, Slot, fill, known, syntax, value};
use crate::diag::Diag;

/// What was given on the struct.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) name: Option<Slot<String>>,
    pub(crate) prefix: Option<Slot<&'static str>>,
    pub(crate) namespace: Option<Slot<String>>,
    pub(crate) transport: Option<Slot<&'static str>>,
    pub(crate) payload: Option<Slot<&'static str>>,
    pub(crate) idle: Option<Slot<Option<u64>>>,
    pub(crate) absolute: Option<Slot<Option<u64>>>,
    pub(crate) path: Option<Slot<String>>,
    pub(crate) domain: Option<Slot<String>>,
    pub(crate) same_site: Option<Slot<&'static str>>,
    pub(crate) secure: Option<Slot<bool>>,
    pub(crate) http_only: Option<Slot<bool>>,
    pub(crate) partitioned: Option<Slot<bool>>,
    pub(crate) persistent: Option<Slot<bool>>,
    pub(crate) create: Option<Slot<&'static str>>,
    pub(crate) resend: Option<Slot<&'static str>>,
    pub(crate) on_stale: Option<Slot<&'static str>>,
    pub(crate) on_store_error: Option<Slot<&'static str>>,
    pub(crate) commit_on: Option<Slot<&'static str>>,
    pub(crate) on_end: Option<Slot<&'static str>>,
    pub(crate) on_lost: Option<Slot<&'static str>>,
    pub(crate) codec: Option<Slot<syn::Type>>,
    pub(crate) runtime: Option<Slot<syn::Path>>,
    /// The keys that only cookies have, as given.
    pub(crate) cookie_keys: Vec<proc_macro2::Ident>,
}

/// Reads the struct's attributes.
pub(crate) fn read(attrs: &[Attribute], diag: &Diag) -> Container {
    let mut all = Container::default();
    for entry in &syntax::entries(attrs, diag) {
        let Some(key) = known(entry, Place::Container, diag) else { continue };
        if key.cookie_only {
            all.cookie_keys.push(entry.key.clone());
        }
        match key.name {
            "name" => fill(&mut all.name, value::text(entry, key, diag), diag),
            "prefix" => fill(&mut all.prefix, value::word(entry, key, diag), diag),
            "namespace" => fill(&mut all.namespace, value::text(entry, key, diag), diag),
            "transport" => fill(&mut all.transport, value::word(entry, key, diag), diag),
            "payload" => fill(&mut all.payload, value::word(entry, key, diag), diag),
            "idle" => fill(&mut all.idle, value::duration(entry, key, diag), diag),
            "absolute" => fill(&mut all.absolute, value::duration(entry, key, diag), diag),
            "path" => fill(&mut all.path, value::text(entry, key, diag), diag),
            "domain" => fill(&mut all.domain, value::text(entry, key, diag), diag),
            "same_site" => fill(&mut all.same_site, value::word(entry, key, diag), diag),
            "secure" => fill(&mut all.secure, value::switch(entry, key, diag), diag),
            "http_only" => fill(&mut all.http_only, value::switch(entry, key, diag), diag),
            "partitioned" => fill(&mut all.partitioned, value::switch(entry, key, diag), diag),
            "persistent" => fill(&mut all.persistent, value::switch(entry, key, diag), diag),
            "create" => fill(&mut all.create, value::word(entry, key, diag), diag),
            "resend" => fill(&mut all.resend, value::word(entry, key, diag), diag),
            "on_stale" => fill(&mut all.on_stale, value::word(entry, key, diag), diag),
            "on_store_error" => fill(&mut all.on_store_error, value::word(entry, key, diag), diag),
            "commit_on" => fill(&mut all.commit_on, value::word(entry, key, diag), diag),
            "on_end" => fill(&mut all.on_end, value::word(entry, key, diag), diag),
            "on_lost" => fill(&mut all.on_lost, value::word(entry, key, diag), diag),
            "codec" => fill(&mut all.codec, value::ty(entry, key, diag), diag),
            "crate" => fill(&mut all.runtime, value::path(entry, key, diag), diag),
            name => unreachable!("`{name}` is in the table of keys and is not read"),
        }
    }
    all
}
