//! What tests need, of applications and of stores. This file owns what each feature shows of the folder.
//!
//! With the feature `testing`:
//!
//! - [`session`] makes a session without HTTP, for a handler that is called as a function;
//!   [`TestSession::logged_in`] logs somebody in.
//! - [`Browser`] sends requests to a router in this process, and keeps its cookies.
//! - [`CountingStore`] counts the calls of a store, and [`FailingStore`] fails, is slow or does not
//!   answer when a test says so.
//! - [`assert_session!`](crate::assert_session) compares fields.
//!
//! A [`ManualClock`](crate::clock::ManualClock) moves the time. [Testing handlers](crate::guide::testing)
//! shows them all.
//!
//! With the feature `conformance`: the suites that test a store, in [`conformance`].

#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod conformance;
#[cfg(feature = "testing")]
mod kit;

#[cfg(all(feature = "axum", feature = "testing"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "axum", feature = "testing"))))]
pub use kit::{browser::Browser, reply::Reply};
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use kit::{
    counting::CountingStore,
    failing::{FailingStore, Fault},
    session::{TestSession, parts, request, session, session_in, visitor},
    verb::Verb,
};
