//! For administrators: the sessions of one type without the type, by the names that the store has,
//! and what keys and tokens say of themselves. `stored` owns the operations, which the command-line
//! tool `session-admin` and the pages share.

mod stored;

pub use stored::{StoredPage, StoredSessions, is_sealed, principal_key};

pub use crate::{
    key::KeyInfo,
    token::inspect::{TokenInfo, TokenKind},
};
