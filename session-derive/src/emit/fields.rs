//! The struct of cells and its accessors. An accessor is one call; its name stands where the field's
//! does, so that editors lead there. Must not know the session's traits.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::{Emitter, argument, cell, local, skeleton};
use crate::{
    model::{Field, Kind, Session, Verb},
    names,
};

/// The struct of cells.
pub(super) fn cells(emitter: &Emitter<'_>) -> TokenStream {
    let Emitter { session, bounds, allow, .. } = emitter;
    let Session { ident, vis, generics, .. } = session;
    let private = session.private.in_full();
    let fields = session.fields_ident();
    let cells = if emitter.skeleton {
        skeleton::cells(session)
    } else {
        let names = session.fields.iter().map(|field| &field.ident);
        let cells = session.fields.iter().map(|field| cell(session, field));
        quote!(__context: #private::Context, #(#names: #cells,)*)
    };
    let doc = format!("The fields of a [`{ident}`] session: what `Session<{ident}>` derefs to.");
    // What rustc has to say of its name is about the struct's.
    let span = fields.span();
    let cells = quote_spanned!(span=> struct #fields #generics #bounds { #cells });
    quote! {
        #[doc = #doc]
        #allow
        #vis #cells
    }
}

/// The inherent impl with the accessors.
pub(super) fn accessors(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (parameters, arguments, bounds) = emitter.generics();
    let mut seen = BTreeSet::new();
    let mut methods = TokenStream::new();
    for field in &session.fields {
        for &verb in field.verbs() {
            // Beside errors two may have the same name, which rustc need not say again.
            if seen.insert(field.accessor(verb).to_string()) {
                method(emitter, field, verb).to_tokens(&mut methods);
            }
        }
    }
    if methods.is_empty() {
        return methods;
    }
    let fields = session.fields_ident();
    quote!(impl #parameters #fields #arguments #bounds { #methods })
}

/// One accessor.
fn method(emitter: &Emitter<'_>, field: &Field, verb: Verb) -> TokenStream {
    let Field { vis, inherited, .. } = field;
    let name = field.accessor(verb);
    let docs = docs(field, verb);
    let must_use = matches!(verb, Verb::Get | Verb::Peek).then(|| quote!(#[must_use]));
    let (signature, call) = accessor(emitter.session, field, verb);
    let body = emitter.body(call);
    quote! {
        #docs
        #(#inherited)*
        #must_use
        #[inline]
        #vis fn #name #signature #body
    }
}

/// The signature, and the one call that the accessor is. One without a result ends in `;`, as a
/// person would write it.
fn accessor(session: &Session, field: &Field, verb: Verb) -> (TokenStream, TokenStream) {
    let (private, Field { ident, ty, inner, .. }) = (&session.private, field);
    let (value, change, by) = (local("value"), local("change"), local("by"));
    let (key, member) = (local("key"), local("member"));
    // Through its type: what is no collection has no methods, and is reported as such.
    let collection = || quote!(#private::CollectionCell::<#ty>);
    match (verb, field.kind) {
        (Verb::Get | Verb::Peek, kind) => match (kind, inner) {
            (Kind::Set | Kind::Extra, _) => {
                let collection = collection();
                (quote!((&self) -> &#ty), quote!(#collection::get(&self.#ident, &self.__context)))
            }
            (Kind::Counter, _) => {
                (quote!((&self) -> #ty), quote!(self.#ident.get(&self.__context)))
            }
            (Kind::Max, _) => (quote!((&self) -> #ty), quote!(self.#ident.cloned(&self.__context))),
            _ if field.primitive => {
                (quote!((&self) -> #ty), quote!(*self.#ident.get(&self.__context)))
            }
            _ if field.copy => {
                let get = quote!(self.#ident.get(&self.__context));
                (quote!((&self) -> #ty), quote!(<#ty as #private::CopyAccess>::copied(#get)))
            }
            (_, Some(inner)) => (
                quote!((&self) -> #private::Option<&#inner>),
                quote!(self.#ident.get_some(&self.__context)),
            ),
            (_, None) => (quote!((&self) -> &#ty), quote!(self.#ident.get(&self.__context))),
        },
        (Verb::Set, _) if inner.is_some() => (
            quote!((&self, #value: impl #private::Into<#ty>)),
            quote!(self.#ident.set(&self.__context, #private::Into::into(#value));),
        ),
        (Verb::Set, _) => {
            (quote!((&self, #value: #ty)), quote!(self.#ident.set(&self.__context, #value);))
        }
        (Verb::Update, _) => {
            let result = result_name(session, field);
            (
                quote!(
                    <#result>(&self, #change: impl #private::FnOnce(&mut #ty) -> #result) -> #result
                ),
                quote!(self.#ident.update(&self.__context, #change)),
            )
        }
        (Verb::Reset, _) => (quote!((&self)), quote!(self.#ident.reset(&self.__context);)),
        (Verb::Take, _) => (quote!((&self) -> #ty), quote!(self.#ident.take(&self.__context))),
        (Verb::Clear, _) => {
            (quote!((&self)), quote!(self.#ident.set(&self.__context, #private::None);))
        }
        (Verb::Add, _) => {
            (quote!((&self, #by: #private::i64)), quote!(self.#ident.add(&self.__context, #by);))
        }
        (Verb::Insert, Kind::Extra) => {
            let (collection, item) =
                (collection(), item(field, 1, &quote!(#private::MapField>::Value)));
            let pair = quote!((#private::Into::into(#key), #value));
            (
                quote!((&self, #key: impl #private::Into<#private::String>, #value: #item)),
                quote!(#collection::insert(&self.#ident, &self.__context, #pair);),
            )
        }
        (Verb::Remove, Kind::Extra) => {
            let (collection, key_of) = (collection(), quote!(&#private::Into::into(#key)));
            (
                quote!((&self, #key: &#private::str)),
                quote!(#collection::remove(&self.#ident, &self.__context, #key_of);),
            )
        }
        (Verb::Insert, _) => {
            let (collection, item) =
                (collection(), item(field, 0, &quote!(#private::SetField>::Member)));
            (
                quote!((&self, #member: #item)),
                quote!(#collection::insert(&self.#ident, &self.__context, #member);),
            )
        }
        (Verb::Remove, _) => {
            let (collection, item) =
                (collection(), item(field, 0, &quote!(#private::SetField>::Member)));
            (
                quote!((&self, #member: &#item)),
                quote!(#collection::remove(&self.#ident, &self.__context, #member);),
            )
        }
    }
}

/// The type of what goes into a collection: as it is spelled, which reads better and keeps the
/// signature valid when the collection is not; through the trait where the spelling may be an alias.
fn item(field: &Field, n: usize, projection: &TokenStream) -> TokenStream {
    let ty = &field.ty;
    if let Some(item) = argument(ty, n) {
        item.to_token_stream()
    } else {
        quote!(<#ty as #projection)
    }
}

/// The type parameter of `update_x`: `R`, unless that is a type here.
fn result_name(session: &Session, field: &Field) -> Ident {
    let (ty, parameters) = (&field.ty, &session.generics.params);
    names::fresh("R", &quote!(#ty #parameters))
}

/// Describes an accessor, in a sentence that begins with a verb and names the field. What reads the
/// field has the field's own docs too; the others link there.
fn docs(field: &Field, verb: Verb) -> TokenStream {
    let name = names::plain(&field.ident);
    let reader = field.reader().to_string();
    let link = if reader.starts_with("r#") {
        // Rustdoc resolves no links to raw identifiers.
        format!("`{name}`")
    } else {
        format!("[`{name}`](Self::{reader})")
    };
    let text = match verb {
        // In one paragraph with the field's own docs, so that lists of methods show those as well.
        Verb::Get => format!("Returns the value that `{name}` has at this moment."),
        Verb::Peek => format!(
            "Returns the value that `{name}` has at this moment, and leaves it for the next request."
        ),
        Verb::Set if field.kind == Kind::Max => {
            format!("Raises {link}; a smaller value changes nothing.")
        }
        Verb::Set if field.kind == Kind::Once => format!("Sets {link}, unless it was set before."),
        Verb::Set => format!("Sets {link}."),
        Verb::Update => format!(
            "Changes {link} in place and returns what `change` returns.\n\n`change` works on a clone; \
             what another task writes to the same field meanwhile is lost."
        ),
        Verb::Reset => format!("Sets {link} back to its default."),
        Verb::Take if field.kind == Kind::Local => {
            format!("Takes the value out of {link}, leaving `None`.")
        }
        Verb::Take => format!(
            "Takes the value out of {link}, leaving `None`; the value is gone at the commit."
        ),
        Verb::Clear => format!("Sets {link} to `None`."),
        Verb::Add => format!("Adds to {link}; parallel requests add up. `by` may be negative."),
        Verb::Insert if field.kind == Kind::Extra => {
            format!("Inserts a value into {link} under a key.")
        }
        Verb::Remove if field.kind == Kind::Extra => format!("Removes a key from {link}."),
        Verb::Insert => format!("Inserts a member into {link}."),
        Verb::Remove => format!("Removes a member from {link}."),
    };
    // A space before each line, as `///` has it: the user's lines are not indented then.
    let lines = text.split('\n').map(|text| match text {
        "" => String::new(),
        text => format!(" {text}"),
    });
    let own = matches!(verb, Verb::Get | Verb::Peek).then_some(&field.docs);
    let own = own.into_iter().flatten();
    quote!(#(#[doc = #lines])* #(#own)*)
}
