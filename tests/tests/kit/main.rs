//! The kit for tests of applications, by itself: what it promises to those who test with it. What
//! the sessions, layers and stores below it do is tested elsewhere.

mod browser;
mod session;
mod stores;
