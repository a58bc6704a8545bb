//! One process whose clock is wrong by an hour, among others whose clocks are right.

use tests::{
    backend::kind::Backend,
    checker::Checker,
    machine::{Machine, Settings},
    on_store,
};

use crate::{APP, USERS, all_steps, machines, settings};

async fn wrong(backend: impl Backend, clock: &'static str) {
    let settings = settings(&backend);
    let mut machines = machines(&settings);
    tokio::task::block_in_place(|| {
        machines[1] = Machine::start(APP, &Settings { clock, ..settings });
    });
    let checker = Checker::start(&machines, USERS).await;
    checker.well(all_steps()).await;
    for machine in &machines {
        let reply = machine.client().post("/sweep").await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "0"), "live sessions");
    }
    checker.well(all_steps()).await;
    assert_eq!((checker.refusals(), checker.reissues()), (0, 0));
    println!("{clock}: {} steps", checker.steps());
    checker.stop().await;
    // The clock was wrong indeed, and an administrator was told.
    let told = |machine: &Machine| machine.said().contains("the clock of this machine differs");
    assert_eq!(machines.iter().map(told).collect::<Vec<_>>(), [false, true, false]);
}

async fn a_process_an_hour_ahead_ends_no_session(backend: impl Backend) {
    wrong(backend, "+3600").await;
}

async fn a_process_an_hour_behind_ends_no_session(backend: impl Backend) {
    wrong(backend, "-3600").await;
}

on_store!(
    #[cfg(feature = "postgres")]
    postgres,
    sql::Database::<postgres::Postgres>::new(),
    [a_process_an_hour_ahead_ends_no_session
     a_process_an_hour_behind_ends_no_session]
);

on_store!(
    #[cfg(feature = "redis")]
    redis,
    redis::Redis::durable(),
    [a_process_an_hour_ahead_ends_no_session
     a_process_an_hour_behind_ends_no_session]
);
