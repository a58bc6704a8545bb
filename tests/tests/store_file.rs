//! The file store: conformance, and what is its own.
