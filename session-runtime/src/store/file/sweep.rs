//! The walk that removes expired sessions and leftovers of crashes, a bounded piece at a time. It
//! owns the position of the walk and the size of a piece; it does not know when it runs.
//!
//! The walk goes through the parts of the sessions, then those of the index, and begins again. The
//! beginning of a file decides whether the file is worth a lock; under the lock the file is read in
//! full.

use std::io::Read;

use super::{
    directory::{Directory, TEMPORARY},
    disk::Disk,
    frame::{self, GLANCE, Glance},
    index::Entry,
    name::{self, Owner, SHARDS},
    part::{Found, LockedPart},
};
use crate::{clock::Timestamp, store::StoreError};

/// The number of files that a call looks at for each file that it may remove.
const LOOKS_PER_REMOVAL: usize = 8;
/// The number of files that a call looks at, at least.
const FEWEST_LOOKS: usize = 4096;
/// The number of sessions that are removed under one lock, so that nobody waits long for the lock.
const BATCH: usize = 64;

/// The position of the walk: a part, and the last name that was looked at in the part.
#[derive(Debug, Default)]
pub(super) struct Place {
    part: usize,
    after: String,
}

/// The looks and removals that a call has left, and its results so far.
pub(super) struct Budget {
    looks: usize,
    removals: usize,
    removed: u64,
    failure: Option<StoreError>,
}

impl Budget {
    pub(super) const fn new(looks: usize, removals: usize) -> Self {
        Self { looks, removals, removed: 0, failure: None }
    }

    /// Spends a look at one more file. Returns false if none is left.
    fn look(&mut self) -> bool {
        let left = self.looks > 0 && self.removals > 0;
        self.looks = self.looks.saturating_sub(1);
        left
    }

    /// Notes a failure, to be returned at the end: a failure in one place must not keep the walk
    /// from the other places.
    fn note<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        result.map_err(|error| self.failure = Some(error)).ok()
    }
}

/// Removes up to `limit` sessions that are expired at `now`, and leftovers on the way. Returns the
/// number of sessions that it removed.
pub(super) fn sweep(
    disk: &Disk,
    place: &mut Place,
    now: Timestamp,
    limit: usize,
) -> Result<u64, StoreError> {
    let looks = limit.saturating_mul(LOOKS_PER_REMOVAL).max(FEWEST_LOOKS);
    walk(disk, place, now, Budget::new(looks, limit))
}

/// Continues from the position at which the last walk stopped, as far as the budget reaches.
pub(super) fn walk(
    disk: &Disk,
    place: &mut Place,
    now: Timestamp,
    mut budget: Budget,
) -> Result<u64, StoreError> {
    // Once around at most; if the walk begins in the middle of a part, that part comes again at the
    // end.
    for _ in 0..=2 * SHARDS {
        let after = std::mem::take(&mut place.after);
        let stopped = if place.part < SHARDS {
            sweep_part(disk, place.part, &after, now, &mut budget)
        } else {
            sweep_index(disk, place.part - SHARDS, &after, &mut budget)
        };
        if let Some(last) = budget.note(stopped).flatten() {
            place.after = last;
            break;
        }
        place.part = (place.part + 1) % (2 * SHARDS);
    }
    budget.failure.map_or(Ok(budget.removed), Err)
}

/// Removes leftovers of a crash, as far as a bounded look finds them: every temporary file, and
/// entries of the index. The sweep finds the others.
pub(super) fn collect_leftovers(disk: &Disk) -> Result<(), StoreError> {
    for shard in 0..SHARDS {
        collect_temporary(disk, shard)?;
    }
    let mut budget = Budget::new(FEWEST_LOOKS, 1);
    for shard in 0..SHARDS {
        if sweep_index(disk, shard, "", &mut budget)?.is_some() {
            break;
        }
    }
    budget.failure.map_or(Ok(()), Err)
}

/// Removes a temporary file, unless it is being written: then the writer has the lock.
fn collect_temporary(disk: &Disk, shard: usize) -> Result<(), StoreError> {
    let part = disk.part(shard)?;
    if part.stat_of(TEMPORARY)?.is_some()
        && let Some(locked) = LockedPart::take_if_free(part, &disk.index)?
    {
        locked.directory().remove(TEMPORARY)?;
    }
    Ok(())
}

/// Goes through a part of the sessions from the name after `after`. Returns the last name that it
/// looked at if the budget ended before the part did.
fn sweep_part(
    disk: &Disk,
    shard: usize,
    after: &str,
    now: Timestamp,
    budget: &mut Budget,
) -> Result<Option<String>, StoreError> {
    collect_temporary(disk, shard)?;
    let part = disk.part(shard)?;
    let mut names = part.names()?;
    names.retain(|name| name.as_str() > after && name::selector_in(name).is_some());
    let mut last = after.to_owned();
    let mut over = Vec::new();
    let mut stopped = false;
    for name in names {
        if over.len() == budget.removals.min(BATCH) {
            remove_over(disk, shard, &mut over, now, budget);
        }
        if !budget.look() {
            stopped = true;
            break;
        }
        if budget.note(look(&part, &name)).flatten().is_some_and(|it| now >= it.expires_at) {
            over.push(name.clone());
        }
        last = name;
    }
    remove_over(disk, shard, &mut over, now, budget);
    Ok(stopped.then_some(last))
}

fn look(part: &Directory, name: &str) -> Result<Option<Glance>, StoreError> {
    let Some(mut file) = part.file(name)? else {
        return Ok(None);
    };
    let mut beginning = [0; GLANCE];
    // A file that is too short or unreadable is an error for requests that load it.
    Ok(file.read_exact(&mut beginning).ok().and_then(|()| frame::glance(&beginning)))
}

/// Removes the sessions of `over` that are expired, reading each again under the lock.
fn remove_over(
    disk: &Disk,
    shard: usize,
    over: &mut Vec<String>,
    now: Timestamp,
    budget: &mut Budget,
) {
    let Some(first) = over.first() else { return };
    debug_assert_eq!(name::selector_in(first).map(name::shard_of), Some(shard), "of one part");
    let locked = disk.part(shard).and_then(|part| LockedPart::take(part, &disk.index));
    let Some(locked) = budget.note(locked) else {
        return over.clear();
    };
    for name in over.drain(..) {
        let Some(found) = budget.note(locked.find(&name)) else { continue };
        let entry = found.entry();
        if matches!(&found, Found::Session(_, record) if record.meta.is_expired(now))
            && budget.note(locked.discard(&name, entry)) == Some(true)
        {
            budget.removed += 1;
            budget.removals -= 1;
        }
    }
}

/// Goes through a part of the index from the place after `after`. Returns the last place that it
/// looked at if the budget ended before the part did. A place is a principal's directory, `/`, an
/// entry.
fn sweep_index(
    disk: &Disk,
    shard: usize,
    after: &str,
    budget: &mut Budget,
) -> Result<Option<String>, StoreError> {
    let Some(part) = disk.index.shard(shard)? else {
        return Ok(None);
    };
    let mut last = after.to_owned();
    let (after_owner, _) = after.split_once('/').unwrap_or_default();
    for owner_name in part.names()? {
        let Some(owner) = Owner::in_name(&owner_name) else { continue };
        if owner_name.as_str() < after_owner {
            continue;
        }
        let entries = budget.note(part.below(&owner_name)).flatten();
        let Some(entries) = entries else { continue };
        for name in entries.names()? {
            let place = format!("{owner_name}/{name}");
            if place.as_str() <= after {
                continue;
            }
            if !budget.look() {
                return Ok(Some(last));
            }
            budget.note(check_entry(disk, &Entry { owner, name }));
            last = place;
        }
        budget.note(part.remove_if_empty(&owner_name));
    }
    Ok(None)
}

/// Removes an index entry whose session is gone, or has another entry.
fn check_entry(disk: &Disk, entry: &Entry) -> Result<(), StoreError> {
    let Some((log_in, session)) = name::log_in_in(&entry.name) else {
        return Ok(());
    };
    let shard = name::shard_of(log_in.selector);
    let seen = look(&disk.part(shard)?, session)?;
    if seen.is_some_and(|it| it.owner == entry.owner && it.logged_in == log_in.logged_in) {
        return Ok(());
    }
    // The entry may be one that is being added: then somebody has the lock, or the session is there
    // by now.
    let Some(part) = LockedPart::take_if_free(disk.part(shard)?, &disk.index)? else {
        return Ok(());
    };
    match part.find(session)? {
        Found::Damaged(_) => {}
        found if found.entry().as_ref() == Some(entry) => {}
        Found::Nothing | Found::Session(..) => part.forget(entry),
    }
    Ok(())
}
