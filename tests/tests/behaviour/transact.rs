//! `transact` beside parallel requests and beside clones of its own handle.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use session_runtime::{Error, KeyRing, Saved, Session, SessionLayer, store::MemoryStore};
use tests::{Client, Reply, Server, Spy};
use tokio::sync::{Barrier, Semaphore};

#[derive(Session)]
#[session(name = "tx")]
struct Order {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    #[session(counter)]
    hits: i64,
    #[session(set, clear_on_login)]
    roles: std::collections::BTreeSet<String>,
    #[session(group = "order")]
    items: Vec<u32>,
    #[session(group = "order")]
    total: u32,
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
    let store = Spy::new(MemoryStore::default());
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
    store.calls();
    let reply = interleave(&client, &gate, "items", &["logout"]).await;
    assert_eq!(reply.status, 200, "its own answer stands");
    assert!(reply.set_cookies().is_empty(), "{:?}", reply.set_cookies());
    assert!(!store.calls().contains(&"insert"));
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
