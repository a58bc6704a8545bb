//! Commands that are held up on their way, or whose answer is lost: what nobody was told of is
//! applied once or not at all, and is in the index if it is applied. And the proxies that want a
//! command for each server.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use session_runtime::store::{
    CommitOutcome, FieldValue, InsertOutcome, Namespace, PrincipalKey, Store,
};
use session_runtime::testing::conformance::Repository as _;
use tests::{PATIENCE, backend::redis::Redis, eventually};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::support::{
    END_OLDEST, add, at, calls, cap, commit, connect, entries, entry_of, index_of, key, log_in,
    owned, record,
};

/// A way to the server that holds back one command, and all after it, until it is let go.
struct Gate {
    url: String,
    held: oneshot::Receiver<()>,
    let_go: oneshot::Sender<()>,
    /// How many transactions it has refused.
    refused: Arc<AtomicUsize>,
}

/// How many servers there seem to be: behind several, no transaction has keys
/// of two.
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
            if servers == Servers::Several && text.contains("MULTI") {
                count.fetch_add(1, Ordering::SeqCst);
                // One answer for each command of the transaction.
                to_server.write_all(&refusal().repeat(4)).await.expect("the server reads");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_keeps_keys_apart_is_asked_for_two_only_once() {
    let server = Redis::volatile();
    let Gate { url, refused, .. } = gate(&server, Servers::Several, "nothing".to_owned()).await;
    let store = connect(&url).await;
    let ada = PrincipalKey::new("ada");
    for number in 1..4 {
        let key = key("shop", number);
        if number == 2 {
            store.insert_capped(&key, record(0), None).await.expect("an insert");
            store.commit(&key, &log_in(number, "ada", None)).await.expect("a log-in");
        } else {
            store.insert_capped(&key, owned(number, "ada"), None).await.expect("a log-in");
        }
        let listed = store.list_live(&key.namespace, &ada, at(9)).await.expect("a list");
        assert_eq!(listed.len() as u64, number);
        assert_eq!(refused.load(Ordering::SeqCst), 1);
    }
    // The server knows the scripts by now.
    let asked = || ["evalsha", "zcard"].map(|command| calls(&server, command));
    let before = asked();
    store.insert_capped(&key("shop", 4), owned(4, "ada"), None).await.expect("a log-in");
    let after = asked();
    // A script's own commands count, too.
    assert_eq!([after[0] - before[0], after[1] - before[1]], [2, 2], "entry, session, count");
}

/// How a way to the server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The server carries out what names the session; its answer, and all after it, are lost.
    LostAnswer,
    /// An entry seems to have been made so many seconds earlier, when the record that names the
    /// entry arrives.
    OldEntry(u64),
}

/// A way to the server on which one command fails.
async fn faulty(server: &Redis, session: String, fault: Fault) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let port = server.port();
    tokio::spawn(async move {
        let mut fault = Some(fault);
        while let Ok((mut client, _)) = listener.accept().await {
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
            let mut server = server.expect("the server");
            let (mut sent, mut answered) = (vec![0; 65536], vec![0; 65536]);
            loop {
                tokio::select! {
                    Ok(length) = client.read(&mut sent) => {
                        if length == 0 {
                            break;
                        }
                        let bytes = &mut sent[..length];
                        let at = find(bytes, session.as_bytes()).filter(|_| is_put(bytes));
                        let failing = at.and_then(|at| Some((at, fault.take()?)));
                        if let Some((at, Fault::OldEntry(by))) = failing {
                            make_older(bytes, at, by);
                        }
                        server.write_all(bytes).await.expect("the server reads");
                        if let Some((_, Fault::LostAnswer)) = failing {
                            let length = server.read(&mut answered).await.expect("an answer");
                            assert_ne!(length, 0, "the server has answered");
                            break;
                        }
                    }
                    Ok(length @ 1..) = server.read(&mut answered) => {
                        client.write_all(&answered[..length]).await.expect("the client reads");
                    }
                    else => break,
                }
            }
        }
    });
    url
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn is_put(bytes: &[u8]) -> bool {
    find(bytes, b"EVALSHA").is_some()
}

/// Makes an entry older wherever it is named. Behind the session's key come the version, the life,
/// the log-in, its end, and the attempt to enter it, which begins with the second; each comes behind
/// its length.
fn make_older(bytes: &mut [u8], key: usize, by: u64) {
    let mut ends = bytes[key..].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let at = key + ends.nth(9).expect("the attempt").0 + 1;
    let attempt = bytes[at..at + 16].to_vec();
    let seconds = str::from_utf8(&attempt[..8]).expect("digits");
    let older = u64::from_str_radix(seconds, 16).expect("seconds") - by;
    while let Some(at) = find(bytes, &attempt) {
        bytes[at..at + 8].copy_from_slice(format!("{older:08x}").as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_an_error_and_is_not_made_twice() {
    let server = Redis::volatile();
    let key = key("shop", 1);
    let other = connect(&server.url()).await;
    other.insert_capped(&key, record(0), None).await.expect("an insert");
    let session = format!("session:{key}");
    let store = connect(&faulty(&server, session, Fault::LostAnswer).await).await;
    let mut add_one = commit(1, [add(1)]);
    add_one.loaded = store.load(&key).await.expect("a load");
    let error = store.commit(&key, &add_one).await.expect_err("nobody knows what happened");
    assert!(!error.is_not_applied(), "{error}");
    let count = || async {
        let found = other.load(&key).await.expect("a load").expect("a session");
        found.get("n").cloned()
    };
    assert_eq!(count().await, Some(FieldValue::Int(1)), "the server has carried it out, once");
    // The connection is made again, and the next commit is one more.
    store.commit(&key, &commit(2, [add(1)])).await.expect("a commit");
    assert_eq!(count().await, Some(FieldValue::Int(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_whose_answer_is_lost_is_in_the_index() {
    let server = Redis::volatile();
    let (key, ada) = (key("shop", 1), PrincipalKey::new("ada"));
    let other = connect(&server.url()).await;
    // The server knows the scripts.
    other.insert_capped(&self::key("shop", 2), record(0), None).await.expect("an insert");
    let session = format!("session:{key}");
    let store = connect(&faulty(&server, session, Fault::LostAnswer).await).await;
    store.insert_capped(&key, owned(0, "ada"), None).await.expect_err("nobody knows what happened");
    let listed = other.list_live(&key.namespace, &ada, at(1)).await.expect("a list");
    assert_eq!(listed.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_record_takes_an_entry_that_others_may_prune() {
    let server = Redis::volatile();
    let (key, ada) = (key("shop", 1), PrincipalKey::new("ada"));
    let other = connect(&server.url()).await;
    other.insert_capped(&self::key("shop", 2), record(0), None).await.expect("an insert");
    let session = format!("session:{key}");
    for (by, writes) in [(20, 1), (40, 2)] {
        let fault = Fault::OldEntry(by);
        let store = connect(&faulty(&server, session.clone(), fault).await).await;
        store.insert_capped(&key, record(0), None).await.expect("an insert");
        let before = calls(&server, "evalsha");
        let logged_in = store.commit(&key, &log_in(0, "ada", None)).await.expect("a log-in");
        assert!(matches!(logged_in, CommitOutcome::Committed { .. }), "{logged_in:?}");
        // With a new entry, if the first was too old; and without the entry that was too old.
        assert_eq!(calls(&server, "evalsha") - before, 2 * writes, "{by} s old");
        assert_eq!(other.list_live(&key.namespace, &ada, at(1)).await.expect("a list").len(), 1);
        assert!(entries(&server).contains(&entry_of(&server, &key)), "{by} s old");
        let _ = server.ask(&["DEL", &index_of(&server)]);
        store.remove(&key, None).await.expect("a deletion");
    }
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
        other.insert_capped(&key("shop", 8), record(0), None).await.expect("an insert");
        other.insert_capped(&key("shop", 9), owned(0, "eve"), None).await.expect("an insert");
        let log_in = store.insert_capped(&late, owned(0, "ada"), Some(cap(1, END_OLDEST))).await;
        log_in.expect_err("no answer in time");
        arrived(held).await;
        let_go.send(()).expect("somebody waits");
        eventually("the command arrives", async || {
            other.load(&late).await.expect("a load").is_some()
        })
        .await;
        let (namespace, ada) = (Namespace::new("shop"), PrincipalKey::new("ada"));
        let listed = other.list_live(&namespace, &ada, at(2)).await.expect("a list");
        assert_eq!(listed[0].selector, late.selector);
        // And the next log-in ends it.
        let next =
            other.insert_capped(&key("shop", 2), owned(1, "ada"), Some(cap(1, END_OLDEST))).await;
        let ended = vec![late.selector];
        assert_eq!(next.expect("a log-in"), InsertOutcome::Inserted { ended });
        tokio::time::timeout(PATIENCE, other.end_all(&namespace, &ada, None))
            .await
            .expect("in time")
            .expect("a deletion");
    }
}
