//! The clock of the servers, by which the age of an entry is told.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use redis::Value;

use super::{
    connection::{Connection, Retry},
    key::Keys,
    script::TIME,
};
use crate::store::StoreError;

/// The clock of the servers, in seconds, as far as they have told it. The clock of this machine does
/// not matter: it may be wrong, or jump.
#[derive(Debug)]
pub(super) struct ServerClock {
    start: Instant,
    at_start: AtomicU64,
}

impl ServerClock {
    /// Makes a clock that a server has told the time, by a script: so a user who may run none is
    /// refused before anything is written.
    pub(super) async fn told(connection: &Connection, keys: &Keys) -> Result<Self, StoreError> {
        let answer = TIME.on(keys.prefix()).make(connection, Retry::Idempotent).await?;
        let seconds = match answer {
            Value::Array(parts) => parts.first().and_then(|part| match part {
                Value::BulkString(text) => str::from_utf8(text).ok()?.parse().ok(),
                _ => None,
            }),
            _ => None,
        };
        let clock = Self { start: Instant::now(), at_start: AtomicU64::new(0) };
        clock.set(seconds.ok_or_else(|| connection.error("the server does not tell its time"))?);
        Ok(clock)
    }

    /// Takes over the time that a server has told.
    pub(super) fn set(&self, seconds: u64) {
        let at_start = seconds.saturating_sub(self.start.elapsed().as_secs());
        self.at_start.store(at_start, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        self.at_start.load(Ordering::Relaxed) + self.start.elapsed().as_secs()
    }
}
