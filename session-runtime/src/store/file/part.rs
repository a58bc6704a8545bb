//! One part of the sessions: what is in a session's file, and, under the part's lock, how it changes
//! together with the index. It does not decide what a session becomes.

use super::{
    directory::Directory,
    frame::{self, Damage, owner_of},
    index::Index,
    lock::Lock,
    name::{self, Owner},
};
use crate::store::{Record, StoreError, StoreKey};

/// What there is under the name of a session.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// A file that cannot be read as that session. It is left alone: to go on with an empty session
    /// would save that one over what may still be mended.
    Damaged(StoreError),
    Session(StoreKey, Box<Record>),
}

impl Found {
    /// The session, if there is one; damage is an error.
    pub(super) fn session(self) -> Result<Option<Box<Record>>, StoreError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Damaged(error) => Err(error),
            Self::Session(_, record) => Ok(Some(record)),
        }
    }

    /// Whose it is, if it is somebody's.
    pub(super) fn owner(&self) -> Option<Owner> {
        match self {
            Self::Session(key, record) => {
                Some(owner_of(&key.namespace, record)).filter(|owner| *owner != Owner::NOBODY)
            }
            _ => None,
        }
    }
}

/// Reads a session's file. Needs no lock: a file never changes, another takes its place.
pub(super) fn find(part: &Directory, name: &str) -> Result<Found, StoreError> {
    let Some(bytes) = part.read(name)? else {
        return Ok(Found::Nothing);
    };
    let damage = match frame::read(&bytes) {
        Ok((key, record)) if name::of_session(&key) == name => {
            return Ok(Found::Session(key, Box::new(record)));
        }
        Ok(_) => Damage::Misplaced,
        Err(damage) => damage,
    };
    let why = match damage {
        Damage::Newer => "was written by a later version of session-runtime; run that one",
        Damage::Torn => {
            "is damaged, so its session cannot be used: restore the file from a backup, or remove \
             it to end the session"
        }
        Damage::Misplaced => "holds another session: move it back, or remove it",
    };
    Ok(Found::Damaged(part.refused(name, why)))
}

/// A part under its lock: nobody else changes a session in it.
#[derive(Debug)]
pub(super) struct LockedPart<'a> {
    directory: Directory,
    lock: Lock,
    index: &'a Index,
}

impl<'a> LockedPart<'a> {
    pub(super) fn take(directory: Directory, index: &'a Index) -> Result<Self, StoreError> {
        Ok(Self { lock: Lock::take(&directory)?, directory, index })
    }

    /// The same, unless somebody else has the lock.
    pub(super) fn take_if_free(
        directory: Directory,
        index: &'a Index,
    ) -> Result<Option<Self>, StoreError> {
        let lock = Lock::take_if_free(&directory)?;
        Ok(lock.map(|lock| Self { directory, lock, index }))
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(super) fn find(&self, name: &str) -> Result<Found, StoreError> {
        find(&self.directory, name)
    }

    /// Stores a session that belonged to `before`.
    pub(super) fn save(
        &self,
        key: &StoreKey,
        record: &Record,
        before: Option<Owner>,
    ) -> Result<(), StoreError> {
        let name = name::of_session(key);
        let owner = Some(owner_of(&key.namespace, record)).filter(|it| *it != Owner::NOBODY);
        if let Some(owner) = owner.filter(|_| owner != before) {
            self.index.add(&owner, &name)?;
        }
        self.directory.write_temporary(&frame::write(key, record))?;
        if !self.lock.is_current(&self.directory)? {
            return Err(self.directory.refused(
                "lock",
                "was replaced while it was held, so nothing was saved: keep cleaners of old files \
                 away from this directory",
            ));
        }
        self.directory.rename_temporary(&name)?;
        if let Some(before) = before.filter(|_| owner != before) {
            self.forget(&before, &name);
        }
        Ok(())
    }

    /// Removes a session, for good.
    pub(super) fn remove(&self, name: &str, owner: Option<Owner>) -> Result<bool, StoreError> {
        let removed = self.directory.remove(name)?;
        if removed {
            self.directory.sync()?;
        }
        if let Some(owner) = owner {
            self.forget(&owner, name);
        }
        Ok(removed)
    }

    /// Removes a session that is over. If the power fails it may be there again, and over still.
    pub(super) fn discard(&self, name: &str, owner: Option<Owner>) -> Result<bool, StoreError> {
        let removed = self.directory.remove(name)?;
        if let Some(owner) = owner {
            self.forget(&owner, name);
        }
        Ok(removed)
    }

    /// Removes an entry of the index that its session no longer needs. What was asked for is done
    /// by then; an entry that stays is skipped by readers and collected by the sweep.
    pub(super) fn forget(&self, owner: &Owner, name: &str) {
        let _ = self.index.remove(owner, name);
    }
}
