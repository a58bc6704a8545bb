//! Processes that are killed or stopped under load, and come back; and the server of the store with
//! them.

use tests::{
    backend::kind::Remote,
    checker::Checker,
    machine::{Machine, Settings},
    on_store,
};

use crate::{USERS, all_steps, machines, settings};

/// The steps that each user takes while one of three processes does not answer.
const WITHOUT_ONE: u64 = 6;

async fn what_was_answered_outlives_a_process_that_is_killed_and_the_server(
    mut backend: impl Remote,
) {
    let mut machines = machines(&Settings::new(backend.url()));
    let checker = Checker::start(&machines, USERS).await;
    checker.may_be_silent(true);
    for (number, machine) in machines.iter_mut().enumerate() {
        checker.well(1).await;
        machine.kill();
        checker.well(WITHOUT_ONE).await;
        restart(machine, number, &checker);
    }
    // One process and the server at once.
    checker.well(all_steps()).await;
    machines[0].kill();
    backend.kill();
    checker.refused(1).await;
    tokio::task::block_in_place(|| backend.restart());
    restart(&mut machines[0], 0, &checker);
    checker.well(all_steps()).await;
    println!("killed: {} steps, {} refusals", checker.steps(), checker.refusals());
    checker.stop().await;
}

fn restart(machine: &mut Machine, number: usize, checker: &Checker) {
    tokio::task::block_in_place(|| machine.restart());
    checker.moved(number, machine.url());
}

async fn a_process_that_was_stopped_goes_on_as_if_nothing_had_been(backend: impl Remote) {
    let machines = machines(&settings(&backend));
    let checker = Checker::start(&machines, USERS).await;
    checker.may_be_silent(true);
    for machine in &machines[..2] {
        checker.well(1).await;
        machine.signal("-STOP");
        // Everybody meets the process: it is one of three, and each step goes to the next.
        checker.ill(1).await;
        machine.signal("-CONT");
        // What the process was asked for before takes place now, though nobody waits any more.
        checker.well(WITHOUT_ONE).await;
    }
    checker.may_be_silent(false);
    checker.well(all_steps()).await;
    println!("stopped: {} steps, {} refusals", checker.steps(), checker.refusals());
    checker.stop().await;
}

on_store!(
    #[cfg(feature = "postgres")]
    postgres,
    sql::Alone::<postgres::Postgres>::new(),
    [what_was_answered_outlives_a_process_that_is_killed_and_the_server
     a_process_that_was_stopped_goes_on_as_if_nothing_had_been]
);

on_store!(
    #[cfg(feature = "redis")]
    redis,
    redis::Redis::durable(),
    [what_was_answered_outlives_a_process_that_is_killed_and_the_server
     a_process_that_was_stopped_goes_on_as_if_nothing_had_been]
);
