//! An observer that passes on what it sees to the facade of the crate `metrics`, under the names of the
//! catalogue. Which program collects the figures is for the application to say.

pub(super) mod catalogue;

#[cfg(feature = "metrics")]
mod recording;

#[cfg(feature = "metrics")]
pub use recording::Metrics;
