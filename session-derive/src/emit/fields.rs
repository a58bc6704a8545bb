//! The struct of cells, its write-only view, and the accessors of both. An accessor is one call; its
//! name stands where the field's does, so that editors lead there. Must not know the session's
//! traits.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};

use super::{Emitter, access, allow, argument, cell, local, skeleton};
use crate::{
    model::{Field, Kind, Session, Verb},
    names,
};

/// The two structs.
pub(super) fn structs(emitter: &Emitter<'_>) -> TokenStream {
    let Emitter { session, bounds, .. } = emitter;
    let Session { ident, vis, generics, .. } = session;
    let private = session.private.in_full();
    let (fields, writer) = (session.fields_ident(), session.writer_ident());
    let (_, arguments, _) = generics.split_for_impl();
    let cells = if emitter.skeleton {
        skeleton::cells(session)
    } else {
        let names = session.fields.iter().map(|field| &field.ident);
        let cells = session.fields.iter().map(|field| cell(session, field));
        quote!(__context: #private::Context, #(#names: #cells,)*)
    };
    let fields_doc =
        format!("The fields of a [`{ident}`] session: what `Session<{ident}>` derefs to.");
    let writer_doc = format!(
        "The write-only view of a [`{ident}`] session: what `Writer<{ident}>` derefs to.\n\nIt loads \
         nothing, so it has only what needs no present value.",
    );
    let allow = allow(emitter);
    // What rustc has to say of their names is about the struct's.
    let span = fields.span();
    let fields_struct = quote_spanned!(span=> struct #fields #generics #bounds { #cells });
    let writer_struct =
        quote_spanned!(span=> struct #writer #generics #bounds { fields: #fields #arguments });
    quote! {
        #[doc = #fields_doc]
        #allow
        #vis #fields_struct

        #[doc = #writer_doc]
        #allow
        #vis #writer_struct
    }
}

/// The inherent impls.
pub(super) fn accessors(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (fields, writer) = (session.fields_ident(), session.writer_ident());
    let (parameters, arguments, bounds) = emitter.generics();
    let mut seen = BTreeSet::new();
    let methods: Vec<_> = session
        .fields
        .iter()
        .flat_map(|field| field.verbs().iter().map(move |&verb| (field, verb)))
        // Beside errors two may have the same name, which rustc need not say again.
        .filter(|(field, verb)| seen.insert(field.accessor(*verb).to_string()))
        .map(|(field, verb)| method(emitter, field, verb, false))
        .collect();
    let mut seen = BTreeSet::new();
    let written: TokenStream = session
        .fields
        .iter()
        .flat_map(|field| field.writer_verbs().iter().map(move |&verb| (field, verb)))
        .filter(|(field, verb)| seen.insert(field.accessor(*verb).to_string()))
        .map(|(field, verb)| method(emitter, field, verb, true))
        .collect();
    let written = (!written.is_empty())
        .then(|| quote!(impl #parameters #writer #arguments #bounds { #written }));
    quote! {
        impl #parameters #fields #arguments #bounds { #(#methods)* }
        #written
    }
}

/// One accessor, on the handle or on the write-only view.
fn method(emitter: &Emitter<'_>, field: &Field, verb: Verb, of_writer: bool) -> TokenStream {
    let Field { vis, inherited, .. } = field;
    let name = field.accessor(verb);
    let docs = docs(emitter.session, field, verb, of_writer);
    let must_use = matches!(verb, Verb::Get | Verb::Peek).then(|| quote!(#[must_use]));
    let Signature { generics, parameters, arguments, output } =
        signature(emitter.session, field, verb);
    let body = if of_writer {
        let fields = emitter.session.fields_ident();
        quote!(#fields::#name(&self.fields #(, #arguments)*))
    } else {
        call(emitter.session, field, verb)
    };
    // A method without a result ends in `;`, as a person would write it.
    let body = emitter.body(if output.is_empty() { quote!(#body;) } else { body });
    quote! {
        #docs
        #(#inherited)*
        #must_use
        #vis fn #name #generics (&self #(, #parameters)*) #output #body
    }
}

#[derive(Default)]
struct Signature {
    generics: TokenStream,
    parameters: Vec<TokenStream>,
    /// The parameters' names, to pass them on.
    arguments: Vec<Ident>,
    output: TokenStream,
}

fn signature(session: &Session, field: &Field, verb: Verb) -> Signature {
    let Field { ty, inner, .. } = field;
    let private = &session.private;
    let core = quote!(#private::core);
    let output =
        |output: TokenStream| Signature { output: quote!(-> #output), ..Signature::default() };
    let input = |parameters: &[(&str, TokenStream)]| {
        let (parameters, arguments) = parameters
            .iter()
            .map(|(name, ty)| {
                let name = local(name);
                (quote!(#name: #ty), name)
            })
            .unzip();
        Signature { parameters, arguments, ..Signature::default() }
    };
    match verb {
        Verb::Get | Verb::Peek if by_value(field) => output(quote!(#ty)),
        Verb::Get | Verb::Peek => match inner {
            Some(inner) => output(quote!(#core::option::Option<&#inner>)),
            None => output(quote!(&#ty)),
        },
        Verb::Take => output(quote!(#ty)),
        Verb::Set if inner.is_some() => input(&[("value", quote!(impl #core::convert::Into<#ty>))]),
        Verb::Set => input(&[("value", quote!(#ty))]),
        Verb::Update => {
            let result = result_name(session, field);
            let change = quote!(impl #core::ops::FnOnce(&mut #ty) -> #result);
            Signature {
                generics: quote!(<#result>),
                output: quote!(-> #result),
                ..input(&[("change", change)])
            }
        }
        Verb::Reset | Verb::Clear => Signature::default(),
        Verb::Add => input(&[("by", quote!(#core::primitive::i64))]),
        Verb::Insert if field.kind == Kind::Extra => {
            let value = item(field, 1, &quote!(#private::MapField>::Value));
            let key = quote!(impl #core::convert::Into<::std::string::String>);
            input(&[("key", key), ("value", value)])
        }
        Verb::Remove if field.kind == Kind::Extra => {
            input(&[("key", quote!(&#core::primitive::str))])
        }
        Verb::Insert | Verb::Remove => {
            let member = item(field, 0, &quote!(#private::SetField>::Member));
            let by_reference = (verb == Verb::Remove).then(|| quote!(&));
            input(&[("member", quote!(#by_reference #member))])
        }
    }
}

/// The one call that an accessor is.
fn call(session: &Session, field: &Field, verb: Verb) -> TokenStream {
    let private = &session.private;
    let (core, ident, access) = (quote!(#private::core), &field.ident, access(session, field));
    let call = |method: &str, more: TokenStream| {
        let method = quote::format_ident!("{method}");
        quote!(#access::#method(&self.#ident, &self.__context #more))
    };
    let (value, change, by) = (local("value"), local("change"), local("by"));
    let (key, member) = (local("key"), local("member"));
    let into = quote!(#core::convert::Into::into);
    match verb {
        Verb::Get | Verb::Peek => match field.kind {
            Kind::Counter => call("count", quote!()),
            Kind::Max => call("max", quote!()),
            _ if field.copy => call("copied", quote!()),
            _ => {
                let get = call("get", quote!());
                if field.inner.is_some() {
                    quote!(#core::option::Option::as_ref(#get))
                } else {
                    get
                }
            }
        },
        Verb::Set if field.kind == Kind::Max => call("set_max", quote!(, #value)),
        Verb::Set if field.inner.is_some() => call("set", quote!(, #into(#value))),
        Verb::Set => call("set", quote!(, #value)),
        Verb::Update => call("update", quote!(, #change)),
        Verb::Reset => call("reset", quote!()),
        Verb::Take => call("take", quote!(, #core::option::Option::take)),
        Verb::Clear => call("set", quote!(, #core::option::Option::None)),
        Verb::Add => call("add", quote!(, #by)),
        Verb::Insert if field.kind == Kind::Extra => {
            call("insert", quote!(, (#into(#key), #value)))
        }
        Verb::Remove if field.kind == Kind::Extra => call("remove", quote!(, &#into(#key))),
        Verb::Insert => call("insert", quote!(, #member)),
        Verb::Remove => call("remove", quote!(, #member)),
    }
}

fn by_value(field: &Field) -> bool {
    field.copy || matches!(field.kind, Kind::Counter | Kind::Max)
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

/// The field's own docs for what reads it, a sentence that links there for the rest.
fn docs(session: &Session, field: &Field, verb: Verb, of_writer: bool) -> TokenStream {
    let name = names::plain(&field.ident);
    if verb == Verb::Get || verb == Verb::Peek {
        let note = (verb == Verb::Peek)
            .then(|| quote!(#[doc = "\n\nLeaves it for the next request, unlike `take`."]));
        if field.docs.is_empty() {
            let text = format!("The field `{name}`.");
            return quote!(#[doc = #text] #note);
        }
        let docs = &field.docs;
        return quote!(#(#docs)* #note);
    }
    let reader = field.reader().to_string();
    let link = if reader.starts_with("r#") {
        // Rustdoc resolves no links to raw identifiers.
        format!("`{}`", names::plain(&field.reader()))
    } else if of_writer {
        format!("[`{reader}`]({}::{reader})", session.fields_ident())
    } else {
        format!("[`{reader}`](Self::{reader})")
    };
    let text = match verb {
        Verb::Set if field.kind == Kind::Max => {
            format!("Raises {link}; a smaller value changes nothing.")
        }
        Verb::Set if field.kind == Kind::Once => format!("Sets {link}, unless it was set before."),
        Verb::Set => format!("Sets {link}."),
        Verb::Update => format!(
            "Changes {link} in place and returns what `change` returns.\n\n`change` works on a clone; \
             what another task writes to the same field meanwhile is lost."
        ),
        Verb::Reset => format!("Brings {link} back to its default."),
        Verb::Take => format!("Takes the value out of {link}, leaving `None`."),
        Verb::Clear => format!("Sets {link} to `None`."),
        Verb::Add => format!("Adds to {link}; parallel requests add up. `by` may be negative."),
        Verb::Insert if field.kind == Kind::Extra => format!("Puts a key into {link}."),
        Verb::Remove if field.kind == Kind::Extra => format!("Takes a key out of {link}."),
        Verb::Insert => format!("Puts a member into {link}."),
        Verb::Remove => format!("Takes a member out of {link}."),
        Verb::Get | Verb::Peek => String::new(),
    };
    quote!(#[doc = #text])
}
