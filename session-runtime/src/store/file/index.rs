//! The index of sessions by principal: a directory for each principal, with an empty file for each
//! of the principal's log-ins, named by its time and the session's own file. It owns the entries. The
//! session's file itself says whether the session is still there, and whose it is.

use super::{
    directory::Directory,
    frame::owner_of,
    name::{self, Owner, of_shard},
};
use crate::store::{Cursor, Record, StoreError, StoreKey};

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) owner: Owner,
    pub(super) name: String,
}

impl Entry {
    /// Returns the entry that a session has, if it is somebody's.
    pub(super) fn of(key: &StoreKey, record: &Record) -> Option<Self> {
        let owner = owner_of(&key.namespace, record);
        let log_in = Cursor::of(key.selector, record);
        (owner != Owner::NOBODY)
            .then(|| Self { owner, name: name::of_entry(log_in, &name::of_session(key)) })
    }
}

/// The sessions of every principal.
///
/// The entries of a session change only under the lock of the part that holds the session. So the
/// holder of that lock finds that entries and file agree, except for leftovers of a crash.
#[derive(Debug)]
pub(super) struct Index {
    directory: Directory,
}

impl Index {
    pub(super) const fn new(directory: Directory) -> Self {
        Self { directory }
    }

    /// Adds an entry durably. Returns the number of entries that its owner has.
    pub(super) fn add(&self, entry: &Entry) -> Result<u64, StoreError> {
        let shard = self.directory.below_or_new(&of_shard(entry.owner.shard()))?;
        let name = entry.owner.name();
        let entries = loop {
            match shard.below(&name)? {
                // Another process may remove the directory with its last entry at any moment.
                Some(entries) if entries.mark(&entry.name)? => break entries,
                Some(_) => {}
                None => shard.make_below(&name)?,
            }
        };
        // Also if another process has created the directory: it may not have synced yet.
        shard.sync()?;
        Ok(entries.names()?.len() as u64)
    }

    /// Removes an entry, if it is there.
    pub(super) fn remove(&self, entry: &Entry) -> Result<(), StoreError> {
        let Some(shard) = self.directory.below(&of_shard(entry.owner.shard()))? else {
            return Ok(());
        };
        let name = entry.owner.name();
        if let Some(entries) = shard.below(&name)? {
            entries.remove(&entry.name)?;
            shard.remove_if_empty(&name)?;
        }
        Ok(())
    }

    /// Returns the names of an owner's entries in their order, perhaps with some whose sessions are
    /// gone or somebody else's.
    pub(super) fn entries(&self, owner: &Owner) -> Result<Vec<String>, StoreError> {
        let shard = self.directory.below(&of_shard(owner.shard()))?;
        let entries = shard.map(|shard| shard.below(&owner.name())).transpose()?.flatten();
        entries.map_or_else(|| Ok(Vec::new()), |entries| entries.names())
    }

    /// Returns the part of the index with this number, if there is one.
    pub(super) fn shard(&self, number: usize) -> Result<Option<Directory>, StoreError> {
        self.directory.below(&of_shard(number))
    }
}
