//! A watch on a store's bus, for tests that wait for a notice.

use std::time::Duration;

use session_runtime::store::{Namespace, Notice, Selector, Store, StoreKey, Watch};

use crate::wait::PATIENCE;

/// The time within which nothing comes where nothing is to come.
const QUIET: Duration = Duration::from_millis(100);

/// A watch that has begun.
#[derive(Debug)]
pub struct Watched(Watch);

impl Watched {
    /// Watches a store, from when no notice gets lost any more.
    ///
    /// # Panics
    ///
    /// If the store has no bus, or does not begin within [`PATIENCE`].
    pub async fn of(store: &(impl Store + ?Sized)) -> Self {
        let mut watched = Self(store.watch().expect("a store with a bus"));
        assert_eq!(watched.next().await, Some(Notice::Everything), "a watch begins so");
        watched
    }

    /// Returns the next notice; `None` if the watch has ended.
    ///
    /// # Panics
    ///
    /// If nothing comes within [`PATIENCE`].
    pub async fn next(&mut self) -> Option<Notice> {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a notice in time")
    }

    /// Returns whether nothing comes for a moment.
    pub async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(QUIET, self.0.next()).await.is_err()
    }

    /// Publishes a notice on `store`, and waits until it is heard here.
    ///
    /// # Panics
    ///
    /// If the store fails, or if nothing comes within [`PATIENCE`].
    pub async fn hears_from(&mut self, store: &(impl Store + ?Sized)) {
        let namespace = Namespace::new("watched");
        let selector = Selector::from_bytes(std::array::from_fn(|_| rand_byte()));
        let notice = Notice::Session(StoreKey { namespace, selector });
        store.publish(&notice).await.expect("a publication");
        while self.next().await.as_ref() != Some(&notice) {}
    }

    /// Waits for the word that notices may have been missed.
    ///
    /// # Panics
    ///
    /// If it does not come within [`PATIENCE`].
    pub async fn looks_at_everything(&mut self) {
        while self.next().await != Some(Notice::Everything) {}
    }
}

/// Returns a byte that differs from one call to another.
fn rand_byte() -> u8 {
    use std::hash::{BuildHasher, RandomState};

    RandomState::new().hash_one(()).to_le_bytes()[0]
}
