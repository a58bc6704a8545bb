//! For tests: the conformance suites. This file owns what each feature shows of the folder.

#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod conformance;

#[cfg(feature = "conformance")]
pub use conformance::{Listed, Repository, sealed};
