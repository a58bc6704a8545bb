//! What a field's type must be beyond what using its cell shows: checked in a function that is never
//! called, so that a type that does not fit is underlined itself.

use proc_macro2::TokenStream;
use quote::quote;

use super::Emitter;
use crate::model::Kind;

/// The function, if there is anything to check.
pub(super) fn asserts(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let private = &session.private;
    if emitter.skeleton {
        return TokenStream::new();
    }
    let checks: Vec<_> = session
        .fields
        .iter()
        .filter_map(|field| {
            let ty = &field.ty;
            match field.kind {
                Kind::Set => Some(quote!(set::<#ty>();)),
                Kind::Extra => Some(quote!(extra::<#ty>();)),
                _ => None,
            }
        })
        .collect();
    if checks.is_empty() {
        return TokenStream::new();
    }
    let (parameters, _, bounds) = emitter.generics();
    // In a block of its own, so that its names are not in scope of the user's expressions.
    quote! {
        const _: () = {
            fn types #parameters () #bounds {
                const fn set<T: #private::SetField>() {}
                const fn extra<T: #private::MapField>() {}
                #(#checks)*
            }
        };
    }
}
