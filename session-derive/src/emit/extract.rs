//! Extractors: the struct itself as an owned snapshot, and the guards of `extract = "Name"`. All of
//! them delegate to the runtime. Must not know how a session is loaded.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};

use super::{Emitter, allow, local, schema, spanned_at};

/// The guards, which users name.
pub(super) fn guards(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let vis = &session.vis;
    let allow = allow(emitter);
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

/// The impls of the guards, and the extractors.
pub(super) fn impls(emitter: &Emitter<'_>) -> TokenStream {
    let owned = owned(emitter);
    let guards = guard_impls(emitter);
    quote!(#owned #guards)
}

fn owned(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (private, ident) = (&session.private, &session.ident);
    let (_, arguments, bounds) = emitter.generics();
    let state = crate::names::fresh("__S", &session.generics.params.to_token_stream());
    let mut generics = session.generics.clone();
    generics.params.push(
        syn::parse_quote!(#state: #private::core::marker::Send + #private::core::marker::Sync),
    );
    let (parameters, ..) = generics.split_for_impl();
    let parts = local("parts");
    let body = emitter.body(quote!(#private::snapshot::<Self>(#parts).await));
    quote! {
        #private::if_axum! {
            #[automatically_derived]
            impl #parameters #private::axum_core::extract::FromRequestParts<#state>
                for #ident #arguments #bounds
            {
                type Rejection = #private::Rejection;
                async fn from_request_parts(
                    #parts: &mut #private::http::request::Parts,
                    _: &#state,
                ) -> #private::core::result::Result<Self, Self::Rejection> #body
            }
        }
    }
}

fn guard_impls(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (private, ident) = (&session.private, &session.ident);
    // The derive refuses guards on generic structs; in the skeleton there is no type to name.
    if !session.generics.params.is_empty() {
        return TokenStream::new();
    }
    let core = quote!(#private::core);
    let (fields, f, parts) = (local("fields"), local("f"), local("parts"));
    session
        .guards()
        .map(|(field, guard, inner)| {
            let state = crate::names::fresh("__S", &inner.to_token_stream());
            let text = format!("{guard}(..)");
            let debug = emitter.body(quote!(#core::fmt::Formatter::write_str(#f, #text)));
            let clone = emitter.body(quote!(Self(<#inner as #core::clone::Clone>::clone(&self.0))));
            let deref = emitter.body(quote!(&self.0));
            let target = quote_spanned!(spanned_at(inner)=> type Target = #inner;);
            let present = schema::present(session, field, &quote!(#fields));
            let accepted = match &field.validate {
                Some(validate) => quote!(#core::option::Option::filter(#present, #validate)),
                None => present,
            };
            let turbofish = emitter.turbofish();
            let required = emitter.body(quote! {
                #core::result::Result::map(
                    #private::required::<#ident #turbofish, #inner>(#parts, |#fields| #accepted).await,
                    Self,
                )
            });
            let optional = emitter.body(quote! {
                #core::result::Result::map(
                    #private::optional::<#ident #turbofish, #inner>(#parts, |#fields| #accepted).await,
                    |#fields| #core::option::Option::map(#fields, Self),
                )
            });
            let request = quote!(#parts: &mut #private::http::request::Parts, _: &#state);
            let result = quote!(#core::result::Result);
            let any_state = quote!(<#state: #core::marker::Send + #core::marker::Sync>);
            quote! {
                #[automatically_derived]
                impl #core::fmt::Debug for #guard {
                    fn fmt(&self, #f: &mut #core::fmt::Formatter<'_>) -> #core::fmt::Result #debug
                }
                #[automatically_derived]
                impl #core::clone::Clone for #guard {
                    fn clone(&self) -> Self #clone
                }
                #[automatically_derived]
                impl #core::ops::Deref for #guard {
                    #target
                    fn deref(&self) -> &#inner #deref
                }
                #private::if_axum! {
                    #[automatically_derived]
                    impl #any_state #private::axum_core::extract::FromRequestParts<#state> for #guard {
                        type Rejection = #private::Rejection;
                        async fn from_request_parts(#request) -> #result<Self, Self::Rejection>
                            #required
                    }
                    #[automatically_derived]
                    impl #any_state #private::axum_core::extract::OptionalFromRequestParts<#state>
                        for #guard
                    {
                        type Rejection = #private::Rejection;
                        async fn from_request_parts(#request)
                            -> #result<#core::option::Option<Self>, Self::Rejection> #optional
                    }
                }
            }
        })
        .collect()
}
