//! What the behaviour tests share: a real server on a loopback socket, a client that keeps cookies
//! the way a browser does as far as these tests need it, and stores that watch, fail or wait.

mod client;
mod server;
mod store;

pub use client::{Client, Reply};
pub use server::Server;
pub use store::{Fault, Spy};
