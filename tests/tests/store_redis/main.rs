//! The redis store: conformance, and what is its own.

mod access;
mod bus;
mod crowd;
mod failover;
mod late;
mod lists;
mod runtimes;
mod start;
mod support;
mod trips;

/// On one server.
mod single {
    use session_runtime::store::RedisStore;
    use tests::backend::redis::Redis;

    async fn store() -> RedisStore {
        RedisStore::connect(&Redis::shared().url()).await.expect("a store")
    }

    tests::conformance!(store, sealed);
    tests::hot!(store);
}

/// On one server of Valkey.
mod valkey {
    use session_runtime::store::RedisStore;
    use tests::backend::redis::Redis;

    async fn store() -> RedisStore {
        RedisStore::connect(&Redis::shared_valkey().url()).await.expect("a store")
    }

    tests::conformance!(store);

    mod parallel_sealed {
        tests::parallel!(super::store, true);
    }
}

/// On a cluster of six nodes.
mod cluster {
    use crate::support::{Held, cluster};

    async fn store() -> Held {
        cluster().await
    }

    tests::conformance!(store);

    mod parallel_sealed {
        tests::parallel!(super::store, true);
    }
}

/// On a master that Sentinels name.
mod sentinel {
    use crate::support::{Held, sentinels};

    async fn store() -> Held {
        sentinels().await
    }

    tests::conformance!(store);

    mod parallel_sealed {
        tests::parallel!(super::store, true);
    }
}
