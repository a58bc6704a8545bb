//! The SQL store: conformance on each database, and what is its own.

#[path = "store_sql/crash.rs"]
mod crash;
#[path = "store_sql/dropped.rs"]
mod dropped;
#[path = "store_sql/errors.rs"]
mod errors;
#[path = "store_sql/plans.rs"]
mod plans;
#[path = "store_sql/processes.rs"]
mod processes;
#[path = "store_sql/schema.rs"]
mod schema;
#[path = "store_sql/support.rs"]
mod support;
#[path = "store_sql/sweep.rs"]
mod sweep;
#[path = "store_sql/table.rs"]
mod table;
#[path = "store_sql/trips.rs"]
mod trips;

/// The suite on PostgreSQL.
mod postgres {
    use session_runtime::store::SqlStore;

    use crate::support::{Kind, shared};

    /// A pool of its own for each test, since each has a runtime of its own.
    async fn store() -> SqlStore {
        SqlStore::connect(&shared(Kind::Postgres, "suite")).await.expect("a store")
    }

    session_runtime::store_conformance!(store);
}

/// The suite on MariaDB.
mod mariadb {
    use session_runtime::store::SqlStore;

    use crate::support::{Kind, shared};

    async fn store() -> SqlStore {
        SqlStore::connect(&shared(Kind::MariaDb, "suite")).await.expect("a store")
    }

    session_runtime::store_conformance!(store);
}

/// The suite on a file of SQLite.
mod sqlite {
    use session_runtime::store::SqlStore;

    use crate::support::{Kind, shared};

    async fn store() -> SqlStore {
        SqlStore::connect(&shared(Kind::Sqlite, "suite")).await.expect("a store")
    }

    session_runtime::store_conformance!(store);
}
