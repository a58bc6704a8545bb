//! Many processes on one store.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use tests::{
    Client,
    backend::kind::Backend,
    eventually,
    machine::{Machine, Settings},
};
use tokio::task::JoinSet;

use crate::{
    program::{APP, settings},
    steps::{assert_dead, devices, get, post, user},
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

/// The clock of one process is five minutes behind those of the others. Its log-ins count as what
/// they are, below the cap and at the cap, and all processes tell of them in the same order.
pub(crate) async fn cap_with_a_clock_behind(backend: impl Backend) {
    let settings = Settings { cap: "3:end-oldest", ..settings(&backend) };
    let mut machines = Machine::start_all(APP, &settings, MACHINES - 1);
    machines.push(Machine::start(APP, &Settings { clock: "-300", ..settings }));
    let late = MACHINES - 1;

    let (_, first) = log_in(&machines[0], "ada").await;
    // Many requests later.
    let logged_in = log_in_at_once(&machines, "bob").await;
    assert_capped(&logged_in, "bob").await;
    let (client, second) = log_in(&machines[late], "ada").await;
    assert_eq!(same_list(&machines, &client).await, [second, first], "the newest first");

    for user in ["ada", "bob"] {
        let logged_in = log_in_at_once(&machines, user).await;
        assert_eq!(with(StatusCode::OK, &logged_in), logged_in.len());
        let let_in = assert_capped(&logged_in, user).await;
        let before = same_list(&machines, let_in[0]).await;
        let (client, id) = log_in(&machines[late], user).await;
        let expected = [&id, &before[0], &before[1]].map(String::clone);
        assert_eq!(same_list(&machines, &client).await, expected, "the newest first");
    }
    // The clock was wrong indeed.
    let told = |machine: &Machine| machine.said().contains("the clock of this machine differs");
    let told: Vec<bool> = machines.iter().map(told).collect();
    assert_eq!(told.iter().position(|it| *it), Some(late), "{told:?}");
}

/// A process is killed when a log-in is stored, and the session that gives way to that log-in is still
/// there: one too many. The next log-in ends both that are too many by then.
pub(crate) async fn cap_after_a_kill(backend: impl Backend) {
    let settings = Settings { cap: "3:end-oldest", ..settings(&backend) };
    let machine = Machine::start(APP, &settings);
    let mut clients = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..CAP {
        let (client, id) = log_in(&machine, "ada").await;
        clients.push(client);
        ids.push(id);
    }
    // An eviction takes longer there than the test does.
    let mut killed =
        Machine::start(APP, &Settings { slow_end: "3600000", deadline: "3600000", ..settings });
    let (victim, watcher) = (killed.client(), killed.client());
    let answer = tokio::spawn(async move {
        let patience = Duration::from_secs(3600);
        victim.attempt(Method::POST, "/login/ada", patience).await.is_some()
    });
    eventually("the eviction has begun", async || get(&watcher, "/ending").await == "1").await;
    assert_eq!(devices(&clients[0]).await.len(), CAP + 1, "it is stored, and nobody gave way");
    tokio::task::block_in_place(|| killed.kill());
    assert!(!answer.await.expect("the request ends"), "nobody was told that it took place");

    let (next, id) = log_in(&machine, "ada").await;
    let listed = devices(&next).await;
    assert_eq!(listed.len(), CAP, "the cap holds again: {listed:?}");
    assert_eq!((&listed[0], &listed[2]), (&id, &ids[2]), "the newest, and the oldest that is left");
    assert_dead(&clients[0]).await;
    assert_dead(&clients[1]).await;
}

/// Lets a fresh browser log in. Returns the browser, and the id of its session.
async fn log_in(machine: &Machine, user: &str) -> (Client, String) {
    let client = machine.client();
    post(&client, &format!("/login/{user}")).await;
    let id = get(&client, "/id").await;
    (client, id)
}

/// Returns the user's list, which every process tells in the same order.
async fn same_list(machines: &[Machine], client: &Client) -> Vec<String> {
    let mut lists = Vec::new();
    for machine in machines {
        let listed = get(&client.moved(machine.url()), "/devices").await;
        let ids = listed.lines().map(|line| line.trim_end_matches('*').to_owned());
        lists.push(ids.collect::<Vec<_>>());
    }
    let first = lists.swap_remove(0);
    for list in lists {
        assert_eq!(list, first, "every process tells the same");
    }
    first
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

/// As many as may be are let in, and the user's list says the same. Returns those that are.
async fn assert_capped<'a>(clients: &'a [(Client, StatusCode)], name: &str) -> Vec<&'a Client> {
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
    let_in
}
