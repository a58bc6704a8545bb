//! A session type as the emitter sees it: every default filled in, every name made, no attributes
//! left to interpret. Owns what accessors a field has; must not know how attributes are written or
//! what the expansion looks like.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use syn::{Generics, Type, Visibility};

use crate::{names, paths::Private, shape::Shape};

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
    /// As written, without a prefix that is added.
    pub(crate) name: String,
    pub(crate) prefix: &'static str,
    pub(crate) namespace: String,
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
    pub(crate) on_lost: &'static str,
}

/// One field.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) ty: Type,
    /// The kind of the type by its spelling.
    pub(crate) shape: Shape,
    pub(crate) kind: Kind,
    /// The getter returns by value, since the user says so.
    pub(crate) copy: bool,
    /// A number, `bool` or `char`, or an `Option` of one: the getter returns by value.
    pub(crate) primitive: bool,
    /// A map of numbers that parallel requests add to.
    pub(crate) counts: bool,
    /// The most items that pushing leaves in a list.
    pub(crate) max_len: Option<usize>,
    /// The fields are in a store, and not in the token.
    pub(crate) in_store: bool,
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
    /// Lists of sessions show the field.
    pub(crate) listed: bool,
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
    Put,
    Push,
    Extend,
    Insert,
    Remove,
    Contains,
    Update,
    UpdateAt,
    Add,
    Reset,
    Take,
    Clear,
    Claim,
}

impl Verb {
    /// Returns true if the accessor writes nothing.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::Get | Self::Peek | Self::Contains)
    }

    /// What stands before the field's name; nothing for the getter.
    fn prefix(self) -> Option<&'static str> {
        Some(match self {
            Self::Get => return None,
            Self::Peek => "peek",
            Self::Set => "set",
            Self::Put => "put",
            Self::Push => "push",
            Self::Extend => "extend",
            Self::Insert => "insert",
            Self::Remove => "remove",
            Self::Contains => "contains",
            Self::Update | Self::UpdateAt => "update",
            Self::Add => "add",
            Self::Reset => "reset",
            Self::Take => "take",
            Self::Clear => "clear",
            Self::Claim => "claim",
        })
    }
}

impl Field {
    /// The `T` of `Option<T>`.
    pub(crate) fn inner(&self) -> Option<&Type> {
        match &self.shape {
            Shape::Option(inner) => Some(inner),
            _ => None,
        }
    }

    /// Its accessors on the handle.
    pub(crate) fn verbs(&self) -> &'static [Verb] {
        use Verb::{
            Add, Claim, Clear, Contains, Extend, Get, Insert, Peek, Push, Put, Remove, Reset, Set,
            Take, Update, UpdateAt,
        };
        match (self.kind, &self.shape) {
            (Kind::Plain, Shape::Option(_)) if self.in_store => {
                &[Get, Set, Put, Update, Reset, Take, Clear, Claim]
            }
            (Kind::Plain | Kind::Local, Shape::Option(_)) => {
                &[Get, Set, Put, Update, Reset, Take, Clear]
            }
            (Kind::Plain, Shape::List(_)) => &[Get, Push, Extend, Set, Update, Reset],
            (Kind::Plain, Shape::Map(..)) if self.counts => {
                &[Get, Contains, Add, Insert, Remove, UpdateAt, Set, Update, Reset]
            }
            (Kind::Plain, Shape::Map(..)) => {
                &[Get, Contains, Insert, Remove, UpdateAt, Set, Update, Reset]
            }
            (Kind::Plain, Shape::Set(_)) => &[Get, Contains, Insert, Remove, Set, Update, Reset],
            (Kind::Plain | Kind::Local, _) => &[Get, Set, Update, Reset],
            (Kind::Counter, _) => &[Get, Add, Reset],
            (Kind::Flash, Shape::List(_)) => &[Push, Take, Peek],
            (Kind::Flash, _) => &[Set, Take, Peek],
            (Kind::Max | Kind::Once, _) => &[Get, Set],
            (Kind::Principal, Shape::Option(_)) => &[Get, Update],
            (Kind::Principal, _) => &[Get],
        }
    }

    /// The name of an accessor.
    pub(crate) fn accessor(&self, verb: Verb) -> Ident {
        match verb.prefix() {
            None => self.getter.clone(),
            Some(prefix) if verb == Verb::UpdateAt => names::around(prefix, &self.ident, "at"),
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

    /// The name of the struct of what lists show.
    pub(crate) fn listed_ident(&self) -> Ident {
        names::suffixed(&self.ident, "Listed")
    }

    /// The fields that lists show. A generic struct has none, which is reported where they are.
    pub(crate) fn listed(&self) -> Vec<&Field> {
        let fields = self.fields.iter().filter(|field| field.listed);
        fields.filter(|_| self.generics.params.is_empty()).collect()
    }

    pub(crate) fn principal(&self) -> Option<(&Field, &Type)> {
        let field = self.fields.iter().find(|field| field.kind == Kind::Principal)?;
        Some((field, field.inner()?))
    }

    /// The fields with a generated extractor, its name, and the type inside the `Option`.
    pub(crate) fn guards(&self) -> impl Iterator<Item = (&Field, &Ident, &Type)> {
        let mut seen: BTreeSet<String> =
            [self.ident.to_string(), self.fields_ident().to_string()].into();
        if !self.listed().is_empty() {
            seen.insert(self.listed_ident().to_string());
        }
        self.fields
            .iter()
            .filter_map(|field| Some((field, field.guard.as_ref()?, field.inner()?)))
            // A name that is taken is reported; the skeleton has the first.
            .filter(move |(_, guard, _)| seen.insert(guard.to_string()))
    }
}
