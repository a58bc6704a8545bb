//! The mongo store: conformance, and what is its own.

mod cuts;
mod lists;
mod log_ins;
mod runtimes;
mod server;
mod start;
mod stored;
mod support;

/// The store as its users make it.
mod conformance {
    use session_runtime::store::MongoStore;
    use tests::backend::mongo::Mongo;

    async fn store() -> MongoStore {
        MongoStore::connect(&Mongo::by_turns().url()).await.expect("a store")
    }

    tests::conformance!(store, sealed);
    tests::hot!(store);
}
