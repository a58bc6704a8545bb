//! Between the engine and the stores: the deadline of every operation, and the sweep. Knows nothing of
//! sessions beyond their records.

pub(crate) mod deadline;
mod sweep;
