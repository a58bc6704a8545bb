//! Connections that break after the server has done what it was asked, and before it can say so:
//! whoever asked gets an error, and nothing is done twice.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use session_runtime::store::{CommitOutcome, FieldValue, SqlStore, Store};
use session_runtime::testing::conformance::Repository as _;

use crate::support::*;

/// A proxy that breaks a connection in place of the next answer, once it is told to.
struct Scissors {
    port: u16,
    are_open: Arc<AtomicBool>,
}

impl Scissors {
    fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let are_open = Arc::new(AtomicBool::new(false));
        let opened = Arc::clone(&are_open);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).expect("a server");
                let (to_server, to_client) = (server.try_clone(), client.try_clone());
                let (to_server, to_client) =
                    (to_server.expect("a handle"), to_client.expect("a handle"));
                let opened = Arc::clone(&opened);
                thread::spawn(move || pass_on(client, to_server, || false));
                thread::spawn(move || {
                    pass_on(server, to_client, || opened.swap(false, Ordering::SeqCst));
                });
            }
        });
        Self { port, are_open }
    }

    /// Breaks a connection in place of the next answer.
    fn open(&self) {
        self.are_open.store(true, Ordering::SeqCst);
    }

    fn have_cut(&self) -> bool {
        !self.are_open.load(Ordering::SeqCst)
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, breaks: impl Fn() -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if breaks() || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        // An error: it is closed already.
        let _ = end.shutdown(Shutdown::Both);
    }
}

fn a_change_whose_answer_is_lost_is_an_error_and_made_once(kind: Kind) {
    let url = kind.fresh("cut");
    wait(async {
        let scissors = Scissors::start(kind.port());
        let (pool, is_idle) = one_connection(kind, &kind.through(&url, scissors.port));
        let store = SqlStore::builder().open(pool).await.expect("a store");
        store.insert_capped(&key(1), record(), None).await.expect("an insert");
        store.insert_capped(&key(3), record(), None).await.expect("an insert");
        // Every statement is prepared on a connection that is idle: what is cut is its answer.
        let prepare = async || {
            store.commit(&key(3), &commit([])).await.expect("a commit");
            store.insert_capped(&key(4), record(), None).await.expect("an insert");
            store.remove(&key(4), None).await.expect("a delete");
            settle(&is_idle).await;
        };

        let mut add_one = commit([add("visits")]);
        add_one.loaded = store.load(&key(1)).await.expect("a load");
        prepare().await;
        scissors.open();
        store.commit(&key(1), &add_one).await.expect_err("no answer");
        assert!(scissors.have_cut());
        let there = store.load(&key(1)).await.expect("a load").expect("a session");
        assert_eq!(there.get("visits"), Some(&FieldValue::Int(1)));
        assert_eq!(there.meta.revision, 2);

        prepare().await;
        scissors.open();
        store.insert_capped(&key(2), owned("ada"), None).await.expect_err("no answer");
        assert!(scissors.have_cut());
        let there = store.load(&key(2)).await.expect("a load").expect("a session");
        assert_eq!(there.meta.revision, 1);

        prepare().await;
        scissors.open();
        store.remove(&key(2), None).await.expect_err("no answer");
        assert!(scissors.have_cut());
        assert!(store.load(&key(2)).await.expect("a load").is_none());

        // What changes nothing is asked for again.
        prepare().await;
        scissors.open();
        assert!(store.load(&key(1)).await.expect("a load").is_some());
        assert!(scissors.have_cut());
        let outcome = store.commit(&key(1), &commit([add("visits")])).await.expect("a commit");
        assert_eq!(outcome, CommitOutcome::committed(3, false));
    });
}

#[test]
fn on_postgres_a_change_whose_answer_is_lost_is_made_once() {
    a_change_whose_answer_is_lost_is_an_error_and_made_once(Kind::Postgres);
}

#[test]
fn on_mariadb_a_change_whose_answer_is_lost_is_made_once() {
    a_change_whose_answer_is_lost_is_an_error_and_made_once(Kind::MariaDb);
}
