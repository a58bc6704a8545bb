//! `#[derive(Principal)]`: a newtype is its own identity, and of a struct one member is. Owns the macro from
//! the item to the `impl`; must not know sessions.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Fields, Index, Member, Type, spanned::Spanned as _};

use crate::{diag::Diag, paths::Private};

/// The part of a value that says who a principal is.
enum Identity<'a> {
    /// The whole value, which holds nothing else.
    Own(&'a Type),
    Member(Member, &'a Type),
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let diag = Diag::new();
    let runtime = runtime(&input, &diag);
    let private = Private::new(runtime.as_ref());
    let found = identity(&input, &diag);
    let found = found.map(|identity| implement(&input, &identity, private.in_full()));
    match diag.finish() {
        Some(errors) => errors,
        None => found.unwrap_or_default(),
    }
}

/// The path of the runtime, from `#[principal(crate = path)]`.
fn runtime(input: &DeriveInput, diag: &Diag) -> Option<syn::Path> {
    let mut path = None;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("principal")) {
        let read = attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("no such key"));
            }
            path = Some(meta.value()?.parse()?);
            Ok(())
        });
        if read.is_err() {
            diag.error_on(
                attr,
                "expected `crate = path`",
                "mark the member that is the identity instead: `#[principal(id)]`",
            );
        }
    }
    path
}

fn identity<'a>(input: &'a DeriveInput, diag: &Diag) -> Option<Identity<'a>> {
    let name = &input.ident;
    let Data::Struct(data) = &input.data else {
        diag.error_on(
            name,
            "only a struct has a member that is its identity",
            format_args!(
                "put `{name}` into a struct beside the id, or implement `Principal` by hand"
            ),
        );
        return None;
    };
    let mut marked = Vec::new();
    for (at, field) in data.fields.iter().enumerate() {
        for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("principal")) {
            let is_id = attr.parse_args::<syn::Ident>().is_ok_and(|key| key == "id");
            if !is_id {
                diag.error_on(attr, "expected `id`", "write `#[principal(id)]`");
                return None;
            }
            marked.push((at, field));
        }
    }
    match (&marked[..], &data.fields) {
        ([], Fields::Unnamed(fields)) if fields.unnamed.len() == 1 => {
            fields.unnamed.first().map(|field| Identity::Own(&field.ty))
        }
        ([], _) => {
            diag.error_on(
                name,
                format_args!("nothing in `{name}` says who it is"),
                "mark the member that never changes: `#[principal(id)] id: u64`",
            );
            None
        }
        ([(at, field)], _) => {
            let member =
                field.ident.clone().map_or(Member::Unnamed(Index::from(*at)), Member::Named);
            Some(Identity::Member(member, &field.ty))
        }
        ([_, (_, second), ..], _) => {
            diag.error_on(
                second,
                "a principal has one identity",
                "keep one `#[principal(id)]`; put two parts of an id into a newtype of a tuple",
            );
            None
        }
    }
}

fn implement(input: &DeriveInput, identity: &Identity<'_>, private: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let (parameters, arguments, bounds) = input.generics.split_for_impl();
    let (id, value, check) = match identity {
        Identity::Own(inner) => {
            // A value that equals itself, and has one form: neither a float nor a set without an order.
            let check = quote_spanned!(inner.span()=> #private::is_identity::<#inner>);
            let check = quote!(const _: fn() = #check;);
            let check = input.generics.params.is_empty().then_some(check);
            (quote!(Self), quote!(self), check)
        }
        Identity::Member(member, ty) => {
            let id = quote_spanned!(ty.span()=> <#ty as #private::Principal>::Id);
            (id, quote_spanned!(ty.span()=> #private::Principal::id(&self.#member)), None)
        }
    };
    quote! {
        #check
        #[automatically_derived]
        impl #parameters #private::Principal for #name #arguments #bounds {
            type Id = #id;

            fn id(&self) -> &#id {
                #value
            }
        }
    }
}
