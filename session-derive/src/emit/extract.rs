//! The guards of `extract = "Name"`, which delegate to the runtime. Must not know how a session is
//! loaded.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};

use super::{Emitter, local, schema, spanned_at};
use crate::model::Session;

/// The guards, which users name.
pub(super) fn guards(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let vis = &session.vis;
    let allow = &emitter.allow;
    session
        .guards()
        .map(|(field, guard, inner)| {
            let doc = format!(
                "The present `{}` of a [`{}`] session, as an extractor: without one the request is \
                 rejected.",
                crate::names::plain(&field.ident),
                session.ident,
            );
            // For a type less public than the session, `Deref` below gives an error already.
            // What rustc has to say of its name is about the literal.
            let span = proc_macro2::Span::call_site().located_at(guard.span());
            let guard = quote_spanned!(span=> struct #guard(#vis #inner););
            quote! {
                #[doc = #doc]
                #allow
                #[allow(private_interfaces)]
                #vis #guard
            }
        })
        .collect()
}

/// What an extractor returns. It is no `async fn`: another state machine around the runtime's, and a
/// proof that it is `Send`, would be most of what compiling it takes.
fn future(session: &Session, output: &TokenStream) -> TokenStream {
    let private = &session.private;
    let result = quote!(#private::Result<#output, #private::Rejection>);
    quote!(impl #private::Future<Output = #result> + #private::Send)
}

/// The impls of the guards.
pub(super) fn impls(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (private, ident) = (&session.private, &session.ident);
    // The derive refuses guards on generic structs; in the skeleton there is no type to name.
    if !session.generics.params.is_empty() {
        return TokenStream::new();
    }
    let fields = local("fields");
    let (f, parts) = (local("f"), local("parts"));
    session
        .guards()
        .map(|(field, guard, inner)| {
            let state = crate::names::fresh("__S", &inner.to_token_stream());
            let text = format!("{guard}(..)");
            let debug = emitter.body(quote!(#f.write_str(#text)));
            let clone = emitter.body(quote!(Self(<#inner as #private::Clone>::clone(&self.0))));
            let deref = emitter.body(quote!(&self.0));
            let target = quote_spanned!(spanned_at(inner)=> type Target = #inner;);
            let present = schema::present(field, &fields);
            let accepted = match &field.validate {
                Some(validate) => quote!(#private::Option::filter(#present, #validate)),
                None => present,
            };
            let accepted = emitter.body(accepted);
            let guarded = quote!(::<#ident, #inner, Self>(#parts, |#fields| #accepted, Self));
            let request = quote!(#parts: &mut #private::Parts, _: &#state);
            let required = future(session, &quote!(Self));
            let optional = future(session, &quote!(#private::Option<Self>));
            let any_state = quote!(<#state: #private::Send + #private::Sync>);
            quote! {
                #[automatically_derived]
                impl #private::Debug for #guard {
                    #[inline]
                    fn fmt(&self, #f: &mut #private::Formatter<'_>) -> #private::fmt::Result #debug
                }
                #[automatically_derived]
                impl #private::Clone for #guard {
                    #[inline]
                    fn clone(&self) -> Self #clone
                }
                #[automatically_derived]
                impl #private::Deref for #guard {
                    #target
                    #[inline]
                    fn deref(&self) -> &#inner #deref
                }
                #private::if_axum! {
                    #[automatically_derived]
                    impl #any_state #private::FromRequestParts<#state> for #guard {
                        type Rejection = #private::Rejection;
                        #[inline]
                        fn from_request_parts(#request) -> #required { #private::required #guarded }
                    }
                    #[automatically_derived]
                    impl #any_state #private::OptionalFromRequestParts<#state> for #guard {
                        type Rejection = #private::Rejection;
                        #[inline]
                        fn from_request_parts(#request) -> #optional { #private::optional #guarded }
                    }
                }
            }
        })
        .collect()
}
