//! A server that dies under load, and comes back; and a group of servers that goes on without one
//! of them.

use std::time::{Duration, Instant};

use tests::{
    backend::kind::{Group, Remote},
    machine::{Machine, Settings},
};

use crate::{APP, load::Load};

const USERS: usize = 8;
/// How soon the application is well again by itself, once its store is.
const RECOVERY: Duration = Duration::from_secs(15);

pub(crate) async fn killed(mut backend: impl Remote) {
    let machines = Machine::start_all(APP, &Settings::new(backend.url()), 2);
    let load = Load::start(&machines, USERS).await;
    for _ in 0..2 {
        load.well(16, RECOVERY).await;
        backend.kill();
        load.ill(1, RECOVERY).await;
        backend.restart();
        load.well(16, RECOVERY).await;
    }
    load.stop().await;
}

pub(crate) async fn failover(mut backend: impl Group) {
    let machines = Machine::start_all(APP, &Settings::new(backend.url()), 2);
    let load = Load::start(&machines, USERS).await;
    load.well(16, RECOVERY).await;
    let now = Instant::now();
    // Replication is asynchronous: what was acknowledged right before may be lost.
    load.excuse(now - Duration::from_millis(200), now + Duration::from_millis(500));
    backend.kill_a_primary();
    // Nobody waits for a sign: the next steps go well in time, whatever happens in between.
    load.well(16, RECOVERY).await;
    let (_, unable) = load.counts();
    assert!(unable > 0, "nobody noticed that a primary died");
    load.stop().await;
}
