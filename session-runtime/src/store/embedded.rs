//! Sessions in an embedded database.
