//! Many changes to one field in one request: what they cost, counted in clones of what they write, and
//! what comes of them.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
};

use axum::{Router, extract::Path, routing::get};
use serde::{Deserialize, Serialize};
use session_runtime::{KeyRing, Session, SessionLayer, store::MemoryStore};
use tests::{Client, Server};

/// The changes of a request.
const CHANGES: u32 = 10_000;

thread_local! {
    /// The clones of items that this thread has made.
    static CLONES: Cell<u64> = const { Cell::new(0) };
}

/// A number that counts how often it is cloned.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Item(u32);

impl Clone for Item {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self(self.0)
    }
}

#[derive(Session)]
#[session(name = "changes")]
struct Changes {
    list: Vec<Item>,
    #[session(max_len = 3)]
    recent: Vec<Item>,
    queue: VecDeque<Item>,
    sorted: BTreeSet<Item>,
    hashed: HashSet<Item>,
    by_key: BTreeMap<u32, Item>,
    by_hash: HashMap<u32, Item>,
    #[session(copy, default = Copied(0))]
    copied: Copied,
    number: u32,
    #[session(counter)]
    hits: i64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Copied(u32);

fn change(s: &Session<Changes>, what: &str, n: u32) {
    let item = || Item(n);
    match what {
        "push" => s.push_list(item()),
        "recent" => s.push_recent(item()),
        "extend" => s.extend_queue([item()]),
        "update" => s.update_list(move |list| list.push(Item(n))),
        "push-and-update" => {
            s.push_list(item());
            s.update_list(move |list| list.truncate(n as usize + 1));
        }
        "sorted" if !s.contains_sorted(&item()) => s.insert_sorted(item()),
        "hashed" if !s.contains_hashed(&item()) => s.insert_hashed(item()),
        "by-key" if !s.contains_by_key(&n) => s.insert_by_key(n, item()),
        "by-hash" if !s.contains_by_hash(&n) => s.insert_by_hash(n, item()),
        "remove" => s.remove_sorted(&Item(n + 1)),
        "at" => s.update_by_key_at(0, move |there| there.0 += n),
        "copied" => s.update_copied(|copied| copied.0 += 1),
        "number" => s.set_number(s.number() + 1),
        "counter" => s.add_hits(1),
        other => unreachable!("no change `{other}`, or one that was made already"),
    }
}

async fn client() -> (Server, Client) {
    let router = Router::new()
        .route(
            "/many/{what}",
            get(async |s: Session<Changes>, Path(what): Path<String>| {
                let before = CLONES.get();
                for n in 0..CHANGES {
                    change(&s, &what, n);
                }
                (CLONES.get() - before).to_string()
            }),
        )
        .route(
            "/show",
            get(async |s: Session<Changes>| {
                let lists = [s.list().len(), s.recent().len(), s.queue().len()];
                let others =
                    [s.sorted().len(), s.hashed().len(), s.by_key().len(), s.by_hash().len()];
                let first = s.recent().first().map(|item| item.0);
                let numbers = (s.copied().0, s.number(), s.hits());
                format!("{lists:?} {others:?} {first:?} {numbers:?}")
            }),
        );
    let layer = SessionLayer::<Changes>::builder(KeyRing::generate().expect("random bytes"))
        .store(MemoryStore::default())
        .unlimited_session_bytes()
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let server = Server::start(router.layer(layer)).await;
    let client = Client::new(&server);
    (server, client)
}

#[tokio::test]
async fn ten_thousand_changes_of_a_field_in_one_request_cost_ten_thousand_times_one() {
    let (_server, client) = client().await;
    for what in [
        "push",
        "recent",
        "extend",
        "update",
        "sorted",
        "hashed",
        "by-key",
        "by-hash",
        "remove",
        "at",
        "copied",
        "number",
        "counter",
        "push-and-update",
    ] {
        let clones: u64 =
            client.get(&format!("/many/{what}")).await.body.parse().expect("a number");
        // What is loaded is cloned once, before the first change, and what a change writes once or twice.
        assert!(clones <= 3 * u64::from(CHANGES), "{what}: {clones} clones");
    }
    let shown = client.get("/show").await.body;
    let expected = "[10000, 3, 10000] [1, 10000, 10000, 10000] Some(9997) (10000, 10000, 10000)";
    assert_eq!(shown, expected);
}
