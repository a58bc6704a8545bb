//! `session-admin` as its users run it: the program itself, on stores that an application has filled.

mod keys;
mod sessions;
mod stores;
mod support;
mod tokens;
