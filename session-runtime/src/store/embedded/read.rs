//! Reads, each from one snapshot of the durable state. They wait neither for the writer nor for
//! each other, and change nothing.

use std::sync::Arc;

use redb::ReadTransaction;

use super::{
    database::Database,
    failure::Failure,
    tables::{OWNER, RECORD, damaged, owned_selector, owner_range, read_record, record_key},
};
use crate::{
    clock::Timestamp,
    store::{Listed, Namespace, PrincipalKey, Record, StoreError, StoreKey},
};

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

/// Returns the sessions of a principal that are live at `now`, the newest first.
pub(super) fn list(
    database: &Database,
    namespace: &Namespace,
    principal: &PrincipalKey,
    now: Timestamp,
) -> Result<Vec<Listed>, StoreError> {
    let mut listed = database.read(|transaction| live(transaction, namespace, principal, now))?;
    listed.sort_by_key(|session| std::cmp::Reverse(session.created));
    Ok(listed)
}

fn live(
    transaction: &ReadTransaction,
    namespace: &Namespace,
    principal: &PrincipalKey,
    now: Timestamp,
) -> Result<Vec<Listed>, Failure> {
    let records = transaction.open_table(RECORD)?;
    let owners = transaction.open_table(OWNER)?;
    let [first, last] = owner_range(namespace, principal);
    let mut live = Vec::new();
    for entry in owners.range::<&[u8; 48]>(&first..=&last)? {
        let selector = owned_selector(entry?.0.value());
        let key = StoreKey { namespace: namespace.clone(), selector };
        let row = records.get(record_key(&key).as_slice())?;
        // A damaged record cannot be used, so it is not live; loading it returns an error.
        if let Some(Record { meta, .. }) = row.and_then(|row| read_record(row.value()))
            && !meta.is_expired(now)
        {
            live.push(Listed::new(selector, &meta));
        }
    }
    Ok(live)
}
