//! Many requests of one session at the same moment. They come over connections that stay open, and
//! the store takes its time over each commit, so that they are under way together.

use serde_json::{Value, json};
use tests::{
    Client,
    backend::kind::{Backend as _, Folder},
    example::Example,
};
use tokio::task::JoinSet;

/// At once.
const LANES: usize = 12;
/// One after the other, in each lane.
const REQUESTS: usize = 8;

/// Sends each lane's requests, all with the cookie that `client` has, and expects 200 every time.
async fn send(client: &Client, path: impl Fn(usize, usize) -> String) {
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let client = client.fork();
        let paths: Vec<String> = (0..REQUESTS).map(|request| path(lane, request)).collect();
        lanes.spawn(async move {
            for path in paths {
                assert_eq!(client.get(&path).await.status, 200, "{path}");
            }
        });
    }
    lanes.join_all().await;
}

async fn get(client: &Client, path: &str) -> Value {
    let reply = client.get(path).await;
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error} in {reply:?}"))
}

fn start(folder: &Folder) -> Example {
    Example::start("kestrun", &[("STORE", &folder.url()), ("IDLE", "20m")])
}

#[tokio::test]
async fn k19_parallel_requests_keep_each_others_keys() {
    let folder = Folder::new("file");
    let kestrun = start(&folder);
    let client = Client::at(kestrun.url());
    client.get("/session/counter").await;
    // There each writes the whole record as it knew it, and keys of others are lost.
    let key = |lane, request| format!("key-{lane}-{request}");
    send(&client, |lane, request| format!("/session/set?key={}&value={lane}", key(lane, request)))
        .await;
    for lane in 0..LANES {
        for request in 0..REQUESTS {
            let key = key(lane, request);
            let stored = get(&client, &format!("/session/get?key={key}")).await;
            assert_eq!(stored, json!({"key": key, "value": lane.to_string()}));
        }
    }
}

#[tokio::test]
async fn parallel_counts_are_not_lost() {
    let folder = Folder::new("file");
    let kestrun = start(&folder);
    let client = Client::at(kestrun.url());
    client.get("/session/counter").await;
    send(&client, |_, _| "/session/counter".to_owned()).await;
    let expected = 1 + LANES * REQUESTS + 1;
    assert_eq!(get(&client, "/session/counter").await["counter"], expected);
}
