//! A server that dies under load, and comes back; and a group of servers that goes on without one
//! of them.

use std::time::{Duration, Instant};

use tests::{
    backend::kind::{Group, Remote},
    checker::Checker,
    machine::{Machine, Settings},
};

use crate::APP;

const USERS: usize = 8;
/// The latest time at which an answer is read that a server gave before it died.
const IN_FLIGHT: Duration = Duration::from_secs(2);

pub(crate) async fn killed(mut backend: impl Remote) {
    let machines = Machine::start_all(APP, &Settings::new(backend.url()), 2);
    let load = Checker::start(&machines, USERS).await;
    for _ in 0..2 {
        load.well(16).await;
        backend.kill();
        load.ill(1).await;
        backend.restart();
        load.well(16).await;
    }
    load.stop().await;
}

pub(crate) async fn failover(mut backend: impl Group) {
    let machines = Machine::start_all(APP, &Settings::new(backend.url()), 2);
    let load = Checker::start(&machines, USERS).await;
    load.well(16).await;
    // Replication is asynchronous: what was acknowledged right before may be lost.
    load.excuse_from(Instant::now());
    load.well(1).await;
    backend.kill_a_primary();
    load.excuse_until(Instant::now() + IN_FLIGHT);
    // Whether anybody notices is not asked: a store may wait for the next primary.
    load.well(16).await;
    load.stop().await;
}
