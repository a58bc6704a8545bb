//! A session type as the emitter sees it: every default filled in, every name made, no attributes
//! left to interpret. Owns what accessors a field has; must not know how attributes are written or
//! what the expansion looks like.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use syn::{Generics, Type, Visibility};

use crate::{names, paths::Private};

/// The session type.
pub(crate) struct Session {
    pub(crate) ident: Ident,
    /// Whether the struct is `#[deprecated]`.
    pub(crate) deprecated: bool,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    pub(crate) private: Private,
    pub(crate) config: Config,
    pub(crate) fields: Vec<Field>,
    /// Lint attributes of the struct, for what is generated from it.
    pub(crate) lints: Vec<TokenStream>,
}

/// The static facts of the struct. Words are variants of the runtime's enums.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) transport: &'static str,
    pub(crate) payload: &'static str,
    /// Seconds; `None`: no limit.
    pub(crate) idle: Option<u64>,
    pub(crate) absolute: Option<u64>,
    pub(crate) path: String,
    pub(crate) domain: Option<String>,
    pub(crate) same_site: &'static str,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) partitioned: bool,
    pub(crate) persistent: bool,
    pub(crate) create: &'static str,
    pub(crate) resend: &'static str,
    pub(crate) on_stale: &'static str,
    pub(crate) on_store_error: &'static str,
    pub(crate) commit_on: &'static str,
    pub(crate) on_end: &'static str,
}

/// One field.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) ty: Type,
    /// The `T` of `Option<T>`.
    pub(crate) inner: Option<Type>,
    pub(crate) kind: Kind,
    /// The getter returns by value, since the user says so.
    pub(crate) copy: bool,
    /// A number, `bool` or `char`, or an `Option` of one: the getter returns by value.
    pub(crate) primitive: bool,
    pub(crate) getter: Ident,
    /// The name of the generated extractor.
    pub(crate) guard: Option<Ident>,
    /// What that extractor asks of a value: an expression that takes it by reference.
    pub(crate) validate: Option<TokenStream>,
    /// Another codec than JSON.
    pub(crate) codec: Option<Type>,
    pub(crate) default: Option<TokenStream>,
    pub(crate) stored: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) group: Option<String>,
    pub(crate) secret: bool,
    pub(crate) keep: bool,
    pub(crate) clear_on_login: bool,
    pub(crate) on_decode_error: &'static str,
    pub(crate) docs: Vec<TokenStream>,
    /// `deprecated` and lint attributes, for the accessors.
    pub(crate) inherited: Vec<TokenStream>,
}

/// What a field is: which cell it has, and which accessors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Counter,
    Set,
    Extra,
    Flash,
    Max,
    Once,
    Principal,
    Local,
}

/// What an accessor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Peek,
    Set,
    Update,
    Reset,
    Take,
    Clear,
    Add,
    Insert,
    Remove,
}

impl Verb {
    /// What stands before the field's name; nothing for the getter.
    fn prefix(self) -> Option<&'static str> {
        Some(match self {
            Self::Get => return None,
            Self::Peek => "peek",
            Self::Set => "set",
            Self::Update => "update",
            Self::Reset => "reset",
            Self::Take => "take",
            Self::Clear => "clear",
            Self::Add => "add",
            Self::Insert => "insert",
            Self::Remove => "remove",
        })
    }
}

impl Field {
    /// Its accessors on the handle.
    pub(crate) fn verbs(&self) -> &'static [Verb] {
        use Verb::{Add, Clear, Get, Insert, Peek, Remove, Reset, Set, Take, Update};
        match self.kind {
            Kind::Plain | Kind::Local if self.inner.is_some() => {
                &[Get, Set, Update, Reset, Take, Clear]
            }
            Kind::Plain | Kind::Local => &[Get, Set, Update, Reset],
            Kind::Counter => &[Get, Add],
            Kind::Set | Kind::Extra => &[Get, Insert, Remove],
            Kind::Flash => &[Set, Take, Peek],
            Kind::Max | Kind::Once => &[Get, Set],
            Kind::Principal => &[Get],
        }
    }

    /// The name of an accessor.
    pub(crate) fn accessor(&self, verb: Verb) -> Ident {
        match verb.prefix() {
            None => self.getter.clone(),
            Some(prefix) => names::prefixed(prefix, &self.ident),
        }
    }

    /// The accessor that reads: what the docs of the others link to.
    pub(crate) fn reader(&self) -> Ident {
        self.accessor(if self.kind == Kind::Flash { Verb::Peek } else { Verb::Get })
    }
}

impl Session {
    pub(crate) fn fields_ident(&self) -> Ident {
        names::suffixed(&self.ident, "Fields")
    }

    pub(crate) fn principal(&self) -> Option<(&Field, &Type)> {
        let field = self.fields.iter().find(|field| field.kind == Kind::Principal)?;
        Some((field, field.inner.as_ref()?))
    }

    /// The fields with a generated extractor, its name, and the type inside the `Option`.
    pub(crate) fn guards(&self) -> impl Iterator<Item = (&Field, &Ident, &Type)> {
        let mut seen: BTreeSet<String> =
            [self.ident.to_string(), self.fields_ident().to_string()].into();
        self.fields
            .iter()
            .filter_map(|field| Some((field, field.guard.as_ref()?, field.inner.as_ref()?)))
            // A name that is taken is reported; the skeleton has the first.
            .filter(move |(_, guard, _)| seen.insert(guard.to_string()))
    }
}
