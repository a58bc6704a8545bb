//! A store that outlives the runtime that it was made in.

use session_runtime::store::Store;
use session_runtime::testing::conformance::Repository as _;
use tokio::runtime::{Builder, Runtime};

use crate::support::*;

fn runtimes() -> [Runtime; 2] {
    let build = |mut builder: Builder| builder.enable_all().build().expect("a runtime");
    [build(Builder::new_multi_thread()), build(Builder::new_current_thread())]
}

fn the_first_write_in_each_runtime_succeeds(kind: Kind) {
    let url = kind.fresh("runtimes");
    let [first, second] = runtimes();
    let store = first.block_on(async {
        let store = connect(&url).await;
        store.insert_capped(&key(1), owned("ada"), None).await.expect("an insert");
        store
    });
    let write = async || {
        store.commit(&key(1), &commit([add("visits")])).await.expect("a commit");
        // Several connections, so that the pool has them when the runtime ends.
        let loads = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.load(&key(1)).await.expect("a load") })
        });
        for load in loads.collect::<Vec<_>>() {
            assert!(load.await.expect("a task").is_some());
        }
    };
    first.block_on(write());
    drop(first);
    second.block_on(write());
    drop(second);
    for runtime in runtimes() {
        runtime.block_on(write());
    }
}

fn a_runtime_that_ends_disturbs_no_other(kind: Kind) {
    let url = kind.fresh("two_runtimes");
    let ([first, _], [second, _]) = (runtimes(), runtimes());
    let store = first.block_on(connect(&url));
    // By a connection of the first runtime.
    second.block_on(store.insert_capped(&key(1), record(), None)).expect("an insert");
    drop(first);
    second.block_on(store.insert_capped(&key(2), record(), None)).expect("an insert");
}

on_each! {
    the_first_write_in_each_runtime_succeeds
    a_runtime_that_ends_disturbs_no_other
}
