//! Between the engine and the stores: the one way in which a commit is made of loads and swaps, caps,
//! the sealing of records at rest, the deadline of every operation, and the sweep. Knows nothing of
//! sessions beyond their records.

pub(crate) mod at_rest;
mod bound;
mod cap;
pub(crate) mod deadline;
mod lease;
#[cfg(any(test, feature = "testing"))]
mod methods;
// Public with the feature `testing`.
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub))]
mod principal;
mod swap;
mod sweep;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "testing"))]
pub use methods::Repository;
#[cfg(any(test, feature = "testing"))]
pub(crate) use methods::end_all_within;
#[cfg(any(test, feature = "testing"))]
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub))]
pub use principal::Listed;
pub(crate) use swap::pause;
