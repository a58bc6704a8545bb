//! What the behaviour tests share: a real server on a loopback socket, a client that keeps cookies
//! the way a browser does as far as these tests need it, stores that watch, fail or wait, a log, and a
//! value that does not serialise.

pub mod app;
pub mod backend;
mod client;
mod log;
pub mod machine;
mod odd;
pub mod proxy;
mod server;
mod store;

pub use client::{Client, Reply};
pub use log::Log;
pub use odd::Odd;
pub use server::Server;
pub use store::{Fault, Spy};
