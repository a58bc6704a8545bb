//! What the behaviour tests share: a real server on a loopback socket, a client that keeps cookies
//! the way a browser does as far as these tests need it, stores that watch, fail or wait, and a log.

mod client;
mod log;
mod server;
mod store;

pub use client::{Client, Reply};
pub use log::Log;
pub use server::Server;
pub use store::{Fault, Spy};
