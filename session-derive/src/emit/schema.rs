//! The runtime's traits for a session type: the static facts, fresh cells, snapshot and replace, and
//! the walk over all cells. Must not know accessors.

use proc_macro2::{Group, Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};

use super::{Emitter, access, functions, local, spanned_at};
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
    let fields = session.fields_ident();
    let (parameters, arguments, bounds) = emitter.generics();
    let (context, given, value) = (local("context"), local("fields"), local("value"));
    let spec = spec(session);
    let spec = emitter.body(quote!(static SPEC: #private::Spec = #spec; &SPEC));
    // Taken apart by a pattern: an index is checked, at the cost of half of what makes the cell.
    let specs: Vec<_> = (0..session.fields.len()).map(|i| local(&format!("__spec{i}"))).collect();
    let cells: TokenStream = session
        .fields
        .iter()
        .zip(&specs)
        .map(|(field, spec)| {
            let (ident, cell) = (&field.ident, new_cell(session, field, spec));
            quote!(#ident: #cell,)
        })
        .collect();
    let new = emitter.body(quote! {
        let [#(#specs),*] = &__FIELDS;
        #fields { __context: #context, #cells }
    });
    let clones: TokenStream = session
        .fields
        .iter()
        .map(|field| {
            let (ident, value) = (&field.ident, present(field, &given));
            quote!(#ident: #value,)
        })
        .collect();
    let snapshot = emitter.body(quote!(Self { #clones }));
    let replaces: TokenStream = session.fields.iter().map(|field| write(field, &given)).collect();
    let replace = emitter.body(replaces);
    let (listed, shown, show) = listed(emitter, &given);
    let identity = session.principal().map(|_| {
        let stored = local("stored");
        let body = emitter.body(quote!(#private::identity::<Self>(#stored)));
        quote! {
            #[inline]
            fn identity(#stored: &[#private::u8]) -> #private::Option<#private::String> #body
        }
    });
    // In reach of the user's defaults, hence the name.
    let statics = (!emitter.skeleton).then(|| {
        let (count, specs) = (session.fields.len(), session.fields.iter());
        let specs = specs.map(|field| field_spec(session, field));
        quote!(static __FIELDS: [#private::FieldSpec; #count] = [#(#specs),*];)
    });
    quote! {
        #statics
        #[automatically_derived]
        impl #parameters #private::SessionType for #ident #arguments #bounds {
            type Fields = #fields #arguments;
            #listed
            #[inline]
            fn spec() -> &'static #private::Spec #spec
            #[inline]
            fn fields(#context: #private::Context) -> Self::Fields #new
            #[inline]
            fn snapshot(#given: &Self::Fields) -> Self #snapshot
            #[inline]
            fn listed(#shown: &Self::Fields) -> Self::Listed #show
            #[inline]
            fn replace(#given: &Self::Fields, #value: Self) #replace
            #identity
        }
    }
}

/// The associated type, and the argument and body of the function that fills it.
fn listed(emitter: &Emitter<'_>, given: &Ident) -> (TokenStream, TokenStream, Group) {
    let session = emitter.session;
    let fields = session.listed();
    if fields.is_empty() {
        return (
            quote!(
                type Listed = ();
            ),
            quote!(_),
            emitter.body(TokenStream::new()),
        );
    }
    let listed = session.listed_ident();
    let clones: TokenStream = fields
        .iter()
        .map(|field| {
            let (ident, value) = (&field.ident, present(field, given));
            quote!(#ident: #value,)
        })
        .collect();
    let body = emitter.body(quote!(#listed { #clones }));
    (quote!(type Listed = #listed;), given.to_token_stream(), body)
}

/// Whether a field starts from its type's default.
pub(super) fn needs_default(field: &Field) -> bool {
    field.default.is_none() && field.kind != Kind::Counter
}

/// The one place where it is asked whether the field's type fits.
fn new_cell(session: &Session, field: &Field, spec: &Ident) -> TokenStream {
    let (private, ty) = (&session.private, &field.ty);
    let default = match &field.default {
        // Text is what defaults mostly are, and `"…".into()` for each would be noise.
        Some(text) if syn::parse2::<syn::LitStr>(text.clone()).is_ok() => {
            quote!(|| #private::Into::into(#text))
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
    match (field.kind, &field.codec) {
        (Kind::Counter, _) => quote!(<#ty as #private::NumberAccess>::counter(#spec)),
        (Kind::Max, _) => quote!(<#ty as #private::NumberAccess>::max(#spec, #default)),
        (Kind::Local, _) => quote!(<#ty as #private::LocalAccess>::cell(#spec, #default)),
        (_, Some(codec)) => {
            let functions = functions(session, field);
            quote!(<#codec as #private::CodecAccess<#ty #functions>>::cell(#spec, #default))
        }
        (_, None) => {
            let access = access(session, field);
            let access = access.map_or_else(|| quote!(#private::ValueAccess), |(access, _)| access);
            quote!(<#ty as #access>::cell(#spec, #default))
        }
    }
}

/// A clone of the present value.
pub(super) fn present(field: &Field, fields: &Ident) -> TokenStream {
    let ident = &field.ident;
    let method = if field.kind == Kind::Counter { quote!(get) } else { quote!(cloned) };
    quote!(#fields.#ident.#method(&#fields.__context))
}

/// Writes a field of `value` into its cell.
fn write(field: &Field, fields: &Ident) -> TokenStream {
    let (ident, value) = (&field.ident, local("value"));
    match field.kind {
        Kind::Counter => quote!(#fields.#ident.replace(&#fields.__context, #value.#ident);),
        // Who is logged in changes by logging in alone; the runtime knows the exception.
        Kind::Principal => quote!(#fields.#ident.leave(&#fields.__context, #value.#ident);),
        _ => quote!(#fields.#ident.set(&#fields.__context, #value.#ident);),
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
            #[inline]
            fn principal(
                #fields: &Self::Fields,
            ) -> &#private::ValueCell<#private::Option<Self::Principal>> #body
        }
    }
}

/// The walk over all cells.
fn field_set(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let private = &session.private;
    let fields = session.fields_ident();
    let (parameters, arguments, bounds) = emitter.generics();
    let visit = local("visit");
    let context = emitter.body(quote!(&self.__context));
    let cells = session.fields.iter().map(|field| &field.ident);
    let cells = emitter.body(quote!(#visit(&[#(&self.#cells),*]);));
    quote! {
        #[automatically_derived]
        impl #parameters #private::FieldSet for #fields #arguments #bounds {
            #[inline]
            fn context(&self) -> &#private::Context #context
            #[inline]
            fn cells(&self, #visit: &mut dyn #private::FnMut(&[&dyn #private::Cell])) #cells
        }
    }
}

/// `Debug` that names no value.
fn std_impls(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let private = &session.private;
    let (parameters, arguments, bounds) = emitter.generics();
    let f = local("f");
    // Names only: whatever a field holds, it ends up in no log.
    let names: Vec<_> = session.fields.iter().map(|field| names::plain(&field.ident)).collect();
    let names = names.join(", ");
    let fields = session.fields_ident();
    let text = format!("{fields} {{ {names}, .. }}");
    let body = emitter.body(quote!(#f.write_str(#text)));
    quote! {
        #[automatically_derived]
        impl #parameters #private::Debug for #fields #arguments #bounds {
            #[inline]
            fn fmt(&self, #f: &mut #private::Formatter<'_>) -> #private::fmt::Result #body
        }
    }
}

fn spec(session: &Session) -> TokenStream {
    let Session { private, config, ident, .. } = session;
    let variant = |name: &str, variant: &str| {
        let (name, variant) = (format_ident!("{name}"), format_ident!("{variant}"));
        quote!(#private::#name::#variant)
    };
    let Config { name, namespace, path, secure, http_only, partitioned, persistent, .. } = config;
    let (idle, absolute) = (limit(session, config.idle), limit(session, config.absolute));
    let prefix = variant("Prefix", config.prefix);
    let transport = variant("Transport", config.transport);
    let payload = variant("Payload", config.payload);
    let same_site = variant("SameSite", config.same_site);
    let create = variant("Create", config.create);
    let resend = variant("Resend", config.resend);
    let on_stale = variant("OnStale", config.on_stale);
    let on_store_error = variant("OnStoreError", config.on_store_error);
    let commit_on = variant("CommitOn", config.commit_on);
    let on_end = variant("OnEnd", config.on_end);
    let on_lost = variant("OnLost", config.on_lost);
    let domain = option(session, config.domain.as_deref());
    let type_name = names::plain(ident);
    quote! {
        #private::Spec {
            type_name: #type_name,
            name: #name,
            prefix: #prefix,
            namespace: #namespace,
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
            on_lost: #on_lost,
            fields: &__FIELDS,
        }
    }
}

fn field_spec(session: &Session, field: &Field) -> TokenStream {
    let private = &session.private;
    let Field { stored, aliases, .. } = field;
    let policy = match field.kind {
        Kind::Plain | Kind::Principal => "Last",
        Kind::Counter => "Counter",
        Kind::Flash => "Flash",
        Kind::Max => "Max",
        Kind::Once => "Once",
        Kind::Local => "Local",
    };
    let (policy, decode) = (format_ident!("{policy}"), format_ident!("{}", field.on_decode_error));
    let new = quote!(#private::FieldSpec::new(#stored));
    let given = [
        (!aliases.is_empty()).then(|| quote!(aliases: &[#(#aliases),*])),
        (policy != "Last").then(|| quote!(policy: #private::Policy::#policy)),
        field.group.as_ref().map(|group| quote!(group: #private::Some(#group))),
        field.max_len.map(|most| quote!(max_len: #most)),
        (field.kind == Kind::Principal).then(|| quote!(principal: true)),
        field.secret.then(|| quote!(secret: true)),
        field.keep.then(|| quote!(keep: true)),
        field.clear_on_login.then(|| quote!(clear_on_login: true)),
        (decode != "Default").then(|| quote!(on_decode_error: #private::OnDecodeError::#decode)),
    ];
    if given.iter().all(Option::is_none) {
        return new;
    }
    let given = given.iter().flatten();
    quote!(#private::FieldSpec { #(#given,)* ..#new })
}

fn option(session: &Session, text: Option<&str>) -> TokenStream {
    let private = &session.private;
    text.map_or_else(|| quote!(#private::None), |text| quote!(#private::Some(#text)))
}

fn limit(session: &Session, seconds: Option<u64>) -> TokenStream {
    let private = &session.private;
    seconds.map_or_else(
        || quote!(#private::None),
        |seconds| quote!(#private::Some(#private::Duration::from_secs(#seconds))),
    )
}
