#![doc = include_str!("../../README.md")]

mod cell;
pub mod clock;
mod commit;
mod config;
mod directory;
mod engine;
mod error;
mod event;
mod extract;
mod handle;
mod key;
mod layer;
mod plan;
pub mod schema;
mod slot;
mod state;
pub mod store;
mod token;
mod transport;

pub use commit::Saved;
pub use config::SessionLayerBuilder;
pub use directory::{Directory, SessionInfo};
pub use error::Error;
pub use extract::{Challenge, Rejection};
pub use handle::{HandleId, ParseHandleIdError, Session, Writer};
pub use key::{Key, KeyError, KeyRing};
pub use layer::{ResponseFuture, SessionLayer, SessionService};
pub use session_derive::Session;

/// What generated code uses. Its name holds the patch version, so a derive of another version does
/// not compile against it; nothing here is public API.
#[doc(hidden)]
pub mod __private0 {
    #[cfg(feature = "axum")]
    pub use axum_core;
    pub use core;
    pub use http;

    pub use crate::{
        Rejection, __if_axum as if_axum,
        cell::{
            Cell, Codec, Collection, CollectionCell, Context, CopyAccess, CounterCell, DecodeError,
            Emission, Int, Json, LocalAccess, LocalCell, MapField, NumberAccess, SetField,
            ValueAccess, ValueCell,
        },
        extract::{optional, required, snapshot},
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
