//! Between the engine and the stores: the one way in which a commit is made of loads and swaps, caps,
//! the sealing of records at rest, the deadline of every operation, the breaker of a store that is down, and the sweep. Knows nothing of
//! sessions beyond their records.

pub(crate) mod at_rest;
mod bound;
mod breaker;
mod cap;
pub(crate) mod deadline;
mod lease;
#[cfg(any(test, feature = "conformance"))]
mod methods;
// Public with the feature `conformance`.
#[cfg_attr(not(feature = "conformance"), allow(unreachable_pub))]
pub(crate) mod principal;
mod swap;
pub(crate) mod sweep;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "conformance"))]
pub use methods::Repository;
#[cfg(any(test, feature = "conformance"))]
pub(crate) use methods::end_all_within;
#[cfg(any(test, feature = "conformance"))]
#[cfg_attr(not(feature = "conformance"), allow(unreachable_pub))]
pub use principal::Listed;
pub(crate) use swap::pause;
