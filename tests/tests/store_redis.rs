//! The redis store: conformance, and what is its own.

#[path = "store_redis/access.rs"]
mod access;
#[path = "store_redis/apart.rs"]
mod apart;
#[path = "store_redis/crowd.rs"]
mod crowd;
#[path = "store_redis/failover.rs"]
mod failover;
#[path = "store_redis/late.rs"]
mod late;
#[path = "store_redis/support.rs"]
mod support;
#[path = "store_redis/trips.rs"]
mod trips;

/// On one server.
mod single {
    use session_runtime::store::RedisStore;
    use tests::backend::redis::Redis;

    async fn store() -> RedisStore {
        RedisStore::connect(&Redis::shared().url()).await.expect("a store")
    }

    session_runtime::store_conformance!(store);
}

/// On a cluster of six nodes.
mod cluster {
    use crate::support::{Held, cluster};

    async fn store() -> Held {
        cluster().await
    }

    session_runtime::store_conformance!(store);
}

/// On a master that Sentinels name.
mod sentinel {
    use crate::support::{Held, sentinels};

    async fn store() -> Held {
        sentinels().await
    }

    session_runtime::store_conformance!(store);
}
