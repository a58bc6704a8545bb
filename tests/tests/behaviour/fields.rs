//! What parallel requests make of one field, by its type: on real sockets, and asked of the next
//! request.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    pin::pin,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::{Deserialize, Serialize};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer,
    store::{MemoryStore, Namespace, Selector, Store, StoreKey},
};
use tests::{Client, Reply, Server};

use crate::gate::Gate;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Profile {
    visits: u32,
    names: Vec<String>,
}

#[derive(Session)]
#[session(name = "fields", prefix = "none")]
struct Fields {
    theme: String,
    cart: Vec<u32>,
    queue: VecDeque<u32>,
    #[session(max_len = 3)]
    recent: Vec<u32>,
    prefs: BTreeMap<String, u32>,
    by_number: HashMap<u32, Vec<u32>>,
    #[session(counter)]
    stock: BTreeMap<String, u8>,
    #[session(counter)]
    small: u8,
    roles: BTreeSet<String>,
    numbers: HashSet<u32>,
    profile: Profile,
    #[session(secret)]
    hidden: Vec<u32>,
    nonce: Option<String>,
    number: Option<u32>,
    #[session(flash)]
    notice: Option<String>,
    #[session(flash)]
    errors: Vec<String>,
    #[session(group = "order")]
    items: Vec<u32>,
    #[session(group = "order")]
    total: u32,
}

/// The store that the closure of `ask` looks into, which one test uses.
static ASKED: OnceLock<MemoryStore> = OnceLock::new();

/// How often the closure of `counted` has run, which one test uses.
static RUNS: AtomicU32 = AtomicU32::new(0);

fn act(s: &Session<Fields>, action: &str, n: u32) -> String {
    match action {
        "begin" => s.set_theme("dark".to_owned()),
        "push" => s.push_cart(n),
        "queue" => s.extend_queue([n, n + 100]),
        "recent" => s.push_recent(n),
        "insert" => s.insert_prefs(n.to_string(), n),
        "remove" => s.remove_prefs(&n.to_string()),
        "at" => s.update_by_number_at(7, move |there| there.push(n)),
        "stock" => s.add_stock("apples".to_owned(), 1),
        "too-many" => s.add_stock("apples".to_owned(), 256),
        "small" => s.add_small(200),
        "reset-small" => s.reset_small(),
        "role" => s.insert_roles(n.to_string()),
        "number" => s.insert_numbers(n),
        "hidden" => s.push_hidden(n),
        "counted" => s.update_profile(|profile| {
            RUNS.fetch_add(1, Ordering::SeqCst);
            profile.visits += 1;
        }),
        "profile" => s.update_profile(move |profile| {
            profile.visits += 1;
            profile.names.push(n.to_string());
        }),
        "ask" => s.update_profile(|profile| {
            let store = ASKED.get().expect("the test's");
            let (namespace, selector) = (Namespace::new("fields"), Selector::from_bytes([0; 16]));
            let key = StoreKey { namespace, selector };
            let answer = pin!(store.load(&key)).poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(answer, Poll::Ready(Ok(None))));
            profile.visits += 1;
        }),
        "panic" => s.update_profile(|profile| {
            profile.visits += 1;
            // The first run is on the value of the request, which nobody has changed.
            assert!(profile.visits == 1, "it runs again");
        }),
        "mixed" => {
            s.push_cart(1);
            s.update_cart(|cart| cart.retain(|item| *item != 2));
            s.extend_cart([2, 3]);
            s.insert_prefs("a".to_owned(), 1);
            s.remove_prefs("7");
        }
        "set-and-push" => {
            s.push_cart(5);
            s.set_cart(vec![n]);
            s.push_cart(6);
        }
        "reset" => s.reset_cart(),
        "nonce" => s.set_nonce(n.to_string()),
        "no-nonce" => s.put_nonce(None),
        "take" => return format!("{:?}", s.take_nonce()),
        "take-and-set" => {
            let taken = s.take_nonce();
            s.set_nonce("mine".to_owned());
            return format!("{taken:?}");
        }
        "notice" => s.set_notice(n.to_string()),
        "take-notice" => return format!("{:?}", s.take_notice()),
        "error" => s.push_errors(n.to_string()),
        "take-errors" => return format!("{:?}", s.take_errors()),
        "push-and-take-errors" => {
            s.push_errors("own".to_owned());
            let taken = s.take_errors();
            s.push_errors("later".to_owned());
            return format!("{taken:?}");
        }
        "items" => s.push_items(n),
        "total" => s.set_total(n),
        "nested" => {
            let handle = s.clone();
            s.push_cart(1);
            s.update_cart(move |cart| {
                let seen = u32::try_from(handle.cart().len()).expect("few");
                handle.push_cart(100);
                handle.set_theme("nested".to_owned());
                cart.push(seen);
            });
        }
        "many" => {
            for n in 0..n {
                s.update_cart(move |cart| cart.push(n));
                if n % 1000 == 0 {
                    assert_eq!(s.cart().len(), n as usize + 1);
                }
            }
        }
        other => unreachable!("no action `{other}`"),
    }
    String::new()
}

fn routes(gate: Gate) -> Router {
    Router::new()
        .route("/show/{field}", get(show))
        .route(
            "/do/{action}/{n}",
            get(async |s: Session<Fields>, Path((action, n)): Path<(String, u32)>| {
                act(&s, &action, n)
            }),
        )
        .route(
            "/held/{action}/{n}",
            get(
                async |s: Session<Fields>,
                       State(gate): State<Gate>,
                       Path((action, n)): Path<(String, u32)>| {
                    gate.hold().await;
                    act(&s, &action, n)
                },
            ),
        )
        .route(
            "/claim",
            get(async |s: Session<Fields>| -> Result<String, Error> {
                Ok(format!("{:?} {:?}", s.claim_nonce().await?, s.nonce()))
            }),
        )
        .route(
            "/held-claim",
            get(async |s: Session<Fields>, State(gate): State<Gate>| -> Result<String, Error> {
                gate.hold().await;
                Ok(format!("{:?} {:?}", s.claim_nonce().await?, s.nonce()))
            }),
        )
        .route(
            "/held-take-save",
            get(async |s: Session<Fields>, State(gate): State<Gate>| -> Result<String, Error> {
                gate.hold().await;
                let taken = s.take_nonce();
                Ok(format!("{taken:?} {:?}", s.save().await?))
            }),
        )
        .route(
            "/claim-and-fail",
            get(async |s: Session<Fields>| {
                let claimed = s.claim_nonce().await;
                (StatusCode::INTERNAL_SERVER_ERROR, format!("{claimed:?}"))
            }),
        )
        .route(
            "/save-twice",
            get(async |s: Session<Fields>| -> Result<(), Error> {
                s.push_cart(1);
                s.push_items(1);
                s.save().await?;
                s.push_cart(2);
                s.push_items(2);
                s.take_nonce();
                s.save().await?;
                s.push_cart(3);
                s.set_total(3);
                s.set_nonce("new".to_owned());
                Ok(())
            }),
        )
        .with_state(gate)
}

async fn show(s: Session<Fields>, Path(field): Path<String>) -> String {
    fn sorted<T: Ord + Clone>(items: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut items: Vec<_> = items.into_iter().collect();
        items.sort();
        items
    }
    match field.as_str() {
        "theme" => s.theme().clone(),
        "cart" => format!("{:?}", s.cart()),
        "cart-len" => s.cart().len().to_string(),
        "sorted-cart" => format!("{:?}", sorted(s.cart().clone())),
        "queue" => format!("{:?}", sorted(s.queue().clone())),
        "recent" => format!("{:?}", s.recent()),
        "prefs" => format!("{:?}", s.prefs()),
        "by_number" => format!("{:?}", s.by_number().get(&7).map(|it| sorted(it.clone()))),
        "stock" => format!("{:?}", s.stock()),
        "small" => s.small().to_string(),
        "roles" => format!("{:?}", s.roles().len()),
        "numbers" => format!("{:?}", sorted(s.numbers().clone())),
        "profile" => format!("{} {:?}", s.profile().visits, sorted(s.profile().names.clone())),
        "hidden" => format!("{:?}", sorted(s.hidden().clone())),
        "nonce" => format!("{:?}", s.nonce()),
        "number" => format!("{:?}", s.number()),
        "notice" => format!("{:?}", s.peek_notice()),
        "errors" => format!("{:?}", s.peek_errors()),
        "order" => format!("{:?} {}", s.items(), s.total()),
        other => unreachable!("no field `{other}`"),
    }
}

async fn start_on(store: impl Store, held: usize) -> (Client, Gate, Server) {
    let gate = Gate::of(held);
    let layer = SessionLayer::<Fields>::builder(KeyRing::generate().expect("random bytes"))
        .store(store)
        .unlimited_session_bytes()
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let server = Server::start(routes(gate.clone()).layer(layer)).await;
    let client = Client::new(&server);
    client.get("/do/begin/0").await;
    assert!(client.cookie("fields").is_some());
    (client, gate, server)
}

async fn start(held: usize) -> (Client, Gate, Server) {
    start_on(MemoryStore::default(), held).await
}

/// Sends requests that all have loaded the session before one of them commits.
async fn together(client: &Client, gate: &Gate, paths: &[String]) -> Vec<Reply> {
    let requests: Vec<_> = paths
        .iter()
        .map(|path| {
            let (client, path) = (client.fork(), path.clone());
            tokio::spawn(async move { client.get(&path).await })
        })
        .collect();
    gate.all_held().await;
    gate.open(paths.len());
    let mut replies = Vec::new();
    for request in requests {
        replies.push(request.await.expect("the request ends"));
    }
    replies
}

/// Runs `held` up to its commit, then all of `between`, then lets `held` finish.
async fn interleave(client: &Client, gate: &Gate, held: &str, between: &[&str]) -> Reply {
    let between = async {
        for action in between {
            assert_eq!(client.get(&format!("/do/{action}")).await.status, 200, "{action}");
        }
    };
    gate.interleave(client, held.to_owned(), between).await.0
}

async fn shown(client: &Client, field: &str) -> String {
    client.get(&format!("/show/{field}")).await.body
}

/// Sixteen requests at once that change one field.
async fn sixteen_on(store: impl Store, action: &str, field: &str, expected: &str) {
    let (client, gate, _server) = start_on(store, 16).await;
    let paths: Vec<_> = (0..16).map(|n| format!("/held/{action}/{n}")).collect();
    for reply in together(&client, &gate, &paths).await {
        assert_eq!(reply.status, 200, "{action}");
    }
    assert_eq!(shown(&client, field).await, expected, "{action}");
}

async fn sixteen(action: &str, field: &str, expected: &str) {
    sixteen_on(MemoryStore::default(), action, field, expected).await;
    #[cfg(feature = "embedded")]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let store = session_runtime::store::EmbeddedStore::open(folder.path().join("sessions"));
        sixteen_on(store.expect("opens"), action, field, expected).await;
    }
}

fn numbers(numbers: impl IntoIterator<Item = u32>) -> String {
    format!("{:?}", numbers.into_iter().collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_parallel_requests_push_arrives() {
    sixteen("push", "sorted-cart", &numbers(0..16)).await;
    sixteen("queue", "queue", &numbers((0..16).chain(100..116))).await;
    sixteen("hidden", "hidden", &numbers(0..16)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_parallel_requests_insert_arrives() {
    let prefs: BTreeMap<_, _> = (0..16).map(|n: u32| (n.to_string(), n)).collect();
    sixteen("insert", "prefs", &format!("{prefs:?}")).await;
    sixteen("role", "roles", "16").await;
    sixteen("number", "numbers", &numbers(0..16)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_parallel_requests_change_of_one_value_arrives() {
    sixteen("stock", "stock", r#"{"apples": 16}"#).await;
    sixteen("at", "by_number", &format!("Some({})", numbers(0..16))).await;
    let mut names: Vec<_> = (0..16).map(|n| n.to_string()).collect();
    names.sort();
    sixteen("profile", "profile", &format!("16 {names:?}")).await;
}

#[tokio::test]
async fn a_closure_runs_again_only_if_another_request_was_in_between() {
    let (client, gate, _server) = start(1).await;
    client.get("/do/counted/0").await;
    interleave(&client, &gate, "/held/counted/0", &["push/1"]).await;
    assert_eq!(RUNS.load(Ordering::SeqCst), 2, "once each, whatever other fields hold");
    interleave(&client, &gate, "/held/counted/0", &["profile/1"]).await;
    assert_eq!(RUNS.load(Ordering::SeqCst), 4, "and again on what the other one has written");
    assert_eq!(shown(&client, "profile").await, r#"4 ["1"]"#);
}

#[tokio::test]
async fn a_list_keeps_its_newest_items() {
    let (client, gate, _server) = start(1).await;
    for n in 1..=4 {
        client.get(&format!("/do/recent/{n}")).await;
    }
    assert_eq!(shown(&client, "recent").await, "[2, 3, 4]");
    interleave(&client, &gate, "/held/recent/6", &["recent/5"]).await;
    assert_eq!(shown(&client, "recent").await, "[4, 5, 6]");
}

#[tokio::test]
async fn changes_of_one_request_run_again_in_their_order() {
    let (client, gate, _server) = start(1).await;
    client.get("/do/insert/7").await;
    let reply =
        interleave(&client, &gate, "/held/mixed/0", &["push/2", "push/9", "insert/8"]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(shown(&client, "cart").await, "[9, 1, 2, 3]");
    assert_eq!(shown(&client, "prefs").await, r#"{"8": 8, "a": 1}"#);
}

#[tokio::test]
async fn what_is_set_supersedes_what_others_have_pushed() {
    let (client, gate, _server) = start(1).await;
    interleave(&client, &gate, "/held/set-and-push/4", &["push/2"]).await;
    assert_eq!(shown(&client, "cart").await, "[4, 6]");
    interleave(&client, &gate, "/held/reset/0", &["push/2"]).await;
    assert_eq!(shown(&client, "cart").await, "[]");
}

#[tokio::test]
async fn of_two_that_take_one_value_one_is_told_of_the_conflict() {
    let (client, gate, _server) = start(1).await;
    client.get("/do/nonce/5").await;
    let reply = interleave(&client, &gate, "/held/take/0", &["take/0"]).await;
    assert_eq!(reply.status, 409);
    assert_eq!(shown(&client, "nonce").await, "None");
    assert_eq!(client.get("/do/take/0").await.body, "None", "nothing there is no conflict");
    client.get("/do/nonce/6").await;
    let reply = interleave(&client, &gate, "/held/take/0", &["nonce/7"]).await;
    assert_eq!(reply.status, 409, "what was taken is no longer there");
    assert_eq!(shown(&client, "nonce").await, r#"Some("7")"#);
    let reply = interleave(&client, &gate, "/held/take-and-set/0", &["take/0"]).await;
    assert_eq!(reply.status, 409, "a set behind it does not undo the comparison");
    assert_eq!(shown(&client, "nonce").await, "None");
    client.get("/do/nonce/8").await;
    let reply = interleave(&client, &gate, "/held/take/0", &["push/1"]).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, r#"Some("8")"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_that_claim_one_gets_the_value() {
    let (client, gate, _server) = start(16).await;
    client.get("/do/nonce/5").await;
    let paths = vec!["/held-claim".to_owned(); 16];
    let replies = together(&client, &gate, &paths).await;
    let got = |body: &str| replies.iter().filter(|reply| reply.body == body).count();
    assert_eq!((got(r#"Some("5") None"#), got("None None")), (1, 15));
    assert_eq!(shown(&client, "nonce").await, "None");
    assert_eq!(client.get("/claim").await.body, "None None");
}

async fn sixteen_take_and_save_on(store: impl Store) {
    let (client, gate, _server) = start_on(store, 16).await;
    client.get("/do/nonce/5").await;
    let paths = vec!["/held-take-save".to_owned(); 16];
    let replies = together(&client, &gate, &paths).await;
    let got = replies.iter().filter(|it| it.status == 200 && it.body == r#"Some("5") Updated"#);
    assert_eq!(got.count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == 409).count(), 15);
    assert_eq!(shown(&client, "nonce").await, "None");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_that_take_and_save_one_gets_the_value_and_the_others_a_conflict() {
    sixteen_take_and_save_on(MemoryStore::default()).await;
    #[cfg(feature = "embedded")]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let store = session_runtime::store::EmbeddedStore::open(folder.path().join("sessions"));
        sixteen_take_and_save_on(store.expect("opens")).await;
    }
}

#[tokio::test]
async fn what_was_claimed_is_gone_even_if_the_request_fails() {
    let (client, _gate, _server) = start(1).await;
    client.get("/do/nonce/5").await;
    assert_eq!(client.get("/claim-and-fail").await.body, r#"Ok(Some("5"))"#);
    assert_eq!(shown(&client, "nonce").await, "None");
    // Without a session there is nothing to claim.
    assert_eq!(client.fork().get("/claim").await.body, "None None");
}

#[tokio::test]
async fn a_flash_list_loses_what_was_shown_and_nothing_else() {
    let (client, gate, _server) = start(1).await;
    client.get("/do/error/1").await;
    client.get("/do/error/2").await;
    let shown_now = r#"["1", "2"]"#;
    assert_eq!(shown(&client, "errors").await, shown_now, "peeking takes nothing");
    let reply = interleave(&client, &gate, "/held/take-errors/0", &["error/3"]).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, shown_now));
    assert_eq!(shown(&client, "errors").await, r#"["3"]"#);
    // Two that take the same, and one that pushes in between.
    let between = ["take-errors/0", "error/4", "error/3"];
    let reply = interleave(&client, &gate, "/held/take-errors/0", &between).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, r#"["3"]"#));
    assert_eq!(shown(&client, "errors").await, r#"["4", "3"]"#);
    let path = "/held/push-and-take-errors/0";
    let reply = interleave(&client, &gate, path, &["error/5"]).await;
    assert_eq!(reply.body, r#"["4", "3", "own"]"#);
    assert_eq!(shown(&client, "errors").await, r#"["5", "later"]"#);
    client.get("/do/take-errors/0").await;
    assert_eq!(shown(&client, "errors").await, "[]");
}

#[tokio::test]
async fn a_number_out_of_range_is_422_and_changes_nothing() {
    let (client, gate, _server) = start(1).await;
    for action in ["small", "stock"] {
        assert_eq!(client.get(&format!("/do/{action}/0")).await.status, 200);
    }
    for action in ["small", "too-many"] {
        let reply = client.get(&format!("/do/{action}/0")).await;
        assert_eq!(reply.status, 422, "{action}");
    }
    assert_eq!(shown(&client, "small").await, "200");
    assert_eq!(shown(&client, "stock").await, r#"{"apples": 1}"#);
    assert_eq!(client.get("/do/reset-small/0").await.status, 200);
    assert_eq!(shown(&client, "small").await, "0");
    // In range here, out of range where it arrives.
    let reply = interleave(&client, &gate, "/held/small/0", &["small/0"]).await;
    assert_eq!(reply.status, 422);
    assert_eq!(shown(&client, "small").await, "200");
}

#[tokio::test]
async fn a_group_compares_what_was_loaded_and_not_who_wrote() {
    let (client, gate, _server) = start(1).await;
    let reply = interleave(&client, &gate, "/held/items/1", &["total/5"]).await;
    assert_eq!(reply.status, 409);
    assert_eq!(shown(&client, "order").await, "[] 5");
    let reply = interleave(&client, &gate, "/held/items/1", &["total/6", "total/5"]).await;
    assert_eq!(reply.status, 200, "everything is as it was loaded");
    assert_eq!(shown(&client, "order").await, "[1] 5");
}

#[tokio::test]
async fn a_request_that_saves_in_between_goes_on_from_what_it_has_saved() {
    let (client, _gate, _server) = start(1).await;
    client.get("/do/nonce/5").await;
    assert_eq!(client.get("/save-twice").await.status, 200);
    assert_eq!(shown(&client, "cart").await, "[1, 2, 3]");
    assert_eq!(shown(&client, "order").await, "[1, 2] 3");
    assert_eq!(shown(&client, "nonce").await, r#"Some("new")"#);
    // In a session that it creates, too.
    let fresh = client.fork();
    fresh.set_cookie("fields", "");
    assert_eq!(fresh.get("/save-twice").await.status, 200);
    assert_eq!(shown(&fresh, "cart").await, "[1, 2, 3]");
    assert_eq!(shown(&fresh, "order").await, "[1, 2] 3");
}

#[tokio::test]
async fn a_closure_that_panics_where_it_runs_again_is_500_and_changes_nothing() {
    let (client, gate, _server) = start(1).await;
    let reply = interleave(&client, &gate, "/held/panic/0", &["profile/1"]).await;
    assert_eq!(reply.status, 500);
    assert_eq!(shown(&client, "profile").await, r#"1 ["1"]"#);
}

#[tokio::test]
async fn a_closure_may_use_the_handle_without_a_deadlock() {
    let (client, _gate, _server) = start(1).await;
    assert_eq!(client.get("/do/nested/0").await.status, 200);
    assert_eq!(shown(&client, "cart").await, "[1, 0, 100]");
    assert_eq!(shown(&client, "theme").await, "nested");
}

#[tokio::test]
async fn a_closure_that_runs_again_holds_up_nobody_and_may_ask_the_store() {
    // One part, so that every session is behind one lock.
    let store = ASKED.get_or_init(|| MemoryStore::with_limit(100));
    let (client, gate, _server) = start_on(store.clone(), 1).await;
    let reply = interleave(&client, &gate, "/held/ask/0", &["profile/1"]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(shown(&client, "profile").await, r#"2 ["1"]"#);
}

#[tokio::test]
async fn a_hundred_thousand_changes_of_one_field_take_no_longer_than_that() {
    let (client, _gate, _server) = start(1).await;
    assert_eq!(client.get("/do/many/100000").await.status, 200);
    assert_eq!(shown(&client, "cart-len").await, "100000");
}
