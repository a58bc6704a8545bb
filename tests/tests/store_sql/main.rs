//! The SQL store: conformance on each database, and what is its own.

mod autocommit;
mod bus;
mod crash;
mod cut;
mod dropped;
mod errors;
mod fail_over;
mod migration;
mod pages;
mod partitioned;
mod plans;
mod pooler;
mod processes;
mod rights;
mod runtimes;
mod schema;
mod stalled;
mod support;
mod sweep;
mod table;
mod trips;

/// The suite on PostgreSQL.
mod postgres {
    use session_runtime::store::SqlStore;

    use crate::support::{Kind, shared};

    /// A pool of its own for each test, since each has a runtime of its own.
    async fn store() -> SqlStore {
        SqlStore::connect(&shared(Kind::Postgres, "suite")).await.expect("a store")
    }

    tests::conformance!(store, sealed);
    tests::hot!(store);
}

/// The suite on MariaDB.
mod mariadb {
    use session_runtime::store::SqlStore;

    use crate::support::{Kind, shared};

    async fn store() -> SqlStore {
        SqlStore::connect(&shared(Kind::MariaDb, "suite")).await.expect("a store")
    }

    tests::conformance!(store, sealed);
}

/// The suite on a file of SQLite.
mod sqlite {
    use session_runtime::store::SqlStore;

    use crate::support::{Kind, shared};

    async fn store() -> SqlStore {
        SqlStore::connect(&shared(Kind::Sqlite, "suite")).await.expect("a store")
    }

    tests::conformance!(store, sealed);
}
