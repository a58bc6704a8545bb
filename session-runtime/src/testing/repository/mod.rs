//! The suite of the repository above a store. Each module owns the tests of one part.

// A test's name, and the rule in its first line, say what it is about.
#![allow(missing_docs)]

pub(super) mod caps;
pub(super) mod commits;
pub(super) mod credentials;
pub(super) mod crowds;
pub(super) mod dropped;
mod history;
pub(super) mod linear;
pub(super) mod model;
pub(super) mod names;
pub(super) mod ops;
pub(super) mod orders;
pub(super) mod owners;
pub(super) mod races;
mod search;
pub(super) mod sweeps;
pub(super) mod times;
pub(super) mod values;
