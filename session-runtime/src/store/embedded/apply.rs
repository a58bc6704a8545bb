//! The effect of each request on the tables, within the writer's transaction. Later requests of one
//! transaction see the earlier ones, and nobody else writes, so nothing can race. It knows neither
//! the callers nor the time at which the changes become durable.

use std::sync::Arc;

use super::{
    tables::{Tables, damaged},
    writer::Worked,
};
use crate::{
    clock::Timestamp,
    store::{Record, StoreKey, Written},
};

/// The number of entries that one slice of a sweep looks at.
const LOOKS: usize = 256;

/// Stores a new record.
pub(super) fn insert(tables: &mut Tables<'_>, key: &StoreKey, record: &Record) -> Worked<Written> {
    if tables.row(key)?.is_some() {
        return Ok(Ok(Written::Not));
    }
    let written = tables.write(key, None, record)?;
    Ok(written.map(|of_principal| Written::Stored { of_principal }))
}

/// Puts a record in the place of one with this version.
pub(super) fn replace(
    tables: &mut Tables<'_>,
    key: &StoreKey,
    version: u64,
    mut record: Arc<Record>,
) -> Worked<Written> {
    let Some(row) = tables.row(key)? else {
        return Ok(Ok(Written::Not));
    };
    let Some(there) = row.intact() else {
        return Ok(Err(damaged(key)));
    };
    if there.meta.revision != version {
        return Ok(Ok(Written::Not));
    }
    if there.meta.last_seen > record.meta.last_seen {
        Arc::make_mut(&mut record).meta.last_seen = there.meta.last_seen;
    }
    let written = tables.write(key, Some(&row), &record)?;
    Ok(written.map(|of_principal| Written::Stored { of_principal }))
}

/// Removes a record, whatever its version or only if it has this one. Returns whether it did.
pub(super) fn remove(
    tables: &mut Tables<'_>,
    key: &StoreKey,
    version: Option<u64>,
) -> Worked<bool> {
    let row = tables.row(key)?.filter(|row| {
        version.is_none_or(|it| row.intact().is_some_and(|there| there.meta.revision == it))
    });
    if let Some(row) = &row {
        tables.remove(key, row)?;
    }
    Ok(Ok(row.is_some()))
}

/// The result of one slice of a sweep.
pub(super) struct Slice {
    pub(super) removed: usize,
    /// True if nothing more is due.
    pub(super) done: bool,
}

/// Removes up to `limit` records that are expired at `now`, among the next few that may be.
pub(super) fn sweep(tables: &mut Tables<'_>, now: Timestamp, limit: usize) -> Worked<Slice> {
    let due = tables.due(now, LOOKS)?;
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
    Ok(Ok(Slice { removed, done: settled == due.len() && due.len() < LOOKS }))
}
