//! Transactions of handlers whose sessions are in the embedded store.

use std::{path::Path as FilePath, sync::Arc};

use axum::{
    Extension, Router,
    extract::Path,
    routing::{get, post},
};
use session_runtime::{Error, KeyRing, Session, SessionLayer, Sessions, store::EmbeddedStore};
use tests::{Client, Server};
use tokio::runtime::Handle;

use crate::support::{directory, open};

#[derive(Session)]
#[session(name = "w", prefix = "none")]
struct Wallet {
    cents: u32,
    paid: Vec<u32>,
}

/// The reasons for which nothing is paid.
#[derive(Debug)]
enum Refused {
    TooExpensive,
    Session(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

/// Pays from the wallet, and returns what is left.
fn pay(wallet: &WalletFields, price: u32) -> Result<u32, Refused> {
    // Written before the wallet is looked at, so that a refusal has something to drop.
    wallet.push_paid(price);
    let left = wallet.cents().checked_sub(price).ok_or(Refused::TooExpensive)?;
    wallet.set_cents(left);
    Ok(left)
}

/// Pays, while another request pays `others` at each of the first attempts. Returns the number of
/// attempts.
async fn pay_beside(
    session: Session<Wallet>,
    Extension(sessions): Extension<Sessions<Wallet>>,
    Path((price, others)): Path<(u32, u32)>,
) -> Result<String, Error> {
    let (id, mut attempts) = (session.session_id(), 0);
    session
        .transact(|wallet| {
            attempts += 1;
            if attempts <= others {
                let other = sessions.change(&id, |wallet| pay(wallet, 1).is_ok());
                let paid = tokio::task::block_in_place(|| Handle::current().block_on(other));
                assert!(paid.unwrap());
            }
            assert!(pay(wallet, price).is_ok());
        })
        .await?;
    Ok(attempts.to_string())
}

/// Pays, or answers the reason for which nothing is paid.
async fn try_to_pay(session: Session<Wallet>, Path(price): Path<u32>) -> String {
    match session.try_transact(|wallet| pay(wallet, price)).await {
        Ok(left) => format!("left {left}"),
        Err(Refused::TooExpensive) => format!("too expensive, left {}", session.cents()),
        Err(Refused::Session(error)) => panic!("{error}"),
    }
}

/// Starts a server whose sessions are in a file of this directory, and a client with 100 cents.
async fn start(directory: &FilePath) -> (Server, Client, Arc<EmbeddedStore>) {
    let store = Arc::new(open(directory));
    let layer = SessionLayer::<Wallet>::builder(KeyRing::generate().unwrap())
        .store(Arc::clone(&store))
        .insecure_dev()
        .build()
        .unwrap();
    let show = async |s: Session<Wallet>| format!("{} {:?}", s.cents(), s.paid());
    let router = Router::new()
        .route("/", get(show))
        .route("/fill", post(async |s: Session<Wallet>| s.set_cents(100)))
        .route("/pay/{price}", post(try_to_pay))
        .route("/pay/{price}/beside/{others}", post(pay_beside))
        .layer(Extension(layer.sessions()))
        .layer(layer);
    let server = Server::start(router).await;
    let client = Client::new(&server);
    assert_eq!(client.post("/fill").await.status, 200);
    (server, client, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_one_write_of_what_was_read() {
    let directory = directory();
    let (_server, client, store) = start(directory.path()).await;
    let before = store.syncs();
    assert_eq!(client.post("/pay/30").await.body, "left 70");
    assert_eq!(store.syncs() - before, 1);
    assert_eq!(client.get("/").await.body, "70 [30]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_overtaken_runs_again_on_what_is_there() {
    let directory = directory();
    let (_server, client, _) = start(directory.path()).await;
    assert_eq!(client.post("/pay/30/beside/0").await.body, "1");
    assert_eq!(client.post("/pay/30/beside/3").await.body, "4");
    assert_eq!(client.get("/").await.body, "37 [30, 1, 1, 1, 30]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_refused_writes_nothing() {
    let directory = directory();
    let (_server, client, store) = start(directory.path()).await;
    let before = store.syncs();
    assert_eq!(client.post("/pay/101").await.body, "too expensive, left 100");
    assert_eq!(store.syncs(), before);
    assert_eq!(client.get("/").await.body, "100 []");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_transactions_spend_no_cent_twice() {
    let directory = directory();
    let (_server, client, _) = start(directory.path()).await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let client = client.fork();
            tokio::spawn(async move { client.post("/pay/9").await.body })
        })
        .collect();
    let mut paid = 0;
    for task in tasks {
        paid += usize::from(task.await.unwrap().starts_with("left"));
    }
    assert_eq!(paid, 11, "of sixteen payments, eleven can be made");
    assert_eq!(client.get("/").await.body, format!("1 {:?}", [9; 11]));
}
