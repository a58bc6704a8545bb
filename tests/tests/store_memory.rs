//! The memory store: conformance, and what is its own.
