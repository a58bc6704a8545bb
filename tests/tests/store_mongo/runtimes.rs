//! A store that outlives the runtime that it was made in.

use session_runtime::store::{MongoStore, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::backend::mongo::Mongo;
use tokio::runtime::{Builder, Runtime};

use crate::support::{is_committed, key, record, touch};

fn runtimes() -> [Runtime; 2] {
    let build = |mut builder: Builder| builder.enable_all().build().expect("a runtime");
    [build(Builder::new_multi_thread()), build(Builder::new_current_thread())]
}

#[test]
fn the_first_write_in_each_runtime_succeeds() {
    let server = Mongo::start();
    let [first, second] = runtimes();
    let store = first.block_on(async {
        let store = MongoStore::connect(&server.url()).await.expect("connects");
        let store = store.collection("outlives");
        store.insert_capped(&key(1), record(), None).await.expect("inserts");
        store
    });
    drop(first);
    let write = async |millis| {
        let committed = store.commit(&key(1), &touch(millis)).await.expect("commits");
        assert!(is_committed(&committed));
        assert!(store.load(&key(1)).await.expect("loads").is_some());
    };
    second.block_on(write(100_000));
    drop(second);
    for (runtime, millis) in runtimes().into_iter().zip([200_000, 300_000]) {
        runtime.block_on(write(millis));
    }
}
