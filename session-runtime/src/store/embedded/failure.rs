//! Failures of the database, and the words in which they are reported. It does not know what was
//! read or written.

use std::{io, path::Path};

use crate::store::StoreError;

/// A failure of the database.
#[derive(Debug)]
pub(super) struct Failure(Box<redb::Error>);

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error.into()))
    }
}

impl Failure {
    /// Returns whether an earlier failure is the cause, after which the file is opened anew.
    pub(super) fn follows_another(&self) -> bool {
        matches!(&*self.0, redb::Error::PreviousIo)
    }

    /// Makes the error that says what failed, where, and what to do about it.
    pub(super) fn into_error(self, path: &Path, doing: &str) -> StoreError {
        let hint = match &*self.0 {
            redb::Error::DatabaseAlreadyOpen => {
                ": it is open already, in another process or in this one; only one store at a time \
                 may have it open"
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull => {
                ": the disk is full; the store goes on by itself when there is room"
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                ": the file is no session store, or damaged"
            }
            redb::Error::Corrupted(_) => ": the file is damaged",
            redb::Error::UpgradeRequired(_) => ": an old version of the database wrote it",
            _ => "",
        };
        let message = format!("{doing} the session store {} failed{hint}", path.display());
        StoreError::with_source(message, *self.0)
    }
}

/// Why a file does not open.
pub(super) enum Refusal {
    Missing,
    /// It is a database, but not one of ours, or of a newer version.
    Foreign(String),
    Failed(&'static str, Failure),
}

impl Refusal {
    pub(super) fn failed<E: Into<Failure>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Failed(doing, error.into())
    }

    pub(super) fn into_error(self, path: &Path) -> StoreError {
        match self {
            Self::Missing => {
                StoreError::new(format!("the session store {} is missing", path.display()))
            }
            Self::Foreign(why) => {
                StoreError::new(format!("the session store {}: {why}", path.display()))
            }
            Self::Failed(doing, failure) => failure.into_error(path, doing),
        }
    }
}
