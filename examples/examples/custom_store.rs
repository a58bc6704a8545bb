//! A store of one's own: a map behind a lock, which goes wherever another store goes, as in
//! `SessionLayer::<Shop>::new(MapStore::default(), keys)`. It keeps the rules of a store:
//! `cargo test -p examples --features conformance --example custom_store`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use session_runtime::clock::Timestamp;
use session_runtime::store::{
    Cursor, Facts, Namespace, Order, Page, PrincipalKey, Properties, Record, Store, StoreFuture,
    StoreKey, SweepCursor, Swept, Written,
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
    let by_log_in = theirs.map(|(key, it)| (Cursor::of(key.selector, it), Arc::clone(it)));
    by_log_in.collect::<BTreeMap<_, _>>().into_iter().collect()
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
            let there = records.get_mut(key).filter(|there| there.meta.revision == version);
            let Some(there) = there else { return Written::Not };
            // Time moves only forward.
            let last_seen = there.meta.last_seen.max(record.meta.last_seen);
            Arc::make_mut(&mut record).meta.last_seen = last_seen;
            *there = Arc::clone(&record);
            stored(records, key, &record)
        })
    }

    fn remove(&self, key: &StoreKey, version: Option<u64>) -> StoreFuture<'_, bool> {
        self.with(|records| {
            let is_that = |there: &Arc<Record>| version.is_none_or(|it| it == there.meta.revision);
            records.get(key).is_some_and(is_that) && records.remove(key).is_some()
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
            log_ins.retain(|(log_in, _)| match order {
                Order::Newest => after.is_none_or(|after| *log_in < after),
                _ => after.is_none_or(|after| *log_in > after),
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

    fn sweep(
        &self,
        before: Timestamp,
        _: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        let expired = |_: &StoreKey, record: &mut Arc<Record>| record.meta.is_expired(before);
        self.with(|records| {
            let removed = records.extract_if(expired).take(limit).count();
            Swept::new(removed as u64, (removed == limit).then(SweepCursor::default))
        })
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        self.with(|_| Facts::HERE) // the clock of a server, if the store had one
    }
}

fn main() {
    println!("{:?}; `cargo test` as above", MapStore::default().properties());
}

#[cfg(test)]
mod tests {
    async fn map_store() -> super::MapStore {
        super::MapStore::default()
    }

    mod store {
        session_runtime::store_conformance!(super::map_store);
    }

    mod repository {
        session_runtime::repository_conformance!(super::map_store);
    }
}
