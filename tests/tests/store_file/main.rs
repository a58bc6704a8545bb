//! The file store: conformance, and what is its own.

mod crash;
mod damage;
mod full;
mod leftovers;
mod open;
mod planted;
mod processes;
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

    tests::conformance!(file, sealed);
}
