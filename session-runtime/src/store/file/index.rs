//! The index of sessions by principal: a directory for each principal, with an empty file for each
//! of the principal's sessions, named like the session's own file. It owns the entries. The
//! session's file itself says whether the session is still there, and whose it is.

use super::{
    directory::Directory,
    lock::Lock,
    name::{Owner, of_shard},
};
use crate::store::StoreError;

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

    /// Adds a session durably.
    pub(super) fn add(&self, owner: &Owner, session: &str) -> Result<(), StoreError> {
        let shard = self.directory.below_or_new(&of_shard(owner.shard()))?;
        let name = owner.name();
        loop {
            match shard.below(&name)? {
                // Another process may remove the directory with its last entry at any moment.
                Some(entries) if entries.mark(session)? => break,
                Some(_) => {}
                None => shard.make_below(&name)?,
            }
        }
        // Also if another process has created the directory: it may not have synced yet.
        shard.sync()
    }

    /// Removes a session, if there is an entry for it.
    pub(super) fn remove(&self, owner: &Owner, session: &str) -> Result<(), StoreError> {
        let Some(shard) = self.directory.below(&of_shard(owner.shard()))? else {
            return Ok(());
        };
        let name = owner.name();
        if let Some(entries) = shard.below(&name)? {
            entries.remove(session)?;
            shard.remove_if_empty(&name)?;
        }
        Ok(())
    }

    /// Returns the names of a principal's sessions, and perhaps of some that were the principal's.
    pub(super) fn sessions(&self, owner: &Owner) -> Result<Vec<String>, StoreError> {
        let shard = self.directory.below(&of_shard(owner.shard()))?;
        let entries = shard.map(|shard| shard.below(&owner.name())).transpose()?.flatten();
        entries.map_or_else(|| Ok(Vec::new()), |entries| entries.names())
    }

    /// Returns the part of the index with this number, if there is one.
    pub(super) fn shard(&self, number: usize) -> Result<Option<Directory>, StoreError> {
        self.directory.below(&of_shard(number))
    }

    /// Waits until no other log-in of this principal is under way, and keeps others waiting. Taken
    /// before the lock of any session, never while such a lock is held.
    pub(super) fn lock(&self, owner: &Owner) -> Result<Lock, StoreError> {
        Lock::take(&self.directory.below_or_new(&of_shard(owner.shard()))?)
    }
}
