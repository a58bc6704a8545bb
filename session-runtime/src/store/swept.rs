//! The answer of a step of a sweep, and the place at which the next step begins. It knows neither when
//! steps are made nor by whose time.

use crate::clock::Timestamp;

/// The place at which the next step of a sweep begins. [`Default`] is the beginning.
///
/// A database may still have to pass the rows that the steps before have deleted, for as long as
/// somebody looks at an old snapshot of them. A step that begins at a place passes none of them, and so
/// costs as much as the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SweepCursor {
    /// The steps before have removed what expired before this time. Records that expire at this
    /// very time may be left.
    pub expired: Timestamp,
}

impl SweepCursor {
    /// Makes the place of the records that expire at `expired`.
    #[must_use]
    pub const fn new(expired: Timestamp) -> Self {
        Self { expired }
    }
}

/// The outcome of a step of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// The number of records that were removed. Their keys are not named: nobody waits for them, and
    /// not every server can tell them.
    pub removed: u64,
    /// The place at which the next step begins; `None` if nothing is left to remove.
    pub next: Option<SweepCursor>,
}

impl Swept {
    /// Makes the outcome of a step.
    #[must_use]
    pub const fn new(removed: u64, next: Option<SweepCursor>) -> Self {
        Self { removed, next }
    }
}
