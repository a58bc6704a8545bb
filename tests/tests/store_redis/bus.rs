//! The bus over a server: from process to process, over a connection that breaks, and no longer than
//! somebody watches.

use session_runtime::store::Store as _;
use tests::{Watched, backend::redis::Redis, eventually, proxy::Proxy};

use crate::support::{cluster, connect, sentinels};

const CHANNEL: &str = "session:bus";

fn listeners(server: &Redis) -> i64 {
    let told = server.ask(&["PUBSUB", "NUMSUB", CHANNEL]);
    let (_, count): (String, i64) = redis::from_redis_value(told).expect("a count");
    count
}

#[tokio::test]
async fn a_notice_reaches_another_process() {
    let server = Redis::volatile();
    let (one, another) = (connect(&server.url()).await, connect(&server.url()).await);
    Watched::of(&one).await.hears_from(&another).await;
}

#[tokio::test]
async fn in_a_cluster_a_notice_reaches_those_who_listen_at_another_node() {
    let (one, another) = (cluster().await, cluster().await);
    let (mut one_hears, mut another_hears) = (Watched::of(&one).await, Watched::of(&another).await);
    for _ in 0..8 {
        one_hears.hears_from(&another).await;
        another_hears.hears_from(&one).await;
    }
}

#[tokio::test]
async fn under_sentinels_a_notice_reaches_another_process() {
    let (one, another) = (sentinels().await, sentinels().await);
    Watched::of(&one).await.hears_from(&another).await;
}

#[tokio::test]
async fn who_watches_over_a_connection_that_breaks_looks_at_everything_and_hears_on() {
    let server = Redis::volatile();
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let behind = connect(&format!("redis://{}", proxy.address())).await;
    let before = connect(&server.url()).await;
    let mut watched = Watched::of(&behind).await;
    proxy.cut();
    watched.looks_at_everything().await;
    watched.hears_from(&before).await;
}

#[tokio::test]
async fn all_watches_of_a_store_take_one_connection_and_the_last_one_frees_it() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    assert_eq!(listeners(&server), 0, "nobody watches");
    let (first, second) = (Watched::of(&store).await, Watched::of(&store).await);
    assert_eq!(listeners(&server), 1);
    drop(first);
    let mut second = second;
    second.hears_from(&store).await;
    drop(second);
    eventually("the connection is closed", async || listeners(&server) == 0).await;
    Watched::of(&store).await.hears_from(&store).await;
}

#[tokio::test]
async fn a_watch_ends_with_its_store() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let mut watch = store.watch().expect("a bus");
    drop(store);
    while watch.next().await.is_some() {}
    eventually("the connection is closed", async || listeners(&server) == 0).await;
}
