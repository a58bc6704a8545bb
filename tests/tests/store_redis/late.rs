//! Log-ins whose second step is held up on its way: what was given up meanwhile never takes place,
//! and what was not does.

use std::{net::Ipv4Addr, time::Duration};

use session_runtime::store::{InsertOutcome, Namespace, PrincipalKey, Store};
use tests::backend::redis::Redis;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::support::{
    END_OLDEST, REFUSE_NEW, at, cap, connect, index_of, key, owned, token, until,
};

/// A way to the server that holds back one command, and all after it, until it is let go.
struct Gate {
    url: String,
    held: oneshot::Receiver<()>,
    let_go: oneshot::Sender<()>,
}

/// The command that is held back is the first that names this session.
async fn gate(server: &Redis, session: String) -> Gate {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let port = server.port();
    let (tell, held) = oneshot::channel();
    let (let_go, told) = oneshot::channel();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.expect("a client");
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("the server");
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let (mut signals, mut buffer) = (Some((tell, told)), vec![0; 65536]);
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let bytes = &buffer[..length];
            let is_it = String::from_utf8_lossy(bytes).contains(&session);
            if let Some((tell, told)) = signals.take_if(|_| is_it) {
                let _ = tell.send(());
                let _ = told.await;
            }
            to_server.write_all(bytes).await.expect("the server reads");
        }
    });
    Gate { url, held, let_go }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_that_was_given_up_never_takes_place() {
    for on_max in [REFUSE_NEW, END_OLDEST] {
        let cap = Some(cap(1, on_max));
        let server = Redis::volatile();
        let (late, quick) = (key("shop", 1), key("shop", 2));
        let Gate { url, held, let_go } = gate(&server, format!("session:{late}")).await;
        let store = connect(&url).await;
        let log_in = tokio::spawn({
            let late = late.clone();
            async move { store.insert(&late, owned(0, "ada"), cap).await }
        });
        held.await.expect("it is on its way");
        let other = connect(&server.url()).await;
        let outcome = other.insert(&quick, owned(1, "ada"), cap).await.expect("a log-in");
        assert_eq!(outcome, InsertOutcome::inserted(), "nobody is there yet");
        let_go.send(()).expect("somebody waits");
        // It begins anew, and finds that there is somebody.
        let outcome = log_in.await.expect("a task").expect("an answer in time");
        let (winner, expected) = if on_max == REFUSE_NEW {
            (&quick, InsertOutcome::Full)
        } else {
            (&late, InsertOutcome::Inserted { ended: vec![quick.selector] })
        };
        assert_eq!(outcome, expected);
        for key in [&late, &quick] {
            let is_there = other.load(key).await.expect("a load").is_some();
            assert_eq!(is_there, key == winner, "{key}");
        }
        let listed = other.list(&late.namespace, &PrincipalKey::new("ada"), at(2)).await;
        assert_eq!(listed.expect("a list")[0].selector, winner.selector);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_is_given_up_only_with_a_note_however_long_a_look_takes() {
    let server = Redis::volatile();
    let (other, ghost) = (connect(&server.url()).await, key("shop", 7));
    other.insert(&key("shop", 1), owned(0, "ada"), None).await.expect("an insert");
    let open = token(0);
    let _ = server.ask(&["HSET", &index_of(&server), &ghost.selector.to_string(), &open]);
    let Gate { url, held, let_go } = gate(&server, format!("session:{ghost}")).await;
    let store = connect(&url).await;
    let log_in = tokio::spawn(async move {
        store.insert(&key("shop", 2), owned(1, "ada"), Some(cap(2, REFUSE_NEW))).await
    });
    held.await.expect("it looks at the session");
    // Longer than an open log-in is waited for: it is not hopeless when the look begins, and is
    // when it ends.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let_go.send(()).expect("somebody waits");
    let inserted = log_in.await.expect("a task").expect("an answer in time");
    assert_eq!(inserted, InsertOutcome::inserted());
    assert_eq!(server.text(&["HGET", &format!("session:{ghost}"), "z"]), open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_that_takes_place_after_nobody_waits_for_it_is_in_the_index() {
    let server = Redis::volatile();
    let late = key("shop", 1);
    let Gate { url, held, let_go } = gate(&server, format!("session:{late}")).await;
    let store = connect(&url).await;
    let other = connect(&server.url()).await;
    // Teaches the server the script: nobody will be there to send it.
    other.insert(&key("shop", 9), owned(0, "eve"), None).await.expect("an insert");
    let log_in = store.insert(&late, owned(0, "ada"), Some(cap(1, END_OLDEST))).await;
    log_in.expect_err("no answer in time");
    held.await.expect("it is on its way");
    let_go.send(()).expect("somebody waits");
    until("the command arrives", async || other.load(&late).await.expect("a load").is_some()).await;
    let (namespace, ada) = (Namespace::new("shop"), PrincipalKey::new("ada"));
    let listed = other.list(&namespace, &ada, at(2)).await.expect("a list");
    assert_eq!(listed[0].selector, late.selector);
    // And the next log-in ends it.
    let next = other.insert(&key("shop", 2), owned(1, "ada"), Some(cap(1, END_OLDEST))).await;
    let ended = vec![late.selector];
    assert_eq!(next.expect("a log-in"), InsertOutcome::Inserted { ended });
    tokio::time::timeout(Duration::from_secs(5), other.delete_all(&namespace, &ada, None))
        .await
        .expect("in time")
        .expect("a deletion");
}
