//! A fast store in front of a durable one.
