//! The cached store: conformance, and what is its own.
