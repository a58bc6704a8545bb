//! The static facts that a session type states about itself and its fields, and the traits that the
//! fields' types must implement. Knows nothing of requests, stores or tokens.

pub(crate) mod options;
pub(crate) mod principal;

use std::time::Duration;

use cookie::SameSite;
use serde::{Serialize, de::DeserializeOwned};

use self::options::{CommitOn, Create, OnEnd, OnLost, OnStale, OnStoreError, Resend};

/// The carrier of the token. `#[session(transport = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// A cookie.
    #[default]
    Cookie,
    /// A header of the session's name, in requests and responses.
    Header,
    /// `Authorization: Bearer …` in requests, a header of the session's name in responses.
    Bearer,
}

/// The prefix of a cookie's name that is written without one. `#[session(prefix = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Prefix {
    /// `"strongest"`: the strongest that the cookie's attributes allow, of `__Host-Http-`,
    /// `__Host-`, `__Http-`, `__Secure-` and none.
    #[default]
    Strongest,
    /// `"none"`: none. The cookie has exactly the name that is written.
    None,
}

/// The place of the fields. `#[session(payload = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Payload {
    /// In a store. The token is a credential for the record.
    #[default]
    Server,
    /// In the token itself, encrypted.
    Sealed,
    /// In the token itself, readable by the client but not forgeable.
    Signed,
}

/// The reaction to a field whose stored bytes do not decode. `#[session(on_decode_error = "…")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnDecodeError {
    /// `"default"`: the field reads as its default.
    #[default]
    Default,
    /// `"reject"`: the whole session counts as no live session.
    Reject,
}

/// The way a field is kept and merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Each change is made to what is there (`merge = "last"`, collections, and fields compared as a
    /// group).
    Last,
    /// Parallel requests add up (`counter`).
    Counter,
    /// The largest value stays (`merge = "max"`).
    Max,
    /// The first value stays (`merge = "once"`).
    Once,
    /// Read once (`flash`).
    Flash,
    /// Not stored (`skip`).
    Local,
}

/// The static facts of one field.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
pub struct FieldSpec {
    /// The stored name.
    pub name: &'static str,
    /// The former stored names.
    pub aliases: &'static [&'static str],
    /// The way the field is kept and merged.
    pub policy: Policy,
    /// The group that the field is compared with (`group`, or the field's own name for `merge =
    /// "cas"`).
    pub group: Option<&'static str>,
    /// The most items that pushing leaves in a list (`max_len`).
    pub max_len: usize,
    /// True if the field says whose session it is.
    pub principal: bool,
    /// True if the field is sealed in the store and never printed.
    pub secret: bool,
    /// True if the field survives log-out, and a change from one principal to another.
    pub keep: bool,
    /// True if the field is reset when somebody logs in.
    pub clear_on_login: bool,
    /// The reaction to bytes that do not decode.
    pub on_decode_error: OnDecodeError,
}

impl FieldSpec {
    /// Creates the facts of a field without attributes.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            policy: Policy::Last,
            group: None,
            max_len: usize::MAX,
            principal: false,
            secret: false,
            keep: false,
            clear_on_login: false,
            on_decode_error: OnDecodeError::Default,
        }
    }

    /// Returns the names under which the field may be stored, in the order in which they are tried.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Returns true if a value stored under `name` belongs to this field.
    pub(crate) fn owns(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// The attributes of the cookie.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
pub struct CookieSpec {
    /// `Path`.
    pub path: &'static str,
    /// `Domain`. `None`: this host only.
    pub domain: Option<&'static str>,
    /// `SameSite`: the cross-site requests that carry the cookie. `#[session(same_site = "…")]`.
    pub same_site: SameSite,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `Partitioned` (CHIPS).
    pub partitioned: bool,
    /// True if every session's cookie gets a `Max-Age`; otherwise only the cookies of sessions with
    /// [`remember_for`](crate::Session::remember_for) do.
    pub persistent: bool,
}

/// The static facts of a session type.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The struct's name, for messages.
    pub type_name: &'static str,
    /// The name of the cookie or header as written, without a prefix that is added.
    pub name: &'static str,
    /// The prefix that is added to the name of a cookie.
    pub prefix: Prefix,
    /// The name of the session type, for stores, keys and logs.
    pub namespace: &'static str,
    /// The carrier of the token.
    pub transport: Transport,
    /// The place of the fields.
    pub payload: Payload,
    /// The time that a session lives without use. `None`: no idle limit.
    pub idle: Option<Duration>,
    /// The time that a session lives in all. `None`: no absolute limit.
    pub absolute: Option<Duration>,
    /// The cookie's attributes.
    pub cookie: CookieSpec,
    /// The moment when a session is created.
    pub create: Create,
    /// The occasions on which a token is sent again.
    pub resend: Resend,
    /// The reaction to a stale token.
    pub on_stale: OnStale,
    /// The reaction to a store error.
    pub on_store_error: OnStoreError,
    /// The responses that commit.
    pub commit_on: CommitOn,
    /// The response to a client whose session ends.
    pub on_end: OnEnd,
    /// The answer to a request whose changes are lost.
    pub on_lost: OnLost,
    /// The fields, in the struct's order.
    pub fields: &'static [FieldSpec],
}

/// A type that a field can have: `Clone + Serialize + DeserializeOwned + Send + Sync + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a session field",
    label = "not storable",
    note = "add `#[derive(Clone, serde::Serialize, serde::Deserialize)]` to it; it must also be `Send + Sync + 'static`",
    note = "if the field is for this request only, mark it `#[session(skip)]`"
)]
pub trait SessionField: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> SessionField for T {}

/// A type that a request-local field (`skip`) can have: `Clone + Send + Sync + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a request-local session field",
    note = "it must be `Clone + Send + Sync + 'static`"
)]
pub trait LocalField: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> LocalField for T {}

/// A type with an initial value.
#[diagnostic::on_unimplemented(
    message = "the session field type `{Self}` has no default",
    label = "no default value",
    note = "derive `Default` for it, make the field an `Option`, or give `#[session(default = …)]`"
)]
pub trait FieldDefault {
    /// Returns the value of the field in a new session.
    fn field_default() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> FieldDefault for T {
    fn field_default() -> Self {
        T::default()
    }
}

/// An integer that can be added to or compared: every primitive that fits `i64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be counted or compared",
    label = "not an integer of at most 64 bits with sign",
    note = "use `i64`, `u32` or a smaller integer"
)]
pub trait Integer: Copy + Send + Sync + 'static {
    /// The smallest value.
    const MIN: i64;
    /// The largest value.
    const MAX: i64;
    /// Returns the number as the store holds it.
    fn to_i64(self) -> i64;
    /// Converts a number from the store. A number out of range becomes the nearest value.
    fn from_i64(number: i64) -> Self;
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Integer for $integer {
            const MIN: i64 = <$integer>::MIN as i64;
            const MAX: i64 = <$integer>::MAX as i64;
            fn to_i64(self) -> i64 {
                i64::from(self)
            }
            fn from_i64(number: i64) -> Self {
                Self::try_from(number).unwrap_or(if number < 0 { Self::MIN } else { Self::MAX })
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, u8, u16, u32);
