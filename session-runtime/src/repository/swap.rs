//! A commit as loads and swaps: the ops are applied here, to the record that the request has loaded,
//! and the store puts the result in that record's place if the record is still there. If it is
//! not, the latest record is loaded and the ops are applied to that. Knows nothing of caps.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::bound;
use crate::store::{
    Commit, CommitOutcome, Record, Store, StoreError, StoreFuture, StoreKey, Written, load_latest,
};

/// The tries without a pause between them. Whoever was in between is mostly done by then.
const EAGER: u32 = 2;
/// The longest pause before a try, in milliseconds.
const LONGEST: u64 = 32;

/// Where those wait that were overtaken, in each process: one at a time for each session, and for
/// those that share a queue with it.
static QUEUES: [Mutex<()>; 256] = [const { Mutex::const_new(()) }; 256];

/// The outcome of a commit, and the number of sessions of the principal whom it gave the session to.
pub(super) type Swapped = (CommitOutcome, u64);

/// Applies a commit to the record under `key`.
pub(super) fn swap<'a>(
    store: &'a dyn Store,
    key: &'a StoreKey,
    commit: &'a Commit,
) -> StoreFuture<'a, Swapped> {
    let (mut outcome, mut is_overtaken) = (CommitOutcome::Gone, false);
    let changed = store.change(key, commit.principal.is_some(), &mut |record| {
        // The application's own code never runs under a lock of the store.
        is_overtaken = commit.runs_again_on(record);
        if is_overtaken {
            return false;
        }
        outcome = bound::apply(record, commit);
        matches!(outcome, CommitOutcome::Committed { .. })
    });
    if is_overtaken {
        return again(store, key, commit);
    }
    match (changed, &commit.loaded) {
        (Some(Written::Stored { of_principal }), _) => {
            commit.progress.note_sent();
            StoreFuture::ready(Ok((outcome, of_principal)))
        }
        (Some(Written::Not), _) => StoreFuture::ready(Ok((outcome, 0))),
        (Some(Written::Full), _) => StoreFuture::ready(Err(full())),
        (None, Some(loaded)) if commit.is_touch() => touch(store, key, commit, loaded),
        (None, Some(loaded)) => swap_for(store, key, commit, loaded, false),
        (None, None) => load_latest(store, key).and_then(move |found| match found {
            Some(found) => swap_for(store, key, commit, &found, true),
            None => StoreFuture::ready(Ok((CommitOutcome::Gone, 0))),
        }),
    }
}

/// Moves the time of the last use on. That the session is live and its credential good is for the
/// record to say that the request has loaded.
fn touch<'a>(
    store: &'a dyn Store,
    key: &'a StoreKey,
    commit: &'a Commit,
    loaded: &Record,
) -> StoreFuture<'a, Swapped> {
    if loaded.admits(commit).is_err() {
        return again(store, key, commit);
    }
    let touched = CommitOutcome::committed(loaded.meta.revision, false);
    let clean_after = loaded.meta.lifetime.end_after(commit.now);
    store
        .touch(key, commit.now, clean_after)
        .map(move |there| (if there { touched } else { CommitOutcome::Gone }, 0))
}

/// Applies a commit to `base`, and swaps the result for it. `is_latest` says that `base` was read
/// from the store for this commit.
fn swap_for<'a>(
    store: &'a dyn Store,
    key: &'a StoreKey,
    commit: &'a Commit,
    base: &Arc<Record>,
    is_latest: bool,
) -> StoreFuture<'a, Swapped> {
    let mut record = Record::clone(base);
    let outcome = bound::apply(&mut record, commit);
    if !matches!(outcome, CommitOutcome::Committed { .. }) {
        return if is_latest {
            StoreFuture::ready(Ok((outcome, 0)))
        } else {
            // What rests on an old record is no answer.
            again(store, key, commit)
        };
    }
    commit.progress.note_sent();
    let written = store.replace(key, base.meta.revision, Arc::new(record));
    written.and_then(move |written| {
        commit.progress.note_answer(&written);
        match written {
            Written::Stored { of_principal } => StoreFuture::ready(Ok((outcome, of_principal))),
            Written::Not => again(store, key, commit),
            Written::Full => StoreFuture::ready(Err(full())),
        }
    })
}

/// Tries until a try is not overtaken by another request. The caller's deadline ends it.
fn again<'a>(
    store: &'a dyn Store,
    key: &'a StoreKey,
    commit: &'a Commit,
) -> StoreFuture<'a, Swapped> {
    StoreFuture::new(async move {
        let _turn = QUEUES[usize::from(key.selector.as_bytes()[0])].lock().await;
        let mut tries = 0_u32;
        loop {
            commit.progress.note_retry();
            pause(tries).await;
            tries = tries.saturating_add(1);
            let Some(base) = load_latest(store, key).await? else {
                return Ok((CommitOutcome::Gone, 0));
            };
            let mut record = Record::clone(&base);
            let outcome = bound::apply(&mut record, commit);
            if !matches!(outcome, CommitOutcome::Committed { .. }) {
                return Ok((outcome, 0));
            }
            commit.progress.note_sent();
            let written = store.replace(key, base.meta.revision, Arc::new(record)).await?;
            commit.progress.note_answer(&written);
            match written {
                Written::Stored { of_principal } => return Ok((outcome, of_principal)),
                Written::Not => {}
                Written::Full => return Err(full()),
            }
        }
    })
}

/// Waits before the next try: a random time, so that those who collide do not collide again.
pub(crate) async fn pause(tries: u32) {
    if tries >= EAGER && tokio::runtime::Handle::try_current().is_ok() {
        let longest = (1 << (tries - EAGER).min(5)).min(LONGEST);
        tokio::time::sleep(Duration::from_micros(random() % (longest * 1000))).await;
    }
}

/// Returns a number that nobody need guess at.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};

    RandomState::new().hash_one(())
}

/// Makes the error of a store without room.
pub(super) fn full() -> StoreError {
    StoreError::new(
        "the store is full: each of its sessions is still live, and no other gives way to this one; \
         raise its limits (of a memory store, with `MemoryStore::with_limit` and `max_bytes`)",
    )
}
