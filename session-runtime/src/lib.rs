#![doc = include_str!("../README.md")]

#[cfg(feature = "axum")]
mod axum_extract;
mod bind;
mod cell;
#[cfg(feature = "axum")]
mod challenge;
mod client;
pub mod clock;
mod closing;
pub mod codec;
mod commit;
mod config;
mod detached;
mod directory;
mod engine;
mod error;
mod event;
mod extract;
mod handle;
mod handle_id;
mod held;
mod hex;
mod key;
mod layer;
mod live;
mod model;
mod names;
mod outgoing;
mod plan;
mod policy;
mod preset;
pub mod proxy;
mod request;
mod revocation;
pub mod schema;
mod seal;
mod slot;
mod state;
pub mod store;
mod sweep;
#[cfg(feature = "testing")]
pub mod testing;
mod timed;
mod token;
mod touch;
mod transport;
mod turns;
mod writer;

#[cfg(feature = "axum")]
pub use axum_extract::Rejection;
pub use bind::{Bind, OnMismatch};
#[cfg(feature = "axum")]
pub use challenge::Challenge;
pub use commit::Saved;
pub use config::SessionLayerBuilder;
pub use directory::{Directory, SessionInfo};
pub use error::Error;
pub use handle::Session;
pub use handle_id::{HandleId, ParseHandleIdError};
pub use held::SessionToken;
pub use key::{Key, KeyError, KeyRing};
pub use layer::{ResponseFuture, SessionLayer, SessionService};
pub use model::{FieldSet, PrincipalType, SessionType};
pub use policy::TouchOn;
pub use preset::Preset;
pub use session_derive::Session;
pub use store::OnMaxSessions;
pub use transport::SecureCookie;
pub use writer::Writer;

/// What generated code uses. Its name holds the patch version, so a derive of another version does
/// not compile against it; nothing here is public API.
#[doc(hidden)]
pub mod __private0 {
    // Short paths: what generated code says is read, resolved and checked for each accessor.
    pub use core::{
        clone::Clone,
        convert::Into,
        fmt::{self, Debug, Formatter},
        future::Future,
        marker::{PhantomData, Send, Sync},
        ops::{Deref, FnMut, FnOnce},
        option::Option::{self, None, Some},
        primitive::{i64, str},
        result::Result,
        time::Duration,
        unreachable,
    };
    pub use std::string::String;

    #[cfg(feature = "axum")]
    pub use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
    pub use http::request::Parts;

    #[cfg(feature = "axum")]
    pub use crate::axum_extract::{Rejection, optional, required, snapshot};
    pub use crate::{
        __if_axum as if_axum,
        cell::{
            Cell, CodecAccess, Coded, Collection, CollectionCell, Context, CopyAccess, CounterCell,
            DecodeError, Emission, Encoding, Int, LocalAccess, LocalCell, MapField, NumberAccess,
            SetField, ValueAccess, ValueCell,
        },
        model::*,
        schema::*,
    };
}

/// Its tokens, if the feature `axum` is on.
#[cfg(feature = "axum")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_axum {
    ($($tokens:tt)*) => { $($tokens)* };
}

/// Its tokens, if the feature `axum` is on.
#[cfg(not(feature = "axum"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_axum {
    ($($tokens:tt)*) => {};
}
