//! A store that outlives the runtime that it was made in: each test of a program has one, and so have
//! programs that build runtimes themselves.

use std::{sync::mpsc, thread};

use session_runtime::store::{Op, PrincipalKey, RedisStore, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::backend::redis::Redis;
use tokio::runtime::{Builder, Runtime};

use crate::support::{add, at, cluster, commit, connect, key, owned, sentinels};

fn runtimes() -> impl Iterator<Item = Runtime> {
    let build = |mut builder: Builder| builder.enable_all().build().expect("a runtime");
    [build(Builder::new_current_thread()), build(Builder::new_multi_thread())].into_iter()
}

/// The first write in each runtime succeeds.
fn outlives_runtimes<S>(connect: impl AsyncFnOnce() -> S, store: impl Fn(&S) -> &RedisStore) {
    let [first, second]: [Runtime; 2] = runtimes().collect::<Vec<_>>().try_into().expect("two");
    let key = key("runtimes", 1);
    let made = first.block_on(async {
        let made = connect().await;
        let _ = store(&made).remove(&key, None).await;
        store(&made).insert_capped(&key, owned(0, "ada"), None).await.expect("an insert");
        made
    });
    drop(first);
    let write = async || {
        let ops: [Op; 1] = [add(1)];
        store(&made).commit(&key, &commit(1, ops)).await.expect("a commit");
        let listed = store(&made).list_live(&key.namespace, &PrincipalKey::new("ada"), at(1)).await;
        assert_eq!(listed.expect("a list").len(), 1);
    };
    second.block_on(write());
    drop(second);
    for runtime in runtimes() {
        runtime.block_on(write());
    }
}

#[test]
fn a_store_outlives_its_runtime() {
    let server = Redis::volatile();
    outlives_runtimes(async || connect(&server.url()).await, |store| store);
}

#[test]
fn a_store_on_a_cluster_outlives_its_runtime() {
    outlives_runtimes(cluster, |held| held.store());
}

#[test]
fn a_store_under_sentinels_outlives_its_runtime() {
    outlives_runtimes(sentinels, |held| held.store());
}

#[test]
fn a_runtime_that_ends_disturbs_no_other() {
    let server = Redis::volatile();
    let [first, second]: [Runtime; 2] = runtimes().collect::<Vec<_>>().try_into().expect("two");
    let store = first.block_on(connect(&server.url()));
    let (used, is_used) = mpsc::channel();
    let (ended, has_ended) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        let insert = |number| {
            let (key, store) = (key("two", number), &store);
            async move { store.insert_capped(&key, owned(0, "ada"), None).await.expect("an insert") }
        };
        // By the connection of the first runtime.
        second.block_on(insert(1));
        used.send(()).expect("it is waited for");
        has_ended.recv().expect("it ends");
        second.block_on(insert(2));
    });
    is_used.recv().expect("the other runtime works");
    drop(first);
    ended.send(()).expect("it is waited for");
    other.join().expect("every write succeeds");
}
