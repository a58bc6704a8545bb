//! The file's format: which files are ours, and how one that lost a part of a record is served. And on
//! which thread records are read.
//! These write to the database past the store, as only a damaged or newer file would be.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::{future::Future, path::PathBuf, sync::Arc};

use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use super::{
    EmbeddedStore,
    database::attach,
    tables::{FORMAT, OWNER, RECORD, record_key},
};
use crate::repository::Repository as _;
use crate::{
    clock::Timestamp,
    store::{
        Cap, Check, Commit, InsertOutcome, KeyId, Lifetime, Meta, Namespace, OnMaxSessions,
        PrincipalKey, Record, Selector, Store, StoreKey,
    },
};

/// A file in a directory of its own, which goes with it.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let random = getrandom::u64().unwrap();
        let directory = std::env::temp_dir().join(format!("session-store-{random:016x}"));
        std::fs::create_dir(&directory).unwrap();
        Self(directory.join("sessions.redb"))
    }

    fn open(&self) -> EmbeddedStore {
        EmbeddedStore::open(&self.0).unwrap()
    }

    fn refusal(&self) -> String {
        let refusal = EmbeddedStore::open(&self.0).unwrap_err().to_string();
        assert!(refusal.contains(self.0.to_str().unwrap()), "{refusal}");
        refusal
    }

    fn database(&self) -> redb::Database {
        let mut options = std::fs::File::options();
        options.read(true).write(true).create(true).truncate(false);
        attach(options.open(&self.0).unwrap()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn key(number: u8) -> StoreKey {
    StoreKey { namespace: Namespace::new("shop"), selector: Selector::from_bytes([number; 16]) }
}

fn ada() -> PrincipalKey {
    PrincipalKey::new("\"ada\"")
}

/// Makes a record of ada's that expires at 10.
fn record() -> Record {
    let absolute_until = Timestamp::from_millis(10);
    let lifetime = Lifetime { idle_millis: None, absolute_until, persistent: false };
    let (check, key_id) = (Check::from_bytes([1; 16]), KeyId::from_bytes([1; 4]));
    let mut record = Record::new(Meta::new(check, key_id, Timestamp::default(), lifetime));
    record.meta.set_principal(Some(ada()), Timestamp::default());
    record
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let place = Place::new();
    drop(place.open());
    let database = place.database();
    let write = database.begin_write().unwrap();
    write.open_table(FORMAT).unwrap().insert("version", 3).unwrap();
    write.commit().unwrap();
    drop(database);
    let refusal = place.refusal();
    assert!(refusal.contains("format is 3") && refusal.contains("reads 2"), "{refusal}");
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let place = Place::new();
    let theirs: TableDefinition<'_, u64, u64> = TableDefinition::new("theirs");
    let database = place.database();
    let write = database.begin_write().unwrap();
    write.open_table(theirs).unwrap().insert(1, 2).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(place.refusal().contains("of some other program"));
    let database = place.database();
    let tables: Vec<_> = database.begin_read().unwrap().list_tables().unwrap().collect();
    assert_eq!(tables.len(), 1);
}

/// A store with a damaged record under key 1, and a sound one under key 2, both ada's.
async fn damaged() -> (Place, EmbeddedStore) {
    let place = Place::new();
    let store = place.open();
    for number in [1, 2] {
        store.insert_capped(&key(number), record(), None).await.unwrap();
    }
    drop(store);
    let database = place.database();
    let write = database.begin_write().unwrap();
    {
        let mut records = write.open_table(RECORD).unwrap();
        let record_key = record_key(&key(1));
        let mut row = records.get(record_key.as_slice()).unwrap().unwrap().value().to_vec();
        row.truncate(40);
        records.insert(record_key.as_slice(), row.as_slice()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    let store = place.open();
    (place, store)
}

#[tokio::test]
async fn a_damaged_record_is_an_error_and_stands_in_nobodys_way() {
    let (_place, store) = damaged().await;
    let now = Timestamp::from_millis(5);
    let told = store.load(&key(1)).await.unwrap_err().to_string();
    assert!(told.contains(&key(1).to_string()), "{told}");
    let touch = Commit::touch(now, Check::from_bytes([1; 16]), KeyId::from_bytes([1; 4]));
    assert!(store.commit(&key(1), &touch).await.is_err());
    let listed = store.list_live(&key(1).namespace, &ada(), now).await.unwrap();
    assert_eq!(listed.iter().map(|it| it.selector).collect::<Vec<_>>(), [key(2).selector]);
    let cap = Some(Cap::new(2, OnMaxSessions::RefuseNew));
    let inserted = store.insert_capped(&key(3), record(), cap).await.unwrap();
    assert_eq!(inserted, InsertOutcome::inserted());
    assert!(store.remove(&key(1), None).await.unwrap());
    assert_eq!(store.load(&key(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_record_is_removed_with_its_owners_or_in_its_time() {
    let (_place, store) = damaged().await;
    assert_eq!(store.end_all(&key(1).namespace, &ada(), None).await.unwrap(), 2);
    assert_eq!(store.load(&key(1)).await.unwrap(), None);

    let (place, store) = damaged().await;
    assert_eq!(store.sweep(Timestamp::from_millis(9), None, 10).await.unwrap().removed, 0);
    assert_eq!(store.sweep(Timestamp::from_millis(10), None, 10).await.unwrap().removed, 2);
    drop(store);
    let database = place.database();
    let read = database.begin_read().unwrap();
    let left = read.open_table(RECORD).unwrap().get(record_key(&key(1)).as_slice()).unwrap();
    assert!(left.is_none());
    // It no longer said whose it was, so its entry stays behind; whoever ends ada's sessions
    // removes that too.
    drop((left, read, database));
    let store = place.open();
    assert_eq!(store.end_all(&key(1).namespace, &ada(), None).await.unwrap(), 0);
    drop(store);
    let database = place.database();
    let owners = database.begin_read().unwrap().open_table(OWNER).unwrap();
    assert!(owners.first().unwrap().is_none());
}

fn new() -> Record {
    let lifetime =
        Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: false };
    let (check, key_id) = (Check::from_bytes([1; 16]), KeyId::from_bytes([1; 4]));
    Record::new(Meta::new(check, key_id, Timestamp::from_millis(1), lifetime))
}

#[tokio::test]
async fn what_may_be_on_the_disk_only_is_read_on_another_thread() {
    let place = Place::new();
    let store = place.open();
    store.insert(&key(1), Arc::new(new())).await.unwrap();
    assert!(store.load(&key(1)).at_once().is_ok(), "it was written a moment ago");
    drop(store);
    let store = place.open();
    let first = key(1);
    let loaded = store.load(&first).at_once().expect_err("of this, only the disk knows");
    assert!(loaded.await.unwrap().is_some());
    assert!(store.load(&key(1)).at_once().is_ok(), "it was read a moment ago");
    assert!(store.load(&key(2)).await.unwrap().is_none());
}

#[test]
fn without_a_runtime_it_is_read_on_this_thread() {
    let place = Place::new();
    let store = place.open();
    let key = key(1);
    let mut load = std::pin::pin!(store.load(&key));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let loaded = load.as_mut().poll(&mut context);
    assert!(matches!(loaded, std::task::Poll::Ready(Ok(None))));
}

#[tokio::test]
async fn a_drop_waits_for_a_read_that_nobody_waits_for() {
    let place = Place::new();
    for number in 0..100 {
        let store = place.open();
        let key = key(number);
        let mut load = store.load(&key);
        std::future::poll_fn(|context| {
            let _ = std::pin::Pin::new(&mut load).poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        drop(load);
        // Otherwise the next one finds the file locked.
        drop(store);
    }
}
