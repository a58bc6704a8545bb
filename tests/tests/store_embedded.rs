//! The embedded store: conformance, and what is its own.
