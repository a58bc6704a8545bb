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
