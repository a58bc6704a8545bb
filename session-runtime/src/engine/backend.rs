//! Where the fields of a session type are: in a store, or in the token. Each has what that takes and
//! the other has not, so that code for one of them cannot meet the other.

use std::sync::Arc;

use super::{floor::Floor, revocation::Revocation};
use crate::{
    repository::deadline::DeadlineStore,
    token::{CredentialCodec, PayloadCodec},
};

pub(crate) enum Backend {
    Stored(Arc<Stored>),
    InToken(Arc<InToken>),
}

/// The token is a credential for a record in a store.
pub(crate) struct Stored {
    pub(crate) store: DeadlineStore,
    pub(crate) floor: Arc<Floor>,
    pub(crate) codec: CredentialCodec,
}

/// The token carries the fields.
pub(crate) struct InToken {
    pub(crate) codec: PayloadCodec,
    /// `None`: replay until expiry was accepted when the layer was built.
    pub(crate) revocation: Option<Revocation>,
}

impl Backend {
    /// Returns the store behind the tokens, if there is one.
    pub(crate) fn store(&self) -> Option<&DeadlineStore> {
        match self {
            Self::Stored(stored) => Some(&stored.store),
            Self::InToken(in_token) => in_token.revocation.as_ref().map(Revocation::store),
        }
    }

    /// Returns the floor of the sessions; `None` if no store could keep it.
    pub(crate) fn floor(&self) -> Option<&Arc<Floor>> {
        match self {
            Self::Stored(stored) => Some(&stored.floor),
            Self::InToken(in_token) => in_token.revocation.as_ref().map(Revocation::floor),
        }
    }
}
