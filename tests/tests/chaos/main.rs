//! Three processes of the application, and many users at once who check every answer, while something
//! goes wrong. Each file is one kind of fault. `CHAOS_STEPS` sets another number of steps than the default,
//! which each user takes before the trouble and after it, `CHAOS_ROWS` the number of rows that are swept.

mod clock;
#[cfg(feature = "postgres")]
mod database;
mod keys;
mod killed;

use tests::{
    backend::kind::Backend,
    machine::{Machine, Settings},
};

/// Where cargo put the program that serves the application.
const APP: &str = env!("CARGO_BIN_EXE_app");

/// The processes.
const MACHINES: usize = 3;
/// The users, each with one request at a time, sometimes two.
const USERS: usize = 64;
/// Returns the number of steps that each user takes where all has to be well: by default those in which a
/// user does everything once.
fn all_steps() -> u64 {
    setting("CHAOS_STEPS", 10)
}

/// Returns the number in an environment variable, or else `default`.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Sessions at `backend`. On a machine that is busy, an operation has longer than usual: an answer has
/// to be right here, not quick.
fn settings(backend: &impl Backend) -> Settings {
    Settings { deadline: "10000", ..Settings::new(backend.url()) }
}

/// Starts the processes.
fn machines(settings: &Settings) -> Vec<Machine> {
    tokio::task::block_in_place(|| Machine::start_all(APP, settings, MACHINES))
}
