//! Sessions in MongoDB.
