//! Processes that are killed or stopped under load, and come back; and the server of the store with
//! them.

use tests::{
    backend::kind::Remote,
    checker::Checker,
    machine::{Machine, Settings},
};

use crate::{ALL_STEPS, USERS, machines, settings};

/// The steps that each user takes while one of three processes does not answer.
const WITHOUT_ONE: u64 = 6;

async fn killed(mut backend: impl Remote) {
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
    checker.well(ALL_STEPS).await;
    machines[0].kill();
    backend.kill();
    checker.refused(1).await;
    tokio::task::block_in_place(|| backend.restart());
    restart(&mut machines[0], 0, &checker);
    checker.well(ALL_STEPS).await;
    println!("killed: {} steps, {} refusals", checker.steps(), checker.refusals());
    checker.stop().await;
}

fn restart(machine: &mut Machine, number: usize, checker: &Checker) {
    tokio::task::block_in_place(|| machine.restart());
    checker.moved(number, machine.url());
}

async fn stopped(backend: impl Remote) {
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
    checker.well(ALL_STEPS).await;
    println!("stopped: {} steps, {} refusals", checker.steps(), checker.refusals());
    checker.stop().await;
}

macro_rules! store {
    ($(#[$gate:meta])* $store:ident, $backend:expr) => {
        $(#[$gate])*
        mod $store {
            use tests::backend::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn what_was_answered_outlives_a_process_that_is_killed_and_the_server() {
                super::killed($backend).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_process_that_was_stopped_goes_on_as_if_nothing_had_been() {
                super::stopped($backend).await;
            }
        }
    };
}

store!(
    #[cfg(feature = "postgres")]
    postgres,
    sql::Alone::<postgres::Postgres>::new()
);

store!(
    #[cfg(feature = "redis")]
    redis,
    redis::Redis::durable()
);
