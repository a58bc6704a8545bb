//! A store of one's own: a map behind a lock, which goes wherever another store goes, as in
//! `SessionLayer::<Shop>::new(MapStore::default(), keys)`. That it obeys the rules of [`Store`] is
//! what `cargo test -p examples --features testing --example custom_store` shows.
#![allow(clippy::wildcard_imports)] // A store needs nearly everything of the module.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use session_runtime::clock::Timestamp;
use session_runtime::policy::OnMaxSessions;
use session_runtime::store::{PrincipalKey as Who, StoreFuture as Answer, *};

type Records = HashMap<StoreKey, Arc<Record>>;

#[derive(Default)]
struct MapStore(Mutex<Records>);

impl MapStore {
    /// One operation: nobody looks in between, and it never waits, so dropping it tears nothing.
    fn with<T>(&self, work: impl FnOnce(&mut Records) -> T) -> Answer<'_, T> {
        Answer::ready(Ok(work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))))
    }
}

/// The live sessions of somebody. This looks at every record; a store for many keeps an index.
fn live(all: &Records, space: &Namespace, who: &Who, now: Timestamp) -> Vec<Listed> {
    let live = all.iter().filter(|(key, record)| {
        let meta = &record.meta;
        key.namespace == *space && meta.principal.as_ref() == Some(who) && !meta.is_expired(now)
    });
    live.map(|(key, record)| Listed::new(key.selector, &record.meta)).collect()
}

/// Who must go for a log-in to `key`; `None`: the log-in is refused.
type Surplus = Option<Vec<Selector>>;

fn surplus(all: &Records, key: &StoreKey, log_in: Option<(&Who, Cap)>, now: Timestamp) -> Surplus {
    let Some((who, cap)) = log_in else { return Some(Vec::new()) };
    let mut others = live(all, &key.namespace, who, now);
    others.retain(|other| other.selector != key.selector);
    others.sort_by_key(|other| (other.logged_in, other.selector));
    others.truncate((others.len() + 1).saturating_sub(cap.sessions as usize));
    let refused = cap.on_max == OnMaxSessions::RefuseNew && !others.is_empty();
    (!refused).then(|| others.iter().map(|other| other.selector).collect())
}

impl Store for MapStore {
    fn properties(&self) -> Properties {
        Properties::IN_PROCESS
    }
    fn load(&self, key: &StoreKey) -> Answer<'_, Option<Arc<Record>>> {
        self.with(|all| all.get(key).cloned())
    }
    fn insert(&self, key: &StoreKey, new: Record, cap: Option<Cap>) -> Answer<'_, InsertOutcome> {
        self.with(|all| {
            if all.contains_key(key) {
                return InsertOutcome::Exists;
            }
            let (log_in, now) = (new.meta.principal.as_ref().zip(cap), new.meta.last_seen);
            let Some(ended) = surplus(all, key, log_in, now) else { return InsertOutcome::Full };
            all.retain(|it, _| it.namespace != key.namespace || !ended.contains(&it.selector));
            all.insert(key.clone(), Arc::new(new));
            InsertOutcome::Inserted { ended }
        })
    }
    fn commit(&self, key: &StoreKey, commit: &Commit) -> Answer<'_, CommitOutcome> {
        self.with(|all| {
            let log_in = commit.principal.as_ref().and_then(Option::as_ref).zip(commit.cap);
            let surplus = surplus(all, key, log_in, commit.now);
            let Some(record) = all.get_mut(key) else { return CommitOutcome::Gone };
            let Some(surplus) = surplus else { return CommitOutcome::Full };
            // All that a commit does to a record; whoever reads the old one keeps it.
            let mut outcome = Arc::make_mut(record).apply(commit);
            if let CommitOutcome::Committed { ended, .. } = &mut outcome {
                all.retain(|it, _| {
                    it.namespace != key.namespace || !surplus.contains(&it.selector)
                });
                *ended = surplus;
            }
            outcome
        })
    }
    fn delete(&self, key: &StoreKey) -> Answer<'_, bool> {
        self.with(|all| all.remove(key).is_some())
    }
    fn list(&self, space: &Namespace, who: &Who, now: Timestamp) -> Answer<'_, Vec<Listed>> {
        self.with(|all| {
            let mut listed = live(all, space, who, now);
            listed.sort_by_key(|session| std::cmp::Reverse(session.created));
            listed
        })
    }
    fn delete_all(&self, space: &Namespace, who: &Who, not: Option<Selector>) -> Answer<'_, u64> {
        self.with(|all| {
            let before = all.len();
            all.retain(|key, it| {
                let theirs = key.namespace == *space && it.meta.principal.as_ref() == Some(who);
                !theirs || Some(key.selector) == not
            });
            (before - all.len()) as u64
        })
    }
    fn sweep(&self, now: Timestamp, limit: usize) -> Answer<'_, u64> {
        let over = |_: &StoreKey, record: &mut Arc<Record>| record.meta.is_expired(now);
        self.with(|all| all.extract_if(over).take(limit).count() as u64)
    }
}

#[cfg(test)]
session_runtime::store_conformance!(map_store);

#[cfg(test)]
async fn map_store() -> MapStore {
    MapStore::default()
}

fn main() {
    let kind = MapStore::default().properties();
    println!(
        "{kind:?}; its tests: cargo test -p examples --features testing --example custom_store"
    );
}
