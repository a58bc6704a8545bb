//! Which keys of one field go together, and with which types. Owns the table of conflicts; must not
//! know other fields.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::Type;

use crate::{
    attr::field::FieldKeys,
    diag::Diag,
    model::{Field, Kind},
    shape::Shape,
};

/// A key as given, or what it amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Alias,
    Cas,
    ClearOnLogin,
    Codec,
    Copy,
    Counter,
    Default,
    Extract,
    Flash,
    Getter,
    Group,
    Keep,
    Last,
    Listed,
    Max,
    MaxLen,
    OnDecodeError,
    Once,
    Principal,
    Rename,
    Secret,
    Skip,
}

/// What a field is; a field is one thing.
const KINDS: &[Mark] = {
    use Mark::{Cas, Counter, Flash, Last, Max, Once, Principal, Skip};
    &[Principal, Skip, Counter, Flash, Max, Once, Cas, Last]
};

/// Keys that do not go with any of these others, and why. The key on the left is the one to drop.
const CONFLICTS: &[(Mark, &[Mark], &str)] = &[
    (Mark::Rename, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::Alias, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::Secret, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::Listed, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::Listed, &[Mark::Secret], "lists are for people to see, and a secret is not"),
    (Mark::Keep, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::ClearOnLogin, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::Group, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::OnDecodeError, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::Codec, &[Mark::Skip], "a skipped field is not stored"),
    (Mark::MaxLen, &[Mark::Skip], "nothing is pushed to a skipped field"),
    (Mark::Codec, &[Mark::Counter, Mark::Max], "the library must be able to read the number"),
    (Mark::Codec, &[Mark::Principal], "the store finds sessions by it"),
    (Mark::Secret, &[Mark::Counter, Mark::Max], "the library must be able to read the number"),
    (Mark::Secret, &[Mark::Principal], "the store finds sessions by it"),
    (Mark::Keep, &[Mark::Principal], "logging out is what clears it"),
    (Mark::Default, &[Mark::Counter], "a counter starts from zero"),
    (Mark::Default, &[Mark::Flash, Mark::Principal], "it starts from nothing"),
    (Mark::Alias, &[Mark::Counter], "numbers are added up under one name only"),
    (Mark::ClearOnLogin, &[Mark::Keep], "one keeps the value, the other drops it"),
    (Mark::ClearOnLogin, &[Mark::Principal], "logging in is what sets it"),
    (
        Mark::Group,
        &[Mark::Counter, Mark::Flash, Mark::Max, Mark::Once],
        "it is merged, and not compared",
    ),
    (Mark::Group, &[Mark::Principal], "the credential is compared instead"),
    (Mark::Copy, &[Mark::Flash], "`take_…` returns by value already"),
    (Mark::Getter, &[Mark::Flash], "it has `take_…` and `peek_…` and no getter"),
    (Mark::Extract, &[Mark::Flash], "an extractor would show it without taking it"),
];

struct Given {
    mark: Mark,
    text: String,
    span: Span,
}

/// The keys that conflicts are about, those that say what the field is first.
fn given(keys: &FieldKeys) -> Vec<Given> {
    let mut all = Vec::new();
    let mut push = |mark, place: Option<(String, Span)>| {
        all.extend(place.map(|(text, span)| Given { mark, text, span }));
    };
    macro_rules! keys {
        ($($mark:ident: $key:ident),* $(,)?) => {$(
            push(Mark::$mark, keys.$key.as_ref().map(|slot| (slot.key.to_string(), slot.key.span())));
        )*};
    }
    keys!(Principal: principal, Skip: skip, Counter: counter, Flash: flash);
    if let Some(slot) = &keys.merge {
        let (mark, word) = match slot.value {
            "Counter" => (Mark::Counter, "counter"),
            "Max" => (Mark::Max, "max"),
            "Once" => (Mark::Once, "once"),
            "Flash" => (Mark::Flash, "flash"),
            "Cas" => (Mark::Cas, "cas"),
            _ => (Mark::Last, "last"),
        };
        push(mark, Some((format!("merge = \"{word}\""), slot.span)));
    }
    keys!(
        ClearOnLogin: clear_on_login,
        Codec: codec,
        Copy: copy,
        Default: default,
        Extract: extract,
        Getter: getter,
        Group: group,
        Keep: keep,
        Listed: listed,
        MaxLen: max_len,
        OnDecodeError: on_decode_error,
        Rename: rename,
        Secret: secret,
    );
    for slot in &keys.alias {
        push(Mark::Alias, Some((slot.key.to_string(), slot.key.span())));
    }
    all
}

/// Reports keys that do not go together.
pub(super) fn conflicts(keys: &FieldKeys, diag: &Diag) {
    let given = given(keys);
    let mut kinds = given.iter().filter(|given| KINDS.contains(&given.mark));
    if let Some(first) = kinds.next() {
        for other in kinds {
            let (first_text, text) = (&first.text, &other.text);
            if first.mark == other.mark {
                let message = format_args!("`{text}` and `{first_text}` say the same");
                diag.error(other.span, message, format_args!("drop `{text}`"));
            } else {
                let message = format_args!("`{text}` conflicts with `{first_text}`");
                let help = "a field is one or the other: drop one of the two";
                diag.error(other.span, message, help);
            }
        }
    }
    for (drop, others, why) in CONFLICTS {
        for dropped in given.iter().filter(|given| given.mark == *drop) {
            if let Some(other) = given.iter().find(|given| others.contains(&given.mark)) {
                diag.error(
                    dropped.span,
                    format_args!("`{}` conflicts with `{}`", dropped.text, other.text),
                    format_args!("drop `{}`: {why}", dropped.text),
                );
            }
        }
    }
}

/// Reports what only a store can do, on a payload that has none.
pub(super) fn needs_store(keys: &FieldKeys, diag: &Diag) {
    if let Some(slot) = &keys.listed {
        diag.error(
            slot.key.span(),
            "`listed` needs a store that has a list",
            "drop `payload` on the struct, or drop `listed` here",
        );
    }
    for given in given(keys) {
        if [Mark::Counter, Mark::Max, Mark::Once, Mark::Cas, Mark::Group].contains(&given.mark) {
            diag.error(
                given.span,
                format_args!("`{}` needs a store to merge in", given.text),
                format_args!(
                    "drop `payload` on the struct, or drop `{}` here: the last write wins then",
                    given.text
                ),
            );
        }
    }
}

/// Reports types that cannot be what the keys say. Only what the type's spelling shows for sure;
/// traits judge the rest.
pub(super) fn field_type(field: &Field, keys: &FieldKeys, diag: &Diag) {
    let shown = shown(&field.ty);
    let flash_word = keys.merge.as_ref().filter(|slot| slot.value == "Flash");
    let flash = keys.flash.is_some() || flash_word.is_some();
    if field.inner().is_none() {
        let required = match () {
            () if keys.principal.is_some() => Some("principal"),
            () if keys.extract.is_some() && !flash => Some("extract"),
            () => None,
        };
        if let Some(key) = required {
            diag.error_on(
                &field.ty,
                format_args!("a field with `{key}` must be an `Option`"),
                format_args!("write `Option<{shown}>`"),
            );
        } else if flash && !is_vec(field) {
            let help = match &field.shape {
                Shape::List(item) => format!("write `Vec<{}>`", self::shown(item)),
                _ => format!("write `Option<{shown}>`, or `Vec<{shown}>` for several at once"),
            };
            let message = "a field with `flash` must be an `Option` or a `Vec`";
            diag.error_on(&field.ty, message, help);
        }
    }
    if let (Some(slot), false) = (&keys.max_len, matches!(field.shape, Shape::List(_))) {
        diag.error(
            slot.key.span(),
            "`max_len` is for lists",
            "make the field a `Vec` or a `VecDeque`, or drop `max_len`",
        );
    }
    if field.kind != Kind::Local
        && let Some(inner) = field.inner()
        && std_name(inner).is_some_and(|name| name == "Option")
    {
        diag.error_on(
            &field.ty,
            format_args!("`{shown}` cannot be stored: `Some(None)` would come back as `None`"),
            format_args!("write `{}`, or an enum with a name for each case", self::shown(inner)),
        );
    }
    if let (true, Shape::Map(_, value)) = (field.counts, &field.shape)
        && std_name(value).is_some_and(|name| !INTEGERS.contains(&name.as_str()))
    {
        diag.error_on(
            value,
            format_args!("`{}` cannot be counted", self::shown(value)),
            "use `i64`, `u32` or a smaller integer",
        );
    }
    let Some(name) = std_name(&field.ty) else { return };
    if let Some(slot) = &keys.default
        && !["String", "Box", "str"].contains(&name.as_str())
        && syn::parse2::<syn::LitStr>(slot.value.clone()).is_ok()
    {
        let help = match (field.inner(), name.as_str()) {
            (Some(_), "Option") => "write `default = Some(\"…\".into())`",
            _ => "write a value of the field's type, as in `default = 1`",
        };
        diag.error_on(&slot.value, format_args!("a string is no `{shown}`"), help);
    }
    if matches!(field.kind, Kind::Counter | Kind::Max) && !INTEGERS.contains(&name.as_str()) {
        diag.error_on(
            &field.ty,
            format_args!("`{shown}` cannot be counted or compared"),
            "use `i64`, `u32` or a smaller integer",
        );
    }
}

const INTEGERS: &[&str] = &["i8", "i16", "i32", "i64", "u8", "u16", "u32"];

/// Names that nobody gives to a type of their own.
const STD: &[&str] = &[
    "BTreeMap", "BTreeSet", "Box", "HashMap", "HashSet", "Option", "String", "Vec", "VecDeque",
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16",
    "u32", "u64", "u8", "usize",
];

fn std_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Group(group) => std_name(&group.elem),
        Type::Paren(paren) => std_name(&paren.elem),
        Type::Path(path) if path.qself.is_none() => {
            let name = path.path.segments.last()?.ident.to_string();
            STD.contains(&name.as_str()).then_some(name)
        }
        _ => None,
    }
}

/// Returns whether a field is a `Vec`, and no other list.
fn is_vec(field: &Field) -> bool {
    matches!(field.shape, Shape::List(_)) && std_name(&field.ty).is_some_and(|name| name == "Vec")
}

/// A type as a person would write it.
fn shown(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string();
    text.replace(" < ", "<").replace(" >", ">").replace(" ,", ",").replace(" :: ", "::")
}
