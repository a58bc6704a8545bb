//! The async runtimes that the connections of a pool were made in: a connection is broken once its
//! runtime has ended, and neither sqlx nor a ping says so for certain. This file owns which connections
//! are closed for that reason.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::runtime::{Handle, Id};

use crate::store::home::Home;

/// The runtimes of one pool. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Runtimes(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    homes: Vec<(Id, Home)>,
    /// The time at which the end of one of them was noticed last.
    end: Option<Instant>,
}

impl Runtimes {
    /// Notes that a connection is made in the current runtime.
    pub(super) fn note(&self) {
        let (id, mut known) = (Handle::current().id(), self.up_to_date());
        if known.homes.iter().all(|(other, _)| *other != id) {
            known.homes.push((id, Home::current()));
        }
    }

    /// Returns whether a runtime has ended since a connection was made, which was so long ago. Which
    /// runtime the connection is of, nobody knows.
    pub(super) fn one_has_ended_within(&self, age: Duration) -> bool {
        self.up_to_date().end.is_some_and(|end| end.elapsed() <= age)
    }

    fn up_to_date(&self) -> MutexGuard<'_, Known> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.homes.len();
        known.homes.retain(|(_, home)| !home.has_ended());
        if known.homes.len() < before {
            known.end = Some(Instant::now());
        }
        known
    }
}
