//! Reads, each from one snapshot of the durable state. They wait neither for the writer nor for
//! each other, and change nothing.

use std::{
    ops::Bound::{Excluded, Included},
    sync::Arc,
};

use redb::{AccessGuard, ReadTransaction, StorageError};

use super::{
    database::Database,
    failure::Failure,
    tables::{
        OWNED, OWNER, OwnerKey, RECORD, damaged, hash_of, log_in_of, owner_key, owner_range,
        read_record, record_key,
    },
};
use crate::store::{Cursor, Namespace, Order, Page, PrincipalKey, Record, StoreError, StoreKey};

/// Returns the record under `key`, if there is one.
pub(super) fn load(database: &Database, key: &StoreKey) -> Result<Option<Arc<Record>>, StoreError> {
    let found = database.read(|transaction| {
        let records = transaction.open_table(RECORD)?;
        let row = records.get(record_key(key).as_slice())?;
        Ok(row.map(|row| read_record(row.value())))
    })?;
    match found {
        None => Ok(None),
        Some(Some(record)) => Ok(Some(Arc::new(record))),
        Some(None) => Err(damaged(key)),
    }
}

/// Returns the number of sessions of a principal.
pub(super) fn count(
    database: &Database,
    namespace: &Namespace,
    principal: &PrincipalKey,
) -> Result<u64, StoreError> {
    let [first, _] = owner_range(namespace, principal);
    database.read(|transaction| {
        let owned = transaction.open_table(OWNED)?;
        let count = owned.get(&hash_of(&first))?;
        Ok(count.map_or(0, |count| count.value()))
    })
}

/// A part of a list, and the entries in it whose records are gone.
pub(super) struct Read {
    pub(super) page: Page,
    pub(super) stale: Vec<OwnerKey>,
}

/// Returns up to `limit` sessions of a principal, those after `after` in the order.
pub(super) fn list(
    database: &Database,
    namespace: &Namespace,
    principal: &PrincipalKey,
    order: Order,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Read, StoreError> {
    database.read(|transaction| {
        let owners = transaction.open_table(OWNER)?;
        let [first, last] = owner_range(namespace, principal);
        let after = after.map(|after| owner_key(namespace, principal, after));
        let bounds = match (order, &after) {
            (_, None) => (Included(&first), Included(&last)),
            (Order::Oldest, Some(after)) => (Excluded(after), Included(&last)),
            (Order::Newest, Some(after)) => (Included(&first), Excluded(after)),
        };
        let entries = owners.range::<&OwnerKey>(bounds)?;
        let entries: Vec<OwnerKey> = match order {
            Order::Oldest => keys(entries, limit)?,
            Order::Newest => keys(entries.rev(), limit)?,
        };
        page(transaction, namespace, principal, &entries, entries.len() == limit)
    })
}

type Entry<'a> = (AccessGuard<'a, &'static OwnerKey>, AccessGuard<'a, ()>);

fn keys<'a>(
    entries: impl Iterator<Item = Result<Entry<'a>, StorageError>>,
    limit: usize,
) -> Result<Vec<OwnerKey>, StorageError> {
    entries.take(limit).map(|entry| entry.map(|(key, _)| *key.value())).collect()
}

/// Reads the records of entries.
fn page(
    transaction: &ReadTransaction,
    namespace: &Namespace,
    principal: &PrincipalKey,
    entries: &[OwnerKey],
    goes_on: bool,
) -> Result<Read, Failure> {
    let records = transaction.open_table(RECORD)?;
    let next = entries.last().filter(|_| goes_on).map(log_in_of);
    let mut read = Read { page: Page::new(Vec::new(), next), stale: Vec::new() };
    for entry in entries {
        let selector = log_in_of(entry).selector;
        let key = StoreKey { namespace: namespace.clone(), selector };
        let row = records.get(record_key(&key).as_slice())?;
        match row.map(|row| read_record(row.value())) {
            None => read.stale.push(*entry),
            Some(None) => read.page.unreadable.push(selector),
            Some(Some(record)) if record.meta.principal.as_ref() == Some(principal) => {
                read.page.sessions.push((selector, Arc::new(record)));
            }
            Some(Some(_)) => {}
        }
    }
    Ok(read)
}
