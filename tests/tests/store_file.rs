//! The file store: conformance, and what is its own.

#[path = "store_file/crash.rs"]
mod crash;
#[path = "store_file/damage.rs"]
mod damage;
#[path = "store_file/leftovers.rs"]
mod leftovers;
#[path = "store_file/open.rs"]
mod open;
#[path = "store_file/planted.rs"]
mod planted;
#[path = "store_file/processes.rs"]
mod processes;
#[path = "store_file/support.rs"]
mod support;

mod conformance {
    use std::{fs, path::Path, sync::OnceLock};

    use session_runtime::store::FileStore;

    /// One store for all tests: each has namespaces of its own.
    async fn file() -> FileStore {
        static STORE: OnceLock<FileStore> = OnceLock::new();
        let open = || {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-file-conformance");
            // Of the last run.
            let _ = fs::remove_dir_all(&path);
            FileStore::open(path).expect("a store")
        };
        STORE.get_or_init(open).clone()
    }

    session_runtime::store_conformance!(file);
}
