//! The sql store: conformance, and what is its own.
