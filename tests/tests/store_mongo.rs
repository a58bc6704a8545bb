//! The mongo store: conformance, and what is its own.

#[path = "store_mongo/log_ins.rs"]
mod log_ins;
#[path = "store_mongo/server.rs"]
mod server;
#[path = "store_mongo/stored.rs"]
mod stored;
#[path = "store_mongo/support.rs"]
mod support;

/// The store as its users make it.
mod conformance {
    use session_runtime::store::MongoStore;
    use tests::backend::mongo::Mongo;

    async fn store() -> MongoStore {
        MongoStore::connect(&Mongo::shared().url()).await.expect("a store")
    }

    session_runtime::store_conformance!(store);
}
