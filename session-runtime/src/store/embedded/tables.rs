//! The tables and their content. Every change to a record goes through here and changes the entries
//! of both indexes with it; the callers decide what is changed, and why.
//!
//! - `record`: `selector (16) ‖ namespace` → `end (8) ‖ record`. The end is the time under which
//!   the record's entry in `end` stands.
//! - `owner`: `SHA-256 of namespace and principal (32) ‖ log-in (8) ‖ selector (16)` → nothing. A
//!   hash, so that a name of any length is a key of one size.
//! - `owned`: the same hash → the number of entries in `owner`.
//! - `end`: `(milliseconds, record key)` → nothing. The time of an entry is never after the expiry
//!   of its record, but may be before: use postpones expiry, and only the sweep moves the entry.
//! - `format`: `"version"` → the number of this layout.

use redb::{ReadableTable, StorageError, Table, TableDefinition, TableError, WriteTransaction};
use sha2::{Digest, Sha256};

use super::failure::Failure;
use crate::{
    clock::Timestamp,
    store::{
        Cursor, Namespace, PrincipalKey, Record, Selector, StoreError, StoreKey,
        encoding::{decode, encode},
    },
};

pub(super) const RECORD: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("record");
pub(super) const OWNER: TableDefinition<'_, &OwnerKey, ()> = TableDefinition::new("owner");
pub(super) const OWNED: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("owned");
pub(super) const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("format");
const END: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("end");

/// The most bytes a record may have. The database takes 3 GiB; the encoding counts to 4 GiB.
const MOST_BYTES: usize = 1 << 30;

/// Returns the key of a record.
pub(super) fn record_key(key: &StoreKey) -> Vec<u8> {
    [key.selector.as_bytes(), key.namespace.as_str().as_bytes()].concat()
}

/// A key of the table `owner`.
pub(super) type OwnerKey = [u8; 56];

/// Returns the key of a principal's entry for a log-in. Keys are in the order of the log-ins.
pub(super) fn owner_key(
    namespace: &Namespace,
    principal: &PrincipalKey,
    log_in: Cursor,
) -> OwnerKey {
    let namespace = namespace.as_str().as_bytes();
    let mut hash = Sha256::new();
    hash.update((namespace.len() as u64).to_be_bytes());
    hash.update(namespace);
    hash.update(principal.as_str());
    let mut key = [0; 56];
    key[..32].copy_from_slice(&hash.finalize());
    key[32..40].copy_from_slice(&log_in.logged_in.as_millis().to_be_bytes());
    key[40..].copy_from_slice(log_in.selector.as_bytes());
    key
}

/// Returns the first and the last key that the entries of a principal can have.
pub(super) fn owner_range(namespace: &Namespace, principal: &PrincipalKey) -> [OwnerKey; 2] {
    let earliest = Cursor::new(Timestamp::default(), Selector::from_bytes([0; 16]));
    let first = owner_key(namespace, principal, earliest);
    let mut last = first;
    last[32..].fill(0xff);
    [first, last]
}

/// Returns the log-in in the key of a principal's entry.
pub(super) fn log_in_of(entry: &OwnerKey) -> Cursor {
    let (mut logged_in, mut selector) = ([0; 8], [0; 16]);
    logged_in.copy_from_slice(&entry[32..40]);
    selector.copy_from_slice(&entry[40..]);
    Cursor::new(
        Timestamp::from_millis(u64::from_be_bytes(logged_in)),
        Selector::from_bytes(selector),
    )
}

/// A value of the table `record`.
pub(super) struct Row {
    /// The time under which the entry in `end` stands; `None` if the row is cut off.
    end: Option<u64>,
    /// The record; `None` if it is damaged.
    record: Option<Record>,
}

impl Row {
    fn read(bytes: &[u8]) -> Self {
        match bytes.split_first_chunk() {
            Some((end, record)) => {
                Self { end: Some(u64::from_be_bytes(*end)), record: decode(record) }
            }
            None => Self { end: None, record: None },
        }
    }

    /// Returns the record, unless it is damaged.
    pub(super) const fn intact(&self) -> Option<&Record> {
        self.record.as_ref()
    }
}

/// Returns the record in the bytes of a row, unless it is damaged.
pub(super) fn read_record(bytes: &[u8]) -> Option<Record> {
    Row::read(bytes).record
}

/// Makes the error for a damaged record.
pub(super) fn damaged(key: &StoreKey) -> StoreError {
    StoreError::new(format!(
        "the record {key} in the embedded session store does not read back: it is damaged, or a \
         newer version of this library wrote it; delete it to go on"
    ))
}

/// The tables within one transaction of the writer.
pub(super) struct Tables<'txn> {
    records: Table<'txn, &'static [u8], &'static [u8]>,
    owners: Table<'txn, &'static OwnerKey, ()>,
    owned: Table<'txn, &'static [u8; 32], u64>,
    ends: Table<'txn, (u64, &'static [u8]), ()>,
    bytes_written: usize,
    changed: bool,
}

impl<'txn> Tables<'txn> {
    /// Opens the tables. Creates them in a new file.
    pub(super) fn open(transaction: &'txn WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            records: transaction.open_table(RECORD)?,
            owners: transaction.open_table(OWNER)?,
            owned: transaction.open_table(OWNED)?,
            ends: transaction.open_table(END)?,
            bytes_written: 0,
            changed: false,
        })
    }

    /// Returns the number of bytes of records that were written so far.
    pub(super) const fn bytes_written(&self) -> usize {
        self.bytes_written
    }

    /// Returns whether there is anything to make durable.
    pub(super) const fn changed(&self) -> bool {
        self.changed
    }

    pub(super) fn row(&self, key: &StoreKey) -> Result<Option<Row>, Failure> {
        let bytes = self.records.get(record_key(key).as_slice())?;
        Ok(bytes.map(|bytes| Row::read(bytes.value())))
    }

    /// Writes a record in place of `old`, and moves its entries. Returns the number of sessions of
    /// its principal, if it is another principal or a new log-in. The inner error says that the
    /// record is too large.
    pub(super) fn write(
        &mut self,
        key: &StoreKey,
        old: Option<&Row>,
        record: &Record,
    ) -> Result<Result<u64, StoreError>, Failure> {
        let encoded = encode(record);
        if encoded.len() > MOST_BYTES {
            return Ok(Err(StoreError::new(format!(
                "the record {key} has {} bytes; the embedded session store takes {MOST_BYTES}",
                encoded.len()
            ))));
        }
        let record_key = record_key(key);
        let old_end = old.and_then(|old| old.end);
        let new_end = record.meta.expires_at().as_millis();
        let end = old_end.map_or(new_end, |old_end| old_end.min(new_end));
        if old_end != Some(end) {
            if let Some(old_end) = old_end {
                self.ends.remove((old_end, record_key.as_slice()))?;
            }
            self.ends.insert((end, record_key.as_slice()), ())?;
        }
        let entry = entry_of(key, record);
        let old_entry = old.and_then(Row::intact).and_then(|old| entry_of(key, old));
        let mut of_principal = 0;
        if entry != old_entry {
            if let Some(entry) = &entry {
                of_principal = self.own(entry)?;
            }
            if let Some(old_entry) = &old_entry {
                self.disown(old_entry)?;
            }
        }
        self.put(&record_key, end, &encoded)?;
        Ok(Ok(of_principal))
    }

    /// Removes a record and its entries.
    pub(super) fn remove(&mut self, key: &StoreKey, row: &Row) -> Result<(), Failure> {
        self.changed = true;
        let record_key = record_key(key);
        self.records.remove(record_key.as_slice())?;
        if let Some(end) = row.end {
            self.ends.remove((end, record_key.as_slice()))?;
        }
        match row.intact().and_then(|record| entry_of(key, record)) {
            Some(entry) => self.disown(&entry),
            None => Ok(()),
        }
    }

    /// Adds an entry of a principal. Returns the number of the principal's entries.
    fn own(&mut self, entry: &OwnerKey) -> Result<u64, Failure> {
        self.changed = true;
        let owner = hash_of(entry);
        let before = self.owned.get(&owner)?.map_or(0, |count| count.value());
        let count = before + u64::from(self.owners.insert(entry, ())?.is_none());
        self.owned.insert(&owner, count)?;
        Ok(count)
    }

    fn disown(&mut self, entry: &OwnerKey) -> Result<(), Failure> {
        if self.owners.remove(entry)?.is_none() {
            return Ok(());
        }
        self.changed = true;
        let owner = hash_of(entry);
        let before = self.owned.get(&owner)?.map_or(0, |count| count.value());
        if before > 1 {
            self.owned.insert(&owner, before - 1)?;
        } else {
            self.owned.remove(&owner)?;
        }
        Ok(())
    }

    /// Removes an entry of a principal whose record is gone: a damaged record did not say whose it
    /// was.
    pub(super) fn prune(&mut self, namespace: &Namespace, entry: &OwnerKey) -> Result<(), Failure> {
        let selector = log_in_of(entry).selector;
        match self.row(&StoreKey { namespace: namespace.clone(), selector })? {
            None => self.disown(entry),
            Some(_) => Ok(()),
        }
    }

    /// Returns the first entries of `end` whose time is at or before `now`, up to `limit`.
    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Failure> {
        let entries = self.ends.iter()?.take(limit).map(|entry| {
            let (entry, _) = entry?;
            let (end, record_key) = entry.value();
            Ok(Due { end, record_key: record_key.to_vec() })
        });
        let is_due = |entry: &Result<Due, _>| {
            entry.as_ref().map_or(true, |entry| entry.end <= now.as_millis())
        };
        entries.take_while(is_due).collect::<Result<_, StorageError>>().map_err(Failure::from)
    }

    /// Removes the entry of a record that is gone, or moves the entry to the time at which its
    /// record expires now.
    pub(super) fn settle(&mut self, due: &Due) -> Result<(), Failure> {
        self.changed = true;
        self.ends.remove((due.end, due.record_key.as_slice()))?;
        let Some(bytes) =
            self.records.get(due.record_key.as_slice())?.map(|it| it.value().to_vec())
        else {
            return Ok(());
        };
        if let Row { end: Some(entry), record: Some(record) } = Row::read(&bytes)
            && entry == due.end
        {
            let end = record.meta.expires_at().as_millis();
            self.ends.insert((end, due.record_key.as_slice()), ())?;
            self.put(&due.record_key, end, &bytes[size_of::<u64>()..])?;
        }
        Ok(())
    }

    fn put(&mut self, record_key: &[u8], end: u64, record: &[u8]) -> Result<(), Failure> {
        self.changed = true;
        let length = size_of::<u64>() + record.len();
        self.bytes_written += length;
        let mut row = self.records.insert_reserve(record_key, length)?;
        let (end_bytes, record_bytes) = row.as_mut().split_at_mut(size_of::<u64>());
        end_bytes.copy_from_slice(&end.to_be_bytes());
        record_bytes.copy_from_slice(record);
        Ok(())
    }
}

/// Returns the entry of a record's principal.
fn entry_of(key: &StoreKey, record: &Record) -> Option<OwnerKey> {
    let principal = record.meta.principal.as_ref()?;
    Some(owner_key(&key.namespace, principal, Cursor::of(key.selector, record)))
}

pub(super) fn hash_of(entry: &OwnerKey) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(&entry[..32]);
    hash
}

/// An entry of `end` that is due.
pub(super) struct Due {
    end: u64,
    record_key: Vec<u8>,
}

impl Due {
    /// Returns the key of the entry's record, or `None` if this store did not write the entry.
    pub(super) fn key(&self) -> Option<StoreKey> {
        let (selector, namespace) = self.record_key.split_first_chunk()?;
        let namespace = Namespace::new(std::str::from_utf8(namespace).ok()?);
        Some(StoreKey { namespace, selector: Selector::from_bytes(*selector) })
    }
}
