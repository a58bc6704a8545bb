//! The expansion is clean under every lint that a careful crate turns on.

#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unused,
    unused_qualifications,
    unused_lifetimes,
    unused_results,
    unnameable_types,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    let_underscore_drop,
    deprecated,
    dead_code,
    rust_2018_idioms,
    rust_2024_compatibility,
    future_incompatible,
    nonstandard_style
)]
#![forbid(unsafe_code)]

//! A library with public sessions.

/// A module that others see.
pub mod shop {
    use serde::{Deserialize, Serialize};
    use session_runtime::Session;
    use std::collections::{BTreeMap, BTreeSet};

    // Private, in a private field of a public session.
    #[derive(Clone, Serialize, Deserialize, Default)]
    struct Secret(u8);

    /// Who.
    #[derive(session_runtime::Principal, Clone, Debug, Serialize, Deserialize)]
    #[allow(missing_copy_implementations)]
    pub struct UserId(pub u64);

    /// A shop.
    #[derive(Session, Debug)]
    #[expect(non_snake_case)]
    #[non_exhaustive]
    pub struct Shop {
        /// Who is there.
        #[session(principal, extract = "CurrentUser")]
        pub user: Option<UserId>,
        secret: Option<Hidden>,
        /// The page.
        #[deprecated = "use `place`"]
        #[session(copy)]
        pub page: u32,
        /// A place.
        pub(crate) place: u32,
        /// Odd.
        pub oddName: u32,
        #[allow(clippy::struct_field_names)]
        otherName: u32,
        #[session(counter)]
        /// Counted.
        pub visits: i64,
        /// Tagged.
        pub tags: BTreeSet<String>,
        /// More.
        pub more: BTreeMap<String, String>,
        #[session(flash)]
        /// Once.
        pub notice: Option<String>,
        #[session(skip)]
        never_touched: Option<String>,
    }

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Hidden;

    /// A deprecated session.
    #[deprecated]
    #[allow(missing_copy_implementations)]
    #[derive(Session, Debug)]
    pub struct Old {
        /// The page.
        pub page: u32,
    }

    #[derive(Session)]
    struct Private {
        secret: Secret,
        #[session(principal, extract = "NeverUsed")]
        user: Option<UserId>,
    }
}

fn main() {}
