//! The memory store: conformance.

use session_runtime::store::MemoryStore;

async fn memory() -> MemoryStore {
    MemoryStore::default()
}

mod store {
    session_runtime::store_conformance!(super::memory);
}

mod repository {
    session_runtime::repository_conformance!(super::memory);
}

mod sealed {
    use session_runtime::{store::Store, testing};

    async fn sealed() -> impl Store {
        testing::sealed(super::memory().await)
    }

    session_runtime::repository_conformance!(sealed);
}
