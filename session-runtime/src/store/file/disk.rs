//! The operations of the store, blocking: each from its lock to the disk and back. It owns the
//! order of locks and the choice of the sessions that are evicted under a cap. The callers choose
//! the thread, and [`Record::apply`] decides what a commit does to a record.
//!
//! Locks are taken in one order: the principal's first, then that of one part of the sessions, and
//! never those of two parts at once. So no two processes wait for each other.

use std::path::Path;

use super::{
    directory::Directory,
    frame::owner_of,
    index::Index,
    lock::Lock,
    name::{self, Owner, SHARDS},
    open,
    part::{Found, LockedPart, find},
};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Listed, OnMaxSessions, Record, Selector,
        StoreError, StoreKey,
    },
};

#[derive(Debug)]
pub(super) struct Disk {
    root: Directory,
    sessions: Directory,
    pub(super) index: Index,
}

/// A log-in that may go on, and the sessions that are evicted for it. No other log-in under a cap
/// of this principal begins until this value is dropped.
struct Admission {
    evicted: Vec<String>,
    owner: Owner,
    _lock: Lock,
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

    pub(super) fn insert(
        &self,
        key: &StoreKey,
        record: &Record,
        cap: Option<Cap>,
    ) -> Result<InsertOutcome, StoreError> {
        let owner = owner_of(&key.namespace, record);
        let admission = match cap {
            Some(cap) if owner != Owner::NOBODY => {
                let Some(admission) = self.admit(key, owner, cap, record.meta.last_seen)? else {
                    return Ok(InsertOutcome::Full);
                };
                Some(admission)
            }
            _ => None,
        };
        {
            let part = self.lock(key.selector)?;
            // Whatever is there: an insert never overwrites a file.
            if part.directory().stat_of(&name::of_session(key))?.is_some() {
                return Ok(InsertOutcome::Exists);
            }
            part.save(key, record, None)?;
        }
        Ok(InsertOutcome::Inserted { ended: self.evict(admission)? })
    }

    pub(super) fn commit(
        &self,
        key: &StoreKey,
        commit: &Commit,
    ) -> Result<CommitOutcome, StoreError> {
        let admission = match (commit.cap, &commit.principal) {
            (Some(cap), Some(Some(principal))) => {
                let owner = Owner::of(&key.namespace, principal);
                let Some(admission) = self.admit(key, owner, cap, commit.now)? else {
                    return Ok(CommitOutcome::Full);
                };
                Some(admission)
            }
            _ => None,
        };
        let mut outcome = {
            let part = self.lock(key.selector)?;
            let found = part.find(&name::of_session(key))?;
            let before = found.owner();
            let Some(mut record) = found.session()? else {
                return Ok(CommitOutcome::Gone);
            };
            let outcome = record.apply(commit);
            if matches!(outcome, CommitOutcome::Committed { .. }) {
                part.save(key, &record, before)?;
            }
            outcome
        };
        if let CommitOutcome::Committed { ended, .. } = &mut outcome {
            *ended = self.evict(admission)?;
        }
        Ok(outcome)
    }

    pub(super) fn delete(&self, key: &StoreKey) -> Result<bool, StoreError> {
        let name = name::of_session(key);
        let part = self.lock(key.selector)?;
        // A damaged session is removed too: its removal was asked for.
        let owner = part.find(&name)?.owner();
        part.remove(&name, owner)
    }

    /// Returns the sessions of a principal that are live at `now`, in no order, with the names of
    /// their files.
    pub(super) fn live(
        &self,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Vec<(String, Listed)>, StoreError> {
        let mut live = Vec::new();
        for name in self.index.sessions(owner)? {
            let Some(selector) = name::selector_in(&name) else { continue };
            // A damaged session cannot be used, so it is not live.
            let Found::Session(key, record) = self.find(selector, &name)? else { continue };
            if owner_of(&key.namespace, &record) == *owner && !record.meta.is_expired(now) {
                live.push((name, Listed::new(selector, &record.meta)));
            }
        }
        Ok(live)
    }

    /// Removes every session of a principal except `except`. Returns how many it removed. If one
    /// removal fails, the others are still tried.
    pub(super) fn delete_all(
        &self,
        owner: &Owner,
        except: Option<Selector>,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut failure = None;
        for name in self.index.sessions(owner)? {
            if name::selector_in(&name).is_none_or(|selector| Some(selector) == except) {
                continue;
            }
            match self.end(owner, &name) {
                Ok(ended) => removed += u64::from(ended),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(removed), Err)
    }

    /// Removes a session if it is still that principal's, or if its file is damaged. Returns
    /// whether it did.
    fn end(&self, owner: &Owner, name: &str) -> Result<bool, StoreError> {
        let Some(selector) = name::selector_in(name) else {
            return Ok(false);
        };
        let part = self.lock(selector)?;
        match part.find(name)? {
            found @ Found::Session(..) if found.owner() != Some(*owner) => Ok(false),
            Found::Session(..) | Found::Damaged(_) => part.remove(name, Some(*owner)),
            Found::Nothing => Ok(false),
        }
    }

    /// Counts the sessions of a principal that are live at `now`. Returns `None` if one more is too
    /// many.
    fn admit(
        &self,
        key: &StoreKey,
        owner: Owner,
        cap: Cap,
        now: Timestamp,
    ) -> Result<Option<Admission>, StoreError> {
        let lock = self.index.lock(&owner)?;
        let mut others = self.live(&owner, now)?;
        others.retain(|(_, other)| other.selector != key.selector);
        let most_others = cap.sessions.max(1) as usize - 1;
        let excess = others.len().saturating_sub(most_others);
        if excess > 0 && cap.on_max == OnMaxSessions::RefuseNew {
            return Ok(None);
        }
        others.sort_by_key(|(_, other)| (other.logged_in, other.selector));
        others.truncate(excess);
        let evicted = others.into_iter().map(|(name, _)| name).collect();
        Ok(Some(Admission { evicted, owner, _lock: lock }))
    }

    /// Evicts the sessions, after the log-in was stored. Returns those that it removed.
    fn evict(&self, admission: Option<Admission>) -> Result<Vec<Selector>, StoreError> {
        let mut ended = Vec::new();
        let Some(Admission { evicted, owner, _lock }) = admission else {
            return Ok(ended);
        };
        for name in evicted {
            if self.end(&owner, &name)? {
                ended.extend(name::selector_in(&name));
            }
        }
        Ok(ended)
    }
}
