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

    mod store {
        session_runtime::store_conformance!(super::store);
    }

    mod repository {
        session_runtime::repository_conformance!(super::store);
    }

    mod sealed {
        use session_runtime::{store::Store, testing};

        async fn sealed() -> impl Store {
            testing::sealed(super::store().await)
        }

        session_runtime::repository_conformance!(sealed);
    }
}
