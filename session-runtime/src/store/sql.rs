//! Sessions in SQL databases.
