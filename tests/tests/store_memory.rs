//! The memory store: conformance, and what is its own.

use session_runtime::store::MemoryStore;

async fn memory() -> MemoryStore {
    MemoryStore::default()
}

session_runtime::store_conformance!(memory);
