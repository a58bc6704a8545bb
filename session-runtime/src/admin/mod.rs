//! For administrators: the sessions of one type without the type, by the names that the store has,
//! and what keys and tokens say of themselves. `stored` owns the operations, which the command-line
//! tool `session-admin` and the pages share; `pages` is the pages (feature `admin`).

#[cfg(feature = "admin")]
mod pages;
mod stored;

#[cfg(feature = "admin")]
pub use pages::AdminPages;
pub use stored::{StoredPage, StoredSessions, is_sealed, principal_key};

pub use crate::{
    key::KeyInfo,
    token::inspect::{TokenInfo, TokenKind},
};
