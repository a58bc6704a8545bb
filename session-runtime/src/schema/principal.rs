//! The identity of a principal: what says who somebody is, whatever else is known of them. Owns the trait
//! and its implementations; knows neither sessions nor stores.

use std::hash::Hash;

use serde::Serialize;

/// A type that a field marked `principal` can have: a value that says who is logged in.
///
/// Two values with the same id are one principal, whatever else is in them: a user whose roles have changed
/// keeps the session's fields at the next log-in, is found in lists, and counts once in a cap.
///
/// Integers, `String`, `Box<str>` and `char` are their own id, and with the feature `uuid` so is
/// `uuid::Uuid`. Derive the trait for other types:
///
/// ```
/// use std::collections::BTreeSet;
///
/// use serde::{Deserialize, Serialize};
/// use session_runtime::{Error, Principal, Session, Sessions};
///
/// /// A newtype is its own id; what it holds must be `Eq + Hash`. Serves types of other crates, too.
/// #[derive(Principal, Clone, Serialize, Deserialize)]
/// struct UserId(u64);
///
/// /// Of a struct, one member is the id.
/// #[derive(Principal, Clone, Serialize, Deserialize)]
/// struct User {
///     #[principal(id)]
///     id: UserId,
///     roles: BTreeSet<String>,
/// }
///
/// #[derive(Session)]
/// struct Shop {
///     #[session(principal)]
///     user: Option<User>,
/// }
///
/// /// An administrator has an id, and not a user.
/// async fn lock_out(sessions: Sessions<Shop>, id: UserId) -> Result<(), Error> {
///     while !sessions.of(&id).end_all().await?.is_done {}
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no identity, so it cannot be a principal",
    label = "no identity",
    note = "add `#[derive(session_runtime::Principal)]` to it, and `#[principal(id)]` to the member that says who it is",
    note = "a type of another crate needs a newtype: `#[derive(Principal)] struct UserId(TheirType);`"
)]
pub trait Principal {
    /// The type of the id. Its JSON text is what stores index the sessions by.
    type Id: Serialize + 'static;

    /// Returns what says who this is. Never changes while somebody is logged in.
    fn id(&self) -> &Self::Id;
}

/// A type that a newtype can hold which is a principal: one that equals itself, and has one form. Neither a
/// float nor a set without an order is.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an identity",
    label = "not `Eq + Hash`",
    note = "an identity never changes, and equals itself: use an integer, a text or a UUID",
    note = "of a struct with more in it, mark the member that is the id: `#[principal(id)]`"
)]
pub trait Identity {}

#[diagnostic::do_not_recommend]
impl<T: Eq + Hash + ?Sized> Identity for T {}

/// Compiles for types that can be an identity.
#[doc(hidden)]
pub const fn is_identity<T: Identity + ?Sized>() {}

/// Implements the trait for types that are their own id.
macro_rules! own_id {
    ($($id:ty),*) => {$(
        impl Principal for $id {
            type Id = Self;

            fn id(&self) -> &Self {
                self
            }
        }
    )*};
}

own_id! {
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, char, String, Box<str>
}

#[cfg(feature = "uuid")]
own_id! { uuid::Uuid }
