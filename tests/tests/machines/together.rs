//! Many processes on one store.

use axum::http::StatusCode;
use tests::{
    Client,
    backend::kind::Backend,
    machine::{Machine, Settings},
};
use tokio::task::JoinSet;

use crate::{
    program::{APP, settings},
    steps::{devices, get, post, user},
};

const MACHINES: usize = 8;
/// Fifty increments at each machine, ten at once: with more, a store that takes turns would be
/// asked for more than it can do in time on a busy machine, and say so.
const LANES: usize = 10;
const HITS: usize = 5;
const CAP: usize = 3;

/// All of them start on a store in which there is nothing yet, and add up.
pub(crate) async fn eight_at_once(backend: impl Backend) {
    let machines = Machine::start_all(APP, &settings(&backend), MACHINES);
    let first = machines[0].client();
    post(&first, "/seen/first").await;
    let mut hits = JoinSet::new();
    for machine in &machines {
        let client = first.moved(machine.url());
        assert_eq!(get(&client, "/seen").await, "1", "one session, wherever it is asked for");
        for _ in 0..LANES {
            let client = client.fork();
            hits.spawn(async move {
                for _ in 0..HITS {
                    post(&client, "/hit").await;
                }
            });
        }
    }
    hits.join_all().await;
    for machine in &machines {
        let hits = get(&first.moved(machine.url()), "/hits").await;
        assert_eq!(hits, (MACHINES * LANES * HITS).to_string());
    }
}

pub(crate) async fn cap_ends_the_oldest(backend: impl Backend) {
    let machines =
        Machine::start_all(APP, &Settings { cap: "3:end-oldest", ..settings(&backend) }, MACHINES);
    for user in ["ada", "bob", "cyd"] {
        let logged_in = log_in_at_once(&machines, user).await;
        assert_eq!(with(StatusCode::OK, &logged_in), logged_in.len());
        assert_capped(&logged_in, user).await;
    }
}

pub(crate) async fn cap_refuses_the_newest(backend: impl Backend) {
    let machines =
        Machine::start_all(APP, &Settings { cap: "3:refuse-new", ..settings(&backend) }, MACHINES);
    for user in ["ada", "bob", "cyd"] {
        let logged_in = log_in_at_once(&machines, user).await;
        assert_eq!(with(StatusCode::OK, &logged_in), CAP);
        assert_eq!(with(StatusCode::FORBIDDEN, &logged_in), logged_in.len() - CAP);
        assert_capped(&logged_in, user).await;
    }
}

/// How many were answered so.
fn with(status: StatusCode, logged_in: &[(Client, StatusCode)]) -> usize {
    logged_in.iter().filter(|(_, answered)| *answered == status).count()
}

/// Two browsers at each machine, one of them with a session already.
async fn log_in_at_once(machines: &[Machine], user: &str) -> Vec<(Client, StatusCode)> {
    let mut clients = Vec::new();
    for machine in machines {
        let (fresh, known) = (machine.client(), machine.client());
        post(&known, "/theme/dark").await;
        clients.extend([fresh, known]);
    }
    let mut logging_in = JoinSet::new();
    for client in clients {
        let path = format!("/login/{user}");
        logging_in.spawn(async move {
            let status = client.post(&path).await.status;
            (client, status)
        });
    }
    logging_in.join_all().await
}

/// As many as may be are let in, and the user's list says the same.
async fn assert_capped(clients: &[(Client, StatusCode)], name: &str) {
    let mut let_in = Vec::new();
    for (client, _) in clients {
        match user(client).await {
            None => {}
            Some(user) => {
                assert_eq!(user, name);
                let_in.push(client);
            }
        }
    }
    assert_eq!(let_in.len(), CAP, "of {name} are let in");
    let mut handles = Vec::new();
    for client in &let_in {
        handles.push(get(client, "/id").await);
    }
    handles.sort();
    for client in &let_in {
        let mut listed = devices(client).await;
        listed.sort();
        assert_eq!(listed, handles);
    }
}
