//! Connections that break when the server has carried out a command, and before the client hears of
//! it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use session_runtime::store::{
    Commit, CommitOutcome, FieldValue, InsertOutcome, MongoStore, Op, Store,
};
use session_runtime::testing::conformance::Repository as _;
use tests::{
    backend::{kind::Remote as _, mongo::Mongo},
    eventually,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{is_committed, key, record, touch};

/// A proxy that breaks the connection of one command once the server has answered it.
struct Cutter {
    address: SocketAddr,
    command: Arc<Mutex<Option<String>>>,
}

impl Cutter {
    async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let command: Arc<Mutex<Option<String>>> = Arc::default();
        let next = Arc::clone(&command);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(target).await.expect("the server is there");
                tokio::spawn(pass(client, server, Arc::clone(&next)));
            }
        });
        Self { address, command }
    }

    /// Breaks the connection of the next command of this name.
    fn cut(&self, command: &str) {
        // How a message names its command.
        let text = format!("\u{2}{command}\0");
        *self.command.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    fn has_cut(&self) -> bool {
        self.command.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, next: Arc<Mutex<Option<String>>>) {
    let (mut question, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut goes = false;
    loop {
        tokio::select! {
            read = client.read(&mut question) => {
                let Ok(length @ 1..) = read else { return };
                let question = &question[..length];
                {
                    let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                    let is_it = |text: &mut String| {
                        question.windows(text.len()).any(|part| part == text.as_bytes())
                    };
                    goes |= next.take_if(is_it).is_some();
                }
                if server.write_all(question).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                if goes || client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A commit that adds one to the record that was loaded.
async fn add_one(store: &MongoStore) -> Commit {
    let mut commit = touch(1);
    commit.ops.push(Op::Add { field: "n".into(), by: 1, min: 0, max: 9 });
    commit.loaded = store.load(&key(1)).await.expect("loads");
    commit
}

/// The revision and the number in the record.
async fn found(store: &MongoStore) -> (u64, Option<FieldValue>) {
    let record = store.load(&key(1)).await.expect("loads").expect("is there");
    (record.meta.revision, record.get("n").cloned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_is_an_error_and_has_happened_once() {
    let server = Mongo::start();
    let cutter = Cutter::start(server.address()).await;
    let store = MongoStore::connect(&server.url_at(cutter.address)).await.expect("connects");
    let direct = MongoStore::connect(&server.url()).await.expect("connects");
    store.prepare().await.expect("prepares");
    let is_well =
        async || eventually("it is well", async || store.load(&key(1)).await.is_ok()).await;

    cutter.cut("insert");
    let error =
        store.insert_capped(&key(1), record(), None).await.expect_err("no answer").to_string();
    assert!(error.contains("store a new session"), "{error}");
    assert!(cutter.has_cut());
    assert_eq!(found(&direct).await, (1, None));

    is_well().await;
    let commit = add_one(&direct).await;
    cutter.cut("findAndModify");
    let error = store.commit(&key(1), &commit).await.expect_err("no answer").to_string();
    assert!(error.contains("commit a session"), "{error}");
    assert!(cutter.has_cut());
    assert_eq!(found(&direct).await, (2, Some(FieldValue::Int(1))));

    is_well().await;
    assert!(is_committed(&store.commit(&key(1), &add_one(&store).await).await.expect("commits")));
    assert_eq!(found(&direct).await, (3, Some(FieldValue::Int(2))));

    cutter.cut("delete");
    assert!(store.remove(&key(1), None).await.is_err());
    assert!(cutter.has_cut());
    assert_eq!(direct.load(&key(1)).await.expect("loads"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_set_is_asked_again_and_gives_the_first_answer() {
    let server = Mongo::replica_set();
    let cutter = Cutter::start(server.address()).await;
    let url = format!("{}?directConnection=true", server.url_at(cutter.address));
    let store = MongoStore::connect(&url).await.expect("connects");
    store.prepare().await.expect("prepares");

    cutter.cut("insert");
    let outcome = store.insert_capped(&key(1), record(), None).await.expect("inserts");
    assert_eq!(outcome, InsertOutcome::inserted());
    assert!(cutter.has_cut());

    let commit = add_one(&store).await;
    cutter.cut("findAndModify");
    let outcome = store.commit(&key(1), &commit).await.expect("commits");
    assert_eq!(outcome, CommitOutcome::committed(2, false));
    assert!(cutter.has_cut());
    assert_eq!(found(&store).await, (2, Some(FieldValue::Int(1))));

    cutter.cut("delete");
    assert!(store.remove(&key(1), None).await.expect("deletes"), "the first one did");
    assert!(cutter.has_cut());
    assert_eq!(store.load(&key(1)).await.expect("loads"), None);
}
