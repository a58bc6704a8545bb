//! Parallel requests of one session, on real sockets.

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
use tests::{Client, Server, Spy, Verb, spy};

use crate::gate::Gate;

#[derive(Session)]
#[session(name = "par", prefix = "none")]
struct Parallel {
    #[session(principal)]
    user: Option<String>,
    theme: String,
    cart: Vec<u32>,
    #[session(counter)]
    hits: i64,
    roles: std::collections::BTreeSet<String>,
    #[session(merge = "max")]
    best: u32,
    #[session(merge = "once")]
    campaign: Option<String>,
    #[session(merge = "cas")]
    balance: u32,
    #[session(group = "order")]
    items: Vec<u32>,
    #[session(group = "order")]
    total: u32,
    #[session(flash)]
    notice: Option<String>,
    extra: std::collections::BTreeMap<String, String>,
}

fn act(session: &Session<Parallel>, action: &str) {
    match action {
        "theme" => session.set_theme("dark".to_owned()),
        "cart" => session.update_cart(|cart| cart.push(1)),
        "x" => session.insert_roles("x".to_owned()),
        "y" => session.insert_roles("y".to_owned()),
        "no-x" => session.remove_roles("x"),
        "best5" => session.set_best(5),
        "best3" => session.set_best(3),
        "first" => session.set_campaign("first".to_owned()),
        "second" => session.set_campaign("second".to_owned()),
        "spend" => session.update_balance(|balance| *balance += 1),
        "order1" => {
            session.set_items(vec![1]);
            session.set_total(10);
        }
        "order2" => {
            session.set_items(vec![2, 2]);
            session.set_total(20);
        }
        "total" => session.set_total(99),
        "notice" => session.set_notice("new".to_owned()),
        "notice2" => session.set_notice("newer".to_owned()),
        "take" => drop(session.take_notice()),
        "key-a" => session.insert_extra("a".to_owned(), "1".to_owned()),
        "key-b" => session.insert_extra("b".to_owned(), "2".to_owned()),
        "login" => session.log_in("ada".to_owned()),
        "logout" => session.log_out(),
        "read" => {}
        other => unreachable!("no action `{other}`"),
    }
}

fn show(s: &Session<Parallel>) -> String {
    format!(
        "{:?}|{}|{:?}|{}|{:?}|{}|{:?}|{}|{:?}|{}|{:?}|{:?}",
        s.user(),
        s.theme(),
        s.cart(),
        s.hits(),
        s.roles(),
        s.best(),
        s.campaign(),
        s.balance(),
        s.items(),
        s.total(),
        s.peek_notice(),
        s.extra(),
    )
}

async fn start() -> (Server, Spy<MemoryStore>, Gate) {
    let store = spy(MemoryStore::default());
    let gate = Gate::of(1);
    let layer = SessionLayer::<Parallel>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .insecure_dev()
        .build()
        .expect("a sound configuration");
    let router = Router::new()
        .route("/show", get(async |s: Session<Parallel>| show(&s)))
        .route(
            "/do/{action}",
            get(async |s: Session<Parallel>, Path(action): Path<String>| act(&s, &action)),
        )
        .route(
            "/held/{action}",
            get(
                async |s: Session<Parallel>,
                       State(gate): State<Gate>,
                       Path(action): Path<String>| {
                    gate.hold().await;
                    act(&s, &action);
                    "done"
                },
            ),
        )
        .route("/hit", get(async |s: Session<Parallel>| s.add_hits(1)))
        .route(
            "/transact",
            get(async |s: Session<Parallel>| -> Result<String, Error> {
                s.transact(|fields| fields.update_balance(|balance| *balance += 1)).await?;
                Ok(s.balance().to_string())
            }),
        )
        .with_state(gate.clone())
        .layer(layer);
    (Server::start(router).await, store, gate)
}

/// A live session with something in it.
async fn begin(server: &Server) -> Client {
    let client = Client::new(server);
    client.get("/do/cart").await;
    assert!(client.cookie("par").is_some());
    client
}

/// Runs `held` up to its commit, then all of `between`, then lets `held` finish.
async fn interleave(
    client: &Client,
    gate: &Gate,
    held: &str,
    between: &[&str],
) -> (tests::Reply, Client) {
    let between = async {
        for action in between {
            assert_eq!(client.get(&format!("/do/{action}")).await.status, 200);
        }
    };
    gate.interleave(client, format!("/held/{held}"), between).await
}

async fn shown(client: &Client) -> Vec<String> {
    client.get("/show").await.body.split('|').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_increments_give_fifty() {
    let (server, _, _) = start().await;
    let client = begin(&server).await;
    let hits: Vec<_> = (0..50)
        .map(|_| {
            let client = client.fork();
            tokio::spawn(async move { client.get("/hit").await.status })
        })
        .collect();
    for hit in hits {
        assert_eq!(hit.await.expect("the request ends"), 200);
    }
    assert_eq!(shown(&client).await[3], "50");
}

#[tokio::test]
async fn different_fields_of_two_requests_both_survive_in_both_orders() {
    for (slow, quick) in [("theme", "cart"), ("cart", "theme")] {
        let (server, _, gate) = start().await;
        let client = Client::new(&server);
        client.get("/do/key-a").await;
        let (reply, _) = interleave(&client, &gate, slow, &[quick]).await;
        assert_eq!(reply.status, 200);
        assert!(reply.set_cookies().is_empty());
        let shown = shown(&client).await;
        assert_eq!((shown[1].as_str(), shown[2].as_str()), ("dark", "[1]"), "{slow} held");
    }
}

#[tokio::test]
async fn a_write_after_a_parallel_log_out_does_not_bring_the_session_back() {
    for action in ["theme", "read", "x"] {
        let (server, store, gate) = start().await;
        let client = Client::new(&server);
        client.get("/do/login").await;
        let old = client.fork();
        store.take_calls();
        let (reply, _) = interleave(&client, &gate, action, &["logout"]).await;
        assert_eq!(reply.status, 200, "{action}: its own answer stands");
        assert_eq!(reply.body, "done");
        assert!(reply.set_cookies().is_empty(), "{action}: {:?}", reply.set_cookies());
        assert!(!store.take_calls().contains(&Verb::Insert), "{action}");
        assert_eq!(shown(&old).await[0], "None", "{action}: the old token is anonymous");
        assert_eq!(shown(&client).await[1], "", "{action}: nothing was kept");
    }
}

#[tokio::test]
async fn a_write_beside_a_log_in_leaves_the_new_credential_alone() {
    let (server, _, gate) = start().await;
    let client = begin(&server).await;
    let before = client.cookie("par");
    let (reply, _) = interleave(&client, &gate, "theme", &["login"]).await;
    assert_eq!(reply.status, 200);
    assert!(reply.set_cookies().is_empty(), "the new cookie is not overwritten");
    assert_ne!(client.cookie("par"), before);
    let shown = shown(&client).await;
    assert_eq!(shown[0], "Some(\"ada\")");
    assert_eq!(shown[1], "", "a write under the replaced credential is dropped");
}

#[tokio::test]
async fn set_members_merge_one_by_one() {
    for (held, between, expected) in [
        ("x", vec!["y"], r#"{"x", "y"}"#),
        ("no-x", vec!["y"], r#"{"y"}"#),
        ("y", vec!["no-x"], r#"{"y"}"#),
    ] {
        let (server, _, gate) = start().await;
        let client = begin(&server).await;
        if held != "x" {
            client.get("/do/x").await;
        }
        interleave(&client, &gate, held, &between).await;
        assert_eq!(shown(&client).await[4], expected, "{held} against {between:?}");
    }
}

#[tokio::test]
async fn the_largest_and_the_first_win_whatever_the_order() {
    for (held, quick) in [("best3", "best5"), ("best5", "best3")] {
        let (server, _, gate) = start().await;
        let client = begin(&server).await;
        interleave(&client, &gate, held, &[quick]).await;
        assert_eq!(shown(&client).await[5], "5");
    }
    let (server, _, gate) = start().await;
    let client = begin(&server).await;
    interleave(&client, &gate, "second", &["first"]).await;
    assert_eq!(shown(&client).await[6], "Some(\"first\")");
    client.get("/do/second").await;
    assert_eq!(shown(&client).await[6], "Some(\"first\")", "later ones lose too");
}

#[tokio::test]
async fn a_compared_field_conflicts_and_transact_tries_again() {
    let (server, _, gate) = start().await;
    let client = begin(&server).await;
    let (reply, _) = interleave(&client, &gate, "spend", &["spend"]).await;
    assert_eq!(reply.status, 409);
    assert_eq!(reply.body, "", "the handler believed that it went through");
    assert!(reply.set_cookies().is_empty());
    assert_eq!(shown(&client).await[7], "1", "one of the two, whole");
    let spenders: Vec<_> = (0..8)
        .map(|_| {
            let client = client.fork();
            tokio::spawn(async move { client.get("/transact").await.status })
        })
        .collect();
    for spender in spenders {
        assert_eq!(spender.await.expect("the request ends"), 200);
    }
    assert_eq!(shown(&client).await[7], "9");
}

#[tokio::test]
async fn a_group_is_never_mixed() {
    let (server, _, gate) = start().await;
    let client = begin(&server).await;
    let (reply, _) = interleave(&client, &gate, "order1", &["order2"]).await;
    assert_eq!(reply.status, 409);
    let seen = shown(&client).await;
    assert_eq!((seen[8].as_str(), seen[9].as_str()), ("[2, 2]", "20"));
    let (reply, _) = interleave(&client, &gate, "total", &["order1"]).await;
    assert_eq!(reply.status, 409, "one field of the group conflicts with another");
    let (reply, _) = interleave(&client, &gate, "theme", &["order2"]).await;
    assert_eq!(reply.status, 200, "fields outside of the group do not");
}

#[tokio::test]
async fn a_flash_set_meanwhile_is_not_consumed_unseen() {
    let (server, _, gate) = start().await;
    let client = begin(&server).await;
    client.get("/do/notice").await;
    interleave(&client, &gate, "read", &["theme"]).await;
    assert_eq!(shown(&client).await[10], "Some(\"new\")", "reading others does not consume it");
    client.get("/do/take").await;
    assert_eq!(shown(&client).await[10], "None");
    client.get("/do/notice").await;
    interleave(&client, &gate, "take", &["notice2"]).await;
    assert_eq!(shown(&client).await[10], "Some(\"newer\")", "what was taken was another");
}

#[tokio::test]
async fn dynamic_keys_merge_key_by_key() {
    let (server, _, gate) = start().await;
    let client = begin(&server).await;
    interleave(&client, &gate, "key-a", &["key-b"]).await;
    assert_eq!(shown(&client).await[11], r#"{"a": "1", "b": "2"}"#);
}

#[tokio::test]
async fn of_two_parallel_log_ins_each_has_a_session() {
    let (server, _, gate) = start().await;
    let client = begin(&server).await;
    let (reply, slow) = interleave(&client, &gate, "login", &["login"]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.set_cookies().len(), 1);
    assert_ne!(client.cookie("par"), slow.cookie("par"));
    for client in [client, slow] {
        assert_eq!(shown(&client).await[0], "Some(\"ada\")");
    }
}
