//! The two conformance suites, which every [`Store`](crate::store::Store) of this crate passes, for the
//! authors of other stores. This file owns what turns the lists of tests into `#[test]` functions.
//!
//! - [`store_conformance!`](crate::store_conformance) tests the contract of a store: each verb of the trait, and its rules.
//!   This is the suite for a store of your own.
//! - [`repository_conformance!`](crate::repository_conformance) tests what the library makes of these verbs on the store: commits,
//!   caps, lists, the end of all sessions of a principal. A store that passes the first suite should
//!   pass this one, too.
//!
//! # Use
//!
//! Enable the feature `conformance` for your tests, and write a function that makes a store:
//!
//! ```toml
//! [dev-dependencies]
//! session-runtime = { version = "…", features = ["conformance"] }
//! ```
//!
//! ```
//! # use session_runtime::store::MemoryStore as MyStore;
//! async fn my_store() -> MyStore {
//!     MyStore::default()
//! }
//!
//! mod store {
//!     session_runtime::store_conformance!(super::my_store);
//! }
//!
//! mod repository {
//!     session_runtime::repository_conformance!(super::my_store);
//! }
//! # fn main() {}
//! ```
//!
//! `cargo test` then runs about fifty tests of the store, such as `store::an_insert_never_overwrites`,
//! and about eighty of the repository, such as `repository::a_commit_never_creates`. Nothing else is
//! needed: no runtime, no other crate. Each suite wants a module of its own. For several
//! configurations of a store, write such modules for each. [`sealed`] wraps a store as
//! `encrypt_at_rest` does, for the second suite.
//!
//! # The store to return
//!
//! Every test calls the function once, and expects a store that is ready for use. Each test has a
//! Tokio runtime of its own, which ends with the test. The store may be
//!
//! - a new store without records, which is simplest, or
//! - a handle on a server that all tests share, together with other programs. Every test uses
//!   namespaces of its own with random names. Only the tests of
//!   [`sweep`](crate::store::Store::sweep) reach beyond them: like the runtime, they remove sessions
//!   of every namespace, those that expired more than a day ago.
//!
//! A store that removes expired records during writes must be new for each test: the times that
//! tests pass range from years ago to the end of time.
//!
//! Time comes to a store as an argument. The tests begin at the system's time and pass later times
//! as they go, without waiting. So a store that compares expiry with a clock of its own fails here.
//! The expiry of a server must be relative to the time that was passed, and late rather than early.
//!
//! # Failures
//!
//! A failure names the rule that is broken, and the expected and the actual answer. The rules are
//! those of the [trait](crate::store::Store), and those of
//! [`Record::apply`](crate::store::Record::apply) for the effect of a commit on a record. An
//! [error](crate::store::StoreError) fails a test as well, and so does a store that does not answer
//! within two minutes.
//!
//! Two of the repository's tests draw random histories, and shorten a history that fails:
//!
//! - one test does the same to the store and to a [`MemoryStore`](crate::store::MemoryStore), and
//!   compares every outcome, every record and every list;
//! - one test lets several tasks commit at once, and then searches for an order of all commits that
//!   explains every outcome and every load.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `STORE_CONFORMANCE_CASES` | the number of histories that each of the two tries | 24 |
//! | `STORE_CONFORMANCE_SEED` | draws the same histories again; a failure prints it | random |
//!
//! # Limits of the suites
//!
//! The suites do not test what the contract leaves to the store: whether an expired record can still
//! be loaded, listed and counted, and what an insert under its key does; whether `sweep` or the
//! server removes expired records; the order of the sessions that
//! [`Committed`](crate::store::CommitOutcome::Committed) reports as ended; which of two answers is
//! given if a log-in fails for two reasons; the place of a session in a list that is read while
//! somebody logs in to that session.
//!
//! Nor do the suites test requests that the runtime never makes: a
//! [set](crate::store::FieldValue::Set) without members, which is no field; a replacement that keeps
//! the version of the record.
//!
//! Nor can one process test that records outlive a restart, that other processes keep the same
//! rules at the same moment, and how the store behaves while its server is down or slow.

pub use crate::repository::{Listed, Repository};

mod fixture;
mod hostile;
mod make;
#[doc(hidden)]
pub mod repository;
mod run;
mod sealed;
mod show;
#[doc(hidden)]
pub mod store;
mod together;

#[doc(hidden)]
pub use fixture::Fixture;
#[doc(hidden)]
pub use run::run;
pub use sealed::sealed;

/// Re-exports the tests of a suite by name.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_exports {
    ($($module:ident::$case:ident,)*) => {
        $(pub use super::$module::$case;)*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($suite:ident, $make:path; $($module:ident::$case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::conformance::run($make, $crate::testing::conformance::$suite::cases::$case);
            }
        )*
    };
}

/// Writes the tests of the contract of a [`Store`](crate::store::Store) into the current module, for
/// the store that an `async fn() -> impl Store` returns: see [the module](mod@crate::testing::conformance).
///
/// ```
/// # use session_runtime::store::MemoryStore;
/// mod conformance {
///     use super::*;
///
///     async fn small() -> MemoryStore {
///         MemoryStore::with_limit(10_000)
///     }
///
///     session_runtime::store_conformance!(small);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($make:path) => {
        $crate::__with_store_cases! { __conformance_tests, store, $make; }
    };
}

/// Writes the tests of the repository into the current module: what the library makes of the verbs
/// of the store that an `async fn() -> impl Store` returns. See [the module](mod@crate::testing::conformance).
///
/// ```
/// # use session_runtime::store::MemoryStore;
/// mod conformance {
///     use super::*;
///
///     async fn small() -> MemoryStore {
///         MemoryStore::with_limit(10_000)
///     }
///
///     session_runtime::repository_conformance!(small);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! repository_conformance {
    ($make:path) => {
        $crate::__with_repository_cases! { __conformance_tests, repository, $make; }
    };
}
