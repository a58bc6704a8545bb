//! What differs in the expansion beside errors: no bodies, no cells, no demands on the fields' types.

use proc_macro2::TokenStream;
use quote::quote;
use syn::WhereClause;

use crate::model::Session;

/// A body that is never run: the program does not compile.
pub(super) fn body(session: &Session) -> TokenStream {
    let private = &session.private;
    quote!(#private::unreachable!())
}

/// The single field of a struct of cells. It names the codecs, which would be unused imports else.
pub(super) fn cells(session: &Session) -> TokenStream {
    let (private, ident) = (session.private.in_full(), &session.ident);
    let (_, arguments, _) = session.generics.split_for_impl();
    let codecs: Vec<_> = session.fields.iter().filter_map(|field| field.codec.as_ref()).collect();
    let codecs = (!codecs.is_empty()).then(|| quote!(, (#(#codecs,)*)));
    let types = match codecs {
        None => quote!(#ident #arguments),
        Some(codecs) => quote!((#ident #arguments #codecs)),
    };
    quote!(__session: #private::PhantomData<fn() -> #types>)
}

/// The struct's own bounds, and what every session type is: the fields are not asked.
pub(super) fn bounds(session: &Session) -> WhereClause {
    let (private, ident) = (session.private.in_full(), &session.ident);
    let mut bounds = super::own_bounds(session);
    if !session.generics.params.is_empty() {
        let (_, arguments, _) = session.generics.split_for_impl();
        bounds
            .predicates
            .push(syn::parse_quote!(#ident #arguments: #private::Send + #private::Sync + 'static));
    }
    bounds
}
