//! The cached store: conformance, and what is its own.

mod copies;
mod http;
mod late;
mod support;

/// Memory in front of memory.
mod conformance {
    use session_runtime::store::{CachedStore, MemoryStore};

    async fn store() -> CachedStore<MemoryStore, MemoryStore> {
        CachedStore::new(MemoryStore::default(), MemoryStore::default())
    }

    tests::conformance!(store, sealed);
}

/// In front of it a cache that takes copies and never gives one up: only what the store knows of
/// its own changes keeps the old ones from being believed.
mod that_keeps_every_copy {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        time::Duration,
    };

    use session_runtime::{
        clock::{Clock, Timestamp},
        store::{CachedStore, MemoryStore},
    };
    use tests::{Fault, Spy, Verb, spy};

    async fn store() -> CachedStore<Spy<MemoryStore>, MemoryStore> {
        let fast = spy(MemoryStore::default());
        fast.fault(Verb::Remove, Fault::Down);
        CachedStore::new(fast, MemoryStore::default())
            .clock(Hasty(AtomicU64::new(0)))
            .max_age(Duration::from_secs(1_000_000_000))
    }

    /// Goes on by two seconds whenever it is asked, so that no pause after a failure lasts.
    struct Hasty(AtomicU64);

    impl Clock for Hasty {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.fetch_add(2_000, Ordering::SeqCst))
        }
    }

    tests::conformance!(store);
}
