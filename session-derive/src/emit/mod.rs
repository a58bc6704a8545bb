//! The expansion: which items, in which order, wrapped how. At item level stands only what users can
//! name; all else is inside one `const _`. Owns the allow list, generics and helpers of the emitters;
//! must not know attributes.

mod asserts;
mod extract;
mod fields;
mod schema;
mod skeleton;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{GenericParam, Type, WhereClause};

use crate::{
    model::{Field, Kind, Session},
    names::{is_snake_case, mentions, plain},
};

/// The whole expansion.
pub(crate) fn session(session: &Session) -> TokenStream {
    items(&Emitter::new(session, false))
}

/// What stands beside errors: the same names and signatures with nothing behind them, so that the
/// handlers are still checked and only our errors are shown.
pub(crate) fn skeleton(session: &Session) -> TokenStream {
    items(&Emitter::new(session, true))
}

fn items(emitter: &Emitter<'_>) -> TokenStream {
    let cells = fields::cells(emitter);
    let guards = extract::guards(emitter);
    let accessors = fields::accessors(emitter);
    let schema = schema::impls(emitter);
    let guard_impls = extract::impls(emitter);
    let asserts = asserts::asserts(emitter);
    let import = emitter.session.private.import();
    let allow = &emitter.allow;
    quote! {
        #cells
        #guards
        #allow
        const _: () = {
            #import
            #accessors
            #schema
            #guard_impls
            #asserts
        };
    }
}

/// - `dead_code`: a program need not call every accessor.
/// - `deprecated`: the user's struct or fields are; saying so is for those who use them.
/// - `non_snake_case`: accessors are named after fields, where the lint has its say already.
/// - In a skeleton, parameters are unused, since the bodies are empty.
///
/// What is not needed is not there: a crate that forbids a lint refuses every `allow` of it.
fn allow(session: &Session, skeleton: bool) -> TokenStream {
    let lints = &session.lints;
    let mut inherited = session.fields.iter().flat_map(|field| &field.inherited);
    let deprecated = session.deprecated
        || inherited.any(|attribute| mentions(attribute, &|ident| ident == "deprecated"));
    let deprecated = deprecated.then(|| quote!(deprecated,));
    let mut accessors = session
        .fields
        .iter()
        .flat_map(|field| field.verbs().iter().map(|&verb| plain(&field.accessor(verb))));
    let snake = accessors.all(|name| is_snake_case(&name));
    let non_snake_case = (!snake).then(|| quote!(non_snake_case,));
    let skeleton = skeleton.then(|| quote!(unused_variables, unreachable_code,));
    quote!(#(#lints)* #[allow(dead_code, #deprecated #non_snake_case #skeleton)])
}

/// What all emitters need.
pub(crate) struct Emitter<'a> {
    session: &'a Session,
    /// Without bodies.
    skeleton: bool,
    /// The struct's bounds, and what fields with type parameters must fulfil.
    bounds: WhereClause,
    /// What the generated items allow.
    allow: TokenStream,
}

impl<'a> Emitter<'a> {
    fn new(session: &'a Session, skeleton: bool) -> Self {
        let bounds = if skeleton { skeleton::bounds(session) } else { bounds(session) };
        Self { session, skeleton, bounds, allow: allow(session, skeleton) }
    }

    /// A body, or none in a skeleton.
    fn body(&self, body: TokenStream) -> Group {
        let body = if self.skeleton { skeleton::body(self.session) } else { body };
        Group::new(Delimiter::Brace, body)
    }

    /// `<T>` and the bounds, for an impl.
    fn generics(&self) -> (impl ToTokens, impl ToTokens, &WhereClause) {
        let (parameters, arguments, _) = self.session.generics.split_for_impl();
        (parameters, arguments, &self.bounds)
    }
}

/// The struct's own bounds, and one for each field whose type names a parameter.
fn bounds(session: &Session) -> WhereClause {
    let private = session.private.in_full();
    let mut bounds = own_bounds(session);
    for field in session.fields.iter().filter(|field| is_generic(session, field)) {
        let ty = &field.ty;
        let starts = schema::needs_default(field).then(|| quote!(+ #private::FieldDefault));
        if let Some(codec) = &field.codec {
            bounds.predicates.push(syn::parse_quote!(#codec: #private::CodecAccess<#ty>));
            bounds.predicates.push(syn::parse_quote!(#ty: #private::LocalField #starts));
            continue;
        }
        let fits = match field.kind {
            Kind::Counter | Kind::Max => quote!(#private::Integer),
            Kind::Set | Kind::Extra => {
                let (item, fits) = collection_bounds(session, field);
                bounds.predicates.push(syn::parse_quote!(#item: #private::SessionField));
                fits
            }
            Kind::Local => quote!(#private::LocalField),
            Kind::Plain | Kind::Flash | Kind::Once | Kind::Principal => {
                quote!(#private::SessionField)
            }
        };
        bounds.predicates.push(syn::parse_quote!(#ty: #fits #starts));
    }
    bounds
}

/// What goes into a collection, and the bound that says so.
fn collection_bounds(session: &Session, field: &Field) -> (TokenStream, TokenStream) {
    let private = session.private.in_full();
    let (n, of, item) = match field.kind {
        Kind::Extra => (1, quote!(MapField), quote!(Value)),
        _ => (0, quote!(SetField), quote!(Member)),
    };
    if let Some(spelled) = argument(&field.ty, n) {
        (spelled.to_token_stream(), quote!(#private::#of<#item = #spelled>))
    } else {
        let ty = &field.ty;
        (quote!(<#ty as #private::#of>::#item), quote!(#private::#of))
    }
}

fn own_bounds(session: &Session) -> WhereClause {
    session.generics.where_clause.clone().unwrap_or_else(|| WhereClause {
        where_token: <syn::Token![where]>::default(),
        predicates: syn::punctuated::Punctuated::new(),
    })
}

/// Whether a field's type names a parameter of the struct.
fn is_generic(session: &Session, field: &Field) -> bool {
    // Reading a type token by token takes a while.
    if session.generics.params.is_empty() {
        return false;
    }
    let names = |ident: &Ident| {
        session.generics.params.iter().any(|param| match param {
            GenericParam::Type(param) => param.ident == *ident,
            GenericParam::Const(param) => param.ident == *ident,
            GenericParam::Lifetime(_) => false,
        })
    };
    mentions(&field.ty.to_token_stream(), &names)
}

/// Call-site names that stand where a type does: what rustc has to say of them is about the type.
fn spanned_at(ty: &Type) -> Span {
    Span::call_site().located_at(syn::spanned::Spanned::span(ty))
}

/// A local of the generated code, which the user's expressions can neither see nor clash with.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The type of a field's cell.
fn cell(session: &Session, field: &Field) -> TokenStream {
    let (private, ty) = (session.private.in_full(), &field.ty);
    match field.kind {
        Kind::Counter => quote!(#private::CounterCell<#ty>),
        Kind::Local => quote!(#private::LocalCell<#ty>),
        Kind::Set | Kind::Extra => quote!(#private::CollectionCell<#ty>),
        Kind::Plain | Kind::Flash | Kind::Max | Kind::Once | Kind::Principal => {
            quote!(#private::ValueCell<#ty>)
        }
    }
}

/// The nth type argument as it is spelled, `Item` in `BTreeSet<Item>`.
fn argument(ty: &Type, n: usize) -> Option<&Type> {
    match ty {
        Type::Group(group) => argument(&group.elem, n),
        Type::Paren(paren) => argument(&paren.elem, n),
        Type::Path(path) => match &path.path.segments.last()?.arguments {
            syn::PathArguments::AngleBracketed(arguments) => match arguments.args.get(n)? {
                syn::GenericArgument::Type(ty) => Some(ty),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
