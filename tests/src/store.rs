//! The store of most tests: it notes what it is asked for, and fails or waits when a test says so.

use session_runtime::testing::{CountingStore, FailingStore};

/// A store around another one. Clones share everything.
pub type Spy<S> = CountingStore<FailingStore<S>>;

/// Returns a store that watches `inner`.
pub fn spy<S>(inner: S) -> Spy<S> {
    CountingStore::new(FailingStore::new(inner))
}
