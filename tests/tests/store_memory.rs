//! The memory store: conformance.

use session_runtime::store::MemoryStore;

async fn memory() -> MemoryStore {
    MemoryStore::default()
}

tests::conformance!(memory, sealed);
