//! Typed HTTP sessions.

mod cell;
pub mod clock;
mod event;
pub mod schema;
pub mod store;

pub use session_derive::Session;
