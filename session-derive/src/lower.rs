//! From the user's item and its attributes to the model: fills in defaults, and reports items that
//! cannot be a session at all. Whatever is wrong, it makes the best model it can, so that the
//! skeleton covers as much as possible. Must not know rules between keys or fields.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Data, DeriveInput, Fields, GenericParam, Generics, Type, parse::Parse,
    spanned::Spanned as _,
};

use crate::{
    attr::{
        Slot,
        container::{self, Container},
        field::{self, FieldKeys},
    },
    diag::{Diag, code},
    model::{Config, Field, Kind, Session},
    names,
    paths::Private,
    shape::{Shape, is_primitive},
};

/// The model, and the keys it came from with their places.
pub(crate) struct Lowered {
    pub(crate) session: Session,
    pub(crate) container: Container,
    /// One for each field of the model.
    pub(crate) keys: Vec<FieldKeys>,
    /// Whether a skeleton makes sense: not for an item with lifetimes.
    pub(crate) usable: bool,
}

pub(crate) fn lower(input: DeriveInput, diag: &Diag) -> Lowered {
    let container = container::read(&input.attrs, diag);
    let usable = reject_lifetimes(&input, diag);
    let (fields, keys) = named_fields(&input, diag)
        .into_iter()
        .map(|field| lower_field(field, &input, &container, diag))
        .unzip();
    let config = config(&container, &input.ident);
    let session = Session {
        lints: inherited(&input.attrs, false),
        private: Private::new(container.runtime.as_ref().map(|slot| &slot.value)),
        deprecated: input.attrs.iter().any(|attr| attr.path().is_ident("deprecated")),
        generics: generics(&input),
        ident: input.ident,
        vis: input.vis,
        config,
        fields,
    };
    Lowered { session, container, keys, usable }
}

fn named_fields<'a>(input: &'a DeriveInput, diag: &Diag) -> Vec<&'a syn::Field> {
    let name = &input.ident;
    let example = format!("write `struct {name} {{ cart: Vec<Item> }}`");
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if fields.named.is_empty() => {
                diag.error_on(name, "a session needs at least one field", example);
            }
            Fields::Named(fields) => return fields.named.iter().collect(),
            Fields::Unnamed(_) => diag.error_on(
                &data.fields,
                "a session cannot be a tuple struct: accessors are named after fields",
                example,
            ),
            Fields::Unit => diag.error_on(name, "a session cannot be a unit struct", example),
        },
        Data::Enum(data) => diag.error_on(
            &data.enum_token,
            "a session cannot be an enum: it is a struct with a field for each fact",
            format_args!("put the enum into a field, as in `struct Session {{ state: {name} }}`"),
        ),
        Data::Union(data) => diag.error_on(
            &data.union_token,
            "a session cannot be a union",
            format_args!("write `struct {name}`, with enums for what varies"),
        ),
    }
    Vec::new()
}

fn reject_lifetimes(input: &DeriveInput, diag: &Diag) -> bool {
    let mut usable = true;
    for param in &input.generics.params {
        if let GenericParam::Lifetime(param) = param {
            usable = false;
            diag.error_on(
                &param.lifetime,
                "a session cannot borrow: it outlives the request",
                "own the data, as in `String` instead of `&str`",
            );
        }
    }
    usable
}

fn lower_field(
    field: &syn::Field,
    input: &DeriveInput,
    container: &Container,
    diag: &Diag,
) -> (Field, FieldKeys) {
    let keys = field::read(&field.attrs, diag);
    if let Some((eq, value)) = &field.default {
        diag.error_on(
            &quote!(#eq #value),
            "default field values are not supported here",
            format_args!("write `#[session(default = {})]`", value.to_token_stream()),
        );
    }
    if let Err(error) = field.modifiers.require_empty() {
        diag.error(error.span(), "modifiers of fields are not supported here", "remove them");
    }
    if keys.skip.is_none() {
        reject_serde_skip(&field.attrs, diag);
    }
    // A named field always has a name; the fallback keeps the macro from panicking on odd tokens.
    let ident = field.ident.clone().unwrap_or_else(|| Ident::new("field", field.span()));
    let ty = without_self(&field.ty, input);
    let shape = Shape::of(&ty);
    let counts = counts(&keys) && matches!(shape, Shape::Map(..));
    let kind = kind(&keys, counts);
    let stored = text(keys.rename.as_ref()).unwrap_or_else(|| names::plain(&ident));
    let name = |slot: &Slot<String>, key: &str| {
        let name = names::from_text(&slot.value, slot.span);
        if name.is_none() {
            diag.error(
                slot.span,
                format_args!("{} is no name", code(&slot.value)),
                format_args!("`{key}` takes an identifier"),
            );
        }
        name
    };
    let cas = keys.merge.as_ref().is_some_and(|slot| slot.value == "Cas");
    let field = Field {
        getter: keys
            .getter
            .as_ref()
            .and_then(|slot| name(slot, "getter"))
            .unwrap_or_else(|| ident.clone()),
        guard: keys.extract.as_ref().and_then(|slot| name(slot, "extract")),
        validate: keys.validate.as_ref().map(|slot| slot.value.clone()),
        group: text(keys.group.as_ref()).or_else(|| cas.then(|| stored.clone())),
        codec: codec(kind, &keys, container).map(|codec| without_self(codec, input)),
        default: keys.default.as_ref().map(|slot| slot.value.clone()),
        aliases: keys.alias.iter().map(|slot| slot.value.clone()).collect(),
        copy: keys.copy.is_some(),
        primitive: is_primitive(match &shape {
            Shape::Option(inner) => inner,
            _ => &ty,
        }),
        counts,
        max_len: keys.max_len.as_ref().map(|slot| slot.value),
        in_store: container.payload.as_ref().is_none_or(|slot| slot.value == "Server"),
        secret: keys.secret.is_some(),
        listed: keys.listed.is_some(),
        keep: keys.keep.is_some(),
        clear_on_login: keys.clear_on_login.is_some(),
        on_decode_error: keys.on_decode_error.as_ref().map_or("Default", |slot| slot.value),
        docs: attributes(&field.attrs, &["doc"]),
        inherited: inherited(&field.attrs, true),
        shape,
        vis: field.vis.clone(),
        ident,
        ty,
        kind,
        stored,
    };
    (field, keys)
}

/// Reports `#[serde(skip)]` and the like: a session does not ask serde for its fields one by one, so the
/// field would be stored all the same.
fn reject_serde_skip(attrs: &[Attribute], diag: &Diag) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        // What serde does not understand is for serde to report.
        let _ = attr.parse_nested_meta(|meta| {
            if ["skip", "skip_serializing", "skip_deserializing"].iter().any(|key| meta.path.is_ident(key)) {
                diag.error_on(
                    &meta.path,
                    "serde's attributes do not keep a field out of the session",
                    "write `#[session(skip)]` as well: the field then lives for one request, and is not stored",
                );
            }
            // Over the value, or what is in parentheses.
            let rest = |input: syn::parse::ParseStream<'_>| {
                input.step(|cursor| {
                    let mut rest = *cursor;
                    while let Some((tree, next)) = rest.token_tree() {
                        if matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == ',') {
                            break;
                        }
                        rest = next;
                    }
                    Ok(((), rest))
                })
            };
            rest(meta.input)
        });
    }
}

/// The field's codec, or the struct's. Where the store, or the library, must understand what is
/// stored, there is none.
fn codec<'a>(kind: Kind, keys: &'a FieldKeys, container: &'a Container) -> Option<&'a Type> {
    let takes_one = matches!(kind, Kind::Plain | Kind::Flash | Kind::Once);
    let slot = keys.codec.as_ref().or(container.codec.as_ref()).filter(|_| takes_one)?;
    Some(&slot.value)
}

fn counts(keys: &FieldKeys) -> bool {
    keys.counter.is_some() || keys.merge.as_ref().is_some_and(|slot| slot.value == "Counter")
}

/// Returns the kind of a field. `counts`: the field is a map of counters.
fn kind(keys: &FieldKeys, counts: bool) -> Kind {
    let merge = keys.merge.as_ref().map(|slot| slot.value);
    match () {
        () if keys.principal.is_some() => Kind::Principal,
        () if keys.skip.is_some() => Kind::Local,
        () if counts => Kind::Plain,
        () if self::counts(keys) => Kind::Counter,
        () if keys.flash.is_some() || merge == Some("Flash") => Kind::Flash,
        () if merge == Some("Max") => Kind::Max,
        () if merge == Some("Once") => Kind::Once,
        () => Kind::Plain,
    }
}

fn config(given: &Container, ident: &Ident) -> Config {
    const MINUTE: u64 = 60;
    let word = |slot: &Option<Slot<&'static str>>, default| {
        slot.as_ref().map_or(default, |slot| slot.value)
    };
    let switch =
        |slot: &Option<Slot<bool>>, default| slot.as_ref().map_or(default, |slot| slot.value);
    let kebab = names::kebab(&names::plain(ident));
    Config {
        name: text(given.name.as_ref()).unwrap_or_else(|| kebab.clone()),
        prefix: word(&given.prefix, "Strongest"),
        namespace: text(given.namespace.as_ref()).unwrap_or(kebab),
        transport: word(&given.transport, "Cookie"),
        payload: word(&given.payload, "Server"),
        idle: given.idle.as_ref().map_or(Some(30 * MINUTE), |slot| slot.value),
        absolute: given.absolute.as_ref().map_or(Some(12 * 60 * MINUTE), |slot| slot.value),
        path: text(given.path.as_ref()).unwrap_or_else(|| "/".to_owned()),
        domain: text(given.domain.as_ref()),
        same_site: word(&given.same_site, "Lax"),
        secure: switch(&given.secure, true),
        http_only: switch(&given.http_only, true),
        partitioned: switch(&given.partitioned, false),
        persistent: switch(&given.persistent, false),
        create: word(&given.create, "OnWrite"),
        resend: word(&given.resend, "OnChange"),
        on_stale: word(&given.on_stale, "ClearToken"),
        on_store_error: word(&given.on_store_error, "Fail"),
        commit_on: word(&given.commit_on, "Not5xx"),
        on_end: word(&given.on_end, "ExpireToken"),
        on_lost: word(&given.on_lost, "Keep"),
    }
}

fn text(slot: Option<&Slot<String>>) -> Option<String> {
    slot.map(|slot| slot.value.clone())
}

fn attributes(attrs: &[Attribute], names: &[&str]) -> Vec<TokenStream> {
    attrs
        .iter()
        .filter(|attr| names.iter().any(|name| attr.path().is_ident(name)))
        .map(ToTokens::to_token_stream)
        .collect()
}

/// The attributes that hold for generated items too. An `expect` becomes an `allow`: the lint may
/// well not fire there.
fn inherited(attrs: &[Attribute], deprecated: bool) -> Vec<TokenStream> {
    let mut all = attributes(attrs, if deprecated { &["allow", "deprecated"] } else { &["allow"] });
    all.extend(attrs.iter().filter(|attr| attr.path().is_ident("expect")).filter_map(|attr| {
        let lints = &attr.meta.require_list().ok()?.tokens;
        Some(quote!(#[allow(#lints)]))
    }));
    all
}

/// The struct's parameters and bounds, which generated structs have too.
fn generics(input: &DeriveInput) -> Generics {
    let mut generics = input.generics.clone();
    for param in &mut generics.params {
        *param = without_self(param, input);
    }
    generics.where_clause =
        generics.where_clause.as_ref().map(|bounds| without_self(bounds, input));
    generics
}

/// `Self` in a field's type or in a bound, spelled out: both are also used where `Self` is something
/// else.
fn without_self<T: Clone + ToTokens + Parse>(node: &T, input: &DeriveInput) -> T {
    fn replace(tokens: TokenStream, name: &TokenStream) -> TokenStream {
        tokens
            .into_iter()
            .flat_map(|tree| match tree {
                TokenTree::Ident(ident) if ident == "Self" => name.clone(),
                TokenTree::Group(group) => {
                    let inner = replace(group.stream(), name);
                    let mut new = proc_macro2::Group::new(group.delimiter(), inner);
                    new.set_span(group.span());
                    TokenTree::from(new).into()
                }
                tree => tree.into(),
            })
            .collect()
    }
    let tokens = node.to_token_stream();
    if !names::mentions(&tokens, &|ident| ident == "Self") {
        return node.clone();
    }
    let (ident, (_, arguments, _)) = (&input.ident, input.generics.split_for_impl());
    syn::parse2(replace(tokens, &quote!(#ident #arguments))).unwrap_or_else(|_| node.clone())
}
