//! Log-outs where a store has no room, or writes nothing any more: each one takes place, or is an error,
//! and an event names the session that lives on.

use std::cell::Cell;

use axum::http::{Method, StatusCode};
use tests::{
    Client, eventually,
    machine::{Machine, Settings},
};

use crate::APP;

const USERS: usize = 24;
/// Of a session, so that few of them fill what is left.
const LARGE: usize = 30_000;

/// A user with the session that a log-out is to end.
struct User {
    client: Client,
    id: String,
}

async fn users(machine: &Machine) -> Vec<User> {
    let mut users = Vec::new();
    for number in 0..USERS {
        let client = machine.client();
        assert_eq!(client.post(&format!("/login/user-{number}")).await.status, StatusCode::OK);
        let id = client.get("/id").await.body;
        users.push(User { client, id });
    }
    users
}

/// Logs everybody out. Returns how many log-outs took place, as their answers say; each of the others
/// is in the log by the id of its session.
async fn log_out(machine: &Machine, users: &[User]) -> (Vec<usize>, Vec<usize>) {
    let (mut ended, mut not_ended) = (Vec::new(), Vec::new());
    for (number, User { client, id }) in users.iter().enumerate() {
        let status = Cell::new(StatusCode::OK);
        // A store that is at its file again after a failure may not have loaded the session.
        eventually("a log-out gets as far as the store", async || {
            status.set(client.fork().post("/logout").await.status);
            let is_told = machine.said().lines().any(|line| {
                line.contains("ERROR") && line.contains("session NOT ended") && line.contains(id)
            });
            status.get() == StatusCode::OK || is_told
        })
        .await;
        if status.get() == StatusCode::OK {
            ended.push(number);
        } else {
            assert_eq!(status.get(), StatusCode::SERVICE_UNAVAILABLE);
            not_ended.push(number);
        }
    }
    (ended, not_ended)
}

/// Checks that what the answers said about the log-outs is true.
async fn assert_true(users: &[User], ended: &[usize], not_ended: &[usize]) {
    for number in ended {
        let status = status_of(&users[*number].client, Method::GET, "/user").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "the log-out was answered");
    }
    for number in not_ended {
        let client = &users[*number].client;
        let expected = [
            (Method::GET, "/user", StatusCode::OK),
            (Method::POST, "/logout", StatusCode::OK),
            (Method::GET, "/user", StatusCode::UNAUTHORIZED),
        ];
        for (method, path, expected) in expected {
            assert_eq!(status_of(client, method, path).await, expected, "{path}, with room again");
        }
    }
}

/// Returns what a client is told who keeps the cookie, once the store is at its file again.
async fn status_of(client: &Client, method: Method, path: &str) -> StatusCode {
    let status = Cell::new(StatusCode::OK);
    eventually("the store is at its file again", async || {
        status.set(client.fork().send(method.clone(), path, &[]).await.status);
        status.get() != StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    status.get()
}

/// Makes sessions until there is no room for one.
async fn fill(machine: &Machine) {
    let large = "x".repeat(LARGE);
    for number in 0.. {
        let client = machine.client();
        let reply = client.post(&format!("/theme/{number}-{large}")).await;
        if reply.status == StatusCode::SERVICE_UNAVAILABLE {
            return;
        }
        assert_eq!(reply.status, StatusCode::OK);
    }
}

/// Logs everybody out of a store whose files may grow no further. Returns how many log-outs did not take
/// place.
async fn on_a_full_disk(scheme: &str) -> usize {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let path = folder.path().join("store");
    let settings = Settings::new(format!("{scheme}:{}", path.display()));
    let machine = tokio::task::block_in_place(|| Machine::start(APP, &settings));
    let users = users(&machine).await;
    let size = |name: &str| folder.path().join(name).metadata().map_or(0, |file| file.len());
    // What the log of SQLite's changes may not do, nothing of SQLite may.
    let limit = size("store").max(size("store-wal"));
    tokio::task::block_in_place(|| machine.limit_files(Some(limit)));
    fill(&machine).await;
    let (ended, not_ended) = log_out(&machine, &users).await;
    tokio::task::block_in_place(|| machine.limit_files(None));
    assert_true(&users, &ended, &not_ended).await;
    not_ended.len()
}

/// Some find room that other changes have left in the file.
#[cfg(feature = "embedded")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_out_that_an_embedded_store_has_no_room_for_is_an_error_and_is_named_in_the_log() {
    assert_ne!(on_a_full_disk("embedded").await, 0);
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_out_that_sqlite_has_no_room_for_is_an_error_and_is_named_in_the_log() {
    assert_eq!(on_a_full_disk("sqlite").await, USERS);
}

#[cfg(feature = "redis")]
mod redis {
    use tests::{backend::redis::Redis, eventually_blocking};

    use super::*;

    /// Starts a server that saves snapshots, and the application on it.
    fn start() -> (Redis, Machine) {
        tokio::task::block_in_place(|| {
            let redis = Redis::start(&["--save", "3600 1", "--maxmemory-policy", "noeviction"]);
            let machine = Machine::start(APP, &Settings::new(redis.url()));
            (redis, machine)
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_log_out_gets_through_to_a_redis_whose_memory_is_full() {
        let (redis, machine) = start();
        let users = users(&machine).await;
        let _ = tokio::task::block_in_place(|| redis.ask(&["CONFIG", "SET", "maxmemory", "1"]));
        fill(&machine).await;
        let (ended, not_ended) = log_out(&machine, &users).await;
        assert_true(&users, &ended, &not_ended).await;
        assert_eq!((ended.len(), not_ended.len()), (USERS, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_out_that_redis_cannot_save_is_an_error_and_is_named_in_the_log() {
        let (redis, machine) = start();
        let users = users(&machine).await;
        // A snapshot that fails: its file is a directory.
        let snapshot = redis.directory().join("dump.rdb");
        std::fs::create_dir(&snapshot).expect("a directory");
        let save = |status: &str| {
            tokio::task::block_in_place(|| {
                let _ = redis.ask(&["BGSAVE"]);
                let told = format!("rdb_last_bgsave_status:{status}");
                eventually_blocking("the snapshot ends so", || {
                    redis.text(&["INFO", "persistence"]).contains(&told)
                });
            });
        };
        save("err");
        fill(&machine).await;
        let (ended, not_ended) = log_out(&machine, &users).await;
        assert_eq!((ended.len(), not_ended.len()), (0, USERS));
        std::fs::remove_dir(&snapshot).expect("it is empty");
        save("ok");
        assert_true(&users, &ended, &not_ended).await;
    }
}
