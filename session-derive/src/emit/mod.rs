//! The expansion: which items, in which order, wrapped how. At item level stands only what users can
//! name; all else is inside one `const _`. Owns the allow list, generics and helpers of the emitters;
//! must not know attributes.

mod extract;
mod fields;
mod listed;
mod schema;
mod skeleton;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{GenericParam, Type, WhereClause};

use crate::{
    model::{Field, Kind, Session},
    names::{is_snake_case, mentions, plain},
    shape::Shape,
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
    let listed = listed::listed(emitter);
    let guards = extract::guards(emitter);
    let accessors = fields::accessors(emitter);
    let schema = schema::impls(emitter);
    let listed_impls = listed::impls(emitter);
    let guard_impls = extract::impls(emitter);
    let import = emitter.session.private.import();
    let allow = &emitter.allow;
    quote! {
        #cells
        #listed
        #guards
        #allow
        const _: () = {
            #import
            #accessors
            #schema
            #listed_impls
            #guard_impls
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
        if let (Kind::Plain, Some(inner)) = (field.kind, field.inner()) {
            // Claimed across an `.await`.
            bounds.predicates.push(syn::parse_quote!(#inner: #private::Send + #private::Sync));
        }
        if let (Kind::Principal, Some(inner)) = (field.kind, field.inner()) {
            bounds.predicates.push(syn::parse_quote!(#inner: #private::Principal));
        }
        let starts = schema::needs_default(field).then(|| quote!(+ #private::FieldDefault));
        if let Some(codec) = &field.codec {
            let functions = functions(session, field);
            bounds
                .predicates
                .push(syn::parse_quote!(#codec: #private::CodecAccess<#ty #functions>));
            bounds.predicates.push(syn::parse_quote!(#ty: #private::LocalField #starts));
            continue;
        }
        let fits = match field.kind {
            Kind::Counter | Kind::Max => quote!(#private::Integer),
            Kind::Local => quote!(#private::LocalField),
            Kind::Plain | Kind::Flash | Kind::Once | Kind::Principal => {
                let (access, parts) = access(session, field).unzip();
                for part in parts.into_iter().flatten() {
                    bounds.predicates.push(syn::parse_quote!(#part: #private::SessionField));
                }
                let access = access.map(|access| quote!(+ #access));
                quote!(#private::SessionField #access)
            }
        };
        bounds.predicates.push(syn::parse_quote!(#ty: #fits #starts));
    }
    bounds
}

/// The trait that makes the cell of a collection, and what the collection is made of.
fn access<'a>(session: &Session, field: &'a Field) -> Option<(TokenStream, Vec<&'a Type>)> {
    if !matches!(field.kind, Kind::Plain | Kind::Flash) {
        return None;
    }
    let private = session.private.in_full();
    Some(match &field.shape {
        Shape::List(item) => (quote!(#private::ListAccess<#item>), vec![item]),
        Shape::Map(key, value) => (quote!(#private::MapAccess<#key, #value>), vec![key, value]),
        Shape::Set(member) => (quote!(#private::SetAccess<#member>), vec![member]),
        Shape::Option(_) | Shape::Other => return None,
    })
}

/// The functions of a collection's cell beside those of all cells, behind a comma.
fn functions(session: &Session, field: &Field) -> Option<TokenStream> {
    if !matches!(field.kind, Kind::Plain | Kind::Flash) {
        return None;
    }
    let (private, ty) = (session.private.in_full(), &field.ty);
    Some(match &field.shape {
        Shape::List(item) => quote!(, #private::ListFunctions<#ty, #item>),
        Shape::Map(key, value) => quote!(, #private::MapFunctions<#ty, #key, #value>),
        Shape::Set(member) => quote!(, #private::SetFunctions<#ty, #member>),
        Shape::Option(_) | Shape::Other => return None,
    })
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

/// The same tokens, standing elsewhere.
fn at(span: Span, tokens: TokenStream) -> TokenStream {
    let stand = |mut tree: TokenTree| {
        tree.set_span(span);
        tree
    };
    tokens.into_iter().map(stand).collect()
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
        Kind::Plain | Kind::Flash | Kind::Max | Kind::Once | Kind::Principal => {
            let functions = functions(session, field);
            quote!(#private::ValueCell<#ty #functions>)
        }
    }
}
