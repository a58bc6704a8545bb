//! What `#[derive(Session)]` accepts and refuses: the programs in `pass/` and `fail/`, compiled by
//! `tests/ui.rs`. This crate itself is empty.
