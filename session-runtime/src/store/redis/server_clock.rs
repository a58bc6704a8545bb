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
use crate::{clock::Timestamp, store::StoreError};

/// Asks a server for the time of its clock, by a script.
pub(super) async fn ask(connection: &Connection, keys: &Keys) -> Result<Timestamp, StoreError> {
    let answer = TIME.on(keys.prefix()).make(connection, Retry::Idempotent).await?;
    told(&answer).ok_or_else(|| connection.error("the server does not tell its time"))
}

/// Reads whole seconds and microseconds.
fn told(answer: &Value) -> Option<Timestamp> {
    let Value::Array(parts) = answer else { return None };
    let mut numbers = parts.iter().map(|part| match part {
        Value::BulkString(text) => str::from_utf8(text).ok()?.parse::<u64>().ok(),
        _ => None,
    });
    let (seconds, micros) = (numbers.next()??, numbers.next()??);
    Some(Timestamp::from_millis(seconds.checked_mul(1000)?.checked_add(micros / 1000)?))
}

/// The clock of the servers, in seconds, as far as they have told it. The clock of this machine does
/// not matter: it may be wrong, or jump.
#[derive(Debug)]
pub(super) struct ServerClock {
    start: Instant,
    at_start: AtomicU64,
}

impl ServerClock {
    /// Makes a clock that shows this time.
    pub(super) fn at(time: Timestamp) -> Self {
        let clock = Self { start: Instant::now(), at_start: AtomicU64::new(0) };
        clock.set(time);
        clock
    }

    /// Takes over the time that a server has told.
    pub(super) fn set(&self, time: Timestamp) {
        let at_start = (time.as_millis() / 1000).saturating_sub(self.start.elapsed().as_secs());
        self.at_start.store(at_start, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        self.at_start.load(Ordering::Relaxed) + self.start.elapsed().as_secs()
    }
}
