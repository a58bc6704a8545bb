//! Which sessions a principal has: a directory for each, in which an empty file stands for each
//! session and is called like the session's own. It owns those names; whether a session is still
//! there, and whose it is, is asked of the session's file.

use super::{
    directory::Directory,
    lock::Lock,
    name::{Owner, of_shard},
};
use crate::store::StoreError;

/// The sessions of every principal.
///
/// The entries of a session change only under the lock of the part that the session is in, so for
/// whoever holds that lock they agree with its file, but for what a crash left behind.
#[derive(Debug)]
pub(super) struct Index {
    directory: Directory,
}

impl Index {
    pub(super) const fn new(directory: Directory) -> Self {
        Self { directory }
    }

    /// Adds a session, for good.
    pub(super) fn add(&self, owner: &Owner, session: &str) -> Result<(), StoreError> {
        let shard = self.directory.below_or_new(&of_shard(owner.shard()))?;
        let name = owner.name();
        loop {
            match shard.below(&name)? {
                // Whoever removes the last entry removes the directory.
                Some(entries) if entries.mark(session)? => break,
                Some(_) => {}
                None => shard.make_below(&name)?,
            }
        }
        // Also when another has made the directory: that one may not have come to this yet.
        shard.sync()
    }

    /// Removes a session, if it is there.
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

    /// The names of a principal's sessions, and of some that were.
    pub(super) fn sessions(&self, owner: &Owner) -> Result<Vec<String>, StoreError> {
        let shard = self.directory.below(&of_shard(owner.shard()))?;
        let entries = shard.map(|shard| shard.below(&owner.name())).transpose()?.flatten();
        entries.map_or_else(|| Ok(Vec::new()), |entries| entries.names())
    }

    /// The part of the index with this number, if there is one.
    pub(super) fn shard(&self, number: usize) -> Result<Option<Directory>, StoreError> {
        self.directory.below(&of_shard(number))
    }

    /// Waits until no other log-in of this principal is under way, and keeps them waiting. Taken
    /// before the lock of any session, never while one is held.
    pub(super) fn lock(&self, owner: &Owner) -> Result<Lock, StoreError> {
        Lock::take(&self.directory.below_or_new(&of_shard(owner.shard()))?)
    }
}
