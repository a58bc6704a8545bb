//! The kit for tests of applications: sessions without HTTP, a browser in this process, and stores
//! that count and fail. This file owns the comparison of fields; nothing here knows how a store is
//! tested.

#[cfg(feature = "axum")]
pub(super) mod browser;
pub(super) mod counting;
pub(super) mod failing;
#[cfg(feature = "axum")]
mod jar;
#[cfg(feature = "axum")]
pub(super) mod reply;
pub(super) mod session;
pub(super) mod verb;

/// Asserts that fields of a session have these values. A failure names the field, and prints both
/// values.
///
/// The fields are compared as the struct has them, in a [`snapshot`](crate::Session::snapshot). A
/// field may be followed by methods without arguments.
///
/// ```
/// use session_runtime::{Session, assert_session, testing};
///
/// #[derive(Session)]
/// struct Shop {
///     theme: Option<String>,
///     cart: Vec<u32>,
///     #[session(counter)]
///     visits: i64,
/// }
///
/// let session = testing::visitor::<Shop>();
/// session.push_cart(7);
/// session.set_theme("dark".to_owned());
/// assert_session!(session, cart == [7], theme.as_deref() == Some("dark"), visits == 0);
/// ```
#[macro_export]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
macro_rules! assert_session {
    ($session:expr, $($field:ident $(.$method:ident())* == $expected:expr),+ $(,)?) => {{
        let snapshot = $session.snapshot();
        $(::core::assert_eq!(
            snapshot.$field$(.$method())*,
            $expected,
            "the field `{}`",
            ::core::stringify!($field),
        );)+
    }};
}
