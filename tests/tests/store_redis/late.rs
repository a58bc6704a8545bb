//! Log-ins that are held up on their way, in one step or between two: what was given up meanwhile
//! never takes place, and what was not does. And the proxies that want two steps.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use session_runtime::store::{InsertOutcome, Namespace, PrincipalKey, Store};
use tests::{PATIENCE, backend::redis::Redis, eventually};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::support::{
    END_OLDEST, REFUSE_NEW, at, calls, cap, connect, index_of, key, log_in, owned, record, token,
};

/// A way to the server that holds back one command, and all after it, until it is let go.
struct Gate {
    url: String,
    held: oneshot::Receiver<()>,
    let_go: oneshot::Sender<()>,
    /// How many commands with two keys it has refused.
    refused: Arc<AtomicUsize>,
}

/// How many servers there seem to be: behind several, no command has keys of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Servers {
    One,
    Several,
}

/// The command that is held back is the first that names this session and is not refused.
async fn gate(server: &Redis, servers: Servers, session: String) -> Gate {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let port = server.port();
    let (tell, held) = oneshot::channel();
    let (let_go, told) = oneshot::channel();
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.expect("a client");
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("the server");
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let (mut signals, mut buffer) = (Some((tell, told)), vec![0; 65536]);
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let bytes = &buffer[..length];
            let text = String::from_utf8_lossy(bytes);
            if servers == Servers::Several && has_two_keys(&text) {
                count.fetch_add(1, Ordering::SeqCst);
                to_server.write_all(&refusal()).await.expect("the server reads");
                continue;
            }
            if let Some((tell, told)) = signals.take_if(|_| text.contains(&session)) {
                let _ = tell.send(());
                let _ = told.await;
            }
            to_server.write_all(bytes).await.expect("the server reads");
        }
    });
    Gate { url, held, let_go, refused }
}

/// Waits until the command is held back.
async fn arrived(held: oneshot::Receiver<()>) {
    let arrival = tokio::time::timeout(PATIENCE, held).await;
    arrival.expect("it arrives in time").expect("the gate is there");
}

/// What makes the server say what such a proxy says.
fn refusal() -> Vec<u8> {
    let script = "return redis.error_reply('CROSSSLOT keys of two servers')";
    redis::cmd("EVAL").arg(script).arg(0).get_packed_command()
}

fn has_two_keys(command: &str) -> bool {
    let mut words = command.lines().skip_while(|word| !word.starts_with("EVAL"));
    // Each word behind its length: the command, the script, the number of keys.
    words.nth(4) == Some("2")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_keeps_keys_apart_is_asked_for_two_only_once() {
    let server = Redis::volatile();
    let Gate { url, refused, .. } = gate(&server, Servers::Several, "nothing".to_owned()).await;
    let store = connect(&url).await;
    let ada = PrincipalKey::new("ada");
    for number in 1..4 {
        let key = key("shop", number);
        if number == 2 {
            store.insert(&key, record(0), None).await.expect("an insert");
            store.commit(&key, &log_in(number, "ada", None)).await.expect("a log-in");
        } else {
            store.insert(&key, owned(number, "ada"), None).await.expect("a log-in");
        }
        let listed = store.list(&key.namespace, &ada, at(9)).await.expect("a list");
        assert_eq!(listed.len() as u64, number);
        assert_eq!(refused.load(Ordering::SeqCst), 1);
    }
    // The server knows the scripts by now.
    let before = calls(&server, "evalsha");
    store.insert(&key("shop", 4), owned(4, "ada"), None).await.expect("a log-in");
    assert_eq!(calls(&server, "evalsha") - before, 2, "the index, then the session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_that_was_given_up_never_takes_place() {
    let both = |on_max| [(on_max, Servers::One), (on_max, Servers::Several)];
    for (on_max, servers) in [REFUSE_NEW, END_OLDEST].into_iter().flat_map(both) {
        let cap = Some(cap(1, on_max));
        let server = Redis::volatile();
        let (late, quick) = (key("shop", 1), key("shop", 2));
        let session = format!("session:{late}");
        let Gate { url, held, let_go, .. } = gate(&server, servers, session).await;
        let store = connect(&url).await;
        let log_in = tokio::spawn({
            let late = late.clone();
            async move { store.insert(&late, owned(0, "ada"), cap).await }
        });
        arrived(held).await;
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

/// Waits for an open log-in that nobody finishes, as a store does on a server of its own.
async fn for_as_long_as_an_open_log_in_is_waited_for() {
    let server = Redis::volatile();
    let (store, ghost) = (connect(&server.url()).await, key("shop", 7));
    store.insert(&key("shop", 1), owned(0, "ada"), None).await.expect("an insert");
    let _ = server.ask(&["HSET", &index_of(&server), &ghost.selector.to_string(), &token(0)]);
    let second = key("shop", 2);
    let inserted = store.insert(&second, owned(1, "ada"), Some(cap(2, REFUSE_NEW))).await;
    assert_eq!(inserted.expect("a log-in"), InsertOutcome::inserted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_is_given_up_only_with_a_note_however_long_a_look_takes() {
    let server = Redis::volatile();
    let (other, ghost) = (connect(&server.url()).await, key("shop", 7));
    other.insert(&key("shop", 1), owned(0, "ada"), None).await.expect("an insert");
    let open = token(0);
    let _ = server.ask(&["HSET", &index_of(&server), &ghost.selector.to_string(), &open]);
    let session = format!("session:{ghost}");
    let Gate { url, held, let_go, .. } = gate(&server, Servers::One, session).await;
    let store = connect(&url).await;
    let log_in = tokio::spawn(async move {
        store.insert(&key("shop", 2), owned(1, "ada"), Some(cap(2, REFUSE_NEW))).await
    });
    arrived(held).await;
    // It is not hopeless when the look begins, and is when it ends.
    for_as_long_as_an_open_log_in_is_waited_for().await;
    let_go.send(()).expect("somebody waits");
    let inserted = log_in.await.expect("a task").expect("an answer in time");
    assert_eq!(inserted, InsertOutcome::inserted());
    assert_eq!(server.text(&["HGET", &format!("session:{ghost}"), "z"]), open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_that_takes_place_after_nobody_waits_for_it_is_in_the_index() {
    for servers in [Servers::One, Servers::Several] {
        let server = Redis::volatile();
        let late = key("shop", 1);
        let session = format!("session:{late}");
        let Gate { url, held, let_go, .. } = gate(&server, servers, session).await;
        let store = connect(&url).await;
        let other = connect(&server.url()).await;
        // Teaches the server the scripts: nobody will be there to send them.
        other.insert(&key("shop", 8), record(0), None).await.expect("an insert");
        other.insert(&key("shop", 9), owned(0, "eve"), None).await.expect("an insert");
        let log_in = store.insert(&late, owned(0, "ada"), Some(cap(1, END_OLDEST))).await;
        log_in.expect_err("no answer in time");
        arrived(held).await;
        let_go.send(()).expect("somebody waits");
        eventually("the command arrives", async || {
            other.load(&late).await.expect("a load").is_some()
        })
        .await;
        let (namespace, ada) = (Namespace::new("shop"), PrincipalKey::new("ada"));
        let listed = other.list(&namespace, &ada, at(2)).await.expect("a list");
        assert_eq!(listed[0].selector, late.selector);
        // And the next log-in ends it.
        let next = other.insert(&key("shop", 2), owned(1, "ada"), Some(cap(1, END_OLDEST))).await;
        let ended = vec![late.selector];
        assert_eq!(next.expect("a log-in"), InsertOutcome::Inserted { ended });
        tokio::time::timeout(PATIENCE, other.delete_all(&namespace, &ada, None))
            .await
            .expect("in time")
            .expect("a deletion");
    }
}
