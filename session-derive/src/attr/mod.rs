//! The attribute keys: one table, from which parsing, suggestions, documentation and their tests
//! work. Owns what a key is called, where it belongs and what form its value has; must not know what
//! the values do.

pub(crate) mod container;
pub(crate) mod field;
pub(crate) mod syntax;
pub(crate) mod value;

use proc_macro2::{Ident, Span};

use crate::{diag::Diag, suggest};
use syntax::Entry;

/// Where a key belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the struct.
    Container,
    /// On a field.
    Field,
}

impl Place {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Container => "the struct",
            Self::Field => "a field",
        }
    }
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// Nothing.
    Flag,
    /// `true` or `false`, or nothing for `true`.
    Switch,
    /// A string, such as this one.
    Text(&'static str),
    /// One of these words, each with the runtime's variant for it.
    Words(&'static [(&'static str, &'static str)]),
    /// A duration, such as this one.
    Duration(&'static str),
    /// A path to a crate.
    Path,
    /// A type, such as this one.
    Type(&'static str),
    /// An expression, such as this one.
    Expr(&'static str),
    /// A number of at least one, such as this one.
    Number(&'static str),
}

/// One attribute key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) form: Form,
    /// Says something about the cookie, which other transports do not have.
    pub(crate) cookie_only: bool,
    /// One line of documentation, the same as in the crate docs.
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the docs reads it"))]
    pub(crate) doc: &'static str,
}

impl Key {
    /// How it is written.
    pub(crate) fn example(&self) -> String {
        let name = self.name;
        match self.form {
            Flag => name.to_owned(),
            Switch => format!("{name} = false"),
            Text(example) | Form::Duration(example) => format!("{name} = \"{example}\""),
            Words(words) => format!("{name} = \"{}\"", words[0].0),
            Form::Path => format!("{name} = ::path::to::session_runtime"),
            Form::Type(example) | Expr(example) | Form::Number(example) => {
                format!("{name} = {example}")
            }
        }
    }
}

const fn key(name: &'static str, place: Place, form: Form, doc: &'static str) -> Key {
    Key { name, place, form, cookie_only: false, doc }
}

const fn cookie(name: &'static str, form: Form, doc: &'static str) -> Key {
    Key { name, place: Container, form, cookie_only: true, doc }
}

use Form::{Expr, Flag, Switch, Text, Words};
use Place::{Container, Field};

/// All keys, in the order of the docs.
pub(crate) const KEYS: &[Key] = &[
    key("name", Container, Text("shop"), "name of the cookie or header"),
    cookie(
        "prefix",
        Words(&[("strongest", "Strongest"), ("none", "None")]),
        "the prefix that the name of a cookie gets",
    ),
    key(
        "namespace",
        Container,
        Text("shop"),
        "name of the session type in stores, tokens and logs",
    ),
    key(
        "transport",
        Container,
        Words(&[("cookie", "Cookie"), ("header", "Header"), ("bearer", "Bearer")]),
        "where the token travels",
    ),
    key(
        "payload",
        Container,
        Words(&[("server", "Server"), ("sealed", "Sealed"), ("signed", "Signed")]),
        "where the fields are",
    ),
    key("idle", Container, Form::Duration("30m"), "how long it lives without use"),
    key("absolute", Container, Form::Duration("12h"), "how long it lives at all"),
    cookie("path", Text("/"), "the cookie's `Path`"),
    cookie("domain", Text("example.com"), "the cookie's `Domain`"),
    cookie(
        "same_site",
        Words(&[("lax", "Lax"), ("strict", "Strict"), ("none", "None")]),
        "the cookie's `SameSite`",
    ),
    cookie("secure", Switch, "whether the cookie is `Secure`"),
    cookie("http_only", Switch, "whether the cookie is `HttpOnly`"),
    cookie("partitioned", Switch, "whether the cookie is `Partitioned`"),
    cookie("persistent", Switch, "whether the cookie outlives the browser"),
    key(
        "create",
        Container,
        Words(&[("on_write", "OnWrite"), ("eager", "Eager")]),
        "when a session comes into being",
    ),
    key(
        "resend",
        Container,
        Words(&[("on_change", "OnChange"), ("always", "Always"), ("never", "Never")]),
        "when a token is sent again",
    ),
    key(
        "on_stale",
        Container,
        Words(&[
            ("clear_token", "ClearToken"),
            ("new_session", "NewSession"),
            ("ignore", "Ignore"),
        ]),
        "what a token that is no live session leads to",
    ),
    key(
        "on_store_error",
        Container,
        Words(&[("fail", "Fail"), ("degrade", "Degrade")]),
        "what a store that is down leads to",
    ),
    key(
        "commit_on",
        Container,
        Words(&[("not_5xx", "Not5xx"), ("always", "Always")]),
        "which responses commit",
    ),
    key(
        "on_end",
        Container,
        Words(&[("expire_token", "ExpireToken"), ("silent", "Silent")]),
        "what the client is told when its session ends",
    ),
    key(
        "on_lost",
        Container,
        Words(&[("keep", "Keep"), ("conflict", "Conflict")]),
        "what a request is answered whose session is over before its changes are stored",
    ),
    key("codec", Container, Form::Type("MsgPack"), "how its fields are written as bytes"),
    key("crate", Container, Form::Path, "where `session_runtime` is, if renamed or re-exported"),
    key("principal", Field, Flag, "says whose session it is"),
    key("extract", Field, Text("CurrentUser"), "generates an extractor that requires the field"),
    key(
        "validate",
        Field,
        Expr("is_active"),
        "whether the extractor accepts a value that is there",
    ),
    key("counter", Field, Flag, "parallel requests add up"),
    key("flash", Field, Flag, "read once"),
    key(
        "max_len",
        Field,
        Form::Number("100"),
        "the most items of a list; pushing drops the oldest",
    ),
    key(
        "merge",
        Field,
        Words(&[
            ("last", "Last"),
            ("counter", "Counter"),
            ("max", "Max"),
            ("once", "Once"),
            ("flash", "Flash"),
            ("cas", "Cas"),
        ]),
        "how writes of parallel requests merge",
    ),
    key("group", Field, Text("checkout"), "fields that are compared together"),
    key("copy", Field, Flag, "the getter returns by value"),
    key("skip", Field, Flag, "for this request only, not stored"),
    key("secret", Field, Flag, "sealed in the store, each field on its own"),
    key("listed", Field, Flag, "shown by lists of sessions"),
    key("keep", Field, Flag, "survives log-out and a change of principal"),
    key("clear_on_login", Field, Flag, "is reset when somebody logs in"),
    key("codec", Field, Form::Type("MsgPack"), "how the field is written as bytes"),
    key("default", Field, Expr("1"), "what the field starts from"),
    key("rename", Field, Text("basket"), "the stored name"),
    key("alias", Field, Text("old_name"), "a former stored name; may be repeated"),
    key("getter", Field, Text("get_cart"), "another name for the getter"),
    key(
        "on_decode_error",
        Field,
        Words(&[("default", "Default"), ("reject", "Reject")]),
        "what stored bytes that do not decode lead to",
    ),
];

/// Words that were keys, or values of `merge`, and what to do instead.
pub(crate) const GONE: &[(&str, &str)] = &[
    ("set", "drop it: a `BTreeSet` or `HashSet` is merged member by member because of its type"),
    ("extra", "drop it: a `BTreeMap` or `HashMap` is merged key by key because of its type"),
];

/// The keys of one place.
pub(crate) fn keys_of(place: Place) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(move |key| key.place == place).map(|key| key.name)
}

/// A value and where it was given. Every error about it points there.
#[derive(Clone, Debug)]
pub(crate) struct Slot<T> {
    /// The key as written.
    pub(crate) key: Ident,
    /// The value's place, or the key's if it takes none.
    pub(crate) span: Span,
    pub(crate) value: T,
}

/// Looks a key up, and says what is wrong with one that does not belong here.
pub(crate) fn known(entry: &Entry, place: Place, diag: &Diag) -> Option<&'static Key> {
    let name = entry.key.to_string();
    let of_that_name = || KEYS.iter().filter(|key| key.name == name);
    match of_that_name().find(|key| key.place == place).or_else(|| of_that_name().next()) {
        Some(key) if key.place == place => Some(key),
        Some(key) => {
            diag.error(
                entry.key.span(),
                format_args!("`{name}` does not belong on {}", place.name()),
                format_args!("put `#[session({})]` on {}", key.example(), key.place.name()),
            );
            None
        }
        None => {
            if let Some((_, help)) = GONE.iter().find(|(gone, _)| *gone == name) {
                diag.error(entry.key.span(), format_args!("there is no key `{name}`"), help);
                return None;
            }
            let elsewhere = if place == Field { Container } else { Field };
            let near = suggest::nearest(&name, keys_of(place));
            let (hint, help) = match (near, suggest::nearest(&name, keys_of(elsewhere))) {
                (None, Some(other)) => (
                    format!(", did you mean `{other}`?"),
                    format!("`{other}` belongs on {}", elsewhere.name()),
                ),
                _ => (
                    suggest::did_you_mean(&name, keys_of(place)),
                    format!("{} takes {}", place.name(), suggest::list(keys_of(place), "and")),
                ),
            };
            diag.error(entry.key.span(), format_args!("unknown key `{name}`{hint}"), help);
            None
        }
    }
}

/// Fills a slot; a second value for it is a mistake at the second key.
pub(crate) fn fill<T>(slot: &mut Option<Slot<T>>, value: Option<Slot<T>>, diag: &Diag) {
    let Some(value) = value else { return };
    if slot.is_some() {
        diag.error(
            value.key.span(),
            format_args!("duplicate key `{}`", value.key),
            "it is given above already; keep one of the two",
        );
        return;
    }
    *slot = Some(value);
}
