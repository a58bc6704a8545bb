//! `transact` beside parallel requests and beside clones of its own handle.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use session_runtime::{Error, KeyRing, Saved, Session, SessionLayer, store::MemoryStore};
use tests::{Client, Reply, Server, Spy, Verb, spy};
use tokio::sync::{Barrier, Semaphore};

#[derive(Session)]
#[session(name = "tx", prefix = "none")]
struct Order {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    #[session(counter)]
    hits: i64,
    #[session(clear_on_login)]
    roles: std::collections::BTreeSet<String>,
    #[session(group = "order")]
    items: Vec<u32>,
    #[session(group = "order")]
    total: u32,
}

/// What a transaction of an application ends in.
#[derive(Debug)]
enum Refused {
    ByRule,
    #[expect(dead_code, reason = "for `?`")]
    Session(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

/// Holds a request between its load and what follows until the test lets it go on.
#[derive(Clone)]
struct Gate {
    loaded: Arc<Barrier>,
    go: Arc<Semaphore>,
}

impl Gate {
    async fn hold(&self) {
        self.loaded.wait().await;
        self.go.acquire().await.expect("never closed").forget();
    }
}

fn show(s: &Session<Order>) -> String {
    let roles: Vec<_> = s.roles().iter().cloned().collect();
    format!("{:?} {} {} {roles:?} {:?} {}", s.user(), s.theme(), s.hits(), s.items(), s.total())
}

async fn act(session: &Session<Order>, action: &str) -> Result<String, Error> {
    match action {
        "read" => {}
        "login" => session.log_in("ada".to_owned()),
        "logout" => session.log_out(),
        "theme" => session.set_theme("dark".to_owned()),
        "role-x" => session.insert_roles("x".to_owned()),
        "role-y" => session.insert_roles("y".to_owned()),
        "clear" => session.clear(),
        "order" => {
            session.set_items(vec![2, 2]);
            session.set_total(20);
        }
        "total" => session.update_total(|total| *total += 1),
        "items" => session.transact(|fields| fields.set_items(vec![1])).await?,
        "items-then-total" => {
            session.transact(|fields| fields.update_items(|items| items.push(1))).await?;
            session.update_total(|total| *total += 1);
        }
        // What a clone writes while the transaction is on its way is not the transaction's.
        "beside" => {
            let clone = session.clone();
            session
                .transact(|fields| {
                    clone.insert_roles("clone".to_owned());
                    clone.set_theme("clone".to_owned());
                    clone.add_hits(1);
                    fields.insert_roles("own".to_owned());
                    fields.add_hits(10);
                })
                .await?;
        }
        "slow-theme" => {
            let runs = AtomicU32::new(0);
            session
                .transact(|fields| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    fields.set_theme(format!("{}+{}", fields.theme(), fields.hits()));
                })
                .await?;
            return Ok(runs.load(Ordering::SeqCst).to_string());
        }
        "append" => {
            session.transact(|fields| fields.set_theme(format!("{}x", fields.theme()))).await?;
        }
        "refuse" => {
            session.add_hits(1);
            let refused = session
                .try_transact(|fields| {
                    fields.set_theme("never".to_owned());
                    fields.insert_roles("never".to_owned());
                    Err::<(), _>(Refused::ByRule)
                })
                .await;
            assert!(matches!(refused, Err(Refused::ByRule)));
        }
        "allow" => {
            let allowed: Result<u32, Refused> = session
                .try_transact(|fields| {
                    fields.update_total(|total| *total += 1);
                    Ok(fields.total())
                })
                .await;
            assert!(allowed.is_ok());
        }
        "after-the-end" => {
            session.destroy();
            let refused = session.transact(|fields| fields.set_total(1)).await;
            assert!(refused.is_err_and(|error| error.is_gone()));
        }
        "saved-total-twice" => {
            session.set_total(1);
            assert_eq!(session.save().await?, Saved::Updated);
            session.set_total(2);
        }
        other => unreachable!("no action `{other}`"),
    }
    Ok(show(session))
}

async fn start() -> (Server, Spy<MemoryStore>, Gate) {
    let store = spy(MemoryStore::default());
    let gate = Gate { loaded: Arc::new(Barrier::new(2)), go: Arc::new(Semaphore::new(0)) };
    let layer = SessionLayer::<Order>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route(
            "/do/{action}",
            get(async |s: Session<Order>, Path(action): Path<String>| act(&s, &action).await),
        )
        .route(
            "/held/{action}",
            get(async |s: Session<Order>, State(gate): State<Gate>, Path(action): Path<String>| {
                gate.hold().await;
                act(&s, &action).await
            }),
        )
        .with_state(gate.clone())
        .layer(layer);
    (Server::start(router).await, store, gate)
}

/// Runs `held` up to its load, then all of `between`, then lets `held` finish.
async fn interleave(client: &Client, gate: &Gate, held: &str, between: &[&str]) -> Reply {
    let slow = client.fork();
    let path = format!("/held/{held}");
    let task = tokio::spawn(async move { slow.get(&path).await });
    gate.loaded.wait().await;
    for action in between {
        assert_eq!(client.get(&format!("/do/{action}")).await.status, 200, "{action}");
    }
    gate.go.add_permits(1);
    task.await.expect("the request ends")
}

#[tokio::test]
async fn a_transaction_after_a_parallel_log_out_begins_no_session() {
    let (server, store, gate) = start().await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    store.take_calls();
    let reply = interleave(&client, &gate, "items", &["logout"]).await;
    assert_eq!(reply.status, 409, "a transaction says whether it took place");
    assert!(reply.set_cookies().is_empty(), "{:?}", reply.set_cookies());
    assert!(!store.take_calls().contains(&Verb::Insert));
}

#[tokio::test]
async fn after_a_transaction_the_handle_compares_with_what_it_shows() {
    let (server, _, gate) = start().await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    let reply = interleave(&client, &gate, "items-then-total", &["order"]).await;
    let shown = client.get("/do/read").await.body;
    // Either it saw the other request's total and added to it, or it was told of the conflict.
    match reply.status.as_u16() {
        200 => assert!(shown.ends_with("[2, 2, 1] 21"), "{shown}"),
        409 => assert!(shown.ends_with("[2, 2, 1] 20"), "{shown}"),
        status => panic!("{status}"),
    }
    // With nobody in between, there is nothing to conflict with.
    assert_eq!(client.get("/do/items-then-total").await.status, 200);
    assert_eq!(client.get("/do/total").await.status, 200);
}

#[tokio::test]
async fn what_clones_write_during_a_transaction_is_committed_too() {
    let (server, _, _) = start().await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    let expected = r#"Some("ada") clone 11 ["clone", "own"] [] 0"#;
    assert_eq!(client.get("/do/beside").await.body, expected);
    assert_eq!(client.get("/do/read").await.body, expected);
}

#[tokio::test]
async fn clearing_counts_as_a_change_of_every_group() {
    let (server, _, gate) = start().await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    client.get("/do/order").await;
    let reply = interleave(&client, &gate, "total", &["clear"]).await;
    assert_eq!(reply.status, 409, "the total of an order that is gone");
    let shown = client.get("/do/read").await.body;
    assert!(shown.ends_with("[] 0"), "{shown}");
    let reply = interleave(&client, &gate, "clear", &["order"]).await;
    assert_eq!(reply.status, 409);
}

#[tokio::test]
async fn a_second_save_of_a_compared_field_in_one_request_is_no_conflict() {
    let (server, _, _) = start().await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    assert_eq!(client.get("/do/saved-total-twice").await.status, 200);
    let shown = client.get("/do/read").await.body;
    assert!(shown.ends_with("[] 2"), "{shown}");
}

#[tokio::test]
async fn what_log_in_clears_is_cleared_whole() {
    let (server, _, gate) = start().await;
    let client = Client::new(&server);
    client.get("/do/role-x").await;
    let slow = client.fork();
    let task = tokio::spawn(async move {
        slow.get("/held/login").await;
        slow
    });
    gate.loaded.wait().await;
    client.get("/do/role-y").await;
    gate.go.add_permits(1);
    let client = task.await.expect("the request ends");
    assert_eq!(client.get("/do/read").await.body, r#"Some("ada")  0 [] [] 0"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_any_field_lose_nothing() {
    let (server, _, _) = start().await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let client = client.fork();
            tokio::spawn(async move { client.get("/do/append").await.status })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("the request ends"), 200);
    }
    let shown = client.get("/do/read").await.body;
    assert!(shown.contains(&format!(" {} ", "x".repeat(16))), "{shown}");
}

#[tokio::test]
async fn a_transaction_that_is_refused_leaves_nothing_behind() {
    let (server, _, _) = start().await;
    for log_in in [false, true] {
        let client = Client::new(&server);
        if log_in {
            client.get("/do/login").await;
        }
        assert_eq!(client.get("/do/refuse").await.status, 200);
        let shown = client.get("/do/read").await.body;
        let user = if log_in { r#"Some("ada")"# } else { "None" };
        assert_eq!(shown, format!("{user}  1 [] [] 0"), "what the handle itself wrote stays");
        client.get("/do/allow").await;
        client.get("/do/allow").await;
        assert!(client.get("/do/read").await.body.ends_with(" 2"));
    }
}

#[tokio::test]
async fn a_transaction_begins_a_session_and_begins_none_after_an_end() {
    let (server, store, _) = start().await;
    let client = Client::new(&server);
    assert_eq!(client.get("/do/allow").await.status, 200);
    assert_eq!(store.take_calls(), ["insert"]);
    assert!(client.get("/do/read").await.body.ends_with(" 1"));
    assert_eq!(client.get("/do/after-the-end").await.status, 200);
    assert!(!store.take_calls().contains(&Verb::Insert));
}

#[tokio::test]
async fn a_transaction_runs_once_if_nobody_is_in_between() {
    let (server, _, _) = start().await;
    let client = Client::new(&server);
    client.get("/do/login").await;
    assert_eq!(client.get("/do/slow-theme").await.body, "1");
}
