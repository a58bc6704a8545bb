//! The struct of the fields that lists of sessions show. Must not know lists.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{Emitter, local};
use crate::names;

/// The struct, which users name.
pub(super) fn listed(emitter: &Emitter<'_>) -> TokenStream {
    let (session, allow) = (emitter.session, &emitter.allow);
    let fields = session.listed();
    if fields.is_empty() {
        return TokenStream::new();
    }
    let (vis, ident) = (&session.vis, &session.ident);
    let listed = session.listed_ident();
    let private = session.private.in_full();
    let doc = format!("The fields of a [`{ident}`] session that lists of sessions show.");
    let members: TokenStream = fields
        .iter()
        .map(|field| {
            let (vis, ident, ty) = (&field.vis, &field.ident, &field.ty);
            let (docs, inherited) = (&field.docs, &field.inherited);
            let doc = format!("The value of `{}`.", names::plain(ident));
            let blank = (!docs.is_empty()).then(|| quote!(#[doc = ""]));
            quote!(#[doc = #doc] #blank #(#docs)* #(#inherited)* #vis #ident: #ty,)
        })
        .collect();
    // What rustc has to say of its name is about the struct's.
    let span = listed.span();
    let listed = quote_spanned!(span=> struct #listed { #members });
    quote! {
        #[doc = #doc]
        #allow
        #[derive(#private::Clone)]
        #vis #listed
    }
}

/// `Debug` that names no value.
pub(super) fn impls(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let fields = session.listed();
    if fields.is_empty() {
        return TokenStream::new();
    }
    let (private, listed, f) = (&session.private, session.listed_ident(), local("f"));
    let names: Vec<_> = fields.iter().map(|field| names::plain(&field.ident)).collect();
    let text = format!("{listed} {{ {}, .. }}", names.join(", "));
    let body = emitter.body(quote!(#f.write_str(#text)));
    quote! {
        #[automatically_derived]
        impl #private::Debug for #listed {
            #[inline]
            fn fmt(&self, #f: &mut #private::Formatter<'_>) -> #private::fmt::Result #body
        }
    }
}
