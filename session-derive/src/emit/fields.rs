//! The struct of cells and its accessors. An accessor is one call; its name stands where the field's
//! does, so that editors lead there. Must not know the session's traits.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;

use super::{Emitter, at, cell, local, skeleton, spanned_at};
use crate::{
    model::{Field, Kind, Session, Verb},
    names,
    shape::{self, Shape},
};

/// The struct of cells.
pub(super) fn cells(emitter: &Emitter<'_>) -> TokenStream {
    let Emitter { session, bounds, allow, .. } = emitter;
    let Session { ident, vis, generics, .. } = session;
    let private = session.private.in_full();
    let fields = session.fields_ident();
    let cells = if emitter.skeleton {
        skeleton::cells(session)
    } else {
        let names = session.fields.iter().map(|field| &field.ident);
        let cells = session.fields.iter().map(|field| cell(session, field));
        quote!(__context: #private::Context, #(#names: #cells,)*)
    };
    let doc = format!("The fields of a [`{ident}`] session: what `Session<{ident}>` derefs to.");
    // What rustc has to say of its name is about the struct's.
    let span = fields.span();
    let cells = quote_spanned!(span=> struct #fields #generics #bounds { #cells });
    quote! {
        #[doc = #doc]
        #allow
        #vis #cells
    }
}

/// The inherent impl with the accessors.
pub(super) fn accessors(emitter: &Emitter<'_>) -> TokenStream {
    let session = emitter.session;
    let (parameters, arguments, bounds) = emitter.generics();
    let mut seen = BTreeSet::new();
    let mut methods = TokenStream::new();
    for field in &session.fields {
        for &verb in field.verbs() {
            // Beside errors two may have the same name, which rustc need not say again.
            if seen.insert(field.accessor(verb).to_string()) {
                method(emitter, field, verb).to_tokens(&mut methods);
            }
        }
    }
    if methods.is_empty() {
        return methods;
    }
    let fields = session.fields_ident();
    quote!(impl #parameters #fields #arguments #bounds { #methods })
}

/// One accessor.
fn method(emitter: &Emitter<'_>, field: &Field, verb: Verb) -> TokenStream {
    let Field { vis, inherited, .. } = field;
    let name = field.accessor(verb);
    let docs = docs(field, verb);
    let must_use = verb.reads().then(|| quote!(#[must_use]));
    let (signature, call) = accessor(emitter.session, field, verb);
    let body = emitter.body(call);
    quote! {
        #docs
        #(#inherited)*
        #must_use
        #[inline]
        #vis fn #name #signature #body
    }
}

/// The signature, and the one call that the accessor is. One without a result ends in `;`, as a
/// person would write it.
fn accessor(session: &Session, field: &Field, verb: Verb) -> (TokenStream, TokenStream) {
    let (private, Field { ty, kind, shape, .. }) = (&session.private, field);
    let (value, change, by) = (local("value"), local("change"), local("by"));
    let none = TokenStream::new;
    let written = |parameters: TokenStream, method: &str, arguments: TokenStream| {
        let call = call(field, method, &arguments);
        (quote!((&self #parameters)), quote!(#call;))
    };
    let returned = |returns: TokenStream, method: &str| {
        (quote!((&self) -> #returns), call(field, method, &none()))
    };
    match (verb, shape) {
        (Verb::Get | Verb::Peek, shape) => match shape {
            _ if *kind == Kind::Counter => returned(quote!(#ty), "get"),
            _ if *kind == Kind::Max || field.primitive => returned(quote!(#ty), "cloned"),
            _ if field.copy => {
                let (signature, get) = returned(quote!(#ty), "cloned");
                (signature, quote!(<#ty as #private::CopyAccess>::copied(&#get)))
            }
            Shape::Option(inner) => returned(quote!(#private::Option<&#inner>), "get_some"),
            _ => returned(quote!(&#ty), "get"),
        },
        (Verb::Contains, shape) => contains(session, field, shape),
        (Verb::Set, Shape::Option(inner)) => {
            written(quote!(, #value: #inner), "set", quote!(, #private::Some(#value)))
        }
        (Verb::Set | Verb::Put, _) => written(quote!(, #value: #ty), "set", quote!(, #value)),
        (Verb::Update, _) if *kind == Kind::Local => {
            let parameter = quote!(, #change: impl #private::FnOnce(&mut #ty));
            written(parameter, "update", quote!(, #change))
        }
        (Verb::Update, Shape::Option(inner)) if *kind == Kind::Principal => {
            let parameter = changes(session, inner, &change);
            let (signature, call) =
                written(quote!(, #parameter), "update_principal", quote!(, #change));
            let bound = only_for_callers(inner, quote!(#private::Principal));
            (quote!(#signature #bound), call)
        }
        (Verb::Update, _) => {
            let parameter = changes(session, ty, &change);
            written(quote!(, #parameter), "update", quote!(, #change))
        }
        (Verb::Add, _) if !field.counts => {
            written(quote!(, #by: #private::i64), "add", quote!(, #by))
        }
        (Verb::Reset, _) => written(none(), "reset", none()),
        (Verb::Take, Shape::List(_)) => returned(quote!(#ty), "take_all"),
        (Verb::Take, _) => returned(quote!(#ty), "take"),
        (Verb::Clear, _) => written(none(), "set", quote!(, #private::None)),
        (Verb::Claim, Shape::Option(inner)) => {
            returned(quote!(#private::Claim<'_, #inner>), "claim")
        }
        (verb, shape) => {
            let (parameters, method, arguments) = part(session, verb, shape);
            let (signature, call) = written(parameters, method, arguments);
            let start = starts(session, verb, shape);
            (quote!(#signature #start), call)
        }
    }
}

/// The accessor that looks for a key or member, without a reference to the collection that would stay.
fn contains(session: &Session, field: &Field, shape: &Shape) -> (TokenStream, TokenStream) {
    let (of, name) = match shape {
        Shape::Map(of, _) => (of, local("key")),
        Shape::Set(of) => (of, local("member")),
        _ => unreachable!("`Field::verbs` gives `contains` to no other type"),
    };
    let (of, argument) = by_reference(session, of, &name);
    let private = &session.private;
    let call = call(field, "contains", &quote!(, #argument));
    (quote!((&self, #name: #of) -> #private::bool), call)
}

/// A call of a method of the field's cell, with arguments behind a comma.
fn call(field: &Field, method: &str, arguments: &TokenStream) -> TokenStream {
    let (ident, method) = (&field.ident, Ident::new(method, Span::call_site()));
    quote!(self.#ident.#method(&self.__context #arguments))
}

/// A method that changes a part of a collection: its parameters, the method of the cell, and the
/// arguments for the cell.
fn part(session: &Session, verb: Verb, shape: &Shape) -> (TokenStream, &'static str, TokenStream) {
    let private = &session.private;
    let (value, change, by) = (local("value"), local("change"), local("by"));
    let (key, member, items) = (local("key"), local("member"), local("items"));
    match (verb, shape) {
        (Verb::Push, Shape::List(item)) => (quote!(, #value: #item), "push", quote!(, #value)),
        (Verb::Extend, Shape::List(item)) => {
            let many = quote!(impl #private::IntoIterator<Item = #item>);
            (quote!(, #items: #many), "extend", quote!(, #items))
        }
        (Verb::Insert, Shape::Map(of, item)) => {
            (quote!(, #key: #of, #value: #item), "insert", quote!(, #key, #value))
        }
        (Verb::Remove, Shape::Map(of, _)) => {
            let (of, argument) = by_reference(session, of, &key);
            (quote!(, #key: #of), "remove", quote!(, #argument))
        }
        (Verb::UpdateAt, Shape::Map(of, item)) => {
            let changes = changes(session, item, &change);
            let start = quote!(<#item as #private::Default>::default);
            (quote!(, #key: #of, #changes), "update_at", quote!(, #key, #start, #change))
        }
        (Verb::Add, Shape::Map(of, _)) => {
            (quote!(, #key: #of, #by: #private::i64), "add", quote!(, #key, #by))
        }
        (Verb::Insert, Shape::Set(of)) => (quote!(, #member: #of), "insert", quote!(, #member)),
        (Verb::Remove, Shape::Set(of)) => {
            let (of, argument) = by_reference(session, of, &member);
            (quote!(, #member: #of), "remove", quote!(, #argument))
        }
        _ => unreachable!("`Field::verbs` gives {verb:?} to no other type"),
    }
}

/// The type of a reference to a key or member, and the argument that it becomes: text is a `str`.
fn by_reference(session: &Session, of: &Type, name: &Ident) -> (TokenStream, TokenStream) {
    let private = &session.private;
    if shape::is_string(of) {
        (quote!(&#private::str), quote!(&#private::Into::into(#name)))
    } else {
        (quote!(&#of), quote!(#name))
    }
}

/// The bound of what starts from a default: only who calls it needs one, where a plain bound would
/// be checked here.
fn starts(session: &Session, verb: Verb, shape: &Shape) -> Option<TokenStream> {
    let (Verb::UpdateAt, Shape::Map(_, item)) = (verb, shape) else { return None };
    let private = &session.private;
    Some(only_for_callers(item, quote!(#private::Default)))
}

/// A bound on a type that is checked where the accessor is called.
fn only_for_callers(ty: &Type, bound: TokenStream) -> TokenStream {
    let any = at(spanned_at(ty), quote!(for<'__any>));
    let bound = at(spanned_at(ty), bound);
    quote!(where #any #ty: #bound)
}

/// The parameter that changes a value of a type, and may run again. What rustc has to say of a
/// closure that does not fit is about the type.
fn changes(session: &Session, ty: &Type, change: &Ident) -> TokenStream {
    let (private, span) = (&session.private, spanned_at(ty));
    let takes = at(span, quote!(impl #private::FnMut));
    let value = quote_spanned!(span=> (&mut #ty));
    let bounds = at(span, quote!(+ #private::Send + 'static));
    quote!(#change: #takes #value #bounds)
}

/// Describes an accessor, in a sentence that begins with a verb and names the field. What reads the
/// field has the field's own docs too; the others link there.
fn docs(field: &Field, verb: Verb) -> TokenStream {
    let name = names::plain(&field.ident);
    let reader = field.reader().to_string();
    let link = if reader.starts_with("r#") {
        // Rustdoc resolves no links to raw identifiers.
        format!("`{name}`")
    } else {
        format!("[`{name}`](Self::{reader})")
    };
    let text = sentence(field, verb, &name, &link);
    let text = if merges(field, verb) {
        format!(
            "{text}\n\nThe payload is in the token, which has nothing to merge with: of two parallel \
             responses, the later one wins."
        )
    } else {
        text
    };
    // A space before each line, as `///` has it: the user's lines are not indented then.
    let lines = text.split('\n').map(|text| match text {
        "" => String::new(),
        text => format!(" {text}"),
    });
    let own = matches!(verb, Verb::Get | Verb::Peek).then_some(&field.docs);
    let own = own.into_iter().flatten();
    quote!(#(#[doc = #lines])* #(#own)*)
}

/// Returns whether an accessor writes what is in the token.
fn merges(field: &Field, verb: Verb) -> bool {
    !field.in_store && !verb.reads() && field.kind != Kind::Local
}

fn sentence(field: &Field, verb: Verb, name: &str, link: &str) -> String {
    /// The documentation of a change that may run again.
    const AGAIN: &str = "`change` runs at once. If a parallel request has changed the same by the \
        time of the commit, `change` runs again on what is there then, so that nothing is lost. So \
        `change` must have no other effect, and what it depends on is decided inside.";
    /// The documentation of what reads without a reference to the value.
    const UNSEEN: &str =
        " Keeps no reference to the collection: a change after it is made in place.";
    let again = if field.in_store && field.group.is_none() && field.kind != Kind::Local {
        format!("\n\n{AGAIN}")
    } else {
        String::new()
    };
    match (verb, field.kind, &field.shape) {
        // In one paragraph with the field's own docs, so that lists of methods show those as well.
        (Verb::Get, ..) => format!("Returns the value that `{name}` has at this moment."),
        (Verb::Peek, ..) => format!(
            "Returns the value that `{name}` has at this moment, and leaves it for the next request."
        ),
        (Verb::Contains, _, Shape::Map(..)) => {
            format!("Returns true if {link} has a value under a key at this moment.{UNSEEN}")
        }
        (Verb::Contains, ..) => {
            format!("Returns true if {link} has a member at this moment.{UNSEEN}")
        }
        (Verb::Set, Kind::Max, _) => format!("Raises {link}; a smaller value changes nothing."),
        (Verb::Set, Kind::Once, _) => format!("Sets {link}, unless it was set before."),
        (Verb::Set | Verb::Put, ..) => format!("Sets {link}."),
        (Verb::Push, ..) => match field.max_len {
            None => format!("Adds an item to {link}."),
            Some(most) => {
                format!("Adds an item to {link}, and drops the oldest of more than {most}.")
            }
        },
        (Verb::Extend, ..) => match field.max_len {
            None => format!("Adds items to {link}."),
            Some(most) => {
                format!("Adds items to {link}, and drops the oldest of more than {most}.")
            }
        },
        (Verb::Insert, _, Shape::Map(..)) => format!("Inserts a value into {link} under a key."),
        (Verb::Insert, ..) => format!("Inserts a member into {link}."),
        (Verb::Remove, _, Shape::Map(..)) => format!("Removes a key from {link}."),
        (Verb::Remove, ..) => format!("Removes a member from {link}."),
        (Verb::Update, Kind::Principal, _) => format!(
            "Changes {link} in place, if somebody is logged in. A change of the identity is an error at the \
             commit: another principal is logged in by `log_in`.{again}"
        ),
        (Verb::Update, ..) => format!("Changes {link} in place.{again}"),
        (Verb::UpdateAt, ..) => {
            format!(
                "Changes the value in {link} under a key in place, from the default if there is none.{again}"
            )
        }
        (Verb::Add, _, Shape::Map(..)) => format!(
            "Adds to the number in {link} under a key; parallel requests add up. `by` may be negative."
        ),
        (Verb::Add, ..) => {
            format!("Adds to {link}; parallel requests add up. `by` may be negative.")
        }
        (Verb::Reset, ..) => format!("Sets {link} back to its default."),
        (Verb::Take, Kind::Local, _) => {
            format!("Takes the value out of {link}, leaving `None`.")
        }
        (Verb::Take, Kind::Flash, Shape::List(_)) => format!(
            "Takes all items out of {link}; what other requests push meanwhile stays for the next one."
        ),
        (Verb::Take, Kind::Flash, _) => format!(
            "Takes the value out of {link}, leaving `None`; the value is gone at the commit."
        ),
        (Verb::Take, ..) if field.in_store => format!(
            "Takes the value out of {link}, leaving `None`. If a parallel request has changed the field \
             by the time of the commit, the commit is a conflict."
        ),
        (Verb::Take, ..) => format!("Takes the value out of {link}, leaving `None`."),
        (Verb::Clear, ..) => format!("Sets {link} to `None`."),
        (Verb::Claim, ..) => format!(
            "Takes the value out of {link}, and out of the store at once: of several callers, one gets \
             the value."
        ),
    }
}
