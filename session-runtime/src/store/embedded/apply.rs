//! The effect of each request on the tables, within the writer's transaction. Later requests of one
//! transaction see the earlier ones, and nobody else writes, so nothing can race. It knows neither
//! the callers nor the time at which the changes become durable.

use super::{
    failure::Failure,
    tables::{Row, Tables, damaged},
    writer::Worked,
};
use crate::{
    clock::Timestamp,
    store::{
        Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, OnMaxSessions, PrincipalKey,
        Record, Selector, StoreKey,
    },
};

/// The number of entries that one slice of a sweep looks at.
const SLICE: usize = 256;

/// Stores a new record.
pub(super) fn insert(
    tables: &mut Tables<'_>,
    key: &StoreKey,
    record: &Record,
    cap: Option<Cap>,
) -> Worked<InsertOutcome> {
    if tables.row(key)?.is_some() {
        return Ok(Ok(InsertOutcome::Exists));
    }
    let Some(evicted) = admit(tables, key, cap, record, record.meta.last_seen)? else {
        return Ok(Ok(InsertOutcome::Full));
    };
    if let Err(too_large) = tables.write(key, None, record)? {
        return Ok(Err(too_large));
    }
    Ok(Ok(InsertOutcome::Inserted { ended: evict(tables, evicted)? }))
}

/// Applies a commit to a record.
pub(super) fn commit(
    tables: &mut Tables<'_>,
    key: &StoreKey,
    commit: &Commit,
) -> Worked<CommitOutcome> {
    let Some(row) = tables.row(key)? else {
        return Ok(Ok(CommitOutcome::Gone));
    };
    let Some(mut record) = row.intact().cloned() else {
        return Ok(Err(damaged(key)));
    };
    let mut outcome = record.apply(commit);
    let CommitOutcome::Committed { ended, .. } = &mut outcome else {
        return Ok(Ok(outcome));
    };
    // A cap counts only where the commit itself gives the session to somebody.
    let cap = commit.cap.filter(|_| commit.principal.is_some());
    let Some(evicted) = admit(tables, key, cap, &record, commit.now)? else {
        return Ok(Ok(CommitOutcome::Full));
    };
    if let Err(too_large) = tables.write(key, Some(&row), &record)? {
        return Ok(Err(too_large));
    }
    *ended = evict(tables, evicted)?;
    Ok(Ok(outcome))
}

/// Removes a record. Returns whether there was one.
pub(super) fn delete(tables: &mut Tables<'_>, key: &StoreKey) -> Worked<bool> {
    let row = tables.row(key)?;
    if let Some(row) = &row {
        tables.remove(key, row)?;
    }
    Ok(Ok(row.is_some()))
}

/// Removes every session of a principal except `except`. Returns how many it removed.
pub(super) fn delete_all(
    tables: &mut Tables<'_>,
    namespace: &Namespace,
    principal: &PrincipalKey,
    except: Option<Selector>,
) -> Worked<u64> {
    let mut removed = 0;
    for key in tables.owned(namespace, principal)? {
        if Some(key.selector) == except {
            continue;
        }
        if let Some(row) = tables.row(&key)? {
            tables.remove(&key, &row)?;
            removed += 1;
        }
        // A damaged record does not name its owner, so its entry is removed separately.
        tables.disown(&key, Some(principal))?;
    }
    Ok(Ok(removed))
}

/// The result of one slice of a sweep.
pub(super) struct Swept {
    pub(super) removed: usize,
    /// True if nothing more is due.
    pub(super) done: bool,
}

/// Removes up to `limit` records that are expired at `now`, among the next few that may be.
pub(super) fn sweep(tables: &mut Tables<'_>, now: Timestamp, limit: usize) -> Worked<Swept> {
    let due = tables.due(now, SLICE)?;
    let mut removed = 0;
    let mut settled = 0;
    for entry in &due {
        if removed == limit {
            break;
        }
        settled += 1;
        if let Some(key) = entry.key()
            && let Some(row) = tables.row(&key)?
            // A damaged record is of use to nobody.
            && row.intact().is_none_or(|record| record.meta.is_expired(now))
        {
            tables.remove(&key, &row)?;
            removed += 1;
        }
        // This entry's record is gone, or use has postponed the expiry beyond the entry's time.
        tables.settle(entry)?;
    }
    Ok(Ok(Swept { removed, done: settled == due.len() && due.len() < SLICE }))
}

/// Which sessions are evicted for this one under its cap; none if it may not log in.
fn admit(
    tables: &Tables<'_>,
    key: &StoreKey,
    cap: Option<Cap>,
    record: &Record,
    now: Timestamp,
) -> Result<Option<Vec<StoreKey>>, Failure> {
    let (Some(cap), Some(principal)) = (cap, &record.meta.principal) else {
        return Ok(Some(Vec::new()));
    };
    let mut others = Vec::new();
    for other in tables.owned(&key.namespace, principal)? {
        if other.selector == key.selector {
            continue;
        }
        if let Some(record) = tables.row(&other)?.as_ref().and_then(Row::intact)
            && !record.meta.is_expired(now)
        {
            let listed = Listed::new(other.selector, &record.meta);
            others.push((listed.logged_in, other));
        }
    }
    let most_others = cap.sessions.max(1) as usize - 1;
    let excess = others.len().saturating_sub(most_others);
    if excess > 0 && cap.on_max == OnMaxSessions::RefuseNew {
        return Ok(None);
    }
    others.sort_by_key(|(logged_in, other)| (*logged_in, other.selector));
    others.truncate(excess);
    Ok(Some(others.into_iter().map(|(_, other)| other).collect()))
}

fn evict(tables: &mut Tables<'_>, evicted: Vec<StoreKey>) -> Result<Vec<Selector>, Failure> {
    let mut ended = Vec::with_capacity(evicted.len());
    for key in evicted {
        if let Some(row) = tables.row(&key)? {
            tables.remove(&key, &row)?;
            ended.push(key.selector);
        }
    }
    Ok(ended)
}
