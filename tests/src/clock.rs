//! The clock of a machine among others whose store tells the time. Owns no time: a test moves it by the
//! `ManualClock` inside.

use std::sync::Arc;

use session_runtime::clock::{Clock, ManualClock, Timestamp};

/// The clock of a machine, which may be wrong: the store's time counts.
#[derive(Debug)]
pub struct OfMachine(pub Arc<ManualClock>);

impl Clock for OfMachine {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn follows_store(&self) -> bool {
        true
    }
}
