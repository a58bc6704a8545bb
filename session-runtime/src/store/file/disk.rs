//! The operations of the store, blocking: each from its lock to the disk and back. The callers choose
//! the thread.
//!
//! Nobody holds the locks of two parts at once, so no two processes wait for each other.

use std::{path::Path, sync::Arc};

use super::{
    directory::Directory,
    frame::owner_of,
    index::Index,
    name::{self, Owner, SHARDS},
    open,
    part::{Found, LockedPart, find},
};
use crate::store::{Cursor, Order, Page, Part, Record, Selector, StoreError, StoreKey, Written};

#[derive(Debug)]
pub(super) struct Disk {
    root: Directory,
    sessions: Directory,
    pub(super) index: Index,
}

impl Disk {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let root = open::root(path)?;
        // Also an existing directory is synced: another process may have created it just now.
        root.make_below("sessions")?;
        root.make_below("principals")?;
        root.sync()?;
        let sessions = root.below_or_new("sessions")?;
        let principals = root.below_or_new("principals")?;
        for part in [&sessions, &principals] {
            open::check(part)?;
            for shard in 0..SHARDS {
                part.make_below(&name::of_shard(shard))?;
            }
            part.sync()?;
        }
        Ok(Self { root, sessions, index: Index::new(principals) })
    }

    pub(super) fn path(&self) -> &Path {
        self.root.path()
    }

    /// Returns the part of the sessions with this number.
    pub(super) fn part(&self, shard: usize) -> Result<Directory, StoreError> {
        self.sessions.below_or_new(&name::of_shard(shard))
    }

    pub(super) fn lock(&self, selector: Selector) -> Result<LockedPart<'_>, StoreError> {
        LockedPart::take(self.part(name::shard_of(selector))?, &self.index)
    }

    fn find(&self, selector: Selector, name: &str) -> Result<Found, StoreError> {
        find(&self.part(name::shard_of(selector))?, name)
    }

    pub(super) fn load(&self, key: &StoreKey) -> Result<Option<Box<Record>>, StoreError> {
        self.find(key.selector, &name::of_session(key))?.session()
    }

    pub(super) fn insert(&self, key: &StoreKey, record: &Record) -> Result<Written, StoreError> {
        let part = self.lock(key.selector)?;
        // Whatever is there: an insert never overwrites a file.
        if part.directory().stat_of(&name::of_session(key))?.is_some() {
            return Ok(Written::Not);
        }
        Ok(Written::Stored { of_principal: part.save(key, record, None)? })
    }

    pub(super) fn replace(
        &self,
        key: &StoreKey,
        version: u64,
        mut record: Arc<Record>,
    ) -> Result<Written, StoreError> {
        let part = self.lock(key.selector)?;
        let found = part.find(&name::of_session(key))?;
        let before = found.entry();
        let Some(there) = found.session()?.filter(|it| it.meta.revision == version) else {
            return Ok(Written::Not);
        };
        if there.meta.last_seen > record.meta.last_seen {
            Arc::make_mut(&mut record).meta.last_seen = there.meta.last_seen;
        }
        Ok(Written::Stored { of_principal: part.save(key, &record, before)? })
    }

    /// Removes a session, whatever its version or only if it has this one. Returns whether it did.
    pub(super) fn remove(&self, key: &StoreKey, version: Option<u64>) -> Result<bool, StoreError> {
        let name = name::of_session(key);
        let part = self.lock(key.selector)?;
        // A damaged session is removed too if its removal was asked for.
        let found = part.find(&name)?;
        let entry = found.entry();
        let is_that = match (&found, version) {
            (_, None) => true,
            (Found::Session(_, record), Some(version)) => record.meta.revision == version,
            _ => false,
        };
        Ok(is_that && part.remove(&name, entry)?)
    }

    /// Returns the number of sessions that a principal has.
    pub(super) fn count(&self, owner: &Owner) -> Result<u64, StoreError> {
        Ok(self.index.entries(owner)?.len() as u64)
    }

    /// Returns up to `limit` sessions of a principal, those after `after` in the order.
    pub(super) fn list(
        &self,
        owner: Owner,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut entries = self.index.entries(&owner)?;
        if order == Order::Newest {
            entries.reverse();
        }
        let log_ins = entries.iter().filter_map(|entry| {
            let (log_in, session) = name::log_in_in(entry)?;
            let is_after = match (order, after) {
                (_, None) => true,
                (Order::Oldest, Some(after)) => log_in > after,
                (Order::Newest, Some(after)) => log_in < after,
            };
            is_after.then_some((log_in, session))
        });
        let log_ins: Vec<_> = log_ins.take(limit).collect();
        let next = log_ins.last().filter(|_| log_ins.len() == limit).copied();
        let (mut part, mut unreadable) = (Part::new(order, next.map(|(at, _)| at)), Vec::new());
        for (log_in, session) in log_ins {
            match self.find(log_in.selector, session)? {
                Found::Session(key, record) if owner_of(&key.namespace, &record) == owner => {
                    part.push(key.selector, Arc::from(record));
                }
                Found::Damaged(_) => unreadable.push(log_in.selector),
                Found::Session(..) | Found::Nothing => {}
            }
        }
        Ok(Page { unreadable, ..part.into_page() })
    }
}
