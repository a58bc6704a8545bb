//! A store of one's own: a map behind a lock, which goes wherever another store goes, as in
//! `SessionLayer::<Shop>::new(MapStore::default(), keys)`. That the store keeps the rules is what
//! `cargo test -p examples --features conformance --example custom_store` shows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use session_runtime::clock::Timestamp;
use session_runtime::store::{
    Cursor, Namespace, Order, Page, PrincipalKey, Properties, Record, Store, StoreFuture, StoreKey,
    Written,
};

type Records = HashMap<StoreKey, Arc<Record>>;

#[derive(Default)]
struct MapStore(Mutex<Records>);

impl MapStore {
    /// One operation: nobody looks in between, and it never waits, so dropping it tears nothing.
    fn with<T>(&self, work: impl FnOnce(&mut Records) -> T) -> StoreFuture<'_, T> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        StoreFuture::ready(Ok(work(&mut records)))
    }
}

/// The sessions of somebody, by log-in. This looks at every record; a store for many keeps an index.
fn log_ins(records: &Records, space: &Namespace, who: &PrincipalKey) -> Vec<(Cursor, Arc<Record>)> {
    let theirs = records.iter().filter(|(key, record)| {
        key.namespace == *space && record.meta.principal.as_ref() == Some(who)
    });
    let mut log_ins: Vec<_> = theirs
        .map(|(key, record)| (Cursor::of(key.selector, record), Arc::clone(record)))
        .collect();
    log_ins.sort_by_key(|(log_in, _)| *log_in);
    log_ins
}

/// What a write has come to: the sessions of its principal are counted.
fn stored(records: &Records, key: &StoreKey, record: &Record) -> Written {
    let principal = record.meta.principal.as_ref();
    let theirs = principal.map(|who| log_ins(records, &key.namespace, who).len());
    Written::Stored { of_principal: theirs.unwrap_or(0) as u64 }
}

impl Store for MapStore {
    fn properties(&self) -> Properties {
        Properties::IN_PROCESS
    }

    fn load(&self, key: &StoreKey) -> StoreFuture<'_, Option<Arc<Record>>> {
        self.with(|records| records.get(key).cloned())
    }

    fn insert(&self, key: &StoreKey, record: Arc<Record>) -> StoreFuture<'_, Written> {
        self.with(|records| {
            if records.contains_key(key) {
                return Written::Not;
            }
            records.insert(key.clone(), Arc::clone(&record));
            stored(records, key, &record)
        })
    }

    fn replace(
        &self,
        key: &StoreKey,
        version: u64,
        mut record: Arc<Record>,
    ) -> StoreFuture<'_, Written> {
        self.with(|records| {
            match records.get_mut(key) {
                Some(there) if there.meta.revision == version => {
                    // Time moves only forward.
                    if there.meta.last_seen > record.meta.last_seen {
                        Arc::make_mut(&mut record).meta.last_seen = there.meta.last_seen;
                    }
                    *there = Arc::clone(&record);
                }
                _ => return Written::Not,
            }
            stored(records, key, &record)
        })
    }

    fn remove(&self, key: &StoreKey, version: Option<u64>) -> StoreFuture<'_, bool> {
        self.with(|records| {
            let goes = records
                .get(key)
                .is_some_and(|there| version.is_none_or(|it| it == there.meta.revision));
            goes && records.remove(key).is_some()
        })
    }

    fn list(
        &self,
        space: &Namespace,
        who: &PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'_, Page> {
        self.with(|records| {
            let mut log_ins = log_ins(records, space, who);
            if order == Order::Newest {
                log_ins.reverse();
            }
            log_ins.retain(|(log_in, _)| match (order, after) {
                (_, None) => true,
                (Order::Newest, Some(after)) => *log_in < after,
                (_, Some(after)) => *log_in > after,
            });
            log_ins.truncate(limit);
            let next = log_ins.last().filter(|_| log_ins.len() == limit).map(|(it, _)| *it);
            let sessions = log_ins.into_iter().map(|(it, record)| (it.selector, record));
            Page::new(sessions.collect(), next)
        })
    }

    fn count(&self, space: &Namespace, who: &PrincipalKey) -> StoreFuture<'_, u64> {
        self.with(|records| log_ins(records, space, who).len() as u64)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        let expired = |_: &StoreKey, record: &mut Arc<Record>| record.meta.is_expired(now);
        self.with(|records| records.extract_if(expired).take(limit).count() as u64)
    }
}

#[cfg(test)]
async fn map_store() -> MapStore {
    MapStore::default()
}

/// That the store keeps the rules of the trait.
#[cfg(test)]
mod store {
    session_runtime::store_conformance!(super::map_store);
}

/// That sessions in it behave as in every other store.
#[cfg(test)]
mod repository {
    session_runtime::repository_conformance!(super::map_store);
}

fn main() {
    let kind = MapStore::default().properties();
    println!(
        "{kind:?}; its tests: cargo test -p examples --features conformance --example custom_store"
    );
}
