//! The runtime's traits for a session type: the static facts, fresh cells, snapshot and replace, and
//! the walk over all cells. Must not know accessors.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use super::{Emitter, access, local, spanned_at};
use crate::{
    model::{Config, Field, Kind, Session},
    names,
};

/// All impls.
pub(super) fn impls(emitter: &Emitter<'_>) -> TokenStream {
    let session_type = session_type(emitter);
    let principal = principal_type(emitter);
    let field_set = field_set(emitter);
    let std_impls = std_impls(emitter);
    quote!(#session_type #principal #field_set #std_impls)
}

fn session_type(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let Session { ident, private, .. } = session;
    let (fields, writer) = (session.fields_ident(), session.writer_ident());
    let (parameters, arguments, bounds) = emitter.generics();
    let (context, given, value) = (local("context"), local("fields"), local("value"));
    let spec = spec(session);
    let spec = emitter.body(quote!(static SPEC: #private::Spec = #spec; &SPEC));
    let cells = session.fields.iter().enumerate().map(|(i, field)| {
        let ident = &field.ident;
        let cell = new_cell(session, field, &quote!(__FIELDS[#i]));
        quote!(#ident: #cell)
    });
    let new = emitter.body(quote! {
        #writer { fields: #fields { __context: #context, #(#cells,)* } }
    });
    let clones = session.fields.iter().map(|field| {
        let (ident, value) = (&field.ident, present(session, field, &quote!(#given)));
        quote!(#ident: #value)
    });
    let snapshot = emitter.body(quote!(Self { #(#clones,)* }));
    let replaces = session.fields.iter().map(|field| write(session, field));
    let replace = emitter.body(quote!(#(#replaces)*));
    // In reach of the user's defaults, hence the name.
    let statics = (!emitter.skeleton).then(|| {
        let (count, specs) = (session.fields.len(), session.fields.iter());
        let specs = specs.map(|field| field_spec(session, field));
        quote!(static __FIELDS: [&#private::FieldSpec; #count] = [#(&#specs),*];)
    });
    quote! {
        #statics
        #[automatically_derived]
        impl #parameters #private::SessionType for #ident #arguments #bounds {
            type Fields = #fields #arguments;
            type Writer = #writer #arguments;
            fn spec() -> &'static #private::Spec #spec
            fn writer(#context: #private::Context) -> Self::Writer #new
            fn snapshot(#given: &Self::Fields) -> Self #snapshot
            fn replace(#given: &Self::Fields, #value: Self) #replace
        }
    }
}

/// Whether a field starts from its type's default.
pub(super) fn needs_default(field: &Field) -> bool {
    let merged = matches!(field.kind, Kind::Counter | Kind::Set | Kind::Extra);
    field.default.is_none() && !merged
}

fn new_cell(session: &Session, field: &Field, spec: &TokenStream) -> TokenStream {
    let (private, access, ty) = (&session.private, access(session, field), &field.ty);
    let default = match &field.default {
        // Text is what defaults mostly are, and `"…".into()` for each would be noise.
        Some(text) if syn::parse2::<syn::LitStr>(text.clone()).is_ok() => {
            quote!(|| #private::core::convert::Into::into(#text))
        }
        // Around the body of a closure, parentheses are a lint's business.
        Some(value) => match syn::parse2(value.clone()) {
            Ok(syn::Expr::Paren(inner)) if inner.attrs.is_empty() => {
                let inner = inner.expr;
                quote!(|| #inner)
            }
            _ => quote!(|| #value),
        },
        None => quote!(<#ty as #private::FieldDefault>::field_default),
    };
    match field.kind {
        Kind::Counter => quote!(#access::counter(#spec)),
        Kind::Set | Kind::Extra => quote!(#access::new(#spec)),
        Kind::Max => quote!(#access::max_cell(#spec, #default)),
        _ => quote!(#access::cell(#spec, #default)),
    }
}

/// A clone of the present value.
pub(super) fn present(session: &Session, field: &Field, fields: &TokenStream) -> TokenStream {
    let (private, access, ident) = (&session.private, access(session, field), &field.ident);
    let method = match field.kind {
        Kind::Counter => "count",
        Kind::Max => "max",
        Kind::Set | Kind::Extra => "get",
        _ => "copied",
    };
    let method = format_ident!("{method}");
    let value = quote!(#access::#method(&#fields.#ident, &#fields.__context));
    match field.kind {
        Kind::Set | Kind::Extra => quote!(#private::core::clone::Clone::clone(#value)),
        _ => value,
    }
}

/// Writes a field of `value` into its cell.
fn write(session: &Session, field: &Field) -> TokenStream {
    let (fields, value) = (local("fields"), local("value"));
    let (access, ident) = (access(session, field), &field.ident);
    let (cell, context) = (quote!(&#fields.#ident), quote!(&#fields.__context));
    match field.kind {
        Kind::Counter => quote!(#access::replace(#cell, #context, #value.#ident);),
        Kind::Set | Kind::Extra => quote!(#access::replace(#cell, #context, &#value.#ident);),
        Kind::Max => quote!(#access::set_max(#cell, #context, #value.#ident);),
        // Who is logged in changes by logging in alone. Mentioned, or rustc would call it unread.
        Kind::Principal => quote!(let _ = &#value.#ident;),
        _ => quote!(#access::set(#cell, #context, #value.#ident);),
    }
}

fn principal_type(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let Some((field, principal)) = session.principal() else { return TokenStream::new() };
    let Session { ident, private, .. } = session;
    let (parameters, arguments, bounds) = emitter.generics();
    let (fields, name) = (local("fields"), &field.ident);
    let body = emitter.body(quote!(&#fields.#name));
    let associated = quote_spanned!(spanned_at(principal)=> type Principal = #principal;);
    quote! {
        #[automatically_derived]
        impl #parameters #private::PrincipalType for #ident #arguments #bounds {
            #associated
            fn principal(
                #fields: &Self::Fields,
            ) -> &#private::ValueCell<#private::core::option::Option<Self::Principal>> #body
        }
    }
}

fn field_set(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (private, fields) = (&session.private, session.fields_ident());
    let (parameters, arguments, bounds) = emitter.generics();
    let (visit, other) = (local("visit"), local("other"));
    let context = emitter.body(quote!(&self.__context));
    let visits = session.fields.iter().map(|field| {
        let (access, ident) = (access(session, field), &field.ident);
        match field.kind {
            Kind::Set | Kind::Extra => quote!(#visit(&self.#ident);),
            Kind::Max => quote!(#visit(#access::erased_max(&self.#ident));),
            _ => quote!(#visit(#access::erased(&self.#ident));),
        }
    });
    let each = emitter.body(quote!(#(#visits)*));
    let adopts = session.fields.iter().map(|field| {
        let (access, ident) = (access(session, field), &field.ident);
        let adopt =
            format_ident!("{}", if field.kind == Kind::Max { "adopt_max" } else { "adopt" });
        quote!(#access::#adopt(&self.#ident, &#other.#ident);)
    });
    let adopt = emitter.body(quote!(#(#adopts)*));
    quote! {
        #[automatically_derived]
        impl #parameters #private::FieldSet for #fields #arguments #bounds {
            fn context(&self) -> &#private::Context #context
            fn each(&self, #visit: &mut dyn #private::core::ops::FnMut(&dyn #private::Cell)) #each
            fn adopt(&self, #other: &Self) #adopt
        }
    }
}

/// `AsRef`, and `Debug` that names no value.
fn std_impls(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let core = &session.private;
    let core = quote!(#core::core);
    let (fields, writer) = (session.fields_ident(), session.writer_ident());
    let (parameters, arguments, bounds) = emitter.generics();
    let f = local("f");
    let as_ref = emitter.body(quote!(&self.fields));
    // Names only: whatever a field holds, it ends up in no log.
    let names: Vec<_> = session.fields.iter().map(|field| names::plain(&field.ident)).collect();
    let debug = |ident: &proc_macro2::Ident| {
        let text = format!("{ident} {{ {}, .. }}", names.join(", "));
        emitter.body(quote!(#core::fmt::Formatter::write_str(#f, #text)))
    };
    let (fields_debug, writer_debug) = (debug(&fields), debug(&writer));
    quote! {
        #[automatically_derived]
        impl #parameters #core::convert::AsRef<#fields #arguments> for #writer #arguments #bounds {
            fn as_ref(&self) -> &#fields #arguments #as_ref
        }
        #[automatically_derived]
        impl #parameters #core::fmt::Debug for #fields #arguments #bounds {
            fn fmt(&self, #f: &mut #core::fmt::Formatter<'_>) -> #core::fmt::Result #fields_debug
        }
        #[automatically_derived]
        impl #parameters #core::fmt::Debug for #writer #arguments #bounds {
            fn fmt(&self, #f: &mut #core::fmt::Formatter<'_>) -> #core::fmt::Result #writer_debug
        }
    }
}

fn spec(session: &Session) -> TokenStream {
    let Session { private, config, ident, .. } = session;
    let variant = |name: &str, variant: &str| {
        let (name, variant) = (format_ident!("{name}"), format_ident!("{variant}"));
        quote!(#private::#name::#variant)
    };
    let Config { name, path, secure, http_only, partitioned, persistent, .. } = config;
    let (idle, absolute) = (limit(session, config.idle), limit(session, config.absolute));
    let transport = variant("Transport", config.transport);
    let payload = variant("Payload", config.payload);
    let same_site = variant("SameSite", config.same_site);
    let create = variant("Create", config.create);
    let resend = variant("Resend", config.resend);
    let on_stale = variant("OnStale", config.on_stale);
    let on_store_error = variant("OnStoreError", config.on_store_error);
    let commit_on = variant("CommitOn", config.commit_on);
    let on_end = variant("OnEnd", config.on_end);
    let domain = option(session, config.domain.as_deref());
    let type_name = names::plain(ident);
    quote! {
        #private::Spec {
            type_name: #type_name,
            name: #name,
            transport: #transport,
            payload: #payload,
            idle: #idle,
            absolute: #absolute,
            cookie: #private::CookieSpec {
                path: #path,
                domain: #domain,
                same_site: #same_site,
                secure: #secure,
                http_only: #http_only,
                partitioned: #partitioned,
                persistent: #persistent,
            },
            create: #create,
            resend: #resend,
            on_stale: #on_stale,
            on_store_error: #on_store_error,
            commit_on: #commit_on,
            on_end: #on_end,
            fields: &__FIELDS,
        }
    }
}

fn field_spec(session: &Session, field: &Field) -> TokenStream {
    let private = &session.private;
    let Field { stored, aliases, secret, keep, clear_on_login, .. } = field;
    let policy = match field.kind {
        Kind::Plain | Kind::Principal => "Last",
        Kind::Counter => "Counter",
        Kind::Set => "Set",
        Kind::Extra => "Extra",
        Kind::Flash => "Flash",
        Kind::Max => "Max",
        Kind::Once => "Once",
        Kind::Local => "Local",
    };
    let (policy, decode) = (format_ident!("{policy}"), format_ident!("{}", field.on_decode_error));
    let group = option(session, field.group.as_deref());
    let principal = field.kind == Kind::Principal;
    quote! {
        #private::FieldSpec {
            name: #stored,
            aliases: &[#(#aliases),*],
            policy: #private::Policy::#policy,
            group: #group,
            principal: #principal,
            secret: #secret,
            keep: #keep,
            clear_on_login: #clear_on_login,
            on_decode_error: #private::OnDecodeError::#decode,
        }
    }
}

fn option(session: &Session, text: Option<&str>) -> TokenStream {
    let private = &session.private;
    if let Some(text) = text {
        quote!(#private::core::option::Option::Some(#text))
    } else {
        quote!(#private::core::option::Option::None)
    }
}

fn limit(session: &Session, seconds: Option<u64>) -> TokenStream {
    let private = &session.private;
    let core = quote!(#private::core);
    if let Some(seconds) = seconds {
        quote!(#core::option::Option::Some(#core::time::Duration::from_secs(#seconds)))
    } else {
        quote!(#core::option::Option::None)
    }
}
