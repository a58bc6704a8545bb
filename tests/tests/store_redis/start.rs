//! What a start finds out, and what a failure says: the server's own reason, in one line, and never
//! the arguments of a command.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use session_runtime::store::{self, PrincipalKey, RedisStore, Store};
use session_runtime::testing::conformance::Repository as _;
use tests::{
    backend::{
        free_port,
        redis::{Cluster, Redis},
    },
    eventually_blocking,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{at, cluster, connect, key, on_its_own_thread, owned, record, touch};

async fn refusal(url: &str) -> String {
    match RedisStore::connect(url).await {
        Ok(_) => panic!("a store that must not open did"),
        Err(error) => error.to_string(),
    }
}

fn text(server: &Redis, command: &[&str]) -> String {
    server.text(command)
}

#[tokio::test]
async fn a_replica_is_refused() {
    let master = Redis::volatile();
    let port = master.port().to_string();
    let replica = Redis::start(&["--replicaof", "127.0.0.1", &port]);
    eventually_blocking("the replica follows", || {
        text(&replica, &["INFO", "replication"]).contains("master_link_status:up")
    });
    let told = refusal(&replica.url()).await;
    assert!(told.contains("READONLY") && told.contains(&replica.port().to_string()), "{told}");
    assert!(store::open(&replica.url()).await.is_err());
    let left = replica.ask(&["DBSIZE"]);
    assert_eq!(left, redis::Value::Int(0), "a check leaves nothing behind");
}

#[tokio::test]
async fn a_user_who_cannot_do_what_requests_do_is_refused() {
    let server = Redis::volatile();
    let rights = |name: &str, rights: &str| {
        let user = ["ACL", "SETUSER", name, "on", ">kingfisher", "resetchannels", "-@all"];
        let command: Vec<&str> = user.into_iter().chain(rights.split_whitespace()).collect();
        let _ = server.ask(&command);
        format!("redis://{name}:kingfisher@127.0.0.1:{}", server.port())
    };
    let all = "+eval +evalsha +multi +exec +time";
    for (name, given) in [
        ("reader", format!("~session:* +@read {all}")),
        ("stranger", format!("~session:check:* +@read +@write {all}")),
        ("elsewhere", format!("~other:* +@read +@write {all}")),
        ("scriptless", "~session:* +@read +@write +time".to_owned()),
    ] {
        let told = refusal(&rights(name, &given)).await;
        let is_told = told.contains("NOPERM") || told.contains("can't run this command");
        assert!(is_told, "{name}: {told}");
        assert!(!told.contains("kingfisher"), "{told}");
    }
    connect(&rights("complete", &format!("~session:* +@read +@write {all}"))).await;
    assert_eq!(server.ask(&["DBSIZE"]), redis::Value::Int(0), "a check leaves nothing behind");
}

#[tokio::test]
async fn a_failure_names_the_servers_reason() {
    let server = Redis::start(&["--save", "3600 1"]);
    let store = connect(&server.url()).await;
    store.insert_capped(&key("why", 1), record(0), None).await.expect("an insert");

    let _ = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let told =
        store.insert_capped(&key("why", 2), owned(0, "ada"), None).await.expect_err("no room");
    assert!(told.to_string().contains("OOM command not allowed"), "{told}");
    let told = store.commit(&key("why", 1), &touch(100_000)).await.expect_err("no room");
    assert!(told.to_string().contains("OOM command not allowed"), "{told}");
    let _ = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);

    // A snapshot that fails: its file is a directory.
    std::fs::create_dir(server.directory().join("dump.rdb")).expect("a directory");
    let _ = server.ask(&["BGSAVE"]);
    eventually_blocking("the snapshot fails", || {
        text(&server, &["INFO", "persistence"]).contains("rdb_last_bgsave_status:err")
    });
    let told = store.insert_capped(&key("why", 2), record(0), None).await.expect_err("no snapshot");
    assert!(told.to_string().contains("MISCONF"), "{told}");
}

/// An address whose new connections lead to the server on this port.
async fn address(port: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let address = (Ipv4Addr::LOCALHOST, port.load(Ordering::SeqCst));
            tokio::spawn(async move {
                let mut server = TcpStream::connect(address).await.expect("a server");
                // Whoever ends the connection ends both.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn a_master_that_becomes_a_replica_is_left_for_the_new_one() {
    let [old, new] = [Redis::volatile(), Redis::volatile()];
    let port = Arc::new(AtomicU16::new(old.port()));
    let store = connect(&address(Arc::clone(&port)).await).await;
    store.insert_capped(&key("hand-over", 1), record(0), None).await.expect("an insert");
    // The old master lives on, and keeps its connections: only its answers tell.
    port.store(new.port(), Ordering::SeqCst);
    let _ = old.ask(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    store.insert_capped(&key("hand-over", 2), owned(0, "ada"), None).await.expect("an insert");
    assert!(store.load(&key("hand-over", 2)).await.expect("a load").is_some());
    assert_ne!(new.ask(&["DBSIZE"]), redis::Value::Int(0), "it is the new master's");
}

#[tokio::test]
async fn a_node_of_a_cluster_says_how_to_write_its_url() {
    let without_slots = Redis::start(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &free_port().to_string(),
        "--cluster-config-file",
        "nodes.conf",
    ]);
    let told = refusal(&without_slots.url()).await;
    assert!(told.contains("CLUSTERDOWN") && told.contains("redis+cluster://"), "{told}");

    let held = cluster().await;
    let urls = on_its_own_thread(|| {
        Cluster::shared().nodes().iter().map(Redis::url).collect::<Vec<String>>()
    });
    for url in urls.await {
        let told = match RedisStore::connect(&url).await {
            Err(error) => error.to_string(),
            // Both keys of the check are this node's. Some of a hundred others are not.
            Ok(store) => {
                let mut told = String::new();
                for number in 0..100 {
                    if let Err(error) = store.load(&key("astray", number)).await {
                        told = error.to_string();
                    }
                }
                told
            }
        };
        assert!(told.contains("MOVED") && told.contains("redis+cluster://"), "{told}");
    }
    drop(held);
}

/// Something that answers every command of a client with this, or closes the connection.
async fn proxy(answer: &'static str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while !answer.is_empty() {
                    let read = client.read(&mut bytes).await.unwrap_or_default();
                    // Each command begins with a star.
                    let commands = bytes[..read].split(|byte| *byte == b'*').count() - 1;
                    let answers = answer.repeat(commands);
                    if read == 0 || client.write_all(answers.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("redis://shop:kingfisher@127.0.0.1:{port}")
}

#[tokio::test]
async fn a_proxy_that_knows_only_the_old_protocol_is_told_of() {
    for answer in [
        "",
        "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `shop`, `kingfisher`\r\n",
        "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'shop' 'kingfisher' \r\n",
        "-NOPROTO unsupported protocol version\r\n",
    ] {
        let url = proxy(answer).await;
        for url in [url.clone(), url.replace("redis:", "redis+cluster:")] {
            let told = refusal(&url).await;
            assert!(told.contains("RESP3") && told.contains("127.0.0.1"), "{url} {answer}: {told}");
            assert!(!told.contains("kingfisher"), "{told}");
        }
    }
    let told = refusal(&proxy("-ERR max number of clients reached\r\n").await).await;
    assert!(told.contains("max number of clients") && !told.contains("RESP3"), "{told}");
}

#[tokio::test]
async fn a_command_that_is_not_known_is_told_of_without_its_arguments() {
    let server = Redis::start(&["--rename-command", "EVALSHA", ""]);
    let told = refusal(&server.url()).await;
    assert!(told.contains("unknown command 'EVALSHA'"), "{told}");
    assert!(!told.contains("args") && !told.contains("session:check"), "{told}");
}

#[tokio::test]
async fn a_server_is_reached_by_its_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("redis.sock").display().to_string();
    let server = Redis::start(&["--unixsocket", &path]);
    let _ = server.ask(&["ACL", "SETUSER", "shop", "on", ">p@ss", "~*", "+@all"]);
    let _ = server.ask(&["ACL", "SETUSER", "default", "-select"]);
    let store = connect(&format!("redis+unix://{path}?db=3&user=shop&pass=p%40ss")).await;
    let (key, ada) = (key("socket", 1), PrincipalKey::new("ada"));
    store.insert_capped(&key, owned(0, "ada"), None).await.expect("an insert");
    assert_eq!(store.list_live(&key.namespace, &ada, at(1)).await.expect("a list").len(), 1);
    assert!(format!("{store:?}").contains(&path), "{store:?}");

    // Another database, by the other scheme.
    let plain = store::open(&format!("unix:{path}")).await.expect("a store");
    assert_eq!(plain.load(&key).await.expect("a load"), None);
    drop(server);
    let told = store.load(&key).await.expect_err("nobody answers").to_string();
    assert!(told.contains(&path) && !told.contains("p@ss"), "{told}");
}

#[tokio::test]
async fn a_server_that_evicts_or_does_not_tell_may_forget_a_log_out() {
    for (policy, evicts) in [("noeviction", false), ("volatile-ttl", true), ("allkeys-lru", true)] {
        let server = Redis::start(&["--maxmemory-policy", policy]);
        assert_eq!(connect(&server.url()).await.properties().evicts, evicts, "{policy}");
        let user = ["ACL", "SETUSER", "silent", "on", ">kingfisher", "~*", "+@all", "-info"];
        let _ = server.ask(&user);
        let url = format!("redis://silent:kingfisher@127.0.0.1:{}", server.port());
        assert!(connect(&url).await.properties().evicts, "{policy}");
    }
    let held = cluster().await;
    let url = on_its_own_thread(|| Cluster::shared().url()).await;
    assert!(!connect(&url).await.properties().evicts, "each node of a Cluster tells");
    drop(held);
}

/// The three requests' commands are sent together.
#[tokio::test]
async fn a_log_in_that_is_refused_gives_nobody_the_answer_to_another_request() {
    let server = Redis::volatile();
    let store = connect(&server.url()).await;
    let keys = [1, 2, 3].map(|number| key("shop", number));
    for (time, key) in (1..).zip(&keys) {
        store.insert(key, Arc::new(record(time))).await.expect("an insert");
    }
    let _ = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let late = key("shop", 4);
    let (refused, first, second, third) = tokio::join!(
        store.insert(&late, Arc::new(owned(4, "ada"))),
        store.load(&keys[0]),
        store.load(&keys[1]),
        store.load(&keys[2]),
    );
    let told = refused.expect_err("no room").to_string();
    assert!(told.contains("OOM command not allowed"), "{told}");
    for (time, loaded) in (1..).zip([first, second, third]) {
        let loaded = loaded.expect("a load").expect("a session");
        assert_eq!(loaded.meta.created, at(time));
    }
}
