#![doc = include_str!("../README.md")]
// Marks, in the documentation that docs.rs builds, what needs a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod admin;
mod causes;
mod cell;
pub mod clock;
pub mod codec;
mod engine;
mod error;
mod event;
mod extract;
// For readers: a program that depends on the library compiles none of it.
#[cfg(any(doc, doctest))]
pub mod guide;
mod handle;
mod key;
mod layer;
pub mod observe;
mod repository;
mod request;
pub mod schema;
pub mod store;
#[cfg(any(feature = "conformance", feature = "testing"))]
pub mod testing;
mod token;
mod transport;

pub use cell::model::{FieldSet, PrincipalType, SessionType};
pub use cookie::SameSite;
#[cfg(feature = "axum")]
pub use engine::challenge::Challenge;
pub use error::Error;
#[cfg(feature = "axum")]
pub use extract::axum::Rejection;
pub use extract::peek::Peek;
pub use handle::{
    Session,
    detached::Detached,
    session_page::{EndedSessions, InvalidCursor, SessionCursor, SessionInfo, SessionPage},
    sessions::Sessions,
    sessions_of::SessionsOf,
};
pub use key::{Key, KeyError, KeyRing};
pub use layer::{
    SessionLayer,
    builder::SessionLayerBuilder,
    committed::Committed,
    operate::Drained,
    service::{ResponseFuture, SessionService},
};
pub use request::saved::Saved;
pub use schema::principal::Principal;
pub use session_derive::{Principal, Session};
pub use store::session_id::{ParseSessionIdError, SessionId};
pub use token::session_token::SessionToken;
pub use transport::proxy;

/// The words of a deployment's policy: the arguments of [`SessionLayerBuilder`]'s methods.
pub mod policy {
    pub use crate::{
        engine::{
            bind::{Bind, OnMismatch},
            policy::TouchOn,
        },
        layer::preset::Preset,
        schema::options::{CommitOn, Create, OnEnd, OnLost, OnStale, OnStoreError, Resend},
        store::op::OnMaxSessions,
        transport::SecureCookie,
    };
}

/// The items that generated code uses. The module's name contains the patch version, so that a
/// derive of another version does not compile. Nothing here is public API.
#[doc(hidden)]
pub mod __private0 {
    // Short paths, because the compiler reads, resolves and checks generated code for each
    // accessor.
    pub use core::{
        clone::Clone,
        convert::Into,
        default::Default,
        fmt::{self, Debug, Formatter},
        future::Future,
        iter::IntoIterator,
        marker::{PhantomData, Send, Sync},
        ops::{Deref, FnMut, FnOnce},
        option::Option::{self, None, Some},
        primitive::{bool, i64, str, u8},
        result::Result,
        time::Duration,
        unreachable,
    };
    pub use std::string::String;

    #[cfg(feature = "axum")]
    pub use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
    pub use cookie::SameSite;
    pub use http::request::Parts;

    #[cfg(feature = "axum")]
    pub use crate::extract::axum::{Rejection, optional, required};
    pub use crate::{
        __if_axum as if_axum,
        cell::{
            Cell, Claim, CodecAccess, Coded, Context, CopyAccess, CounterCell, DecodeError,
            Emission, Encoding, Int, ListAccess, ListFunctions, LocalAccess, LocalCell, MapAccess,
            MapFunctions, NumberAccess, SetAccess, SetFunctions, ValueAccess, ValueCell, model::*,
        },
        schema::{
            options::*,
            principal::{Identity, Principal, is_identity},
            *,
        },
    };
}

/// Expands to its tokens if the feature `axum` is on.
#[cfg(feature = "axum")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_axum {
    ($($tokens:tt)*) => { $($tokens)* };
}

/// Expands to its tokens if the feature `axum` is on.
#[cfg(not(feature = "axum"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_axum {
    ($($tokens:tt)*) => {};
}
