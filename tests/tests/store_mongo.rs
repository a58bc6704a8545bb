//! The mongo store: conformance, and what is its own.
