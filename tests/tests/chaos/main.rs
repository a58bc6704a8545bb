//! Three processes of the application, and many users at once who check every answer, while something
//! goes wrong. Each file is one kind of fault.

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
/// The steps in which a user does everything once.
const ALL_STEPS: u64 = 10;

/// Sessions at `backend`. On a machine that is busy, an operation has longer than usual: an answer has
/// to be right here, not quick.
fn settings(backend: &impl Backend) -> Settings {
    Settings { deadline: "10000", ..Settings::new(backend.url()) }
}

/// Starts the processes.
fn machines(settings: &Settings) -> Vec<Machine> {
    tokio::task::block_in_place(|| Machine::start_all(APP, settings, MACHINES))
}
