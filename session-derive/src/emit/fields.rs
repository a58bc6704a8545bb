//! The write-only view, which has the cells, the struct around it, and the accessors of both. An
//! accessor is one call; its name stands where the field's does, so that editors lead there. Must not
//! know the session's traits.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Punct, Spacing, Span, TokenStream};
use quote::{ToTokens, TokenStreamExt as _, quote, quote_spanned};

use super::{Emitter, argument, cell, local, skeleton};
use crate::{
    model::{Field, Kind, Session, Verb},
    names,
};

/// The two structs.
pub(super) fn structs(emitter: &Emitter<'_>) -> TokenStream {
    let Emitter { session, bounds, allow, .. } = emitter;
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
    let fields_doc = format!(
        "The fields of a [`{ident}`] session: what `Session<{ident}>` derefs to.\n\nWhat only writes is \
         in [`{writer}`], which this derefs to.",
    );
    let writer_doc = format!(
        "The write-only view of a [`{ident}`] session: what `Writer<{ident}>` derefs to.\n\nIt loads \
         nothing, so it has only what needs no present value.",
    );
    // What rustc has to say of their names is about the struct's.
    let span = fields.span();
    let fields_struct =
        quote_spanned!(span=> struct #fields #generics #bounds { writer: #writer #arguments });
    let writer_struct = quote_spanned!(span=> struct #writer #generics #bounds { #cells });
    quote! {
        #[doc = #fields_doc]
        #allow
        #vis #fields_struct

        #[doc = #writer_doc]
        #allow
        #vis #writer_struct
    }
}

/// The inherent impls: each accessor is in one of them, since the struct of the first derefs to that
/// of the second.
pub(super) fn accessors(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (parameters, arguments, bounds) = emitter.generics();
    let mut seen = BTreeSet::new();
    let (mut reading, mut blind) = (TokenStream::new(), TokenStream::new());
    for field in &session.fields {
        for &verb in field.verbs() {
            // Beside errors two may have the same name, which rustc need not say again.
            if seen.insert(field.accessor(verb).to_string()) {
                let methods = if field.is_blind(verb) { &mut blind } else { &mut reading };
                method(emitter, field, verb).to_tokens(methods);
            }
        }
    }
    let inherent = |ident: Ident, methods: TokenStream| {
        let methods = (!methods.is_empty()).then_some(methods)?;
        Some(quote!(impl #parameters #ident #arguments #bounds { #methods }))
    };
    let reading = inherent(session.fields_ident(), reading);
    let blind = inherent(session.writer_ident(), blind);
    quote!(#reading #blind)
}

/// One accessor.
fn method(emitter: &Emitter<'_>, field: &Field, verb: Verb) -> TokenStream {
    let Field { vis, inherited, .. } = field;
    let name = field.accessor(verb);
    let docs = docs(emitter.session, field, verb);
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
    let writer = Writer { is_self: field.is_blind(verb) };
    let (value, change, by) = (local("value"), local("change"), local("by"));
    let (key, member) = (local("key"), local("member"));
    // Through its type: what is no collection has no methods, and is reported as such.
    let collection = || quote!(#private::CollectionCell::<#ty>);
    match (verb, field.kind) {
        (Verb::Get | Verb::Peek, kind) => match (kind, inner) {
            (Kind::Set | Kind::Extra, _) => {
                let collection = collection();
                (
                    quote!((&self) -> &#ty),
                    quote!(#collection::get(&#writer.#ident, &#writer.__context)),
                )
            }
            (Kind::Counter, _) => {
                (quote!((&self) -> #ty), quote!(#writer.#ident.get(&#writer.__context)))
            }
            (Kind::Max, _) => {
                (quote!((&self) -> #ty), quote!(#writer.#ident.cloned(&#writer.__context)))
            }
            _ if field.primitive => {
                (quote!((&self) -> #ty), quote!(*#writer.#ident.get(&#writer.__context)))
            }
            _ if field.copy => {
                let get = quote!(#writer.#ident.get(&#writer.__context));
                (quote!((&self) -> #ty), quote!(<#ty as #private::CopyAccess>::copied(#get)))
            }
            (_, Some(inner)) => (
                quote!((&self) -> #private::Option<&#inner>),
                quote!(#writer.#ident.get_some(&#writer.__context)),
            ),
            (_, None) => (quote!((&self) -> &#ty), quote!(#writer.#ident.get(&#writer.__context))),
        },
        (Verb::Set, _) if inner.is_some() => (
            quote!((&self, #value: impl #private::Into<#ty>)),
            quote!(#writer.#ident.set(&#writer.__context, #private::Into::into(#value));),
        ),
        (Verb::Set, _) => {
            (quote!((&self, #value: #ty)), quote!(#writer.#ident.set(&#writer.__context, #value);))
        }
        (Verb::Update, _) => {
            let result = result_name(session, field);
            (
                quote!(
                    <#result>(&self, #change: impl #private::FnOnce(&mut #ty) -> #result) -> #result
                ),
                quote!(#writer.#ident.update(&#writer.__context, #change)),
            )
        }
        (Verb::Reset, _) => (quote!((&self)), quote!(#writer.#ident.reset(&#writer.__context);)),
        (Verb::Take, _) => {
            (quote!((&self) -> #ty), quote!(#writer.#ident.take(&#writer.__context)))
        }
        (Verb::Clear, _) => {
            (quote!((&self)), quote!(#writer.#ident.set(&#writer.__context, #private::None);))
        }
        (Verb::Add, _) => (
            quote!((&self, #by: #private::i64)),
            quote!(#writer.#ident.add(&#writer.__context, #by);),
        ),
        (Verb::Insert, Kind::Extra) => {
            let (collection, item) =
                (collection(), item(field, 1, &quote!(#private::MapField>::Value)));
            let pair = quote!((#private::Into::into(#key), #value));
            (
                quote!((&self, #key: impl #private::Into<#private::String>, #value: #item)),
                quote!(#collection::insert(&#writer.#ident, &#writer.__context, #pair);),
            )
        }
        (Verb::Remove, Kind::Extra) => {
            let (collection, key_of) = (collection(), quote!(&#private::Into::into(#key)));
            (
                quote!((&self, #key: &#private::str)),
                quote!(#collection::remove(&#writer.#ident, &#writer.__context, #key_of);),
            )
        }
        (Verb::Insert, _) => {
            let (collection, item) =
                (collection(), item(field, 0, &quote!(#private::SetField>::Member)));
            (
                quote!((&self, #member: #item)),
                quote!(#collection::insert(&#writer.#ident, &#writer.__context, #member);),
            )
        }
        (Verb::Remove, _) => {
            let (collection, item) =
                (collection(), item(field, 0, &quote!(#private::SetField>::Member)));
            (
                quote!((&self, #member: &#item)),
                quote!(#collection::remove(&#writer.#ident, &#writer.__context, #member);),
            )
        }
    }
}

/// What has the cells, as a method of either struct names it. Tokens of its own are appended one by
/// one; a stream in a stream takes the compiler's help, and there would be some for each accessor.
struct Writer {
    is_self: bool,
}

impl ToTokens for Writer {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append(Ident::new("self", Span::call_site()));
        if !self.is_self {
            tokens.append(Punct::new('.', Spacing::Alone));
            tokens.append(Ident::new("writer", Span::call_site()));
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
fn docs(session: &Session, field: &Field, verb: Verb) -> TokenStream {
    let name = names::plain(&field.ident);
    let reader = field.reader().to_string();
    let link = if reader.starts_with("r#") {
        // Rustdoc resolves no links to raw identifiers.
        format!("`{name}`")
    } else if field.is_blind(verb) {
        format!("[`{name}`]({}::{reader})", session.fields_ident())
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
