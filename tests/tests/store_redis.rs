//! The redis store: conformance, and what is its own.
