//! One part of the sessions: reads session files and, under the part's lock, changes them together
//! with the index. The callers decide what a session becomes.

use super::{
    directory::Directory,
    frame::{self, Damage},
    index::{Entry, Index},
    lock::Lock,
    name,
};
use crate::store::{Record, StoreError, StoreKey};

/// The result of looking up a session by its file's name.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// A file that cannot be read as that session. The file is left alone: an empty session in its
    /// place would overwrite data that may still be repaired.
    Damaged(StoreError),
    Session(StoreKey, Box<Record>),
}

impl Found {
    /// Returns the session, if there is one. Damage is an error.
    pub(super) fn session(self) -> Result<Option<Box<Record>>, StoreError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Damaged(error) => Err(error),
            Self::Session(_, record) => Ok(Some(record)),
        }
    }

    /// Returns the session's entry in the index, if the session is readable and somebody's.
    pub(super) fn entry(&self) -> Option<Entry> {
        match self {
            Self::Session(key, record) => Entry::of(key, record),
            _ => None,
        }
    }
}

/// Reads a session's file. Needs no lock: a file never changes; a new file replaces it.
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

    /// Takes the part's lock if it is free. Returns `None` if somebody has it.
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

    /// Stores a session, whose entry so far was `before`, and updates the index. Returns the number
    /// of entries that its owner has, if the entry is another.
    pub(super) fn save(
        &self,
        key: &StoreKey,
        record: &Record,
        before: Option<Entry>,
    ) -> Result<u64, StoreError> {
        let entry = Entry::of(key, record);
        let of_owner = match &entry {
            Some(entry) if before.as_ref() != Some(entry) => self.index.add(entry)?,
            _ => 0,
        };
        self.directory.write_temporary(&frame::write(key, record))?;
        if !self.lock.is_current(&self.directory)? {
            return Err(self.directory.refused(
                "lock",
                "was replaced while it was held, so nothing was saved: keep cleaners of old files \
                 away from this directory",
            ));
        }
        self.directory.rename_temporary(&name::of_session(key))?;
        if let Some(before) = before.filter(|before| entry.as_ref() != Some(before)) {
            self.forget(&before);
        }
        Ok(of_owner)
    }

    /// Removes a session durably. Returns whether there was one.
    pub(super) fn remove(&self, name: &str, entry: Option<Entry>) -> Result<bool, StoreError> {
        let removed = self.directory.remove(name)?;
        if removed {
            self.directory.sync()?;
        }
        if let Some(entry) = entry {
            self.forget(&entry);
        }
        Ok(removed)
    }

    /// Removes an expired session without syncing the directory. After a power failure the session
    /// may be there again, still expired. Returns whether there was one.
    pub(super) fn discard(&self, name: &str, entry: Option<Entry>) -> Result<bool, StoreError> {
        let removed = self.directory.remove(name)?;
        if let Some(entry) = entry {
            self.forget(&entry);
        }
        Ok(removed)
    }

    /// Removes an index entry that its session no longer needs. A failure is ignored, since the
    /// caller's work is done: readers skip a stale entry, and the sweep removes it.
    pub(super) fn forget(&self, entry: &Entry) {
        let _ = self.index.remove(entry);
    }
}
