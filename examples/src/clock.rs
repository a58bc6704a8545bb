//! A clock that tests of the examples move: the system's, and as many seconds ahead as a file says.

use std::{fs, time::Duration};

use session_runtime::clock::{Clock, SystemClock, Timestamp};

use crate::Failure;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct AheadBy(String);

impl AheadBy {
    /// Follows the file at `path`, which must hold a number of seconds.
    pub(crate) fn file(path: String) -> Result<Self, Failure> {
        let clock = Self(path);
        match clock.seconds() {
            Some(_) => Ok(clock),
            None => Err(Failure::config(format!(
                "CLOCK: {:?} is no file with a number of seconds; write one, or do not set it",
                clock.0
            ))),
        }
    }

    fn seconds(&self) -> Option<u64> {
        fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }
}

impl Clock for AheadBy {
    fn now(&self) -> Timestamp {
        // Nothing while the file is being written.
        let ahead = self.seconds().unwrap_or(0);
        SystemClock.now().saturating_add(Duration::from_secs(ahead))
    }
}
