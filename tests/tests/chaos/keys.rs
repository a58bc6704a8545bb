//! A key that is replaced in a fleet under load, one process after the other.

use session_runtime::Key;
use tests::{backend::kind::Backend, checker::Checker, machine::Settings, on_store};

use crate::{USERS, all_steps, machines, settings};

/// The order in which the processes are replaced.
const ORDERS: [[usize; 3]; 2] = [[0, 1, 2], [2, 1, 0]];

fn key() -> String {
    Key::generate().expect("random bytes").to_base64().to_string()
}

/// Takes the processes from ring to ring, in both orders. Returns how many requests were refused.
async fn roll(backend: &impl Backend, rings: &[String], may_know_no_key: bool) -> u64 {
    let mut refusals = 0;
    for order in ORDERS {
        let settings = Settings { keys: rings[0].clone(), ..settings(backend) };
        let mut machines = machines(&settings);
        let checker = Checker::start(&machines, USERS).await;
        for ring in &rings[1..] {
            checker.may_know_no_key(may_know_no_key);
            let settings = Settings { keys: ring.clone(), ..settings.clone() };
            for number in order {
                let machine = &mut machines[number];
                // A connection that the process closes just then is no answer.
                checker.may_be_silent(true);
                tokio::task::block_in_place(|| {
                    machine.replace(&settings, |url| checker.moved(number, url));
                });
                checker.well(2).await;
                checker.may_be_silent(false);
            }
            checker.may_know_no_key(false);
        }
        checker.well(all_steps()).await;
        let sessions = 2 * USERS as u64;
        assert_eq!(checker.reissues(), sessions, "one for each session");
        println!("{order:?}: {} steps, {} refusals", checker.steps(), checker.refusals());
        refusals += checker.refusals();
        checker.stop().await;
    }
    refusals
}

/// Each process knows the new key before the first one writes with it.
async fn a_rolling_key_that_is_known_first_loses_nothing_and_refuses_nothing(
    backend: impl Backend,
) {
    let (old, new) = (key(), key());
    let rings = [old.clone(), format!("{new}@read-only {old}"), format!("{new} {old}@read-only")];
    assert_eq!(roll(&backend, &rings, false).await, 0, "nothing is refused");
}

/// The first process writes with a key that the others do not know.
async fn a_rolling_key_that_is_written_first_loses_nothing(backend: impl Backend) {
    let (old, new) = (key(), key());
    let rings = [old.clone(), format!("{new} {old}@read-only")];
    assert_ne!(roll(&backend, &rings, true).await, 0, "the test met no unknown key");
}

/// Processes that stay as they are in the middle: each one takes the other ones' key for the old one.
async fn processes_with_keys_in_both_orders_hand_no_token_back_and_forth(backend: impl Backend) {
    let (one, two) = (key(), key());
    let rings = [format!("{one} {two}@read-only"), format!("{two} {one}@read-only")];
    let first = Settings { keys: rings[0].clone(), ..settings(&backend) };
    let mut machines = machines(&first);
    let checker = Checker::start(&machines, USERS).await;
    checker.may_be_silent(true);
    for number in [0, 2] {
        let second = Settings { keys: rings[1].clone(), ..first.clone() };
        tokio::task::block_in_place(|| {
            machines[number].replace(&second, |url| checker.moved(number, url));
        });
    }
    checker.well(2).await;
    checker.may_be_silent(false);
    checker.well(2 * all_steps()).await;
    assert_eq!((checker.refusals(), checker.reissues()), (0, 2 * USERS as u64));
    println!("mixed: {} steps", checker.steps());
    checker.stop().await;
}

on_store!(
    #[cfg(feature = "postgres")]
    postgres,
    sql::Database::<postgres::Postgres>::new(),
    [a_rolling_key_that_is_known_first_loses_nothing_and_refuses_nothing
     a_rolling_key_that_is_written_first_loses_nothing
     processes_with_keys_in_both_orders_hand_no_token_back_and_forth]
);

on_store!(
    #[cfg(feature = "redis")]
    redis,
    redis::Redis::durable(),
    [a_rolling_key_that_is_known_first_loses_nothing_and_refuses_nothing
     a_rolling_key_that_is_written_first_loses_nothing
     processes_with_keys_in_both_orders_hand_no_token_back_and_forth]
);
